"""What a ruleset meets in a dump: what it does not cover, what it cannot do, and what it must never let through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmrefresh.errors import NotSanitised
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from sanitisers.families import FAMILIES
from tests.dump.writing import a_dump
from tests.faults.case import Case
from tests.faults.target import personal_data, state
from tests.faults.test_dump_text import Listening, refresh
from tests.jobs.backing_up import Backup, make_backup
from tests.jobs.scene import Scene
from tests.jobs.small import TABLE, small_scene
from tests.postgres.databases import Database
from tests.proof import Proof
from tests.sanitisers.columns import Column
from tests.sanitisers.making import one, table


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Scene:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]


@pytest.fixture
def backup(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Backup:
    return make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)


@pytest.mark.fault("49", "L8")
def test_a_column_that_no_rule_covers_stops_the_refresh_before_the_server_gets_a_byte(
    scene: Scene, proof: Proof
) -> None:
    rules = Path(scene.ruleset)
    rules.write_text(rules.read_text().replace("      body: keep (as it is)\n", ""))
    ended = proof.refused(scene, 14, says=r"1 column is in the dump, but no rule.*body: ")
    assert "transaction is open" not in ended.output
    assert "from a clean start" not in ended.output


NOTES = b"CREATE TABLE public.notes (\n    id integer,\n    said text,\n    details json\n);\n"


def of_notes(rows: int, last: str) -> bytes:
    """A dump of some megabytes, whose last row has other details than all before it."""
    body = "Zorblax " * 200
    lines = [f'{n}\t{body}\t{{"name": "jane canary"}}' for n in range(1, rows)]
    text = "\n".join([*lines, f"{rows}\t{body}\t{last}"])
    return a_dump(NOTES, f"COPY public.notes (id, said, details) FROM stdin;\n{text}\n\\.\n".encode())


@pytest.mark.fault("51")
def test_a_rule_that_fails_in_the_last_row_breaks_the_copy_off_and_names_the_row_alone(
    older: Callable[[int], Database], proof: Proof
) -> None:
    rows = 3000
    text = of_notes(rows, '{"name": "jane canary", "hunter2": [1e}')
    rules = "  notes:\n    columns:\n      said: keep (as it is)\n      details: {json: {name: person.name}}\n"
    target, listening = older(16), Listening()
    before, heard = state(target), target.cluster.log_file.stat().st_size
    with pytest.raises(NotSanitised) as refused:
        refresh(Case("51", "", text, rules=rules), text, target, listening)
    said = f"{refused.value.what} {refused.value.hint} {listening.said}"
    assert f"notes.details, row {rows}: " in said
    with target.cluster.log_file.open("rb") as log:
        log.seek(heard)
        written = log.read().decode()
    assert "COPY notes" in written  # it was under way, and is told nothing of why it breaks off
    for hidden in ("canary", "hunter2", "Zorblax"):
        assert hidden not in f"{said} {written}"
    assert state(target) == before
    proof.happened(refused.value.what)


ODD = 'tab\t, lines\r\n, back\\slash, \\N, \\., "quotes", \u00e9\U0001f600'


@pytest.mark.fault("52")
def test_what_a_rule_writes_is_what_the_server_holds_whatever_it_is(
    older: Callable[[int], Database], proof: Proof
) -> None:
    text, target = of_notes(3, "null"), older(16)
    rules = f"""  notes:
    columns:
      said: {{value: {json.dumps(ODD, ensure_ascii=False)}}}
      details: {{json: {{name: {{value: {json.dumps(ODD, ensure_ascii=False)}}}}}}}
"""
    refresh(Case("52", "", text, rules=rules), text, target, Listening())
    assert target.run("SELECT DISTINCT said FROM notes") == [(ODD,)]
    assert target.run("SELECT details ->> 'name' FROM notes WHERE id = 1") == [(ODD,)]
    assert personal_data(target) == []
    proof.happened("published, letter for letter")


@pytest.mark.slow
@pytest.mark.fault("53")
def test_a_rule_whose_fakes_meet_in_a_unique_column_stops_the_refresh_before_it_begins(
    backup: Backup, proof: Proof
) -> None:
    with psycopg.connect(backup.source_url) as connection:
        connection.execute("ALTER TABLE note ADD CONSTRAINT note_body_key UNIQUE (body)")
    with psycopg.connect(backup.target_url) as connection:
        connection.execute(TABLE)
    assert backup.back_up().code == 0
    rules = Path(backup.ruleset)
    rules.write_text(rules.read_text().replace("body: keep (as it is)", "body: {value: somebody}"))
    ended = proof.refused(backup, 14, says="tables.note.columns.body: .* the rule writes the same one everywhere")
    assert "transaction is open" not in ended.output


letters = st.text("\u03be\u03c8\u03c9\u03b6\u0416\u5c71\u7530", min_size=4, max_size=40)
"""Of no language that fakes are made in, so that a fake can have them only from the original."""


@pytest.mark.fault("55")
@pytest.mark.parametrize("family", FAMILIES)
@given(originals=st.lists(letters, min_size=1, max_size=5))
@settings(max_examples=15)
def test_no_fake_holds_anything_of_its_original(family: str, originals: list[str]) -> None:
    for original, fake in zip(originals, one(family, [each.encode() for each in originals]), strict=True):
        made = fake.decode()
        assert original not in made
        assert not set(original) & set(made)


LIST = Column("c", "text[]", element=Column("[]"))


@pytest.mark.fault("55")
@given(originals=st.lists(letters, min_size=1, max_size=5))
@settings(max_examples=50)
def test_nothing_of_an_original_is_left_in_a_list_or_a_document(originals: list[str]) -> None:
    lists = ["{" + ",".join(f'"{each}"' for each in originals) + "}"]
    documents = [json.dumps({"a": originals, "b": {"c": each, each: 1}}, ensure_ascii=False) for each in originals]
    for rule, column, values in (
        ("{each: person.name}", LIST, lists),
        ("{json: {a: person.name, b: {json: {c: text.lorem}}}}", Column("c", "jsonb"), documents),
    ):
        made = table([column], f"c: {rule}").apply("".join(f"{each}\n" for each in values).encode())
        for fake in bytes(made.rows).splitlines():
            assert not set("".join(originals)) & set(fake.decode())
