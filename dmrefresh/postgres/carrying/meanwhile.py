"""What is carried over of the target without being held still: noted as it is read, and compared at the last moment.

Whoever makes an extension or a schema, grants a right or sets something while the new data is loaded, is not kept
from it; but what was carried over before is another then, and what was done would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from dmrefresh.errors import TargetUnfit
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying import database_settings
from dmrefresh.postgres.carrying.objects import DIGEST

_OWN = r"n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_NOTED = {
    "schemas": "SELECT n.nspname, n.nspowner::text FROM pg_catalog.pg_namespace n WHERE {own}",
    "comments on schemas": """
        SELECT n.nspname, d.description FROM pg_catalog.pg_namespace n
        JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.classoid = n.tableoid WHERE {own}""",
    "extensions": """
        SELECT extname, pg_catalog.concat_ws(' ', extnamespace, extversion) FROM pg_catalog.pg_extension""",
    "default privileges": """
        SELECT pg_catalog.concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype), defaclacl::text
        FROM pg_catalog.pg_default_acl""",
}
# Of what never was granted anything nothing is noted: tables that come and go in a schema that is replaced are its own.
_RIGHTS = """
    SELECT 'schema ' || n.oid, n.nspacl::text FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL AND {own}
    UNION ALL SELECT 'relation ' || c.oid, c.relacl::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relacl IS NOT NULL AND {own}
    UNION ALL SELECT pg_catalog.concat('column ', c.oid, ' ', a.attnum), a.attacl::text
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE a.attacl IS NOT NULL AND {own}
    UNION ALL SELECT 'routine ' || p.oid, p.proacl::text
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proacl IS NOT NULL AND {own}
    UNION ALL SELECT 'type ' || t.oid, t.typacl::text
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typacl IS NOT NULL AND {own}"""
_QUERIES = {**_NOTED, "rights": _RIGHTS}
_DIGEST = """
SELECT {digest} FROM (SELECT pg_catalog.concat(name, '=', what) AS said FROM ({noted}) x (name, what)) y
"""


def note(connection: Connection) -> dict[str, str]:
    """Note the target's schemas, extensions and default privileges, before the first of them is read.

    Returns:
        a digest of each kind.

    Raises:
        psycopg.Error: the server refuses.
    """
    return {kind: _digest(connection, kind) for kind in _NOTED}


def note_rights(connection: Connection) -> dict[str, str]:
    """Note who may do what in the target's schemas, before the first of that is read; otherwise as `note`."""
    return {"rights": _digest(connection, "rights")}


def refuse_changed(connection: Connection, noted: Mapping[str, str]) -> None:
    """Raises TargetUnfit, naming the kinds, where something is not as it was noted."""
    _refuse([kind for kind, digest in noted.items() if _digest(connection, kind) != digest])


def refuse_set(connection: Connection, old: str, new: str) -> None:
    """Raises TargetUnfit where another is set for the database `old` than for the one that takes its place."""
    _refuse([] if database_settings.are_alike(connection, old, new) else ["settings"])


def _refuse(changed: list[str]) -> None:
    if changed:
        raise TargetUnfit(
            f"What was carried over of the target was changed during the refresh: {', '.join(changed)}.",
            hint="run it again when nobody alters the target",
        )


def _digest(connection: Connection, kind: str) -> str:
    query = _DIGEST.replace("{digest}", DIGEST).replace("{noted}", _QUERIES[kind]).replace("{own}", _OWN)
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])
