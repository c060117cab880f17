from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dmrefresh.errors import TargetUnfit
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of, refresh

MakeDatabase = Callable[[int], Database]

INSIDE = """
    CREATE TYPE mood AS ENUM ('calm', 'glad');
    CREATE TABLE person (id serial PRIMARY KEY, mood mood, name text);
    CREATE TABLE event (id integer) PARTITION BY LIST (id);
    CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""

OUTSIDE = {
    "a view": "CREATE VIEW other.people AS SELECT name FROM public.person",
    "a materialised view": "CREATE MATERIALIZED VIEW other.people AS SELECT name FROM public.person",
    "a foreign key": "CREATE TABLE other.visit (person integer REFERENCES public.person)",
    "a column of its type": "CREATE TABLE other.note (mood public.mood)",
    "a default from its sequence": "CREATE TABLE other.note (id integer DEFAULT nextval('public.person_id_seq'))",
    "a trigger with its function": "CREATE TABLE other.note (id integer); CREATE TRIGGER t BEFORE INSERT ON other.note "
    "FOR EACH ROW EXECUTE FUNCTION public.touch()",
    "a policy with its function": "CREATE TABLE other.note (t text); "
    "CREATE POLICY p ON other.note USING (public.shout(t) = t)",
    "an index with its function": "CREATE TABLE other.note (t text); CREATE INDEX i ON other.note (public.shout(t))",
    "a partition": "CREATE TABLE other.event_1 PARTITION OF public.event FOR VALUES IN (1)",
    "a child": "CREATE TABLE other.child () INHERITS (public.person)",
    "a function of its row type": "CREATE FUNCTION other.f(public.person) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "a domain over its type": "CREATE DOMAIN other.d AS public.mood",
    "a rule": "CREATE TABLE other.note (t text); "
    "CREATE RULE r AS ON INSERT TO other.note DO ALSO DELETE FROM public.person",
    "an event trigger": "CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; "
    "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION public.f()",
    "an extension in the schema": "CREATE EXTENSION vector SCHEMA public",
    "a publication of its table": "CREATE PUBLICATION p FOR TABLE public.person",
    "a publication of the schema": "CREATE PUBLICATION p FOR TABLES IN SCHEMA public",
    "a cast between types outside": "CREATE FUNCTION public.f(money) RETURNS uuid LANGUAGE sql RETURN NULL::uuid; "
    "CREATE CAST (money AS uuid) WITH FUNCTION public.f(money)",
}


NAMED = {
    "a view": "view other.people",
    "a materialised view": "materialized view other.people",
    "a foreign key": "constraint visit_person_fkey on table other.visit",
    "a column of its type": "column mood of table other.note",
    "a default from its sequence": "default value for column id of table other.note",
    "a trigger with its function": "trigger t on table other.note",
    "a policy with its function": "policy p on table other.note",
    "an index with its function": "index other.i",
    "a partition": "table other.event_1",
    "a child": "table other.child",
    "a function of its row type": "function other.f(public.person)",
    "a domain over its type": "type other.d",
    "a rule": "rule r on table other.note",
    "an event trigger": "event trigger e",
    "an extension in the schema": "extension vector",
    "a publication of its table": "publication of table public.person in publication p",
    "a publication of the schema": "publication of schema public in publication p",
    "a cast between types outside": "cast from money to uuid",
}
"""How each of them is named, by PostgreSQL's own word for it."""


@pytest.fixture
def target(database: MakeDatabase) -> Database:
    made = database(18)
    made.run(INSIDE)
    made.run("CREATE SCHEMA other", superuser=True)
    return made


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(INSIDE, "INSERT INTO person (name) VALUES ('one')")
    return dump_of(source, tmp_path)


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.fault("99a")
def test_what_depends_from_outside_is_named_and_nothing_of_it_is_lost(
    target: Database, dump: bytes, outside: str
) -> None:
    target.run(OUTSIDE[outside], superuser=True)
    objects = "SELECT classid, objid, refobjid, deptype FROM pg_depend ORDER BY 1, 2, 3, 4"
    before = target.run(objects)
    with pytest.raises(TargetUnfit, match="depend on what is inside") as caught:
        refresh(dump, target)
    assert caught.value.exit_code == 15
    assert NAMED[outside] in caught.value.what
    assert target.run(objects) == before


@pytest.mark.fault("99b")
def test_a_temporary_view_of_another_session_is_named(target: Database, dump: bytes) -> None:
    with psycopg.connect(target.url) as session:
        session.execute("CREATE TEMPORARY VIEW mine AS SELECT name FROM person")
        session.commit()
        with pytest.raises(TargetUnfit, match="mine"):
            refresh(dump, target)
        assert session.execute("SELECT * FROM mine").fetchall() == []


@pytest.mark.parametrize("major", installed_majors())
def test_what_lies_inside_as_a_whole_depends_on_nothing_outside(
    database: MakeDatabase, tmp_path: Path, major: int
) -> None:
    everything = """
        CREATE TABLE part (LIKE person INCLUDING ALL);
        CREATE TABLE event_1 PARTITION OF event FOR VALUES IN (1);
        CREATE TABLE big (t text, a integer[], EXCLUDE USING btree (t WITH =));
        CREATE VIEW people AS SELECT name FROM person;
        CREATE MATERIALIZED VIEW seen AS SELECT mood FROM person;
        CREATE INDEX shouted ON person (shout(name)) WHERE name IS NOT NULL;
        CREATE TRIGGER t BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE POLICY mine ON person USING (name = shout(name));
        CREATE RULE r AS ON INSERT TO part DO ALSO DELETE FROM person;
        CREATE STATISTICS s ON id, name FROM person;
        CREATE DOMAIN d AS mood CHECK (value <> 'calm');
        CREATE TYPE pair AS (a mood, b integer);
        CREATE TYPE span AS RANGE (subtype = integer);
        CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer);
        CREATE OPERATOR === (leftarg = text, rightarg = text, function = texteq);
        CREATE COLLATION c FROM "C";
        CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC
    """
    source, target = database(major), database(major)
    for one in (source, target):
        one.run(INSIDE, everything)
    text = dump_of(source, tmp_path)
    refresh(text, target)
    assert refresh(text, target).still_there == []
    assert target.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dmrefresh_previous%'") == []
