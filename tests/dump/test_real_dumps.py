"""Dumps that PostgreSQL itself has written, of a database made to fool readers."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pglast
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.judging.course import check_head
from dmrefresh.dump.judging.deciding import check, decide
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.lexer import Sql, lex
from dmrefresh.errors import DumpDamaged, DumpRefused
from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster
from tests.dump.conftest import OPTIONS, Dumps
from tests.dump.writing import merged, read

Clusters = Callable[[int], Cluster]

ODD = 'Odd.Schema "x"'


@pytest.mark.parametrize("options", OPTIONS)
def test_a_dump_is_read_to_its_end_and_nothing_in_it_is_refused(nasty_dump: Dumps, major: int, options: str) -> None:
    dump = nasty_dump(major, options)
    events = read(dump)
    head, end = events[0], events[-1]
    assert isinstance(head, Head)
    assert head.server_version.split(".")[0] == str(major)
    assert head.dump_version == head.server_version
    check_head(head)
    for event in events:
        if isinstance(event, Statement):
            check(event)
            assert dump[event.place.offset :].startswith(event.sql + b";")
    assert isinstance(end, End)
    assert end.size == len(dump)
    assert end.rows == (0 if options == "schema only" else 23 if major >= 18 else 22)


@pytest.mark.parametrize("options", ["plain", "nightly", "root"])
def test_rows_and_columns_are_those_the_server_holds(nasty_dump: Dumps, major: int, options: str) -> None:
    counts: Counter[Name] = Counter()
    columns = {}
    for event in read(nasty_dump(major, options)):
        if isinstance(event, TableData):
            counts[event.table] += event.count
            columns[event.table] = event.columns
            assert all(line.count(b"\t") == max(0, len(event.columns) - 1) for line in bytes(event.rows).splitlines())
    public = {name.name: count for name, count in counts.items() if name.schema == "public" and count}
    leaves = {"root_list": 2, "root_range": 3} if options == "root" else {"leaf_a": 1, "leaf_rest": 1}
    assert {name: public.get(name) for name in leaves} == leaves
    assert public["plain"] == 5
    assert public["no_columns"] == 2
    assert public["new\nline;\n\\. DROP TABLE x;\n--"] == 1
    assert counts[Name(ODD, "select")] == 1
    assert columns[Name("public", "no_columns")] == ()
    assert columns[Name("public", "only_generated")] == ()
    assert columns[Name("public", "generated_last")] == ("a", "GENERATED")
    assert columns[Name("public", "grandchild")] == ("id", "kind", "extra")
    assert columns[Name(ODD, "select")][1:4] == ('a"b', "c\nd", "e\tf")


def test_the_schema_is_the_one_in_the_servers_catalogue(nasty_dump: Dumps, major: int, cluster_for: Clusters) -> None:
    head = read(nasty_dump(major, "nightly"))[0]
    assert isinstance(head, Head)
    with psycopg.connect(cluster_for(major).url(database="nasty")) as connection:
        rows = connection.execute(_CATALOGUE).fetchall()
    expected = {
        (schema, table, column): (written, not_null, generated, length)
        for schema, table, column, written, not_null, generated, length in rows
    }
    found = {
        (table.name.schema, table.name.name, column.name): (
            *(column.type, column.not_null, column.generated, column.max_length),
        )
        for table in head.schema.tables.values()
        for column in table.columns
    }
    assert found == expected


# Primary keys come behind the rows, but pg_dump writes NOT NULL to their columns; a domain's is its own.
_CATALOGUE = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull OR t.typnotnull,
    a.attgenerated <> '',
    CASE WHEN format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), NULL) IN ('character varying', 'character')
        THEN nullif(CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END, -1) - 4 END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid, set_config('search_path', 'pg_catalog', true)
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


@pytest.mark.parametrize("options", OPTIONS)
def test_a_dump_is_the_same_at_any_cutting(nasty_dump: Dumps, major: int, options: str) -> None:
    dump = nasty_dump(major, options)
    whole = read(dump)
    for cut in (1, 7, 4096):
        assert read(dump, cut=cut) == whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(data=st.data())
def test_a_dump_is_the_same_wherever_it_is_cut(nasty_dump: Dumps, major: int, data: st.DataObject) -> None:
    dump = nasty_dump(major, "nightly")
    edges = [0, *sorted(data.draw(st.sets(st.integers(0, len(dump)), max_size=40))), len(dump)]
    blocks = [dump[start:end] for start, end in pairwise(edges)]
    assert merged(read_dump(blocks)) == read(dump)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_a_dump_that_lost_its_end_is_never_read_to_an_end(nasty_dump: Dumps, major: int, data: st.DataObject) -> None:
    dump = nasty_dump(major, "plain")
    with pytest.raises((DumpDamaged, DumpRefused)):
        read(dump[: data.draw(st.integers(0, len(dump) - 2))])


def test_statements_end_where_the_parser_of_postgresql_ends_them(nasty_dump: Dumps, major: int) -> None:
    dump = re.sub(
        rb"(?m)^\\(un)?restrict [A-Za-z0-9]+$", lambda line: b"-" * len(line[0]), nasty_dump(major, "schema only")
    )
    ours = [piece.place.offset + len(piece.text) for piece in lex([dump]) if isinstance(piece, Sql)]
    text = dump.decode()
    # pglast counts characters.
    ends = [int(one.stmt_location or 0) + int(one.stmt_len or 0) for one in pglast.parse_sql(text)]
    theirs = [len(text[:end].encode()) for end in ends]
    assert len(ours) > 150
    assert ours == theirs


def test_what_clean_prepares_for_its_drops_is_left_out_and_the_view_is_made_once(nasty_dump: Dumps, major: int) -> None:
    events = read(nasty_dump(major, "nightly"))
    assert isinstance(events[0], Head)
    statements = [*events[0].statements, *(event for event in events if isinstance(event, Statement))]
    views = [one for one in statements if "VIEW" in one.kind and one.target == Name("public", "grouped_view")]
    assert [(one.kind, decide(one).action) for one in views] == [
        ("CREATE OR REPLACE VIEW BEFORE CREATE", Action.LEAVE_OUT),
        ("CREATE VIEW", Action.EXECUTE),
        ("CREATE OR REPLACE VIEW", Action.EXECUTE),
    ]


def test_what_is_executed_makes_the_same_database(nasty_dump: Dumps, major: int, cluster_for: Clusters) -> None:
    """All that is executed loads into an empty database, rows and all, and dumps to the same rows."""
    cluster = cluster_for(major)
    events = read(nasty_dump(major, "nightly"))
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS again")
        connection.execute("CREATE DATABASE again TEMPLATE template0 ENCODING 'UTF8'")
    with psycopg.connect(cluster.url(database="again")) as connection:
        assert isinstance(events[0], Head)
        for event in [*events[0].statements, *events[1:]]:
            if isinstance(event, Statement) and decide(event).action is Action.EXECUTE:
                connection.execute(event.sql, binary=True)  # one statement and no more
            elif isinstance(event, TableData):
                with connection.cursor().copy(_copy(event)) as copy:
                    copy.write(event.rows)
    try:
        again = _dump(cluster, "again")
        assert _comparable(again) == _comparable(_dump(cluster, "nasty"))
    finally:
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute("DROP DATABASE again")


def _copy(event: TableData) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, event.columns))
    columns = sql.SQL("({})").format(names) if event.columns else sql.SQL("")
    table = sql.Identifier(event.table.schema, event.table.name)
    return sql.SQL("COPY {} {} FROM STDIN").format(table, columns)


def _dump(cluster: Cluster, database: str) -> list[Event]:
    with tempfile.TemporaryFile() as file:
        dump_sql(cluster, database, file, options=("--no-owner", "--no-acl", "--no-comments", "--no-publications"))
        file.seek(0)
        return read(file.read())


def _comparable(events: list[Event]) -> list[object]:
    """Texts and rows, without what the policy leaves out on purpose."""
    head = events[0]
    assert isinstance(head, Head)
    found: list[object] = []
    for event in [*head.statements, *events[1:]]:
        if isinstance(event, Statement) and decide(event).action is Action.EXECUTE:
            found.append(event.sql)
        elif isinstance(event, TableData):
            found.append((event.table, event.columns, bytes(event.rows)))
    return found


NO_PLAIN_DUMPS = {
    "--format=custom": "custom format",
    "--format=tar": "tar format",
    "--inserts": "INSERT",
    "--column-inserts": "INSERT",
    "--rows-per-insert=1000": "INSERT",
    "--data-only": "does not create that table",
    "--create": "command for psql",
}


@pytest.mark.parametrize("option", NO_PLAIN_DUMPS)
def test_what_pg_dump_writes_in_another_way_is_refused_with_what_to_do(
    nasty_dump: Dumps, major: int, cluster_for: Clusters, option: str
) -> None:
    nasty_dump(major, "plain")
    with tempfile.TemporaryFile() as file:
        dump_sql(cluster_for(major), "nasty", file, options=(option,))
        file.seek(0)
        with pytest.raises(DumpRefused, match=NO_PLAIN_DUMPS[option]) as caught:
            read(file.read())
    assert "make the dump" in str(caught.value.hint)


def test_a_dump_of_the_whole_server_is_refused_with_what_to_do(major: int, cluster_for: Clusters) -> None:
    cluster = cluster_for(major)
    done = subprocess.run(
        [cluster.bin("pg_dumpall"), f"--dbname={cluster.url()}", "--no-sync"], capture_output=True, check=True
    )
    with pytest.raises(DumpRefused, match="whole server") as caught:
        read(done.stdout)
    assert "pg_dump " in (caught.value.hint or "")


def test_a_dump_with_strings_of_the_old_kind_is_refused_and_the_hint_helps(
    nasty_dump: Dumps, major: int, cluster_for: Clusters
) -> None:
    nasty_dump(major, "plain")
    cluster = cluster_for(major)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE old")
        connection.execute("ALTER DATABASE old SET standard_conforming_strings = off")
        try:
            command = [str(cluster.bin("pg_dump")), cluster.url(database="old")]
            with pytest.raises(DumpRefused, match="standard_conforming_strings off") as caught:
                read(subprocess.run(command, capture_output=True, check=True).stdout)
            match = re.search("PGOPTIONS='(.*)'", caught.value.hint or "")
            assert match
            environment = {**os.environ, "PGOPTIONS": match[1]}
            done = subprocess.run(command, capture_output=True, check=True, env=environment)
            assert isinstance(read(done.stdout)[-1], End)
        finally:
            connection.execute("DROP DATABASE old")


def test_a_large_object_is_refused(major: int, cluster_for: Clusters) -> None:
    cluster = cluster_for(major)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE large")
        try:
            with psycopg.connect(cluster.url(database="large"), autocommit=True) as inside:
                inside.execute("SELECT lo_from_bytea(0, 'ada@example.org')")
            with tempfile.TemporaryFile() as file:
                dump_sql(cluster, "large", file)
                file.seek(0)
                events = read(file.read())
        finally:
            connection.execute("DROP DATABASE large")
    statements = [*events[0].statements, *events[1:]] if isinstance(events[0], Head) else []
    refused = {
        event.kind for event in statements if isinstance(event, Statement) and decide(event).action is Action.REFUSE
    }
    assert "SELECT LARGE OBJECT" in refused
    assert "UNKNOWN" not in refused
