"""Whose everything is after a refresh: what there was, its owner's; what is new and a superuser makes, nobody's."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.postgres import test_other_schemas
from tests.postgres.databases import Database, dump_of
from tests.postgres.test_other_schemas import DATA, MakeDatabase, as_superuser, published

major, target = test_other_schemas.major, test_other_schemas.target
STRATEGIES = ("schema", "database")
SECRET = (
    "CREATE FUNCTION secret(mood, mood[]) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'"
)
OLD = (
    SECRET,
    "CREATE TYPE pair AS (a integer, b mood)",
    "CREATE DOMAIN short AS varchar(9)",
    "CREATE PROCEDURE nothing(INOUT a integer) LANGUAGE sql AS 'SELECT 1'",
    "CREATE AGGREGATE total(integer) (sfunc = int4pl, stype = integer)",
)
NEW = (
    *OLD,
    "CREATE FUNCTION fresh() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'",
    "CREATE TYPE hue AS ENUM ('red')",
    "CREATE TABLE invoice (id serial PRIMARY KEY, hue hue)",
    "CREATE VIEW bills AS SELECT id FROM invoice",
    "CREATE SCHEMA more",
    "CREATE TABLE more.t (id integer)",
    "CREATE FUNCTION more.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'",
)
OWNERS = """
SELECT relname, relowner::regrole::text FROM pg_class WHERE relnamespace IN (SELECT oid FROM place) AND relkind <> 'i'
UNION SELECT proname, proowner::regrole::text FROM pg_proc WHERE pronamespace IN (SELECT oid FROM place)
UNION SELECT typname, typowner::regrole::text FROM pg_type WHERE typnamespace IN (SELECT oid FROM place)
UNION SELECT nspname, nspowner::regrole::text FROM pg_namespace WHERE nspname = 'more'
"""


def owners(target: Database) -> dict[str, str]:
    place = "WITH place AS (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'more'))"
    return dict(target.run(f"{place} {OWNERS}", superuser=True))


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path, major: int) -> bytes:
    source = database(major)
    source.run(f"GRANT CREATE ON DATABASE {source.name} TO {source.name}", superuser=True)
    source.run(DATA.format("new", 20), *NEW)
    return dump_of(source, tmp_path)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_that_a_superuser_publishes_is_the_superusers(target: Database, dump: bytes, strategy: Any) -> None:
    target.run(*OLD)
    for _ in range(2):
        as_superuser(dump, target, strategy=strategy)
        found = owners(target)
        assert {"secret", "pair", "nothing", "total", "fresh", "hue", "invoice", "more", "t", "f"} < found.keys()
        assert {name for name, owner in found.items() if owner != target.name} == set()
        assert target.run("SELECT secret('calm', NULL), fresh(), more.f()") == [(target.name,) * 3]
        assert target.run("INSERT INTO invoice DEFAULT VALUES RETURNING id") == [(1,)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("publish", [published, as_superuser])
def test_what_was_another_roles_stays_that_roles(target: Database, dump: bytes, strategy: Any, publish: Any) -> None:
    group = f"g{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {group}", f"GRANT {group} TO {target.name}", superuser=True)
    target.run(
        *OLD,
        f"GRANT CREATE ON SCHEMA public TO {group}",
        f"ALTER FUNCTION secret OWNER TO {group}",
        f"ALTER TYPE pair OWNER TO {group}",
        f"ALTER DOMAIN short OWNER TO {group}",
        f"ALTER PROCEDURE nothing OWNER TO {group}",
        f"ALTER AGGREGATE total(integer) OWNER TO {group}",
    )
    publish(dump, target, strategy=strategy)
    found = owners(target)
    assert [found[name] for name in ("secret", "pair", "short", "nothing", "total")] == [group] * 5
    assert {found[name] for name in ("person", "mood", "fresh", "hue", "invoice", "f")} == {target.name}
    assert target.run("SELECT secret('calm', NULL)") == [(group,)]
    target.run(f"REASSIGN OWNED BY {group} TO {target.name}", f"DROP OWNED BY {group}", superuser=True)
