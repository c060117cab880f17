"""What is found out between the last row and the commit, or is known better than the role's own settings."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from dmrefresh.dump.events import Event, TableData
from dmrefresh.errors import ChecksFailed, CommitInDoubt
from dmrefresh.postgres.loading import commit
from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import installed_majors
from tests.faults.conftest import MakeTarget
from tests.faults.swapping import Target
from tests.faults.world import MakeDatabase
from tests.postgres.databases import dump_of, events
from tests.postgres.test_commit import At
from tests.postgres.test_strategies import STRATEGIES
from tests.proxy import Proxy

both = pytest.mark.parametrize("strategy", STRATEGIES)
_SEQUENCES = "SELECT last_value, is_called FROM visit_id_seq UNION ALL SELECT last_value, is_called FROM person_id_seq"


def changed(target: Target, old: bytes, new: bytes) -> bytes:
    """The dump of `even` with a change."""
    text = target.dumps["even"]
    assert text.count(old) == 1
    return text.replace(old, new)


def refused(target: Target, stream: Iterator[Event], says: str) -> None:
    """Refresh with what must not be published, then with what may be."""
    before = target.relations()
    with pytest.raises(ChecksFailed) as caught:
        target.refresh("even", stream=stream)
    assert re.search(says, caught.value.what)
    assert (caught.value.exit_code, caught.value.retry) == (22, False)
    assert (target.holds(), target.relations(), target.left()) == ("odd", before, [])
    target.refresh_after("even")


@both
@pytest.mark.fault("D7")
def test_a_load_that_fails_after_it_has_set_the_sequences_leaves_those_of_the_target_where_they_are(
    make_target: MakeTarget, strategy: StrategyName
) -> None:
    target = make_target(strategy, 18)
    text = changed(target, b"\n7\t7\n", b"\n7\t7777\n")
    assert text.index(b"setval('public.visit_id_seq', 400") < text.index(b"ADD CONSTRAINT visit_person_id_fkey")
    before = target.database.run(_SEQUENCES)
    with pytest.raises(ChecksFailed, match="visit_person_id_fkey"):
        target.refresh("even", stream=iter(events(text)))
    assert target.database.run(_SEQUENCES) == before
    assert target.holds() == "odd"
    target.refresh_after("even")


@both
@pytest.mark.fault("77")
def test_a_materialised_view_that_cannot_be_filled(make_target: MakeTarget, strategy: StrategyName) -> None:
    target = make_target(strategy, 18)
    view = (
        b"CREATE MATERIALIZED VIEW public.ratio AS\n SELECT 1 / (count(*) - 400) FROM public.person\n  WITH NO DATA;\n"
    )
    text = changed(target, b"\nCOPY public.person (", b"\n" + view + b"\nCOPY public.person (")
    end = b"\n--\n-- PostgreSQL database dump complete\n"
    text = text.replace(end, b"\nREFRESH MATERIALIZED VIEW public.ratio;\n" + end)
    refused(target, iter(events(text)), r"at the REFRESH MATERIALIZED VIEW of the dump's line \d+, .*22012")


@both
@pytest.mark.fault("78a")
def test_rows_that_the_server_counts_otherwise_than_the_stream(make_target: MakeTarget, strategy: StrategyName) -> None:
    target = make_target(strategy, 18)

    def miscounted() -> Iterator[Event]:
        for event in events(target.dumps["even"]):
            if isinstance(event, TableData) and event.table.name == "visit":
                event = replace(event, count=event.count + 1)
            yield event

    refused(target, miscounted(), "visit was given 401 rows but the server took 400")


@both
@pytest.mark.fault("78b")
def test_a_sequence_that_would_give_a_number_that_is_taken(make_target: MakeTarget, strategy: StrategyName) -> None:
    target = make_target(strategy, 18)
    text = changed(target, b"'public.visit_id_seq', 400, true", b"'public.visit_id_seq', 399, true")
    refused(target, iter(events(text)), r"visit_id_seq is behind the numbers in visit\.id")


@both
@pytest.mark.fault("102")
def test_forced_row_level_security_hides_no_row_from_the_checks_and_is_on_afterwards(
    make_target: MakeTarget, make_database: MakeDatabase, strategy: StrategyName, tmp_path: Path
) -> None:
    target, source = make_target(strategy, 18), make_database(18)
    source.run(
        "CREATE TABLE person (id serial PRIMARY KEY, name text)",
        "INSERT INTO person (name) SELECT 'hidden' FROM generate_series(1, 50)",
        "ALTER TABLE person ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE person FORCE ROW LEVEL SECURITY",
        "CREATE POLICY nobody ON person USING (false)",
    )
    text = dump_of(source, tmp_path)
    for _ in range(2):
        assert target.refresh("even", stream=iter(events(text))).tables == {"person": 50}
        assert target.database.run("SELECT count(*) FROM person") == [(0,)]
        assert target.database.run("SELECT count(*) FROM person", superuser=True) == [(50,)]


LIMITS = {
    "statement_timeout": 0,
    "lock_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "idle_session_timeout": 14,
    "transaction_timeout": 17,
}
"""What can end a session or a statement for taking its time, and since which version."""


OF = ("the role", "the database", "the role in the database")


@pytest.mark.parametrize(("major", "of"), [(m, of) for m in installed_majors() for of in (OF if m == 18 else OF[2:])])
@both
@pytest.mark.fault("76", "104")
def test_time_limits_of_a_role_or_a_database_do_not_end_the_load(
    make_target: MakeTarget, strategy: StrategyName, major: int, of: str
) -> None:
    target = make_target(strategy, major)
    name = target.database.name
    what = {"the role": f"ROLE {name}", "the database": f"DATABASE {name}"}.get(of, f"ROLE {name} IN DATABASE {name}")
    limits = [limit for limit, since in LIMITS.items() if since <= major]
    target.database.run(*(f"ALTER {what} SET {limit} = '150ms'" for limit in limits), superuser=True)

    def slowly() -> Iterator[Event]:
        for event in events(text):
            if isinstance(event, TableData):
                time.sleep(0.2)  # idle, in a transaction and, for `database`, in sessions beside it
            yield event

    # A statement that takes longer as well: the function is asked once, when the index is built.
    function = b"CREATE FUNCTION public.slow(integer) RETURNS integer LANGUAGE sql IMMUTABLE\n    AS $$ SELECT 1 FROM "
    function += b"pg_catalog.pg_sleep(0.2) $$;\n"
    text = changed(target, b"\nCOPY public.person (", b"\n" + function + b"\nCOPY public.person (")
    index = b"CREATE INDEX slow ON public.person USING btree (public.slow(id)) WHERE (id = 1);\n"
    end = b"\n--\n-- PostgreSQL database dump complete\n"
    text = text.replace(end, b"\n" + index + end)
    # And a lock: the old tables can be dropped once a reader has left them.
    reader = psycopg.connect(target.database.url, options=" ".join(f"-c {limit}=0" for limit in limits))
    reader.execute("SELECT count(*) FROM person").fetchall()
    leaving = At("committed", lambda: threading.Timer(0.4, reader.close).start())
    published = target.refresh("even", stream=slowly(), observer=leaving)
    assert (published.rows, published.still_there) == (800, [])
    target.database.run(f"ALTER {what} RESET ALL", superuser=True)
    assert target.holds() == "even"
    assert target.left() == []


@pytest.mark.fault("96c")
def test_a_swap_of_databases_whose_outcome_nobody_tells_is_called_unknown_with_the_question_to_ask(
    make_target: MakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = make_target("database", 18)
    monkeypatch.setattr(commit.commit, "__defaults__", (1.0,))
    with Proxy(target.database.cluster.port) as proxy:

        def say_nothing() -> None:
            proxy.answer = lambda number, offset, block: None

        url = f"postgresql://{target.database.name}@127.0.0.1:{proxy.port}/{target.database.name}"
        with pytest.raises(CommitInDoubt) as caught:
            target.refresh("even", url=url, observer=At("renamed", say_nothing))
    assert (caught.value.exit_code, caught.value.retry) == (23, False)
    question = (caught.value.hint or "").split(": ", 1)[1]
    with psycopg.connect(target.database.cluster.url()) as anybody:
        assert anybody.execute(question.encode()).fetchone() == ("committed",)
    assert target.holds() == "even"
    target.refresh_after("odd")
