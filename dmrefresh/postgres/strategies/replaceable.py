"""Whether another database can take the target's place: rights, names, sessions, and what would be lost with it."""

from __future__ import annotations

from dmrefresh.errors import RightsMissing, TargetBusy, TargetUnfit
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying import belongings, database_settings, default_privileges, extensions, strangers
from dmrefresh.postgres.errand import Check, Errand
from dmrefresh.postgres.loading import brought_extensions
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.strategies import fitness, siblings

_RIGHTS = """
SELECT r.rolsuper OR r.rolcreatedb, pg_catalog.pg_has_role(d.datdba, 'USAGE'), pg_catalog.pg_get_userbyid(d.datdba),
       r.rolsuper OR t.spcname = 'pg_default' OR pg_catalog.has_tablespace_privilege(t.oid, 'CREATE'), t.spcname
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
JOIN pg_catalog.pg_roles r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
"""
_MAINTENANCE = """
SELECT d.datallowconn AND pg_catalog.has_database_privilege(d.oid, 'CONNECT')
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""
# Superusers' sessions are only superusers' to end.
_SESSIONS = """
SELECT DISTINCT a.usename, u.rolsuper
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles u ON u.oid = a.usesysid
JOIN pg_catalog.pg_roles me ON me.rolname = current_user
WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid() AND NOT me.rolsuper
  AND (u.rolsuper OR NOT pg_catalog.pg_has_role(a.usesysid, 'USAGE')
                     AND NOT pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))
ORDER BY 1
"""


def _refuse_keeping(errand: Errand) -> None:
    if errand.keep_previous is not None:
        raise TargetUnfit(
            "The strategy `database` does not keep the previous data for a rollback.",
            hint='leave keep_previous out of the target\'s settings, or publish with strategy = "schema"',
        )


def _refuse_maintenance(errand: Errand) -> None:
    """There must be another database to rename the target from."""
    if errand.maintenance == errand.name:
        raise TargetUnfit(
            f"The target is the maintenance database {errand.name} itself, which cannot be renamed from within.",
            hint="set maintenance_database of this target to another one of the same server",
        )
    row = errand.connection.execute(_MAINTENANCE, (errand.maintenance,)).fetchone()
    if row is None or not row[0]:
        raise RightsMissing(
            f"The target's role cannot connect to the maintenance database {errand.maintenance}.",
            hint="set maintenance_database of this target to one it can connect to",
        )


def _refuse_rights(errand: Errand) -> None:
    row = errand.connection.execute(_RIGHTS).fetchone()
    assert row is not None
    may_create, is_owner, owner, may_place, tablespace = row
    role = errand.connection.info.user
    to, database, place = quoted(errand.connection, role, errand.name, tablespace)
    lacks, grant = [], []
    if not may_create:
        lacks.append("may not create databases")
        grant.append(f"ALTER ROLE {to} CREATEDB")
    if not is_owner:
        lacks.append(f"does not own the target database (that is {owner})")
        grant.append(f"ALTER DATABASE {database} OWNER TO {to}")
    if not may_place:
        lacks.append(f"may not use the tablespace {tablespace}")
        grant.append(f"GRANT CREATE ON TABLESPACE {place} TO {to}")
    if lacks:
        raise RightsMissing(
            f"The target's role {role} {' and '.join(lacks)}.", hint=f"as an administrator: {'; '.join(grant)}"
        )


def _refuse_taken(errand: Errand) -> None:
    siblings.refuse_taken(errand.connection, siblings.Names.of(errand.name))


def _refuse_sessions(errand: Errand) -> None:
    """Sessions that this role may not end would keep the target from being renamed."""
    refuse_sessions_of(errand.connection, errand.name)


def refuse_sessions_of(connection: Connection, database: str) -> None:
    """Look for sessions that this role may not end.

    Raises:
        TargetBusy: a superuser is there.
        RightsMissing: other roles' sessions are there, and no right to end them.
    """
    found = connection.execute(_SESSIONS, (database,)).fetchall()
    superusers = [name for name, is_superuser in found if is_superuser]
    if superusers:
        raise TargetBusy(
            f"A superuser is connected to the target ({', '.join(superusers)}); only a superuser could end that.",
            hint="wait until that session has ended, then run it again",
        )
    if found:
        (role,) = quoted(connection, connection.info.user)
        raise RightsMissing(
            f"The target's role may not end sessions of {', '.join(name for name, _ in found)}.",
            hint=f"as an administrator: GRANT pg_signal_backend TO {role}",
        )


def _refuse_too_many(errand: Errand) -> None:
    fitness.refuse_too_many(errand, strangers.locks_needed(errand))


def _refuse_marked(errand: Errand) -> None:
    errand.guard.check_mark(errand.connection)


CHECKS: tuple[Check, ...] = (
    _refuse_keeping,
    _refuse_maintenance,
    _refuse_rights,
    belongings.refuse_watchers,
    strangers.refuse,
    strangers.refuse_foreign,
    fitness.refuse_foreign_owners,
    fitness.refuse_foreign_schemas,
    belongings.refuse_schemas,
    database_settings.refuse,
    default_privileges.refuse_of_others,
    brought_extensions.refuse_absent,
    extensions.refuse_untrusted,
    _refuse_too_many,
    _refuse_taken,
    _refuse_sessions,
)
CHECKED_AGAIN: tuple[Check, ...] = (_refuse_marked, belongings.refuse_watchers, strangers.refuse)
"""What may have come about during the load, and would be lost."""
