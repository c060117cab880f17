"""Dumps of PostgreSQL 9.6 to 18, into every version that can be had here."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.errors import ChecksFailed, DumpRefused
from dmrefresh.observer import Observer
from dmrefresh.postgres import moved_aside
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of, refresh

MakeDatabase = Callable[[int], Database]

FOLDER = Path(__file__).parents[2] / "fixtures" / "dumps"
FROZEN = {"12": 12, "12-by-18": 12, "13": 13, "14": 14, "14-plain": 14, "17": 17}
"""The dumps kept as files, and which server each is of; the folder's README says how they were made."""

ROWS = {
    "item": 3,
    "sale_shop_2025": 1,
    "sale_shop_rest": 1,
    "sale_post_0": 1,
    "sale_post_1": 1,
    "Back Office.Order": 2,
    "empty_table": 0,
}
"""What source.sql makes."""

NAMES_OWNER_OR_RIGHTS = re.compile(rb"(?m)^(ALTER .* OWNER TO|GRANT|REVOKE) .*;\n")


class Listening(Observer):
    """Remembers the warnings and how far publishing came."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)

    def step(self, name: str) -> None:
        self.steps.append(name)


def version_of(target: Database) -> str:
    return str(target.run("SELECT split_part(current_setting('server_version'), ' ', 1)")[0][0])


def both(dumped: str, target: Database) -> str:
    return f"The dump comes from PostgreSQL {dumped}, the target is PostgreSQL {version_of(target)}."


def warning(dumped: str, target: Database) -> str:
    return f"{both(dumped, target)} What only the newer version knows would stop the refresh."


def restored(dump: bytes, target: Database) -> Database:
    """The target after psql has restored the dump, less a setting that servers before 17 do not know."""
    psql = [str(target.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", target.url]
    text = NAMES_OWNER_OR_RIGHTS.sub(b"", dump.replace(b"\nSET transaction_timeout = 0;\n", b"\n"))
    subprocess.run(psql, input=text, check=True, capture_output=True)
    return target


def dumped_again(database: Database) -> list[bytes]:
    """All that the target's own pg_dump says of it, but for the key that is another each time.

    Without comments: the policy leaves them out, for what people may have written there.
    """
    options = ["--no-owner", "--no-acl", "--no-comments", "--exclude-schema=dmrefresh"]
    argv = [str(database.cluster.bin("pg_dump")), *options, database.url]
    text = subprocess.run(argv, check=True, capture_output=True).stdout
    return [line for line in text.splitlines() if not line.startswith((b"\\restrict ", b"\\unrestrict "))]


def everything(target: Database) -> list[tuple[object, ...]]:
    """What a refresh that is refused must leave as it was: schemas, and relations with their storage."""
    return [
        *target.run("SELECT oid, nspname::text, nspowner FROM pg_namespace ORDER BY 1"),
        *target.run("SELECT oid, relname::text, relnamespace, relfilenode FROM pg_class ORDER BY 1"),
    ]


@pytest.mark.parametrize("into", installed_majors())
@pytest.mark.parametrize("frozen", FROZEN)
def test_a_dump_of_an_older_server_is_published_as_psql_restores_it(
    database: MakeDatabase, frozen: str, into: int
) -> None:
    dump, target, listening = (FOLDER / f"postgresql-{frozen}.sql").read_bytes(), database(into), Listening()
    assert refresh(dump, target, observer=listening).tables == ROWS
    assert dumped_again(target) == dumped_again(restored(dump, database(into)))
    assert listening.said == ([warning("17.10", target)] if FROZEN[frozen] > into else [])
    assert refresh(dump, target).tables == ROWS


@pytest.mark.parametrize("into", installed_majors())
@pytest.mark.parametrize("dumped", installed_majors())
def test_a_dump_made_now_is_published_as_psql_restores_it_into_newer_and_older_servers(
    database: MakeDatabase, tmp_path: Path, dumped: int, into: int
) -> None:
    source, target, listening = database(dumped), database(into), Listening()
    psql = [str(source.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", source.url]
    subprocess.run(psql, input=(FOLDER / "source.sql").read_bytes(), check=True, capture_output=True)
    dump = dump_of(source, tmp_path)
    assert refresh(dump, target, observer=listening).tables == ROWS
    assert dumped_again(target) == dumped_again(restored(dump, database(into)))
    assert listening.said == ([warning(version_of(source), target)] if dumped > into else [])
    assert dumped != into or dumped_again(target) == dumped_again(source)


@pytest.mark.parametrize("setting", ["SET order_of_tomorrow = 1;", "SET order_of_tomorrow = 1, 2;"])
def test_a_newer_dump_with_a_setting_nobody_knows_is_refused_before_anything_is_done(
    database: MakeDatabase, setting: str
) -> None:
    dump, target, listening = (FOLDER / "postgresql-17.sql").read_bytes(), database(16), Listening()
    refresh(dump, target)
    left = moved_aside.name_for("public")  # which the next refresh drops first of all
    target.run(f"CREATE SCHEMA {left}", f"COMMENT ON SCHEMA {left} IS '{moved_aside._MARK}'")
    before = everything(target)
    text = dump.replace(b"SET transaction_timeout = 0;", setting.encode())
    with pytest.raises(DumpRefused, match=re.escape(both("17.10", target))) as caught:
        refresh(text, target, observer=listening)
    assert caught.value.exit_code == 17
    assert "line 13, byte 278" in caught.value.what
    assert caught.value.hint == "refresh a target of version 17 or later"
    assert listening.steps == []
    assert everything(target) == before


def test_a_kind_of_statement_nobody_knows_is_refused_naming_both_versions_where_the_dump_is_newer(
    database: MakeDatabase,
) -> None:
    target = database(16)
    before = everything(target)
    for frozen, newer in (("17", True), ("14", False)):
        dump = (FOLDER / f"postgresql-{frozen}.sql").read_bytes()
        for place in (b"CREATE TABLE public.item ", b"ALTER TABLE ONLY public.item\n    ADD CONSTRAINT"):
            assert dump.count(place) == 1
            with pytest.raises(DumpRefused, match="unknown kind") as caught:
                refresh(dump.replace(place, b"CREATE ORDER OF TOMORROW a;\n" + place), target)
            assert (both("17.10", target) in caught.value.what) == newer
    assert everything(target) == before


NEW_IN = {
    "a virtual column": "CREATE TABLE t (a integer, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL)",
    "a constraint of NOT NULL": "CREATE TABLE t (a integer); ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
    "a key over time": "CREATE TABLE t (a int4range, b int4range, UNIQUE (a, b WITHOUT OVERLAPS))",
    "a collation of the server's own": "CREATE COLLATION c (provider = builtin, locale = 'C.UTF-8')",
    "a storage parameter": "CREATE TABLE t (a integer) WITH (vacuum_max_eager_freeze_failure_rate = 0.5)",
    "a function of SQL": "CREATE VIEW v AS SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a integer PATH '$'))",
    "a function of the server": "CREATE TABLE t (a uuid DEFAULT uuidv7())",
}
"""What 18 can do and those before 17 cannot."""


@pytest.mark.parametrize("into", [major for major in installed_majors() if major < 17])
@pytest.mark.parametrize("new", NEW_IN)
def test_what_only_a_newer_version_knows_is_refused_naming_both_and_rolled_back(
    database: MakeDatabase, tmp_path: Path, new: str, into: int
) -> None:
    source, target = database(18), database(into)
    source.run("CREATE TABLE before (id integer)", *NEW_IN[new].split("; "))
    target.run("CREATE TABLE precious AS SELECT 1 AS one")
    before = everything(target)
    with pytest.raises(DumpRefused) as caught:
        refresh(dump_of(source, tmp_path), target)
    assert caught.value.exit_code == 17
    assert both(version_of(source), target) in caught.value.what
    assert re.search(r" at the (CREATE|ALTER) [A-Z ]+ of the dump's line \d+, byte \d+ ", caught.value.what)
    assert caught.value.hint == "refresh a target of version 18 or later"
    assert everything(target) == before


def test_a_value_that_only_a_newer_version_takes_is_named_by_its_place_and_both_versions(
    database: MakeDatabase, tmp_path: Path
) -> None:
    source, target = database(18), database(16)
    source.run("CREATE TABLE t AS SELECT i AS id, interval '1 day' AS wait FROM generate_series(1, 3) i")
    source.run("INSERT INTO t VALUES (4, 'infinity')")
    before = everything(target)
    with pytest.raises(ChecksFailed) as caught:
        refresh(dump_of(source, tmp_path), target)
    assert "line 4 of the rows, column wait" in caught.value.what
    assert both(version_of(source), target) in caught.value.what
    assert "infinity" not in str(caught.value) + str(caught.value.hint)
    assert everything(target) == before


def test_what_only_a_newer_pg_dump_writes_is_refused_with_what_to_do(database: MakeDatabase) -> None:
    dump, target = (FOLDER / "postgresql-12-by-18.sql").read_bytes(), database(installed_majors()[0])
    text = dump.replace(b"CREATE VIEW public.cheap ", b"CREATE VIEW public.cheap FOR TOMORROW ")
    with pytest.raises(DumpRefused, match=r"was written by pg_dump 18\.4, the target is PostgreSQL 15\.") as caught:
        refresh(text, target)
    assert "make the dump with the target's own pg_dump" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("16.4 (Debian 16.4-1.pgdg120+1)", False),
        ("16beta2", False),
        ("16devel", False),
        ("10.23", False),
        ("17beta1", True),
        ("18rc1 (Debian 18~rc1-1)", True),
        ("19devel", True),
        ("100.1", True),
    ],
)
def test_versions_are_compared_by_their_number_however_they_are_written(
    database: MakeDatabase, version: str, newer: bool
) -> None:
    dump, listening = (FOLDER / "postgresql-14.sql").read_bytes(), Listening()
    text = dump.replace(b"database version 14.23\n", f"database version {version}\n".encode())
    assert refresh(text, database(16), observer=listening).tables == ROWS
    assert [f" PostgreSQL {version.split()[0]}, " in said for said in listening.said] == [True] * newer


OF_9_6 = b"""--
-- PostgreSQL database dump
--

-- Dumped from database version 9.6.24
-- Dumped by pg_dump version 9.6.24

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

DROP TRIGGER IF EXISTS kept ON public.note;
ALTER TABLE IF EXISTS ONLY public.note DROP CONSTRAINT IF EXISTS note_pkey;
ALTER TABLE IF EXISTS public.note ALTER COLUMN id DROP DEFAULT;
DROP SEQUENCE IF EXISTS public.note_id_seq;
DROP TABLE IF EXISTS public.note;
DROP FUNCTION IF EXISTS public.keep();
DROP EXTENSION IF EXISTS plpgsql;
DROP SCHEMA IF EXISTS public;

CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';

CREATE FUNCTION public.keep() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RETURN NEW; END $$;

SET default_tablespace = '';

SET default_with_oids = false;

CREATE TABLE public.note (
    id integer NOT NULL,
    said text
);

CREATE SEQUENCE public.note_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.note_id_seq OWNED BY public.note.id;
ALTER TABLE ONLY public.note ALTER COLUMN id SET DEFAULT nextval('public.note_id_seq'::regclass);

COPY public.note (id, said) FROM stdin;
1\tone\\ttab
2\t\\N
\\.

SELECT pg_catalog.setval('public.note_id_seq', 2, true);
ALTER TABLE ONLY public.note
    ADD CONSTRAINT note_pkey PRIMARY KEY (id);
CREATE TRIGGER kept BEFORE INSERT ON public.note FOR EACH ROW EXECUTE PROCEDURE public.keep();

--
-- PostgreSQL database dump complete
--

"""


@pytest.mark.parametrize("into", installed_majors())
def test_a_dump_in_the_form_of_9_6_is_published(database: MakeDatabase, into: int) -> None:
    target = database(into)
    assert refresh(OF_9_6, target).tables == {"note": 2}
    assert target.run("SELECT * FROM note ORDER BY id") == [(1, "one\ttab"), (2, None)]
    assert target.run("INSERT INTO note DEFAULT VALUES RETURNING id") == [(3,)]
    assert target.run("SELECT tgname::text FROM pg_trigger") == [("kept",)]


def test_rows_with_oids_which_only_old_servers_had_are_refused(database: MakeDatabase) -> None:
    target = database(16)
    before = everything(target)
    text = OF_9_6.replace(b"default_with_oids = false", b"default_with_oids = true")
    text = text.replace(b"COPY public.note (id, said) FROM", b"COPY public.note (id, said) WITH OIDS FROM")
    with pytest.raises(DumpRefused):
        refresh(text.replace(b"\n1\tone", b"\n16385\t1\tone").replace(b"\n2\t", b"\n16386\t2\t"), target)
    assert everything(target) == before
