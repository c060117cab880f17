"""The dumps of the torture database, and where their statements begin and end."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import pglast
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.judging.completeness import refuse_partial
from dmrefresh.dump.judging.course import check_head
from dmrefresh.dump.judging.deciding import check
from dmrefresh.dump.judging.policy import POLICY, Action
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.lexer import Backslash, Sql, lex
from dmrefresh.dump.text.rows import Rows
from dmrefresh.errors import DumpRefused
from fixtures import production, torture
from fixtures.parts.postgres import Cluster, installed_majors
from tests.dump.conftest import Dumps
from tests.dump.writing import merged, read

Dump = Callable[..., bytes]

GRAMMAR = 18
"""The major version of PostgreSQL whose parser pglast is; no server here is newer, so nothing need be skipped."""


NOT_WRITTEN_HERE = {
    "ALTER SEQUENCE SET LOGGED",
    "ALTER SEQUENCE SET UNLOGGED",
    "ALTER TABLE SET",
    "ALTER VIEW ALTER COLUMN SET DEFAULT",
}
"""Kinds that none of the pg_dumps here writes."""

# NOT NULL is a column's own or that of a domain at any depth; one that is NOT VALID comes behind the rows.
CATALOGUE = """
WITH RECURSIVE domain AS (
    SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_type t WHERE t.typtype = 'd'
    UNION ALL SELECT d.oid, t.typbasetype, t.typnotnull FROM domain d JOIN pg_type t ON t.oid = d.typbasetype)
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull OR EXISTS (SELECT FROM domain d WHERE d.oid = a.atttypid AND d.typnotnull), a.attgenerated <> ''
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
    set_config('search_path', 'pg_catalog', true)
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND (n.nspname, c.relname) NOT IN
    (('public', 'late_not_null'), ('public', 'computed_child')) AND n.nspname !~ '^(pg_|information_schema)'
"""


@pytest.fixture(scope="module")
def torture_in(cluster_for: Callable[[int], Cluster]) -> Callable[[int], str]:
    """The name of the database, in the cluster of a major version, that holds all of the torture."""
    databases: dict[int, str] = {}

    def one(major: int) -> str:
        if major not in databases:
            databases[major] = made = f"torture{uuid4().hex[:12]}"
            with psycopg.connect(cluster_for(major).url(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made)))
            torture.load(cluster_for(major), made, superusers=True)
        return databases[major]

    return one


@pytest.fixture(scope="module")
def torture_dump(cluster_for: Callable[[int], Cluster], torture_in: Callable[[int], str]) -> Dump:
    """A dump of all of the torture by a major version, with options: `torture_dump(18, "--clean")`."""
    return lambda major, *options: dumped(cluster_for(major), torture_in(major), *options)


def dumped(cluster: Cluster, database: str, *options: str) -> bytes:
    argv = [str(cluster.bin("pg_dump")), *options, cluster.url(database)]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def cut(text: bytes, data: st.DataObject) -> list[Event]:
    edges = [0, *sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=40))), len(text)]
    return merged(read_dump(text[start:end] for start, end in pairwise(edges)))


@pytest.mark.parametrize("options", [(), ("--clean", "--if-exists"), ("--load-via-partition-root",)], ids=str)
def test_nothing_of_the_torture_is_refused_and_every_row_is_read(
    torture_dump: Dump, major: int, options: tuple[str, ...]
) -> None:
    text = torture_dump(major, *options)
    head, *events = read(text)
    assert isinstance(head, Head)
    check_head(head)
    for event in events:
        if isinstance(event, Statement):
            check(event)
    copied: Counter[Name] = Counter()
    for event in events:
        if isinstance(event, TableData):
            copied[event.table] += event.count
    refuse_partial(head.schema, copied)
    assert isinstance(events[-1], End)
    assert events[-1].rows == sum(copied.values()) > 130
    assert copied[Name("public", "everything")] > 30
    assert len(head.schema.tables[Name("public", "wide")].columns) == 1600
    assert torture.EXTENSIONS_SCHEMA not in head.schema.schemas
    assert "hollow_schema" in head.schema.schemas


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(data=st.data())
def test_the_torture_is_the_same_wherever_it_is_cut(torture_dump: Dump, major: int, data: st.DataObject) -> None:
    text = torture_dump_of(torture_dump, major)
    assert cut(text, data) == whole(text)


_texts: dict[int, bytes] = {}
_whole: dict[bytes, list[Event]] = {}


def torture_dump_of(torture_dump: Dump, major: int) -> bytes:
    """One dump for all examples: each has a key of its own."""
    if major not in _texts:
        _texts[major] = torture_dump(major)
    return _texts[major]


def whole(text: bytes) -> list[Event]:
    if text not in _whole:
        _whole[text] = read(text)
    return _whole[text]


def test_the_torture_is_the_same_byte_by_byte(torture_dump: Dump, major: int) -> None:
    text = torture_dump(major)
    assert read(text, cut=1) == read(text)


def assert_ends_agree(text: bytes, at_least: int) -> None:
    """See that PostgreSQL's own parser ends each statement where ours does, the rows and backslash lines blanked."""
    ours = []
    sql_alone = bytearray(text)
    for piece in lex([text]):
        if isinstance(piece, Sql):
            ours.append(piece.place.offset + len(piece.text))
        elif isinstance(piece, (Rows, Backslash)):
            start = piece.place.offset
            end = start + len(piece.data if isinstance(piece, Rows) else piece.text)
            if isinstance(piece, Rows) and piece.last:
                assert text[end : end + 3] == b"\\.\n"
                end += 3
            sql_alone[start:end] = b" " * (end - start)
    decoded = bytes(sql_alone).decode()
    bytes_before = [0]
    for character in decoded:
        bytes_before.append(bytes_before[-1] + len(character.encode()))
    theirs = [bytes_before[one.stop] for one in pglast.split(decoded, only_slices=True)]
    assert ours == theirs
    assert len(ours) >= at_least


@pytest.mark.parametrize("options", [(), ("--clean", "--if-exists")], ids=str)
def test_statements_of_the_torture_end_where_the_parser_of_postgresql_ends_them(
    torture_dump: Dump, major: int, options: tuple[str, ...]
) -> None:
    assert major <= GRAMMAR <= pglast.parser.get_postgresql_version()[0]
    assert_ends_agree(torture_dump(major, *options), 900 if options else 600)


def test_statements_of_the_nasty_dump_end_there_too(nasty_dump: Dumps, major: int) -> None:
    assert_ends_agree(nasty_dump(major, "nightly"), 150)


def test_statements_of_production_end_there_too(cluster_for: Callable[[int], Cluster]) -> None:
    cluster, name = cluster_for(installed_majors()[-1]), f"production{uuid4().hex[:12]}"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    with psycopg.connect(cluster.url(name)) as own:
        production.create(own)
        production.fill(own, 1_000, 5)
    assert_ends_agree(dumped(cluster, name, "--clean", "--if-exists"), 150)


def test_the_torture_holds_every_kind_of_statement_that_is_executed(torture_dump: Dump) -> None:
    found = set()
    for major in installed_majors():
        head, *events = read(torture_dump(major))
        assert isinstance(head, Head)
        found |= {one.kind for one in (*head.statements, *events) if isinstance(one, Statement)}
    executed = {kind for kind, decision in POLICY.items() if decision.action is Action.EXECUTE}
    assert executed - found <= NOT_WRITTEN_HERE


def test_the_schema_is_the_one_in_the_servers_catalogue(
    torture_dump: Dump, torture_in: Callable[[int], str], cluster_for: Callable[[int], Cluster], major: int
) -> None:
    head = read(torture_dump(major))[0]
    assert isinstance(head, Head)
    with psycopg.connect(cluster_for(major).url(torture_in(major))) as connection:
        expected = {row[:3]: row[3:] for row in connection.execute(CATALOGUE)}
    found = {
        (table.name.schema, table.name.name, column.name): (column.type, column.not_null, column.generated)
        for table in head.schema.tables.values()
        for column in table.columns
        if table.name.name not in ("late_not_null", "computed_child")
    }
    assert found == expected


def test_a_child_whose_rows_were_left_out_is_missed_though_its_parent_has_some(torture_dump: Dump, major: int) -> None:
    """The rows of a partition may come through its root; those of a child by INHERITS never do."""
    head, *events = read(torture_dump(major, "--exclude-table-data=grandchild"))
    assert isinstance(head, Head)
    copied = {event.table for event in events if isinstance(event, TableData)}
    assert Name("public", "child") in copied
    with pytest.raises(DumpRefused, match=r"for grandchild\."):
        refuse_partial(head.schema, copied)
