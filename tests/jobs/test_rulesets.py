"""The commands that look at a ruleset: check, explain, preview and schema. None of them shows a value of the data."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dmrefresh import settings
from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.rulesets import explain
from dmrefresh.jobs.rulesets.given import Given
from dmrefresh.observer import Observer
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from sanitisers import ships
from sanitisers.ruleset.editors import written
from tests.jobs.scene import DMREFRESH, Production
from tests.jobs.small import bodies, small_scene

TABLES = """
CREATE TABLE person (
    id integer PRIMARY KEY, name text NOT NULL, mail varchar(40), seen_at timestamp, extra jsonb, age integer,
    tags text[], born date GENERATED ALWAYS AS (DATE '2000-01-01') STORED
);
CREATE TABLE worker (wage numeric) INHERITS (person);
CREATE TABLE event (at timestamp NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO person VALUES
    (1, 'Vimb Tharro', 'vimb@mail.example', now(), '{"city": "Fennock", "pets": [{"name": "Rex"}], "x": 1}', 7, '{a}'),
    (2, 'Olvik Brann', '', NULL, NULL, 8, NULL);
INSERT INTO event SELECT TIMESTAMP '2020-01-01' + n * interval '1 day', 'Olvik came' FROM generate_series(1, 9) n;
"""
RULES = """\
ruleset: 1
defaults:
  "*_at": keep (when)
  integer: keep
tables:
  person:
    columns:
      name: person.name
      mail: person.email at {id}@example.org
      tags: {each: text.words}
      extra:
        json:
          city: address.city
          pets: {name: person.first_name}
  worker:
    columns:
      wage: keep (paid by the hour)
  event:
    columns:
      at: keep (when)
      what: text.lorem
"""


def run(folder: Path, *arguments: str, text: bytes | None = None, code: int = 0) -> str:
    """Run a command of the group in a folder; returns what it prints."""
    argv = [DMREFRESH, "sanitisers", *arguments]
    done = subprocess.run(argv, input=text or b"", cwd=folder, capture_output=True, check=False)
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    assert b"Traceback" not in done.stderr
    return (done.stdout if code in (0, 14) else done.stderr).decode()


@pytest.fixture(scope="module")
def people(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rules.yaml, and a dump.sql and a schema.sql of what they are for."""
    cluster = cluster_for(16)
    folder = tmp_path_factory.mktemp("people")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE people")
    with psycopg.connect(cluster.url("people")) as connection:
        connection.execute(TABLES.encode())
    for name, options in (("dump.sql", []), ("schema.sql", ["--schema-only"])):
        argv = [str(cluster.bin("pg_dump")), *options, cluster.url("people")]
        (folder / name).write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
    (folder / "rules.yaml").write_text(RULES)
    (folder / "dmrefresh.toml").write_text('[ruleset]\npath = "rules.yaml"\n')
    return folder


# --- check


def test_what_ships_fits_a_dump_a_schema_file_and_a_database(production: Production, tmp_path: Path) -> None:
    url = production.cluster.url(production.database)
    argv = [str(production.cluster.bin("pg_dump")), "--schema-only", url]
    definitions = subprocess.run(argv, capture_output=True, check=True).stdout
    said = "digitalmarketplace: fits; 23 tables, 184 columns\n"
    assert run(tmp_path, "check", "--file", str(production.text)) == said
    assert run(tmp_path, "check", "--file", "-", text=definitions) == said
    assert run(tmp_path, "check", "--database", url) == said


def test_no_row_of_a_database_is_read(people: Path, cluster_for: Callable[[int], Cluster]) -> None:
    scans = "SELECT count(*), sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_user_tables"
    with psycopg.connect(cluster_for(16).url("people"), autocommit=True) as connection:
        connection.execute("SELECT pg_stat_reset()")
        assert run(people, "check", "--database", cluster_for(16).url("people")).endswith(
            "fits; 4 tables, 21 columns\n"
        )
        connection.execute("SELECT pg_stat_clear_snapshot()")
        assert connection.execute(scans).fetchone() == (4, 0)
        assert run(people, "suggest", "--from-database", cluster_for(16).url("people"))  # which reads them
        connection.execute("SELECT pg_stat_clear_snapshot()")
        assert connection.execute(scans).fetchone() == (4, 3)


def test_a_column_that_nothing_covers_comes_with_the_lines_to_paste(people: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.yaml"
    few.write_text(RULES.replace("      mail: person.email at {id}@example.org\n", "").replace("  integer: keep\n", ""))
    said = run(people, "check", "--file", "schema.sql", "--ruleset", str(few), code=14)
    assert said.startswith(f"{few}: 1 thing(s) would stop a run")
    paste = said[said.index("tables:") :]
    for line in ("      mail: person.email  # character varying(40)", "      age: null  # integer"):
        assert line in paste.splitlines()


def test_all_that_stands_against_it_is_said_at_once(people: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    (tmp_path / "after.sql").write_text("UPDATE nobody SET a = 1;\n")
    bad.write_text(RULES.replace("  integer: keep\n", "") + "after_load: after.sql\n")
    text = (people / "schema.sql").read_bytes()
    comment = (
        b"\n--\n-- Name: TABLE person; Type: COMMENT\n--\n\nCOMMENT ON TABLE public.person IS 'ask jo@shop.org';\n"
    )
    end = text.index(b"\n--\n-- PostgreSQL database dump complete")
    said = run(tmp_path, "check", "--file", "-", "--ruleset", str(bad), text=text[:end] + comment + text[end:], code=14)
    assert "3 thing(s) would stop a run" in said
    assert "nobody" in said
    assert "covers them" in said
    assert "COMMENT ON TABLE person" in said
    assert "jo@shop.org" not in said


@pytest.mark.parametrize("strict", [False, True])
def test_a_rule_for_what_is_gone_warns_and_is_an_error_where_that_is_asked_for(
    people: Path, tmp_path: Path, strict: bool
) -> None:
    old = tmp_path / "old.yaml"
    old.write_text(RULES + "  gone: empty\n")
    arguments = ["check", "--file", "schema.sql", "--ruleset", str(old), *(["--strict"] if strict else [])]
    said = run(people, *arguments, code=14 if strict else 0)
    assert "tables.gone: there is no such table in the dump" in said
    assert ("warning: " in said) is not strict


def test_a_mistake_in_the_file_is_said_with_its_line(people: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(RULES.replace("person.name", "person.nme"))
    said = run(people, "check", "--file", "schema.sql", "--ruleset", str(bad), code=2)
    assert "bad.yaml:8: tables.person.columns.name: `person.nme` is no sanitiser; did you mean `person.name`?" in said


def test_what_check_found_is_one_object_for_machines(people: Path) -> None:
    found = json.loads(run(people, "check", "--file", "dump.sql", "--json"))
    assert found == {
        "version": 1,
        "ruleset": str(people / "rules.yaml"),
        "ok": True,
        "tables": 4,
        "columns": 21,
        "errors": [],
        "warnings": [],
    }


# --- explain


def explained(folder: Path, name: str, dump: Path | None = None) -> str:
    """What the command prints, without a process for each."""
    given = Given(settings.load(None), file=dump) if dump else None
    return "\n".join(explain.run(str(folder / "rules.yaml"), name, given, Observer()).lines())


def test_the_command_prints_what_the_job_found(people: Path) -> None:
    said = run(people, "explain", "worker.wage", "--file", "schema.sql")
    assert said == explained(people, "worker.wage", people / "schema.sql") + "\n"
    assert "hint: did you mean wage?" in run(people, "explain", "worker.wgae", "--file", "schema.sql", code=2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("person.name", ["person.name", "rules.yaml:8: ", "a rule of its own", "first and last name", "such as"]),
        ("person.mail", ["{template: {id}@example.org}", "101@example.org", "NULL stays NULL"]),
        ("person.extra", ["documents are closed", "city", "address.city", "    pets", "      name"]),
        ("person.extra.city", ["address.city", "rules.yaml:13: ", "a rule for the key", "such as"]),
        ("person.extra.pets.name", ["person.first_name", "rules.yaml:14: "]),
        ("person.extra.citi", ["none", "documents are closed", "did you mean `city`?", "citi: "]),
        ("public.person.name", ["person.name"]),
        ("nowhere.anything", ["none", "give a dump as well", "anything: text.lorem"]),
    ],
)
def test_a_column_is_explained_without_a_dump(people: Path, name: str, words: list[str]) -> None:
    said = explained(people, name)
    assert "type unknown" in said
    for word in words:
        assert word in said, said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("person.mail", ["(character varying(40))", "rules.yaml:9: "]),
        ("person.seen_at", ["*_at", "rules.yaml:3: defaults.*_at", "whose pattern fits its name"]),
        ("person.age", ["rules.yaml:4: defaults.integer", "for its type, integer"]),
        ("person.born", ["the server computes the column"]),
        ("worker.name", ["inherited: the rules of person", "rules.yaml:8: "]),
        ("worker.wage", ["a rule of its own", "rules.yaml:17: "]),
        ("event_2020.what", ["inherited: the rules of event", "text.lorem", "rules.yaml:21: "]),
        ("person.tags", ["{each: text.words}", "for every element"]),
    ],
)
def test_with_a_dump_its_type_is_known_and_what_follows_from_it(people: Path, name: str, words: list[str]) -> None:
    said = explained(people, name, people / "schema.sql")
    for word in words:
        assert word in said, said


@pytest.mark.parametrize(
    ("name", "typed", "hint"),
    [
        ("persn.name", False, "did you mean person?"),
        ("person.nam", False, "did you mean name?"),
        ("person.emale", True, "did you mean mail?"),
        ("worker.wgae", True, "did you mean wage?"),
        ("nowhere.name", True, "there are: event, event_2020, person, worker"),
        ("person", False, "add one: person.COLUMN"),
        ("person.", False, "write TABLE.COLUMN, and keys of its documents behind that"),
        (".name", False, "write TABLE.COLUMN, and keys of its documents behind that"),
        ("", True, "write TABLE.COLUMN, and keys of its documents behind that"),
        ("tables.person.columns.nam", False, "did you mean name?"),
    ],
)
def test_an_unknown_name_brings_those_spelt_much_like_it(people: Path, name: str, typed: bool, hint: str) -> None:
    with pytest.raises(UsageFailure) as refused:
        explained(people, name, people / "schema.sql" if typed else None)
    assert refused.value.hint == hint


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("tables.person.columns.name", "person.name"),
        ("tables.public.person.columns.name", "person.name"),
        ("tables.person.columns.extra.json.pets.name", "person.extra.pets.name"),
    ],
)
def test_a_path_is_explained_as_messages_write_it(people: Path, said: str, short: str) -> None:
    for dump in (None, people / "schema.sql"):
        long = explained(people, said, dump).split("\n", 1)[1].partition("such as")[0]
        assert long == explained(people, short, dump).split("\n", 1)[1].partition("such as")[0]


def test_an_explanation_is_one_object_for_machines(people: Path) -> None:
    found = json.loads(run(people, "explain", "person.name", "--json"))
    assert (found["version"], found["name"], found["rule"]) == (1, "person.name", "person.name")
    assert len(found["samples"]) == 2


# --- preview


def test_rows_are_shown_by_the_shapes_of_originals_and_by_their_fakes(people: Path) -> None:
    said = run(people, "preview", "person", "--file", "dump.sql")
    assert "Aaaa Aaaaaa" in said
    assert "aaaa@aaaa.aaaaaaa" in said
    assert "1@example.org" in said
    assert "extra.pets.name  person.first_name" in said
    assert "as they are: id, seen_at, age" in said
    for value in ("Vimb", "Tharro", "vimb", "Olvik", "Fennock", "Rex"):
        assert value not in said


def test_what_is_dropped_and_what_stays_is_seen_too(people: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("  person:\n", "  person:\n    rows: id = 2\n"))
    said = run(people, "preview", "person", "--file", "dump.sql", "--ruleset", str(rules), "--all")
    assert "2 rows, 1 of them dropped" in said
    assert "age  keep" in said


@pytest.mark.fault("L3")
def test_no_value_of_production_is_shown_and_no_line_is_too_long(production: Production, tmp_path: Path) -> None:
    output = tmp_path / "shown"
    output.write_text(run(tmp_path, "preview", "--all", "--rows", "20", "--file", str(production.text)))
    assert find(output, production.canaries) == []
    lines = output.read_text().splitlines()
    assert len(lines) > 500
    assert max(map(len, lines)) <= 100
    assert "audit_events: emptied" in lines
    for category in ("limited company", "digital-specialists", "not-submitted", "expired", "g-cloud"):
        assert category in production.text.read_text()
        assert category not in output.read_text()


def test_an_unknown_table_is_named_with_those_spelt_much_like_it(people: Path) -> None:
    assert "did you mean person?" in run(people, "preview", "persons", "--file", "dump.sql", code=2)


@pytest.mark.fault("54", "L12")
def test_fakes_differ_from_run_to_run_unless_the_key_is_set(people: Path) -> None:
    assert run(people, "preview", "--file", "dump.sql") != run(people, "preview", "--file", "dump.sql")


# --- schema


def test_the_schema_is_printed_for_editors(tmp_path: Path) -> None:
    assert run(tmp_path, "schema") == written()
    shipped = ships("digitalmarketplace")
    assert shipped is not None
    assert shipped.with_name("ruleset.schema.json").read_text() == written()


def test_looking_leaves_nothing_behind(people: Path) -> None:
    assert sorted(path.name for path in people.iterdir()) == ["dmrefresh.toml", "dump.sql", "rules.yaml", "schema.sql"]


# --- --strict of the commands that sanitise


@pytest.mark.parametrize("gone", ["  gone: empty\n", "  gone:\n    columns: {a: keep}\n"])
def test_a_filter_stops_at_a_rule_for_what_is_gone_where_that_is_asked_for(
    people: Path, tmp_path: Path, gone: str
) -> None:
    (tmp_path / "old.yaml").write_text(RULES + gone)
    argv = [DMREFRESH, "sanitise", "--ruleset", "old.yaml"]
    text = (people / "dump.sql").read_bytes()
    lenient = subprocess.run(argv, input=text, cwd=tmp_path, capture_output=True, check=False)
    assert lenient.returncode == 0, lenient.stderr
    assert b"warning: old.yaml:22: tables.gone: there is no such table in the dump" in lenient.stderr
    strict = subprocess.run([*argv, "--strict"], input=text, cwd=tmp_path, capture_output=True, check=False)
    assert strict.returncode == 14
    assert b"old.yaml:22: tables.gone: there is no such table in the dump" in strict.stderr
    assert b"CREATE TABLE" not in strict.stdout


@pytest.mark.fault("50")
def test_a_refresh_stops_there_too_and_leaves_the_target_as_it_was(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> None:
    scene, _ = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    rules = Path(scene.ruleset)
    rules.write_text(f"{rules.read_text()}  gone: empty\n")
    stopped = scene.refresh("--strict")
    assert stopped.code == 14
    assert "tables.gone: there is no such table in the dump" in stopped.output
    assert bodies(scene) == {"old"}
    warned = scene.refresh()
    assert warned.code == 0
    assert re.search(r"warning: .*tables\.gone: there is no such table in the dump", warned.output)
    assert bodies(scene) == {"canary"}
