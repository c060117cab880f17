"""What keeps its identity, its rights and its readers across a refresh."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.enum import EnumInfo

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres.carrying import grants
from dmrefresh.postgres.reach import connect
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of, refresh

MakeDatabase = Callable[[int], Database]

TYPES = """
    CREATE TYPE mood AS ENUM ('calm', 'glad');
    CREATE DOMAIN short AS varchar(20) DEFAULT 'x' CHECK (length(value) < 15);
    CREATE DOMAIN felt AS mood NOT NULL;
    CREATE TYPE pair AS (mood mood, label short);
    CREATE TABLE person (id integer PRIMARY KEY, mood mood, label short, felt felt, pair pair, moods mood[]);
    INSERT INTO person VALUES (1, 'glad', 'new', 'calm', ROW('glad', 'p'), ARRAY['calm', 'glad']::mood[]);
"""


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(TYPES)
    return dump_of(source, tmp_path)


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.fault("97")
def test_statements_prepared_with_the_databases_own_types_go_on_reading_and_writing(
    database: MakeDatabase, tmp_path: Path, major: int
) -> None:
    source, target = database(major), database(major)
    source.run(TYPES)
    target.run(TYPES, "UPDATE person SET label = 'old'")
    text = dump_of(source, tmp_path)
    with psycopg.connect(target.url, autocommit=True) as session:
        info = EnumInfo.fetch(session, "mood")
        assert info is not None
        session.execute("PREPARE by_mood (mood) AS SELECT label FROM person WHERE mood = $1")
        session.execute("PREPARE by_pair (pair) AS SELECT label FROM person WHERE pair = $1")
        session.execute(
            "PREPARE by_felt (felt, short) AS SELECT label FROM person WHERE felt::mood = $1::mood AND label = $2"
        )
        write = b"PREPARE write (integer, mood, short, felt, pair) AS INSERT INTO person VALUES ($1, $2, $3, $4, $5)"
        session.execute(write)

        def reads(expected: str) -> None:
            assert session.execute("EXECUTE by_mood ('glad')").fetchall() == [(expected,)]
            assert session.execute("EXECUTE by_pair (ROW('glad', 'p'))").fetchall() == [(expected,)]
            assert session.execute(f"EXECUTE by_felt ('calm', '{expected}')".encode()).fetchall() == [(expected,)]
            bound = session.execute("SELECT label FROM person WHERE mood = %s::mood", ["glad"], prepare=True)
            assert bound.fetchall() == [(expected,)]

        for round_ in range(2):
            reads("old" if round_ == 0 else "new")
            assert set(refresh(text, target).carried_types) == {"mood", "short", "felt", "pair"}
            reads("new")
            session.execute("EXECUTE write (7, 'calm', 'mine', 'glad', ROW('calm', 'mine'))")
            assert session.execute("SELECT label, (pair).label FROM person WHERE id = 7").fetchall() == [
                ("mine", "mine")
            ]
        again = EnumInfo.fetch(session, "mood")
        assert again is not None
        assert again.oid == info.oid


DIFFERENT = {
    "an enum with one label more": "ALTER TYPE mood ADD VALUE 'sad'",
    "an enum with labels in another order": "ALTER TYPE mood ADD VALUE 'glum' BEFORE 'calm'; "
    "ALTER TYPE mood RENAME VALUE 'glum' TO 'x'",
    "a domain with one check less": "ALTER DOMAIN short DROP CONSTRAINT short_check",
    "a domain with another default": "ALTER DOMAIN short SET DEFAULT 'y'",
    "a composite with one attribute more": "ALTER TYPE pair ADD ATTRIBUTE more integer CASCADE",
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_type_that_differs_is_made_anew_and_said(database: MakeDatabase, dump: bytes, change: str) -> None:
    target = database(18)
    target.run(TYPES)
    target.run(DIFFERENT[change])
    published = refresh(dump, target)
    assert published.changed_types
    assert set(published.changed_types) | set(published.carried_types) == {"mood", "short", "felt", "pair"}
    assert target.run("SELECT label, felt::text FROM person") == [("new", "calm")]
    assert refresh(dump, target).changed_types == []


@pytest.mark.fault("98a")
def test_a_snapshot_from_before_sees_the_new_rows_and_never_none(database: MakeDatabase, dump: bytes) -> None:
    """The documented outcome: a REPEATABLE READ transaction open across the swap may see the new rows."""
    target = database(18)
    target.run(TYPES, "UPDATE person SET label = 'old'")
    with psycopg.connect(target.url) as session:
        session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        session.execute("SELECT 1")  # the snapshot is taken
        refresh(dump, target)
        assert session.execute("SELECT label FROM person").fetchall() == [("new",)]


@pytest.mark.fault("98c")
def test_a_statement_that_selects_everything_fails_only_if_the_columns_changed(
    database: MakeDatabase, tmp_path: Path
) -> None:
    source, same, different = database(18), database(18), database(18)
    source.run(TYPES)
    same.run(TYPES)
    different.run(TYPES, "ALTER TABLE person DROP COLUMN moods")
    text = dump_of(source, tmp_path)
    with psycopg.connect(same.url, autocommit=True) as session:
        session.execute("PREPARE everything AS SELECT * FROM person")
        refresh(text, same)
        assert len(session.execute("EXECUTE everything").fetchall()) == 1
    with psycopg.connect(different.url, autocommit=True) as session:
        session.execute("PREPARE everything AS SELECT * FROM person")
        refresh(text, different)
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            session.execute("EXECUTE everything")


def rights(target: Database) -> list[tuple[object, ...]]:
    """Everybody's rights but the owners' own, whether written down or by default; then the owners."""
    return target.run(
        """
        SELECT 'relation', relname, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_class, aclexplode(relacl) a WHERE relnamespace = 'public'::regnamespace AND a.grantee <> relowner
        UNION ALL
        SELECT 'column', c.relname || '.' || attname, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl) a
        WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'routine', p.oid::regprocedure::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
        WHERE pronamespace = 'public'::regnamespace AND a.grantee <> proowner
        UNION ALL
        SELECT 'type', t.oid::regtype::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_type t, aclexplode(coalesce(typacl, acldefault('T', typowner))) a
        WHERE typnamespace = 'public'::regnamespace AND a.grantee <> typowner
        UNION ALL
        SELECT 'schema', nspname, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'public'
        UNION ALL
        SELECT 'default', defaclobjtype::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
        FROM pg_default_acl, aclexplode(defaclacl) a
        UNION ALL
        SELECT 'owner', relname, relowner::regrole::text, '', false
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3, 4, 5
        """
    )


@pytest.mark.parametrize("major", installed_majors())
def test_who_may_do_what_stays_as_it_was(database: MakeDatabase, tmp_path: Path, major: int) -> None:
    more = """
        CREATE VIEW people AS SELECT label FROM person;
        CREATE SEQUENCE loose;
        CREATE TABLE owned_by_another (id serial PRIMARY KEY);
        CREATE FUNCTION closed(integer, text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION open() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE "do It"(n integer) LANGUAGE sql AS 'SELECT 1'
    """
    source, target = database(major), database(major)
    reader, group = f"{target.name} reader", f"{target.name}_group"
    for one in (source, target):
        one.run(TYPES, more)
    target.run(f'CREATE ROLE "{reader}"; CREATE ROLE {group}; GRANT {group} TO {target.name}', superuser=True)
    target.run(
        f'GRANT SELECT, INSERT ON person, people TO "{reader}" WITH GRANT OPTION',
        f'GRANT UPDATE (label) ON person TO "{reader}"',
        f'GRANT USAGE ON SEQUENCE loose TO "{reader}"',
        "GRANT SELECT ON people TO PUBLIC",
        "REVOKE ALL ON FUNCTION closed(integer, text) FROM PUBLIC",
        f'GRANT EXECUTE ON FUNCTION closed(integer, text) TO "{reader}"',
        f'GRANT EXECUTE ON PROCEDURE "do It"(integer) TO "{reader}"',
        f'GRANT USAGE, CREATE ON SCHEMA public TO "{reader}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{reader}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO "{reader}"',
        f"GRANT CREATE ON SCHEMA public TO {group}",
        f"ALTER TABLE owned_by_another OWNER TO {group}",
    )
    before = rights(target)
    refresh(dump_of(source, tmp_path), target)
    assert rights(target) == before
    with psycopg.connect(target.superuser_url, autocommit=True) as connection:
        connection.execute(f'DROP OWNED BY "{reader}", {group}; DROP ROLE "{reader}"; DROP ROLE {group}'.encode())


REVEALING = """
    CREATE TYPE level AS ENUM ('low', 'high');
    CREATE TABLE "the Users" (id integer, secret text, level level);
    CREATE FUNCTION reveal("the Users", level, "the Users"[]) RETURNS text SECURITY DEFINER LANGUAGE sql
        AS 'SELECT $1.secret';
    CREATE PROCEDURE reveal("the Users", OUT done integer) SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer);
    CREATE AGGREGATE every_row(*) (sfunc = int8inc, stype = bigint, initcond = '0');
"""


def test_a_routine_closed_to_the_public_stays_closed_whatever_its_arguments(
    database: MakeDatabase, tmp_path: Path
) -> None:
    """Arguments of types that are made anew, arrays of them, OUT arguments, aggregates."""
    source, target, reader = database(18), database(18), database(18).name
    for one in (source, target):
        one.run(REVEALING)
    source.run("ALTER TYPE level ADD VALUE 'utmost'")
    target.run(
        "REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM PUBLIC; REVOKE ALL ON TYPE level FROM PUBLIC;"
        f"GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO {reader}; GRANT USAGE ON TYPE level TO {reader}"
    )
    before = rights(target)
    assert len([right for right in before if right[0] == "routine"]) == 4
    assert refresh(dump_of(source, tmp_path), target).changed_types == ["level"]
    assert rights(target) == before


def test_a_type_of_another_schema_of_the_dump_is_known_in_a_closed_routines_arguments(
    database: MakeDatabase, tmp_path: Path
) -> None:
    source, target = database(18), database(18)
    for one in (source, target):
        one.run(
            "CREATE SCHEMA other; CREATE TABLE other.users (id integer)",
            "CREATE FUNCTION reveal(other.users) RETURNS integer SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
        )
    target.run("REVOKE ALL ON FUNCTION reveal(other.users) FROM PUBLIC")
    refresh(dump_of(source, tmp_path), target)
    assert [right for right in rights(target) if right[0] == "routine"] == []


@pytest.mark.parametrize("major", installed_majors())
def test_what_default_privileges_would_give_back_stays_revoked(
    database: MakeDatabase, tmp_path: Path, major: int
) -> None:
    more = """
        CREATE TABLE users (id serial, secret text);
        CREATE VIEW seen AS SELECT id FROM users;
        CREATE FUNCTION closed() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer);
        CREATE TYPE level AS RANGE (subtype = integer)
    """
    source, target, reader = database(major), database(major), database(major).name
    source.run(more, "CREATE TABLE one_more (id integer)")
    target.run(f"CREATE TABLE untouched (id integer); {more}")
    source.run("CREATE TABLE untouched (id integer)")
    for kind in ("TABLES", "SEQUENCES", "ROUTINES", "TYPES"):
        target.run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {kind} TO {reader} WITH GRANT OPTION")
    target.run(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        f"GRANT SELECT, UPDATE ON users TO {reader}; REVOKE SELECT ON users FROM {reader}",
        f"GRANT SELECT (id) ON users TO {reader}",
        f"REVOKE ALL ON FUNCTION closed() FROM PUBLIC, {reader}",
    )
    before = rights(target)
    refresh(dump_of(source, tmp_path), target)
    after = rights(target)
    assert [right for right in after if "one_more" not in str(right[1])] == before
    assert {right[2] for right in after if right[:2] == ("relation", "one_more")} == {reader, "-"}


@pytest.mark.parametrize("before", ["SEQUENCE", "TABLE"])
def test_a_grant_on_what_has_become_of_another_kind_is_left_behind(
    database: MakeDatabase, tmp_path: Path, before: str
) -> None:
    made = {"SEQUENCE": "CREATE SEQUENCE users", "TABLE": "CREATE TABLE users (id integer)"}
    source, target, reader = database(18), database(18), database(18).name
    source.run(made.pop("TABLE" if before == "SEQUENCE" else "SEQUENCE"), "CREATE TABLE another (id integer)")
    target.run(made[before], f"GRANT SELECT, UPDATE ON {before} users TO {reader}")
    refresh(dump_of(source, tmp_path), target)
    assert [right for right in rights(target) if right[2] == reader] == []


FOREIGN = {
    "table public.theirs": "CREATE TABLE theirs (id integer)",
    "view public.theirs": "CREATE VIEW theirs AS SELECT 1",
    "sequence public.theirs": "CREATE SEQUENCE theirs",
    "function public.theirs()": "CREATE FUNCTION theirs() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "type public.theirs": "CREATE TYPE theirs AS (id integer)",
    "operator public.<~>(": "CREATE OPERATOR <~> (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer)",
    "collation public.theirs": 'CREATE COLLATION theirs FROM "C"',
    "text search dictionary public.theirs": "CREATE TEXT SEARCH DICTIONARY theirs (TEMPLATE = simple)",
}


@pytest.mark.parametrize("named", FOREIGN)
def test_what_belongs_to_a_role_that_ours_is_no_member_of_is_named(database: MakeDatabase, named: str) -> None:
    target, stranger = database(18), database(18).name
    target.run("CREATE TABLE ours (id serial PRIMARY KEY); CREATE TYPE mood AS ENUM ('calm')")
    target.run(f"GRANT CREATE ON SCHEMA public TO {stranger}")
    with connect.session(target.url) as ours:
        grants.refuse_foreign_owners(ours, ["public"])
        with psycopg.connect(target.cluster.url(target.name, stranger), autocommit=True) as theirs:
            theirs.execute(FOREIGN[named].encode())
        with pytest.raises(RightsMissing, match=re.escape(named)):
            grants.refuse_foreign_owners(ours, ["public", "missing"])
        grants.refuse_foreign_owners(ours, ["missing"])
        target.run(f"GRANT {stranger} TO {target.name}", superuser=True)
        grants.refuse_foreign_owners(ours, ["public"])


def test_no_more_than_ten_of_a_strangers_objects_are_named_and_none_of_an_extensions(database: MakeDatabase) -> None:
    target = database(18)
    target.run("CREATE EXTENSION vector WITH SCHEMA public", superuser=True)
    with connect.session(target.url) as ours:
        grants.refuse_foreign_owners(ours, ["public"])
        target.run(*(f"CREATE TABLE t{n:02} (id integer)" for n in range(12)), superuser=True)
        with pytest.raises(RightsMissing) as refusal:
            grants.refuse_foreign_owners(ours, ["public"])
    assert "public.t09" in refusal.value.what
    assert "public.t10" not in refusal.value.what
    assert "2 more" in refusal.value.what
