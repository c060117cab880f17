"""Comments are part of the schema: the plain owner of a target can execute every one that the policy lets pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.dump.events import Head, Statement
from dmrefresh.dump.judging.policy import POLICY, Action
from dmrefresh.errors import DumpRefused
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of, events, refresh

COMMENTED = """
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('fine');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN short AS text CONSTRAINT is_short CHECK (length(VALUE) < 9);
CREATE COLLATION plain FROM "C";
CREATE SEQUENCE numbers;
CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, CONSTRAINT has_name CHECK (name <> ''));
CREATE TABLE sales.orders (id integer, user_id integer CONSTRAINT of_user REFERENCES public.users);
CREATE INDEX by_name ON users (name);
CREATE STATISTICS two ON id, name FROM users;
CREATE VIEW names AS SELECT name FROM users;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
CREATE FUNCTION plus(pair, pair) RETURNS pair LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION as_text(pair) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).b';
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE nothing(IN a integer) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(pair) (SFUNC = plus, STYPE = pair);
CREATE AGGREGATE every_one(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE OPERATOR <+> (FUNCTION = plus, LEFTARG = pair, RIGHTARG = pair);
CREATE CAST (pair AS text) WITH FUNCTION as_text(pair);
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION searching (COPY = simple);
CREATE TRIGGER watching BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION watch();
CREATE RULE ignored AS ON DELETE TO users DO INSTEAD NOTHING;
CREATE POLICY own ON users USING (true);
"""

COMMENTS = (
    *("SCHEMA sales", "TYPE mood", "TYPE pair", "COLUMN pair.b", "DOMAIN short", "CONSTRAINT is_short ON DOMAIN short"),
    *("COLLATION plain", "SEQUENCE numbers", "TABLE users", "COLUMN users.name", "CONSTRAINT has_name ON users"),
    *("CONSTRAINT users_pkey ON users", "CONSTRAINT of_user ON sales.orders", "TABLE sales.orders", "INDEX by_name"),
    *("INDEX users_pkey", "STATISTICS two", "VIEW names", "COLUMN names.name", "MATERIALIZED VIEW counted"),
    *("COLUMN counted.n", "FUNCTION plus(pair, pair)", "FUNCTION watch()", "PROCEDURE nothing(integer)"),
    *("AGGREGATE total(pair)", "AGGREGATE every_one(*)", "OPERATOR <+> (pair, pair)", "CAST (pair AS text)"),
    *("TEXT SEARCH DICTIONARY words", "TEXT SEARCH CONFIGURATION searching", "TRIGGER watching ON users"),
    *("RULE ignored ON users", "POLICY own ON users"),
)

# Operator classes and families can only be made by a superuser, so no plain owner ever publishes one.
ONLY_SUPERUSERS = {"COMMENT ON OPERATOR CLASS", "COMMENT ON OPERATOR FAMILY"}

# The target's schema public keeps a comment of its own, and its receipts have some.
_DESCRIBED = """
SELECT about, description
FROM pg_description, LATERAL (SELECT pg_describe_object(classoid, objoid, objsubid) AS about) AS named
WHERE objoid >= 16384 AND about NOT LIKE '%dmrefresh%' AND about <> 'schema public' ORDER BY 1
"""


def _commented(database: Database) -> None:
    database.run(COMMENTED)
    for one in COMMENTS:
        text = f"{one}: it''s; -- a \\ \"comment\" /* of \u00e9 \U0001f642 */"
        database.run(f"COMMENT ON {one} IS '{text}'")


@pytest.mark.parametrize("major", installed_majors())
def test_every_comment_is_there_after_a_refresh_and_after_another(
    database: Callable[[int], Database], major: int, tmp_path: Path
) -> None:
    source, target = database(major), database(major)
    _commented(source)
    text = dump_of(source, tmp_path)
    for _ in range(2):
        refresh(text, target)
        described = target.run(_DESCRIBED)
        assert described == source.run(_DESCRIBED)
    assert len(described) >= len(COMMENTS)


def test_the_comments_tried_are_of_every_kind_that_is_executed(
    database: Callable[[int], Database], tmp_path: Path
) -> None:
    source = database(18)
    _commented(source)
    head, *rest = events(dump_of(source, tmp_path))
    assert isinstance(head, Head)
    tried = {one.kind for one in [*head.statements, *rest] if isinstance(one, Statement)}
    executed = {
        kind
        for kind, decision in POLICY.items()
        if kind.startswith("COMMENT ON ") and decision.action is Action.EXECUTE
    }
    assert executed - tried == ONLY_SUPERUSERS


def test_a_comment_cannot_give_a_schema_to_be_dropped(database: Callable[[int], Database], tmp_path: Path) -> None:
    """What marks the previous data is a comment, which a dump may carry too."""
    source, target = database(18), database(18)
    source.run(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.orders (id integer)",
        "COMMENT ON SCHEMA sales IS 'dmrefresh: previous data, dropped by the next run if not before'",
    )
    text = dump_of(source, tmp_path)
    for _ in range(2):
        refresh(text, target)
        assert target.run("SELECT count(*) FROM sales.orders") == [(0,)]


@pytest.mark.parametrize("schema", ["dmrefresh_previous", "dmrefresh_previous_sales", "dmrefresh_superseded"])
def test_a_dump_that_brings_previous_data_is_refused_with_what_to_do(
    database: Callable[[int], Database], tmp_path: Path, schema: str
) -> None:
    source, target = database(18), database(18)
    source.run(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.t (id integer)")
    with pytest.raises(DumpRefused, match="--exclude-schema='dmrefresh_previous"):
        refresh(dump_of(source, tmp_path), target)
