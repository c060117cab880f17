"""What is set for a database as a whole, and for roles in it."""

from __future__ import annotations

from psycopg import sql

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import Connection
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.quoting import quoted

_SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(s.setrole) END,
       pg_catalog.split_part(c.setting, '=', 1), pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1)
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase,
     LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY c (setting, place)
WHERE d.datname = %s ORDER BY 1, c.place
"""
_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings whose value is a list of names, kept as text: set from the session's own value (GUC_LIST_QUOTE)."""

# Of what a role may set for a database, as far as a plain one may: what everybody may set in a session.
_NOT_ALLOWED = """
SELECT w.role, w.name
FROM (SELECT s.setrole <> 0 AND s.setrole <> u.oid AND NOT u.rolsuper AS other, u.rolsuper,
             pg_catalog.pg_get_userbyid(s.setrole) AS role, pg_catalog.split_part(c.setting, '=', 1) AS name
      FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
      JOIN pg_catalog.pg_roles u ON u.rolname = current_user,
           LATERAL pg_catalog.unnest(s.setconfig) c (setting)
      WHERE d.datname = pg_catalog.current_database()) w
LEFT JOIN pg_catalog.pg_settings g ON g.name = w.name
WHERE NOT w.rolsuper AND (w.other OR coalesce(g.context, 'superuser') <> 'user'
                          AND NOT pg_catalog.has_parameter_privilege(w.name, 'SET'))
ORDER BY 1, 2
"""


def refuse(errand: Errand) -> None:
    """See that the role may set for another database what is set for the target.

    Raises:
        RightsMissing: a setting is others' to set.
    """
    connection = errand.connection
    for role, name in connection.execute(_NOT_ALLOWED).fetchall():
        of = f" of the role {role} in it" if role and not role.startswith("unknown (OID=") else ""
        ours, whose, database = quoted(connection, connection.info.user, role or "", errand.name)
        raise RightsMissing(
            f"The target database has a setting {name}{of}, which the target's role may not set for another.",
            hint=f"as an administrator: GRANT SET ON PARAMETER {name} TO {ours}"
            if not of
            else f"as an administrator: ALTER ROLE {whose} IN DATABASE {database} RESET {name}",
        )


def carry(connection: Connection, old: str, new: str) -> None:
    """Set for the database `new` what is set for `old` now, and nothing else.

    Args:
        connection: a session in a third database.
        old, new: the databases' names.

    Raises:
        psycopg.Error: the server refuses.
    """
    wanted, there = _settings(connection, old), _settings(connection, new)
    if wanted == there:
        return
    with connection.transaction():
        for role, name, _ in there:
            connection.execute(_altering(role, new) + sql.SQL(" RESET {}").format(sql.Identifier(name)))
        for role, name, value in wanted:
            what = sql.SQL(" SET {} TO {}").format(sql.Identifier(name), value)
            if name in _LISTS:
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
                what = sql.SQL(" SET {} FROM CURRENT").format(sql.Identifier(name))
            connection.execute(_altering(role, new) + what)


def are_alike(connection: Connection, one: str, other: str) -> bool:
    """Whether the same is set for two databases."""
    return _settings(connection, one) == _settings(connection, other)


def _settings(connection: Connection, database: str) -> list[tuple[str | None, str, str]]:
    return connection.execute(_SETTINGS, (database,)).fetchall()


def _altering(role: str | None, database: str) -> sql.Composed:
    if role is None:
        return sql.SQL("ALTER DATABASE {}").format(sql.Identifier(database))
    return sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), sql.Identifier(database))
