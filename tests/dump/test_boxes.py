"""Dumps of real servers with arrays, composites and hstores, sanitised and loaded again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dmrefresh.dump.events import Event, Head, Name, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised
from fixtures import torture
from fixtures.parts.postgres import Cluster, installed_majors
from sanitisers import ColumnLike, Ruleset
from sanitisers.columns import is_hstore
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.test_torture import dumped

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN word AS text CHECK (VALUE <> 'Zorblax');
CREATE DOMAIN words AS word[];
CREATE TYPE address AS (street word, people text[], moods mood[], notes jsonb);
CREATE TABLE plain (id integer PRIMARY KEY, name text);
CREATE TABLE boxed (id integer PRIMARY KEY, names words, places address[], moods mood[], "where" address);
"""
RULES = """
ruleset: 1
defaults: {id: keep}
tables:
  plain:
    columns: {name: person.name}
  boxed:
    columns:
      names: {each: person.name}
      moods: keep (how they feel)
      where: keep (streets)
      places:
        each:
          fields:
            street: person.name
            people: {each: person.name}
            moods: keep
            notes: {json: {name: person.name}}
"""
NAMES = ["Ada", 'Bo "the" {x}', "C\\d, (e)", "NULL", "tab\there", "new\nline", "", "Ünal Örs", "\\N", "  "]
INSERT = """
INSERT INTO boxed SELECT %(id)s, (%(prefix)s || %(names)s::text[]::text)::words,
    ARRAY[ROW(%(street)s::text, %(people)s::text[], '{ok,NULL}',
        jsonb_build_object('name', %(street)s::text, 'gone', 1)),
    NULL, ROW(NULL, NULL, NULL, NULL)]::address[], '{sad}', ROW('x', '{}', '{}', '{}')::address
"""


@pytest.fixture
def database(cluster_for: Callable[[int], Cluster], major: int) -> Iterator[tuple[Cluster, str]]:
    cluster, name = cluster_for(major), f"boxes{uuid4().hex[:12]}"
    with psycopg.connect(cluster.url(), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
        yield cluster, name
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def events(database: tuple[Cluster, str], rules: str) -> list[Event]:
    return list(sanitise(read_dump([dumped(*database)]), parse_ruleset(rules, "rules.yaml"), bytes(32)))


def test_the_server_reads_the_same_boxes_with_fakes_in_them(database: tuple[Cluster, str]) -> None:
    chance = random.Random(17)
    some = [chance.choices([*NAMES, None], k=4) for _ in range(60)]
    with psycopg.connect(database[0].url(database[1])) as target:
        target.execute(SCHEMA)
        for id, name in enumerate(NAMES):
            target.execute("INSERT INTO plain VALUES (%s, %s)", (id, name))
        for id, names in enumerate(some):
            prefix, shown = (f"[{id}:{id + 1}][-1:0]=", [names[:2], names[2:]]) if id % 2 else ("", names)
            values = {"id": id, "prefix": prefix, "names": shown, "street": names[0], "people": names[1:]}
            target.execute(INSERT, values)
        target.commit()
        found = events(database, RULES)
        before = target.execute("SELECT id, array_dims(names) FROM boxed ORDER BY id").fetchall()
        load_again(target, found, "plain, boxed")
        fakes = dict(zip(NAMES, [name for _, name in target.execute("SELECT * FROM plain ORDER BY id")], strict=True))
        assert fakes[""] == ""
        assert all(fakes[name] not in NAMES for name in NAMES if name)
        assert target.execute("SELECT id, array_dims(names) FROM boxed ORDER BY id").fetchall() == before
        query = """SELECT id, ARRAY(SELECT unnest(names)::text), (places[1]).street::text, (places[1]).people,
            (places[1]).moods::text, (places[1]).notes, places[2] IS NULL, places[3]::text, moods::text, "where"::text
            FROM boxed ORDER BY id"""
        for names, row in zip(some, target.execute(query).fetchall(), strict=True):
            expected = [None if name is None else fakes[name] for name in names]
            notes = {"name": expected[0]}
            own = (expected, expected[0], expected[1:], "{ok,NULL}", notes, True, "(,,,)", "{sad}", "(x,{},{},{})")
            assert row[1:] == own


def kept_inside(column: ColumnLike) -> object:
    """A rule that takes everything apart, and keeps it."""
    if column.element is not None:
        return {"each": kept_inside(column.element)}
    if column.fields:
        return {"fields": {field.name: kept_inside(field) for field in column.fields}}
    return {"entries": {}, "rest": "keep (all)"} if is_hstore(column) else "keep (as it is)"


def test_whatever_is_taken_apart_and_kept_is_put_together_byte_for_byte(database: tuple[Cluster, str]) -> None:
    torture.load(*database, superusers=True)
    before = list(read_dump([dumped(*database)]))
    (head,) = (event for event in before if isinstance(event, Head))
    tables = {
        str(table.name): {"columns": {column.name: kept_inside(column) for column in table.columns}}
        for table in head.schema.tables.values()
    }
    rules = json.dumps(tables)
    assert rules.count('"each"') > 10
    assert rules.count('"fields"') > 5
    assert rules.count('"entries"') == (database[0].major == 15)  # only the system's brings hstore
    after = list(sanitise(iter(before), Ruleset.model_validate({"ruleset": 1, "tables": tables}), bytes(32)))
    assert [rows_of(event) for event in after] == [rows_of(event) for event in before]


@pytest.mark.skipif(15 not in installed_majors(), reason="only the system's PostgreSQL 15 brings hstore")
@pytest.mark.parametrize("major", [15])
def test_the_server_reads_the_same_entries_with_fakes_in_them(database: tuple[Cluster, str]) -> None:
    with psycopg.connect(database[0].url(database[1])) as target:
        target.execute("CREATE SCHEMA home; CREATE EXTENSION hstore SCHEMA home; CREATE DOMAIN bag AS home.hstore")
        target.execute(
            "CREATE TABLE plain (id integer, name text); CREATE TABLE bags (id integer, a bag, b home.hstore[])"
        )
        for id, name in enumerate(NAMES):
            target.execute("INSERT INTO plain VALUES (%s, %s)", (id, name))
            query = (
                "INSERT INTO bags SELECT %s, h, ARRAY[h, NULL] FROM home.hstore(ARRAY['na''\"me', 'x', 'y'], %s) AS h"
            )
            target.execute(query, (id, [name, name, None]))
        target.execute("INSERT INTO bags VALUES (99, '', '{}')")
        target.commit()
        entries = """{entries: {'na''"me': person.name, y: keep}}"""
        rules = f"{RULES.partition('  boxed:')[0]}  bags: {{columns: {{a: {entries}, b: {{each: {entries}}}}}}}\n"
        load_again(target, events(database, rules), "plain, bags")
        fakes = [name for _, name in target.execute("SELECT * FROM plain ORDER BY id")]
        target.execute("SET search_path = public, home")
        found = target.execute(
            "SELECT akeys(a), a->'na''\"me', a->'y', b[1] = a, b[2] IS NULL, array_length(b, 1) FROM bags ORDER BY id"
        ).fetchall()
        assert found[:-1] == [(["y", "na'\"me"], fake, None, True, True, 2) for fake in fakes]
        assert found[-1] == ([], None, None, None, True, None)


def load_again(target: psycopg.Connection, found: list[Event], tables: str) -> None:
    target.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(tables)))
    for event in found:
        if isinstance(event, TableData):
            with target.cursor().copy(event.header.decode()) as copy:
                copy.write(bytes(event.rows))


def rows_of(event: Event) -> bytes:
    return bytes(event.rows) if isinstance(event, TableData) else b""


def test_a_schema_says_what_is_in_its_columns(database: tuple[Cluster, str]) -> None:
    with psycopg.connect(database[0].url(database[1])) as target:
        target.execute(SCHEMA)
    (head,) = (event for event in events(database, RULES) if isinstance(event, Head))
    _, names, places, moods, where = head.schema.tables[Name("public", "boxed")].columns
    assert names.element is not None
    assert moods.element is not None
    assert places.element is not None
    assert (names.element.base, moods.element.labels) == ("text", ("sad", "ok"))
    assert places.element.fields == where.fields
    assert [field.name for field in where.fields] == ["street", "people", "moods", "notes"]


def test_what_no_rule_covers_stops_the_run_with_rules_that_fit(database: tuple[Cluster, str]) -> None:
    with psycopg.connect(database[0].url(database[1])) as target:
        target.execute(SCHEMA)
    with pytest.raises(NotSanitised) as stopped:
        events(database, "ruleset: 1\ndefaults: {id: keep}\ntables: {}\n")
    paste = str(stopped.value).partition("\n\n")[2]
    assert "      names: {each: person.name}  # public.words\n" in paste
    fields = "{fields: {street: address.street, people: {each: text.lorem}, moods: keep (say why), notes: {json: {}}}}"
    assert f"      places: {{each: {fields}}}  # public.address[]\n" in paste
    assert "      moods: keep (say why)  # public.mood[]\n" in paste
    events(database, f"ruleset: 1\ndefaults: {{id: keep}}\n{paste.replace('say why', 'feelings')}\n")


def test_an_original_in_a_box_stops_the_run_at_its_end(database: tuple[Cluster, str]) -> None:
    with psycopg.connect(database[0].url(database[1])) as target:
        target.execute(SCHEMA)
        target.execute("INSERT INTO plain VALUES (1, 'Quimbly Ünal')")
        target.execute("""INSERT INTO boxed VALUES (1, '{x}', '{}', NULL, '(x,"{""Quimbly Ünal""}",,)')""")
    with pytest.raises(NotSanitised, match=r"boxed\.where: 1 text of plain\.name, once") as stopped:
        events(database, RULES)
    assert "Quimbly" not in f"{stopped.value}{stopped.value.hint}"
