"""What there is in a target, before and after."""

from __future__ import annotations

import time
from typing import Any

from tests.faults.case import CANARIES
from tests.jobs.scene import state_of
from tests.postgres.databases import Database

OLDER = (
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE TABLE users (id integer PRIMARY KEY, email text, mood mood)",
    "INSERT INTO users SELECT i, 'older' || i, 'good' FROM generate_series(1, 10) i",
    "CREATE TABLE only_older AS SELECT 1 AS a",
    "CREATE VIEW older_view AS SELECT email FROM users",
    "CREATE SCHEMA elsewhere",
    "CREATE TABLE elsewhere.kept AS SELECT 1 AS a",
)
"""What a target holds before a refresh."""

_SURROUNDINGS = """
SELECT 'schema', oid, nspname::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
    AND nspname NOT IN ('public', 'dmrefresh', 'sales')
UNION ALL SELECT 'extension', oid, extname FROM pg_extension
UNION ALL SELECT 'domain', t.oid, typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
    WHERE typtype = 'd' AND nspname NOT IN ('public', 'sales', 'information_schema')
UNION ALL SELECT 'table', oid, relname FROM pg_class WHERE relnamespace = 'elsewhere'::regnamespace
UNION ALL SELECT 'event trigger', oid, evtname FROM pg_event_trigger
UNION ALL SELECT 'publication', oid, pubname FROM pg_publication
UNION ALL SELECT 'subscription', oid, subname FROM pg_subscription
UNION ALL SELECT 'server', oid, srvname FROM pg_foreign_server
UNION ALL SELECT 'language', oid, lanname FROM pg_language
UNION ALL SELECT 'role', oid, rolname FROM pg_roles
UNION ALL SELECT 'setting', setdatabase, setconfig::text FROM pg_db_role_setting
UNION ALL SELECT 'setting', 0, name || setting FROM pg_file_settings
UNION ALL SELECT 'large object', oid, '' FROM pg_largeobject_metadata
ORDER BY 1, 2, 3
"""

_DEFINITIONS = (
    "SELECT prosrc FROM pg_proc",
    "SELECT description FROM pg_description",
    "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef",
    "SELECT pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace >= 16384",
    "SELECT concat(most_common_vals::text, histogram_bounds::text) FROM pg_stats",
)


def surroundings(target: Database) -> list[tuple[Any, ...]]:
    """What no dump may change, whether it is published or not."""
    return target.run(_SURROUNDINGS, superuser=True)


def state(target: Database) -> list[tuple[Any, ...]]:
    """What a refresh changes if it is published, and else leaves."""
    return state_of(target.superuser_url)


def relations(target: Database) -> set[int]:
    """The relations of the schema public, by their identity."""
    return {oid for (oid,) in target.run("SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace")}


def personal_data(target: Database) -> list[str]:
    """Where in the target anything personal of the dumps stands."""
    tables = target.run(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm') AND (relnamespace >= 16384 "
        "OR relnamespace = 'public'::regnamespace)",
        superuser=True,
    )
    queries = [*_DEFINITIONS, *(f"SELECT t::text FROM {table} t" for (table,) in tables)]
    pattern = "|".join(CANARIES)
    return [
        query
        for query in queries
        if target.run(f"SELECT 1 FROM ({query}) AS one(text) WHERE text ~* '{pattern}' LIMIT 1", superuser=True)
    ]


def sessions(target: Database) -> int:
    """How many sessions of ours are left; one that was closed takes a moment to be gone."""
    left = 1
    for _ in range(100):
        ((left,),) = target.run(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name LIKE 'dmrefresh%'",
            superuser=True,
        )
        if not left:
            break
        time.sleep(0.05)
    return int(left)
