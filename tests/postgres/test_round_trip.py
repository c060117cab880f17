"""Whatever pg_dump writes of the torture database goes in whole: dumped again, it is what psql makes of it."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from dmrefresh.postgres import moved_aside
from fixtures import torture
from fixtures.parts.dumping import PG_DUMP_OPTIONS
from fixtures.parts.postgres import Cluster, installed_majors
from tests.postgres.databases import Database, refresh

MakeDatabase = Callable[[int], Database]
Dump = Callable[..., bytes]
Expected = Callable[[int, int], list[str]]

OPTIONS = {
    "plain": (),
    "nightly": PG_DUMP_OPTIONS,
    "root": (*PG_DUMP_OPTIONS, "--load-via-partition-root"),
    "custom": ("--format=custom",),
}

OLDER = (
    'CREATE SCHEMA "select"',
    'CREATE SCHEMA "Odd.Schema ""x"""',
    'CREATE SCHEMA "a schema whose name has as many bytes as PostgreSQL will keep 1"',
    'CREATE SCHEMA "a schema whose name has as many bytes as PostgreSQL will keep 2"',
    "CREATE TYPE mood AS ENUM ('sad', 'older')",
    "COMMENT ON TYPE mood IS 'older'",
    "CREATE FUNCTION mood_number(mood) RETURNS integer LANGUAGE sql IMMUTABLE RETURN 1",
    "CREATE CAST (mood AS integer) WITH FUNCTION mood_number(mood)",
    "CREATE TYPE language AS ENUM ('sql', 'plpgsql', 'c')",
    "COMMENT ON TYPE language IS 'older, of a type that stays'",
    "CREATE CAST (language AS mood) WITH INOUT",
    "CREATE TABLE everything (id integer PRIMARY KEY, a_mood mood, a_text text)",
    "INSERT INTO everything VALUES (1, 'older', 'older')",
    'CREATE TABLE "select"."table" (id integer REFERENCES public.everything, feeling mood, in_words language)',
    'CREATE VIEW "Odd.Schema ""x""".gathered AS SELECT t.*, a_text FROM "select"."table" t, public.everything',
    'CREATE TABLE "a schema whose name has as many bytes as PostgreSQL will keep 1".older (id integer)',
    'CREATE TABLE "a schema whose name has as many bytes as PostgreSQL will keep 2".older (id integer)',
)
"""What a target may hold before: other things under the same names, some of them alike."""


@pytest.fixture(scope="module")
def dump(cluster_for: Callable[[int], Cluster]) -> Dump:
    """Dumps of the torture database: `dump(16, "nightly", for_major=18)`."""
    made: dict[tuple[object, ...], bytes] = {}

    def one(major: int, options: str, *, for_major: int | None = None, superusers: bool = False) -> bytes:
        key = (major, options, for_major, superusers)
        if key not in made:
            cluster, name = cluster_for(major), f"torture{for_major or ''}{'_super' if superusers else ''}"
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
                    torture.load(cluster, name, for_major=for_major, superusers=superusers)
            argv = [str(cluster.bin("pg_dump")), *OPTIONS[options], cluster.url(name)]
            made[key] = subprocess.run(argv, check=True, capture_output=True).stdout
        return made[key]

    return one


def empty(cluster: Cluster) -> Database:
    """An empty database for a superuser to restore into; the cluster's end is its end."""
    name = f"restored{uuid4().hex[:12]}"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return Database(cluster, name)


def restored(text: bytes, into: Database) -> Database:
    """The database after psql has restored the dump into it."""
    argv = [str(into.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", into.superuser_url]
    done = subprocess.run(argv, input=text, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-1000:]
    return into


def content(database: Database) -> list[str]:
    """All of a database, as its own pg_dump writes it.

    In which of its partitions a row goes by the hash of an enum depends on the numbers that the server gave the
    labels, so that these rows are added from their root. pg_dump names the roles of a policy in whatever order a server
    holds them, which changes while roles come and go.
    """
    options = ("--no-owner", "--no-acl", "--exclude-schema=dmrefresh", "--exclude-table-data=by_feeling_?")
    argv = [str(database.cluster.bin("pg_dump")), *options, database.superuser_url]
    text = subprocess.run(argv, check=True, capture_output=True).stdout.decode()
    lines = [line for line in text.split("\n") if not line.startswith(("\\restrict ", "\\unrestrict "))]
    by_feeling = database.run("SELECT feeling::text, n FROM public.by_feeling ORDER BY n", superuser=True)
    assert len(by_feeling) == 7
    return [*map(_with_roles_in_order, lines), *map(str, by_feeling)]


def _with_roles_in_order(line: str) -> str:
    policy = re.fullmatch(r"(CREATE POLICY .* TO )(\w+(?:, \w+)+)( .*)", line)
    return line if policy is None else f"{policy[1]}{', '.join(sorted(policy[2].split(', ')))}{policy[3]}"


@pytest.fixture(scope="module")
def expected(cluster_for: Callable[[int], Cluster], dump: Dump) -> Expected:
    """What psql makes of a dump: `expected(15, 18)`.

    Of a plain one: with --clean, pg_dump takes a view's dependencies from it by a statement that only goes through
    where the view's types are there already.
    """
    made: dict[tuple[int, int], list[str]] = {}

    def one(dumped: int, into: int) -> list[str]:
        if (dumped, into) not in made:
            text = dump(dumped, "plain", for_major=None if dumped == into else into)
            made[dumped, into] = content(restored(text, empty(cluster_for(into))))
        return made[dumped, into]

    return one


def assert_same(found: Database, expected: list[str]) -> None:
    differing = list(difflib.unified_diff(expected, content(found), "restored", "published", lineterm="", n=8))
    assert not differing, "\n".join(line[:300] for line in differing[:200])


def assert_nothing_left_over(target: Database) -> None:
    assert target.run("SELECT nspname FROM pg_namespace WHERE nspname ~ '^dmrefresh_'") == []


@pytest.mark.parametrize("options", ["plain", "nightly", "root"])
@pytest.mark.parametrize("major", installed_majors())
def test_what_is_published_is_what_psql_restores(
    database: MakeDatabase, dump: Dump, expected: Expected, major: int, options: str
) -> None:
    target = database(major)
    text = dump(major, options)
    torture.make_extensions(target.cluster, target.name)
    target.run(*OLDER)
    for _ in ("over something older", "over itself"):
        published = refresh(text, target)
        assert published.still_there == []
        assert_same(target, expected(major, major))
        assert_nothing_left_over(target)


@pytest.mark.parametrize("connections", [1, 2, 5])
@pytest.mark.parametrize("options", ["nightly", "root"])
@pytest.mark.parametrize("major", installed_majors())
def test_what_several_sessions_load_is_what_psql_restores(
    database: MakeDatabase, dump: Dump, expected: Expected, major: int, options: str, connections: int
) -> None:
    target = database(major)
    torture.make_extensions(target.cluster, target.name)
    published = refresh(  # some of the extensions are only a superuser's to make in another database
        dump(major, options),
        target,
        url=target.superuser_url,
        allow_superuser=True,
        strategy="database",
        connections=connections,
    )
    assert published.still_there == []
    assert_same(target, expected(major, major))


@pytest.mark.parametrize(
    ("dumped", "into"), [(one, other) for one in installed_majors() for other in installed_majors() if one < other]
)
def test_what_an_older_server_held_is_what_psql_restores_into_a_newer(
    database: MakeDatabase, dump: Dump, expected: Expected, dumped: int, into: int
) -> None:
    target = database(into)
    text = dump(dumped, "nightly", for_major=into)
    for _ in ("over nothing", "over itself"):
        refresh(text, target)
        assert_same(target, expected(dumped, into))
        assert_nothing_left_over(target)


@pytest.mark.parametrize("major", installed_majors())
def test_what_only_a_superuser_may_make_goes_in_where_one_is_allowed(
    database: MakeDatabase, dump: Dump, tmp_path: Path, major: int
) -> None:
    target = database(major)
    by_itself = empty(target.cluster)
    archive = tmp_path / "archive"
    archive.write_bytes(dump(major, "custom", superusers=True))
    # psql could not restore it, but pg_restore sends each statement as a whole
    argv = [str(target.cluster.bin("pg_restore")), "--exit-on-error", "-d", by_itself.superuser_url, str(archive)]
    subprocess.run(argv, check=True, capture_output=True)
    for _ in ("over nothing", "over itself"):
        refresh(dump(major, "nightly", superusers=True), target, url=target.superuser_url, allow_superuser=True)
        assert_same(target, content(by_itself))
        assert_nothing_left_over(target)


def test_what_clean_would_drop_is_still_there_after_it(database: MakeDatabase) -> None:
    """An extension, its schema and a domain go with DROP … in such a dump; what others made of them stays as it was."""
    source, target = database(18), database(18)
    for one in (source, target):
        torture.make_extensions(one.cluster, one.name)
        one.run("CREATE DOMAIN code AS text CHECK (VALUE <> '')", "CREATE TABLE t (c code, v extensions.vector(2))")
    target.run(
        "CREATE SCHEMA others",
        "CREATE DOMAIN others.code AS extensions.vector(2)",
        "CREATE TABLE others.places AS SELECT '[1,2]'::others.code AS place",
    )
    asked = (
        "SELECT x.oid, n.oid, 'others.places'::regclass::oid, 'others.code'::regtype::oid, "
        "(SELECT place::text FROM others.places) "
        "FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE extname = 'vector'"
    )
    before = target.run(asked)
    argv = [str(source.cluster.bin("pg_dump")), *PG_DUMP_OPTIONS, source.superuser_url]
    text = subprocess.run(argv, check=True, capture_output=True).stdout
    dropped = (b"EXTENSION IF EXISTS vector", b"SCHEMA IF EXISTS extensions", b"DOMAIN IF EXISTS public.code")
    assert all(b"DROP " + one + b";" in text for one in dropped)
    assert refresh(text, target).left_out["DROP"] >= len(dropped)
    assert target.run(asked) == before


@pytest.mark.skipif(15 not in installed_majors(), reason="only the system's PostgreSQL 15 brings hstore")
def test_an_extension_is_made_where_only_its_schema_is_missing(database: MakeDatabase) -> None:
    source, target = database(15), database(15)
    source.run("CREATE SCHEMA home", "CREATE EXTENSION hstore SCHEMA home", "CREATE TABLE t (h home.hstore)")
    argv = [str(source.cluster.bin("pg_dump")), *PG_DUMP_OPTIONS, source.superuser_url]
    text = subprocess.run(argv, check=True, capture_output=True).stdout
    for _ in ("made", "found"):
        refresh(text, target)
        assert target.run("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'hstore'") == [
            ("home",)
        ]


LONG = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=63)


@given(st.sets(LONG.map(lambda name: name.encode()[:63].decode(errors="ignore")), min_size=2, max_size=2))
def test_no_two_schemas_are_moved_to_one_name(schemas: set[str]) -> None:
    moved = {moved_aside.name_for(schema) for schema in schemas}
    assert len(moved) == len(schemas)
    assert all(len(name.encode()) <= 63 for name in moved)


def test_schemas_of_long_names_that_end_differently_are_moved_apart() -> None:
    one, other = (f"{'n' * 62}{end}" for end in "ab")
    assert moved_aside.name_for(one) != moved_aside.name_for(other)
