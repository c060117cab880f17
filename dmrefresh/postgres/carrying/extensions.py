"""The target's extensions, and the same in the database that takes its place."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import sql

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import Connection
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.loading import brought_extensions
from dmrefresh.postgres.reach.session_facts import is_superuser
from dmrefresh.postgres_facts import FIRST_OF_USERS

_EXTENSIONS = """
SELECT e.extname, n.nspname, e.extversion,
       coalesce((SELECT v.superuser AND NOT v.trusted FROM pg_catalog.pg_available_extension_versions v
                 WHERE v.name = e.extname AND v.version = e.extversion), true),
       ARRAY(SELECT pg_catalog.format('SELECT FROM %%s %%s', c.oid::pg_catalog.regclass, e.extcondition[u.n])
             FROM pg_catalog.unnest(e.extconfig) WITH ORDINALITY u (oid, n)
             JOIN pg_catalog.pg_class c ON c.oid = u.oid AND c.relkind = 'r')
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid >= %s ORDER BY e.oid
"""
_NEW_EXTENSION = """
SELECT v.superuser AND NOT v.trusted
FROM pg_catalog.pg_available_extensions e
JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
WHERE e.name = %s
"""


class Extension(NamedTuple):
    """An extension as the target has it; `rows` are queries for what users have put into its tables."""

    name: str
    schema: str
    version: str
    needs_superuser: bool
    rows: list[str]


def made_by_users(connection: Connection) -> list[Extension]:
    """The extensions that users have made, in the order in which they were made."""
    return [Extension(*row) for row in connection.execute(_EXTENSIONS, (FIRST_OF_USERS,))]


def has_rows(connection: Connection, extension: Extension) -> bool:
    """Whether users have put rows into an extension's own tables."""
    return any(connection.execute(f"{query} LIMIT 1".encode()).rowcount for query in extension.rows)


def refuse_untrusted(errand: Errand) -> None:
    """See that the role may make every extension of the target and of the dump in another database.

    Raises:
        RightsMissing: one needs a superuser.
    """
    connection = errand.connection
    if is_superuser(connection):
        return
    there = made_by_users(connection)
    missing = {one.name for one in there if one.needs_superuser}
    for name in brought_extensions.brought_by(errand.head).keys() - {one.name for one in there}:
        row = connection.execute(_NEW_EXTENSION, (name,)).fetchone()
        if row is not None and row[0] and name != "plpgsql":
            missing.add(name)
    if missing:
        raise RightsMissing(
            f"Only a superuser may make {', '.join(sorted(missing))} in the database that is to replace the target.",
            hint="publish by the strategy `schema`, with these extensions in schemas of their own",
        )


def carry(old: Connection, new: Connection, brought: dict[str, str]) -> None:
    """Make the target's extensions in the new database; where the dump wants one elsewhere, it makes that itself.

    Args:
        old: a session on the target.
        new: the loading transaction, with the schemas made.
        brought: the extensions that the dump makes, and their schemas as far as it says.

    Raises:
        psycopg.Error: the server refuses.
    """
    for one in made_by_users(old):
        if brought.get(one.name, "") in ("", one.schema):
            new.execute(
                sql.SQL("CREATE EXTENSION {} SCHEMA {} VERSION {}").format(
                    sql.Identifier(one.name), sql.Identifier(one.schema), sql.Identifier(one.version)
                )
            )
