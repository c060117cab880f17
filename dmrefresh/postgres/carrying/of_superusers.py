"""What superusers have in the database: event triggers with their functions, and functions among others' data."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from dmrefresh.postgres import Connection
from dmrefresh.postgres.reach.session_facts import is_superuser
from dmrefresh.postgres_facts import FIRST_OF_USERS

_TRIGGERS = """
SELECT e.evtname, e.evtevent, e.evttags, e.evtenabled::text, pg_catalog.pg_get_userbyid(e.evtowner),
       e.evtfoid::pg_catalog.regproc::text, pg_catalog.obj_description(e.oid, 'pg_event_trigger')
FROM pg_catalog.pg_event_trigger e
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass
                    AND d.objid = e.oid AND d.deptype = 'e')
ORDER BY e.oid
"""
# Of a database that is another's, what a superuser has put among its owner's routines was never of the data.
_FUNCTIONS = """
SELECT p.oid::pg_catalog.regprocedure::text, p.prokind = 'p', pg_catalog.pg_get_functiondef(p.oid),
       pg_catalog.pg_get_userbyid(p.proowner), pg_catalog.obj_description(p.oid, 'pg_proc')
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_roles u ON u.oid = p.proowner
JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
WHERE p.prokind <> 'a' AND p.oid >= %s
  AND (EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtfoid = p.oid)
       OR n.nspname = ANY (%s) AND u.rolsuper AND p.proowner <> d.datdba)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                  AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.oid
"""
_ENABLED = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def carry_functions(old: Connection, new: Connection, schemas: Sequence[str]) -> None:
    """Make the functions of event triggers anew, and superusers' routines in the schemas that are replaced.

    What the dump has made itself stays as it is. Their rights come with those of everything else.

    Raises:
        psycopg.Error: the server refuses.
    """
    found = old.execute(_FUNCTIONS, (FIRST_OF_USERS, list(schemas))).fetchall() if is_superuser(new) else []
    for name, is_procedure, definition, owner, comment in found:
        row = new.execute("SELECT pg_catalog.to_regprocedure(%s) IS NOT NULL", (name,)).fetchone()
        if row is not None and row[0]:
            continue
        new.execute(definition.encode())
        what = sql.SQL(("PROCEDURE " if is_procedure else "FUNCTION ") + name)
        new.execute(sql.SQL("ALTER {} OWNER TO {}").format(what, sql.Identifier(owner)))
        new.execute(sql.SQL("COMMENT ON {} IS {}").format(what, sql.Literal(comment)))


def carry_event_triggers(old: Connection, new: Connection) -> None:
    """Make the target's event triggers anew; last of all, since they act on what follows.

    Raises:
        psycopg.Error: the server refuses.
    """
    for name, event, tags, enabled, owner, function, comment in (
        old.execute(_TRIGGERS).fetchall() if is_superuser(new) else []
    ):
        when = sql.SQL(" WHEN TAG IN ({})").format(sql.SQL(", ").join(map(sql.Literal, tags))) if tags else sql.SQL("")
        trigger = sql.Identifier(name)
        new.execute(
            sql.SQL("CREATE EVENT TRIGGER {} ON {}{} EXECUTE FUNCTION {}()").format(
                trigger, sql.Identifier(event), when, sql.SQL(function)
            )
        )
        new.execute(sql.SQL("COMMENT ON EVENT TRIGGER {} IS {}").format(trigger, sql.Literal(comment)))
        if enabled in _ENABLED:
            new.execute(sql.SQL("ALTER EVENT TRIGGER {} {}").format(trigger, sql.SQL(_ENABLED[enabled])))
        new.execute(sql.SQL("ALTER EVENT TRIGGER {} OWNER TO {}").format(trigger, sql.Identifier(owner)))
