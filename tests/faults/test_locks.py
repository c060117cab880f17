"""A dump of very many tables: refused where it would leave others without locks, and taken where it does not."""

from __future__ import annotations

import psycopg
import pytest

from dmrefresh.errors import TargetUnfit
from dmrefresh.postgres.strategies.publish import StrategyName
from tests.dump.writing import a_dump
from tests.faults.conftest import MakeTarget
from tests.faults.world import MakeDatabase
from tests.postgres.databases import events
from tests.postgres.test_commit import At
from tests.postgres.test_strategies import STRATEGIES

HALF = 64 * 100 // 2
"""Half of the locks of a server with the settings it comes with."""

_OURS = """
SELECT count(DISTINCT (l.locktype, l.database, l.relation, l.classid, l.objid))
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE a.application_name LIKE 'dmrefresh%' AND NOT l.fastpath
"""


def many(tables: int) -> bytes:
    """A dump of so many tables, each with a key, a sequence, and text that may be stored beside it."""
    each = b"""CREATE TABLE public.t{n} (
    id integer NOT NULL,
    name text
);

CREATE SEQUENCE public.t{n}_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.t{n}_id_seq OWNED BY public.t{n}.id;
"""
    rows = b"COPY public.t{n} (id, name) FROM stdin;\n1\tnew\n\\.\n"
    number = b"SELECT pg_catalog.setval('public.t{n}_id_seq', 1, true);\n"
    key = b"ALTER TABLE ONLY public.t{n}\n    ADD CONSTRAINT t{n}_pkey PRIMARY KEY (id);\n"
    parts = [part.replace(b"{n}", b"%d" % n) for part in (each, rows, number, key) for n in range(tables)]
    return a_dump(*parts)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.fault("100a")
def test_two_thousand_tables_are_more_than_half_of_the_locks_and_refused(
    make_target: MakeTarget, strategy: StrategyName
) -> None:
    target = make_target(strategy, 18)
    before = target.relations()
    with pytest.raises(TargetUnfit, match="10000 locks at once; the target has room for 6400") as caught:
        target.refresh("even", stream=iter(events(many(2000))))
    assert caught.value.exit_code == 15
    assert "max_locks_per_transaction" in (caught.value.hint or "")
    assert (target.holds(), target.relations(), target.left()) == ("odd", before, [])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.fault("100b")
def test_as_many_tables_as_are_taken_leave_the_other_half_of_the_locks_to_others(
    make_target: MakeTarget, make_database: MakeDatabase, strategy: StrategyName
) -> None:
    target, others = make_target(strategy, 18), make_database(18)
    ours: list[int] = []

    def take_the_other_half() -> None:
        with psycopg.connect(others.superuser_url) as session:
            session.execute(f"SELECT count(pg_advisory_xact_lock(i)) FROM generate_series(1, {HALF}) i".encode())
            row = session.execute(_OURS).fetchone()
            assert row is not None
            ours.append(row[0])

    published = target.refresh("even", stream=iter(events(many(HALF // 5))), observer=At("loaded", take_the_other_half))
    assert published.rows == HALF // 5
    assert ours[0] < HALF * 1.01
    if strategy == "schema":  # as many as were counted on; the other has committed its tables one by one
        assert ours[0] > HALF * 0.95
    assert target.left() == []
