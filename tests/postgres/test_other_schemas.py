"""What other schemas of the target hold goes along with `database`, whole; or nothing is published."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dmrefresh.dump.judging.after_load import Check, Script
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import ChecksFailed, RightsMissing, TargetBusy, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.jobs.refresh.other_schemas import dump_others
from dmrefresh.machine.postgres_programs import programs
from dmrefresh.observer import Observer
from dmrefresh.postgres.strategies.publish import Published
from dmrefresh.settings.model import Programs
from fixtures.parts.postgres import installed_majors
from tests.children import children
from tests.postgres.databases import Database, dump_of, refresh

MakeDatabase = Callable[[int], Database]

DATA = """
    CREATE TYPE mood AS ENUM ('calm', 'glad');
    CREATE TABLE person (id integer PRIMARY KEY, mood mood NOT NULL, name text);
    INSERT INTO person SELECT n, 'glad', '{}' FROM generate_series(1, {}) n;
"""
MAJORS = [major for major in installed_majors() if major in (16, 18)] or installed_majors()


@pytest.fixture(params=MAJORS)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def target(database: MakeDatabase, major: int) -> Iterator[Database]:
    made = database(major)
    made.run(DATA.format("old", 10))
    made.run(f"ALTER ROLE {made.name} CREATEDB", superuser=True)
    yield made
    with psycopg.connect(made.cluster.url(), autocommit=True) as connection:
        for suffix in ("_dmrefresh_new", "_dmrefresh_old"):
            name = sql.Identifier(made.name + suffix)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path, major: int) -> bytes:
    source = database(major)
    source.run(DATA.format("new", 20))
    return dump_of(source, tmp_path)


def published(dump: bytes, target: Database, **more: Any) -> Published:
    return refresh(dump, target, **{"strategy": "database", "dump_others": dump_others(Programs()), **more})


def as_superuser(dump: bytes, target: Database, **more: Any) -> Published:
    return published(dump, target, url=target.superuser_url, allow_superuser=True, **more)


def holds(target: Database) -> str:
    return str(target.run("SELECT name FROM person LIMIT 1", superuser=True)[0][0])


def assert_untouched(target: Database) -> None:
    assert holds(target) == "old"
    beside = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{target.name}_')"
    assert target.run(beside, superuser=True) == []
    assert [one for one, _, arguments in children() if "pg_dump" in " ".join(arguments)] == []


class At(Observer):
    """Does something at a step, and keeps what is noted."""

    def __init__(self, step: str, deed: Callable[[], object]) -> None:
        self.when, self.deed = step, deed
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def step(self, name: str) -> None:
        if name == self.when:
            self.deed()

    def note(self, message: str) -> None:
        self.notes.append(message)
        if message.startswith(self.when):
            self.deed()


def test_what_refuses_the_schema_strategy_by_name_goes_along_with_database_and_nothing_is_lost(
    target: Database, dump: bytes, major: int
) -> None:
    extension = "citext" if major == 15 else "vector"
    target.run(
        f"CREATE EXTENSION {extension} SCHEMA public",
        "CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "COMMENT ON FUNCTION public.watch() IS 'looks'",
        "CREATE FUNCTION public.helper(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'",
        "CREATE EVENT TRIGGER watching ON sql_drop EXECUTE FUNCTION public.watch()",
        "COMMENT ON EVENT TRIGGER watching IS 'always'",
        "CREATE SCHEMA outside",
        "CREATE VIEW outside.glad AS SELECT id, name FROM public.person WHERE mood = 'glad'",
        "CREATE TABLE outside.visit (id serial PRIMARY KEY, person integer REFERENCES public.person, felt public.mood)",
        "INSERT INTO outside.visit (person, felt) SELECT n, 'calm' FROM generate_series(1, 10) n",
        superuser=True,
    )
    with pytest.raises(TargetUnfit) as refused:
        as_superuser(dump, target, strategy="schema")
    for name in ("event trigger watching", extension, "view outside.glad", "table outside.visit"):
        assert name in refused.value.what
    for _ in range(2):
        as_superuser(dump, target)
        assert holds(target) == "new"
        found = target.run(
            "SELECT evtname, evtfoid::regproc::text, obj_description(oid), obj_description(evtfoid) "
            "FROM pg_event_trigger",
            superuser=True,
        )
        assert found == [("watching", "watch", "always", "looks")]
        assert target.run("SELECT public.helper('a')") == [("A",)]
        asked = f"SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = '{extension}'"
        assert target.run(asked) == [("public",)]
        assert target.run("SELECT count(*) FROM outside.glad", superuser=True) == [(20,)]
        assert target.run("SELECT count(*), min(felt::text) FROM outside.visit", superuser=True) == [(10, "calm")]
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            target.run("INSERT INTO outside.visit (person) VALUES (4711)", superuser=True)
    assert target.run("INSERT INTO outside.visit (person) VALUES (1) RETURNING id", superuser=True) == [(13,)]


OTHERS = """
    CREATE SCHEMA "out side";
    CREATE DOMAIN "out side".short AS varchar(9) CHECK (length(value) > 1);
    CREATE TYPE "out side".pair AS (a integer, b "out side".short);
    CREATE TYPE "out side".hue AS ENUM ('red', 'green');
    CREATE TYPE "out side".span AS RANGE (subtype = integer);
    CREATE SEQUENCE "out side".loose CACHE 5;
    CREATE TABLE "out side"."T" (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person integer
        REFERENCES public.person ON DELETE CASCADE, hue "out side".hue, pair "out side".pair, mood public.mood,
        label "out side".short DEFAULT 'ab', twice integer GENERATED ALWAYS AS (2 * 2) STORED);
    CREATE TABLE "out side".parted (n integer, at date) PARTITION BY RANGE (at);
    CREATE TABLE "out side".early PARTITION OF "out side".parted FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
    CREATE TABLE "out side".late PARTITION OF "out side".parted FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
    CREATE INDEX by_label ON "out side"."T" (lower(label)) WHERE id > 1;
    CREATE STATISTICS "out side".st ON person, hue FROM "out side"."T";
    CREATE FUNCTION "out side".greet(public.mood, text DEFAULT 'x') RETURNS text LANGUAGE sql AS 'SELECT $2';
    CREATE FUNCTION "out side".stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE PROCEDURE "out side".nothing() LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE "out side".total(integer) (sfunc = int4pl, stype = integer);
    CREATE OPERATOR "out side".<~> (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer);
    CREATE COLLATION "out side".plain FROM "C";
    CREATE TEXT SEARCH DICTIONARY "out side".dict (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION "out side".conf (COPY = simple);
    CREATE TRIGGER stamping BEFORE INSERT ON "out side"."T" FOR EACH ROW EXECUTE FUNCTION "out side".stamp();
    ALTER TABLE "out side"."T" DISABLE TRIGGER stamping;
    CREATE RULE quiet AS ON DELETE TO "out side".early DO INSTEAD NOTHING;
    CREATE POLICY mine ON "out side"."T" USING (id > 0);
    ALTER TABLE "out side"."T" ENABLE ROW LEVEL SECURITY;
    CREATE VIEW "out side".seen AS SELECT p.id, p.mood, t.label FROM public.person p LEFT JOIN "out side"."T" t
        ON t.person = p.id;
    CREATE MATERIALIZED VIEW "out side".counted AS SELECT mood, count(*) FROM public.person GROUP BY 1;
    CREATE UNIQUE INDEX ON "out side".counted (mood);
    COMMENT ON SCHEMA "out side" IS 'ours';
    COMMENT ON TABLE "out side"."T" IS 'a table';
    COMMENT ON COLUMN "out side"."T".label IS 'a column';
    COMMENT ON FUNCTION "out side".stamp() IS 'a function';
    INSERT INTO "out side"."T" (person, hue, pair, mood)
        SELECT n, 'red', format('(%s,cd)', n)::"out side".pair, 'calm' FROM generate_series(1, 9) n;
    INSERT INTO "out side".parted SELECT n, date '2010-01-01' + 600 * n FROM generate_series(1, 12) n;
    SELECT setval('"out side".loose', 77);
"""


def described(target: Database) -> str:
    """All of the other schema, as pg_dump writes it, owners and rights included."""
    argv = [str(target.cluster.bin("pg_dump")), "--schema=out side", target.superuser_url]
    text = subprocess.run(argv, check=True, capture_output=True).stdout.decode()
    return "\n".join(sorted(line for line in text.split("\n") if "restrict" not in line and not line.startswith("--")))


def test_everything_goes_along_with_owners_rights_and_comments_for_a_plain_owner(target: Database, dump: bytes) -> None:
    me, reader, group = target.name, f"r{uuid4().hex[:8]}", f"g{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {reader}; CREATE ROLE {group}; GRANT {group} TO {me}", superuser=True)
    target.run(
        OTHERS,
        f'GRANT CREATE, USAGE ON SCHEMA "out side" TO {group}',
        f'GRANT SELECT (id), INSERT ON "out side"."T" TO {reader}',
        'REVOKE EXECUTE ON FUNCTION "out side".stamp() FROM PUBLIC',
        f'GRANT USAGE ON TYPE "out side".hue TO {reader} WITH GRANT OPTION',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA "out side" GRANT SELECT ON TABLES TO {reader}',
        *(
            f"ALTER {what} OWNER TO {group}"
            for what in (
                'TABLE "out side"."T"',
                'TABLE "out side".late',
                'VIEW "out side".seen',
                'MATERIALIZED VIEW "out side".counted',
                'SEQUENCE "out side".loose',
                'TYPE "out side".hue',
                'TYPE "out side".pair',
                'TYPE "out side".span',
                'DOMAIN "out side".short',
                'FUNCTION "out side".greet(public.mood, text)',
                'PROCEDURE "out side".nothing()',
                'AGGREGATE "out side".total(integer)',
                'OPERATOR "out side".<~> (integer, integer)',
                'COLLATION "out side".plain',
                'TEXT SEARCH DICTIONARY "out side".dict',
                'TEXT SEARCH CONFIGURATION "out side".conf',
                'STATISTICS "out side".st',
            )
        ),
    )
    before = described(target)
    observer = At("never", lambda: None)
    newest = programs("pg_dump")[-1].path
    for which in (Programs(), Programs(pg_dump=newest)):
        published(dump, target, observer=observer, dump_others=dump_others(which))
        assert holds(target) == "new"
        assert described(target) == before
    assert target.run('SELECT * FROM "out side".counted') == [("glad", 20)]
    assert any("carried over with 21 rows" in note and "out side" in note for note in observer.notes)
    target.run('DROP SCHEMA "out side" CASCADE', f"DROP OWNED BY {reader}, {group}", superuser=True)


def test_rows_and_numbers_of_the_load_are_there_and_later_ones_wait_for_the_swap(target: Database, dump: bytes) -> None:
    target.run(
        "CREATE SCHEMA outside",
        "CREATE TABLE outside.t (id integer)",
        "CREATE SEQUENCE outside.s",
    )
    numbers: list[int] = []
    ended: list[str | None] = []
    late: list[threading.Thread] = []

    def write_and_commit() -> None:
        target.run("INSERT INTO outside.t VALUES (1)", "SELECT setval('outside.s', 41)")

    def write(statement: str) -> None:
        """Over one connection, which is ended with the previous database, unless it got through before."""
        try:
            with psycopg.connect(target.url, autocommit=True, application_name="late") as connection:
                numbers.append(connection.execute(statement.encode()).fetchone()[0])  # type: ignore[index]
        except psycopg.OperationalError as error:
            ended.append(error.sqlstate)

    def write_late() -> None:
        for statement in ("INSERT INTO outside.t VALUES (2) RETURNING id", "SELECT nextval('outside.s')"):
            late.append(threading.Thread(target=write, args=(statement,)))
            late[-1].start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'late' AND wait_event_type = 'Lock'"
        for _ in range(500):
            if target.run(f"{waiting} AND datname = '{target.name}'") == [(2,)]:
                return
            time.sleep(0.01)
        pytest.fail("the writers did not wait")

    class Both(At):
        def step(self, name: str) -> None:
            if name == "loaded":
                write_and_commit()
            if name == "checked":
                write_late()

    published(dump, target, observer=Both("", lambda: None))
    for thread in late:
        thread.join(30)
    assert (numbers, ended) == ([], ["57P01", "57P01"])
    assert target.run("SELECT id FROM outside.t") == [(1,)]
    assert target.run("SELECT nextval('outside.s')") == [(42,)]


def test_somebody_who_goes_on_writing_stops_it_by_name(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")
    with psycopg.connect(target.url) as writer:
        writer.execute("INSERT INTO outside.t VALUES (1)")
        with pytest.raises(TargetBusy, match=r"outside\.t"):
            published(dump, target)
    assert_untouched(target)


def test_where_the_session_that_holds_it_still_is_lost_nothing_is_published(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")

    def end_it_and_write() -> None:
        ended = target.run(
            "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l "
            "WHERE l.relation = 'outside.t'::regclass AND l.mode = 'ShareLock'",
            superuser=True,
        )
        assert ended == [(True,)]
        target.run("INSERT INTO outside.t VALUES (1)")

    with pytest.raises(TargetUnreachable):
        published(dump, target, observer=At("committing", end_it_and_write))
    assert_untouched(target)
    assert target.run("SELECT id FROM outside.t") == [(1,)]


CHANGES = {
    "a table": "CREATE TABLE outside.more (id integer)",
    "a view": "CREATE OR REPLACE VIEW outside.v AS SELECT 2 AS one",
    "a function": "CREATE OR REPLACE FUNCTION outside.f() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "a right": "GRANT SELECT ON outside.t TO PUBLIC",
    "a comment": "COMMENT ON FUNCTION outside.f() IS 'x'",
    "an index": "CREATE INDEX ON outside.t (id)",
    "another schema": "CREATE SCHEMA more; CREATE TABLE more.t (id integer)",
    "a type": "ALTER TYPE outside.e ADD VALUE 'b'",
    "a mapping": "ALTER TEXT SEARCH CONFIGURATION outside.c ALTER MAPPING FOR asciiword WITH english_stem",
    "an operator of a family": "ALTER OPERATOR FAMILY outside.o USING btree ADD OPERATOR 1 <(integer, bigint)",
    "a function of a family": "ALTER OPERATOR FAMILY outside.o USING btree ADD FUNCTION 1 btint48cmp(integer, bigint)",
    "a comment on a domain's constraint": "COMMENT ON CONSTRAINT short ON DOMAIN outside.d IS 'x'",
    "a comment on an operator": "COMMENT ON OPERATOR outside.<~> (integer, integer) IS 'x'",
    "a comment on a view's trigger": "COMMENT ON TRIGGER stamping ON outside.v IS 'x'",
    "a comment on a configuration": "COMMENT ON TEXT SEARCH CONFIGURATION outside.c IS 'x'",
}
BY_SUPERUSERS = ("an operator of a family", "a function of a family")


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_altered_there_meanwhile_stops_the_swap(target: Database, dump: bytes, what: str) -> None:
    target.run(
        "CREATE SCHEMA outside",
        "CREATE TABLE outside.t (id integer)",
        "CREATE VIEW outside.v AS SELECT 1 AS one",
        "CREATE FUNCTION outside.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE outside.e AS ENUM ('a')",
        "CREATE TEXT SEARCH CONFIGURATION outside.c (COPY = simple)",
        "CREATE DOMAIN outside.d AS text CONSTRAINT short CHECK (length(value) < 9)",
        "CREATE OPERATOR outside.<~> (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer)",
        "CREATE FUNCTION outside.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        "CREATE TRIGGER stamping INSTEAD OF INSERT ON outside.v FOR EACH ROW EXECUTE FUNCTION outside.stamp()",
    )
    by_superuser = what in BY_SUPERUSERS
    publish = as_superuser if by_superuser else published
    if by_superuser:
        target.run("CREATE OPERATOR FAMILY outside.o USING btree", superuser=True)
    with pytest.raises(TargetBusy, match="was changed on the target"):
        publish(dump, target, observer=At("committing", lambda: target.run(CHANGES[what], superuser=by_superuser)))
    assert_untouched(target)
    publish(dump, target)
    assert holds(target) == "new"


UNFIT = {
    "a view over a column that is gone": (
        "ALTER TABLE person ADD gone text",
        "CREATE VIEW outside.v AS SELECT gone FROM public.person",
        r"CREATE VIEW outside\.v .*42703",
    ),
    "a view over a table that is gone": (
        "CREATE TABLE mine (id integer)",
        "CREATE VIEW outside.v AS SELECT id FROM public.mine",
        r"CREATE VIEW outside\.v .*42P01",
    ),
    "a foreign key whose rows are gone": (
        "INSERT INTO person VALUES (99, 'calm', 'old')",
        "CREATE TABLE outside.t (person integer REFERENCES public.person); INSERT INTO outside.t VALUES (99)",
        r"ADD CONSTRAINT outside\.t .*23503.*constraint t_person_fkey",
    ),
    "a row of a value that is gone": (
        "ALTER TYPE mood ADD VALUE 'gone'",
        "CREATE TABLE outside.t (mood public.mood); INSERT INTO outside.t VALUES ('gone')",
        r"rows of outside\.t",
    ),
    "a function with a type that is gone": (
        "CREATE TYPE gone AS ENUM ('a')",
        "CREATE FUNCTION outside.f(public.gone) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        r"CREATE FUNCTION outside\.f .*42704",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_no_longer_fits_is_named_and_nothing_is_published(target: Database, dump: bytes, what: str) -> None:
    inside, outside, said = UNFIT[what]
    target.run("CREATE SCHEMA outside", inside, outside)
    with pytest.raises(ChecksFailed, match=said):
        published(dump, target)
    assert_untouched(target)


REFUSED = {
    "a publication": "CREATE PUBLICATION p FOR TABLE outside.t",
    "a foreign table": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
    "CREATE FOREIGN TABLE outside.f (id integer) SERVER s",
    "a cast": "CREATE CAST (outside.e AS integer) WITH FUNCTION outside.number(outside.e)",
    "a cast to a type of the data": "CREATE FUNCTION outside.to_mood(outside.e) RETURNS public.mood LANGUAGE sql "
    "AS 'SELECT NULL::public.mood'; CREATE CAST (outside.e AS public.mood) WITH FUNCTION outside.to_mood(outside.e)",
    "a language's function": "CREATE FUNCTION outside.c(float8) RETURNS float8 LANGUAGE internal AS 'dsin'",
    "a conversion": "CREATE CONVERSION outside.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "statistics on a table of the data": "CREATE STATISTICS outside.s ON id, name FROM public.person",
    "a partition of the data": "CREATE TABLE public.root (id integer) PARTITION BY LIST (id);"
    "CREATE TABLE outside.leaf PARTITION OF public.root DEFAULT",
    "a child of the data": "CREATE TABLE outside.child () INHERITS (public.person)",
    "a table of a type of the data": "CREATE TYPE public.row AS (id integer); CREATE TABLE outside.typed OF public.row",
    "an event trigger's function that no trigger has": "CREATE FUNCTION outside.e() RETURNS event_trigger "
    "LANGUAGE plpgsql AS 'BEGIN END'",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_go_along_is_refused_by_name_before_the_start(target: Database, dump: bytes, what: str) -> None:
    target.run(
        "CREATE SCHEMA outside",
        "CREATE TABLE outside.t (id integer)",
        "CREATE TYPE outside.e AS ENUM ('a')",
        "CREATE FUNCTION outside.number(outside.e) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
        REFUSED[what],
        superuser=True,
    )
    begun: list[bool] = []
    with pytest.raises(TargetUnfit, match="Not of the dump") as refused:
        as_superuser(dump, target, observer=At("begun", lambda: begun.append(True)))
    assert "outside.t" not in refused.value.what.replace("outside.typed", "").replace("outside.to_mood", "")
    assert refused.value.hint
    assert not begun
    assert_untouched(target)


def test_of_other_schemas_too_no_more_is_held_in_memory_than_the_settings_allow(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t AS SELECT repeat('x', 2000) AS long")
    with pytest.raises(TargetUnfit, match="cannot be carried over"):
        published(dump, target, limits=Limits(row=1000))
    assert_untouched(target)
    published(dump, target, limits=Limits(row=3000))
    assert target.run("SELECT length(long) FROM outside.t") == [(2000,)]


def test_what_pg_dump_leaves_out_is_named_and_nothing_is_published(target: Database, dump: bytes) -> None:
    real = dump_others(Programs())

    def leaving_out(major: int, connection: Any, options: Any) -> Any:
        return real(major, connection, [*options, "--exclude-table=outside.t"] if options else options)

    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)", "CREATE TABLE outside.u (id integer)")
    with pytest.raises(ChecksFailed, match=r"table outside\.t\."):
        published(dump, target, dump_others=leaving_out)
    assert_untouched(target)


@pytest.mark.parametrize("lacking", ["membership", "the right to make it"])
def test_what_belongs_to_another_role_is_refused_by_name_before_the_start(
    target: Database, dump: bytes, lacking: str
) -> None:
    other = f"o{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {other} LOGIN", superuser=True)
    target.run("CREATE SCHEMA outside", f"GRANT CREATE, USAGE ON SCHEMA outside TO {other}")
    with psycopg.connect(target.cluster.url(target.name, other), autocommit=True) as connection:
        connection.execute("CREATE TABLE outside.theirs (id integer)")
    if lacking != "membership":
        target.run(f"GRANT {other} TO {target.name}", superuser=True)
        target.run(f"REVOKE CREATE ON SCHEMA outside FROM {other}")
    with pytest.raises(RightsMissing, match=r"table outside\.theirs") as caught:
        published(dump, target)
    assert f"GRANT {other} TO {target.name}" in str(caught.value.hint)
    assert_untouched(target)
    target.run(f"GRANT {other} TO {target.name}", superuser=True)
    target.run(f"GRANT CREATE ON SCHEMA outside TO {other}")
    published(dump, target)
    asked = "SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'"
    assert (holds(target), target.run(asked)) == ("new", [(other,)])


def test_default_privileges_that_only_another_role_can_give_are_refused_before_the_start(
    target: Database, dump: bytes
) -> None:
    other = f"o{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {other}", superuser=True)
    target.run("CREATE SCHEMA outside")
    words = f"ALTER DEFAULT PRIVILEGES FOR ROLE {other} IN SCHEMA outside"
    target.run(f"{words} GRANT SELECT ON TABLES TO PUBLIC", superuser=True)
    with pytest.raises(RightsMissing, match=f"{other} in its schema outside") as refused:
        published(dump, target)
    assert f"GRANT {other} TO {target.name}" in str(refused.value.hint)
    assert_untouched(target)
    target.run(f"GRANT {other} TO {target.name}", superuser=True)
    published(dump, target)
    asked = "SELECT defaclrole::regrole::text FROM pg_default_acl WHERE defaclnamespace = 'outside'::regnamespace"
    assert (holds(target), target.run(asked)) == ("new", [(other,)])


def test_the_locks_of_what_is_carried_over_count(target: Database, dump: bytes) -> None:
    room = target.run(
        "SELECT current_setting('max_locks_per_transaction')::int "
        "* (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)"
    )[0][0]
    tables = f"FOR i IN 1..{room // 12 + 1} LOOP EXECUTE format('CREATE TABLE outside.t%s (id integer)', i); END LOOP;"
    target.run("CREATE SCHEMA outside", f"DO $$ BEGIN {tables} END $$")
    begun: list[bool] = []
    with pytest.raises(TargetUnfit, match="locks at once"):
        published(dump, target, observer=At("begun", lambda: begun.append(True)))
    assert not begun
    assert_untouched(target)


def test_code_of_another_role_that_runs_meanwhile_is_told_and_what_it_does_is_checked(
    target: Database, dump: bytes
) -> None:
    other = f"o{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {other} LOGIN", f"GRANT {other} TO {target.name}", superuser=True)
    target.run("CREATE SCHEMA outside", f"GRANT CREATE, USAGE ON SCHEMA outside TO {other}")
    with psycopg.connect(target.cluster.url(target.name, other), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION outside.f(integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
            "UPDATE public.person SET name = 'theirs'; RETURN true; "
            "EXCEPTION WHEN insufficient_privilege THEN RETURN true; END $$"
        )
        connection.execute("CREATE TABLE outside.t (id integer CHECK (outside.f(id)))")
        connection.execute("INSERT INTO outside.t VALUES (1)")
    observer = At("never", lambda: None)
    script = Script(checks=(Check("SELECT bool_and(name = 'new') FROM person", "names", "checks.names"),))
    with pytest.raises(ChecksFailed, match=r"checks\.names"):
        published(dump, target, observer=observer, script=script)
    assert any(other in warning and "runs with the rights of" in warning for warning in observer.warnings)
    assert_untouched(target)
    target.run(f"DROP OWNED BY {other}", superuser=True)


def test_hidden_rows_are_refused_before_the_start(target: Database, dump: bytes) -> None:
    target.run(
        "CREATE SCHEMA outside",
        "CREATE TABLE outside.t (id integer)",
        "ALTER TABLE outside.t ENABLE ROW LEVEL SECURITY; ALTER TABLE outside.t FORCE ROW LEVEL SECURITY",
    )
    with pytest.raises(TargetUnfit, match=r"table outside\.t"):
        published(dump, target)
    assert_untouched(target)
    observer = At("never", lambda: None)
    as_superuser(dump, target, observer=observer)
    assert any(f"what {target.name} made in other schemas" in warning for warning in observer.warnings)
    asked = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'outside.t'::regclass"
    assert target.run(asked) == [(True, True)]


def test_without_a_pg_dump_it_is_said_before_the_start_and_only_where_one_is_needed(
    target: Database, dump: bytes, tmp_path: Path
) -> None:
    without = dump_others(Programs(pg_dump=tmp_path / "pg_dump"))
    published(dump, target, dump_others=without)
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)", "UPDATE person SET name = 'old'")
    with pytest.raises(UsageFailure, match="pg_dump"):
        published(dump, target, dump_others=without)
    assert_untouched(target)


def test_a_pg_dump_that_does_not_end_well_publishes_nothing(target: Database, dump: bytes, tmp_path: Path) -> None:
    real = dump_others(Programs())

    def failing(major: int, connection: Any, options: Any) -> Any:
        return real(major, connection, [*options, "--schema=missing"] if options else options)

    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")
    with pytest.raises(TargetUnfit, match=r"pg_dump of .* ended with exit status 1"):
        published(dump, target, dump_others=failing)
    assert_untouched(target)
