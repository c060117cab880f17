"""What a database holds that is neither the dump's nor carried over by itself: found by name, before the start.

Some of it can be carried over by a dump of the target's own (`other_schemas`), if there is a pg_dump: what lies in
schemas of which the dump makes nothing, and is of the kinds that the policy executes. The rest refuses the swap.
"""

from __future__ import annotations

from collections.abc import Sequence

from dmrefresh.errors import RightsMissing, TargetUnfit
from dmrefresh.lists import MOST, listed, listed_apart
from dmrefresh.postgres import Connection, moved_aside
from dmrefresh.postgres.carrying import extensions
from dmrefresh.postgres.carrying.objects import IN_ITS_OWN_RIGHT, OWNED
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.reach import conninfo
from dmrefresh.postgres.reach.session_facts import is_superuser, major
from dmrefresh.postgres_facts import FIRST_OF_USERS

_OUTSIDE = """n.nspname <> ALL (%(gone)s) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""
# What the dump that carries others' objects brings whole: no code in other languages, nothing that is tied to a table
# of the dump by inheritance or by its type, nor statistics of one, no rows that are hidden from us.
_CARRIABLE = """
    n.nspname <> 'dmrefresh' AND o.classid <> 'pg_catalog.pg_conversion'::pg_catalog.regclass
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_class c WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = o.oid
        AND (c.relkind = 'f' OR c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)
             OR EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace g ON g.oid = t.typnamespace
                        WHERE t.oid = c.reloftype AND g.nspname = ANY (%(gone)s))
             OR EXISTS (SELECT FROM pg_catalog.pg_inherits i
                        JOIN pg_catalog.pg_class x ON x.oid IN (i.inhrelid, i.inhparent)
                        JOIN pg_catalog.pg_namespace g ON g.oid = x.relnamespace
                        WHERE c.oid IN (i.inhrelid, i.inhparent) AND g.nspname = ANY (%(gone)s))))
    AND NOT EXISTS (  -- pg_dump writes it with its table
        SELECT FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
        JOIN pg_catalog.pg_namespace g ON g.oid = c.relnamespace
        WHERE o.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND s.oid = o.oid
        AND g.nspname = ANY (%(gone)s))
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_type t WHERE o.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = o.oid
        AND t.typtype IN ('b', 'p'))
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        WHERE o.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = o.oid AND p.prokind <> 'a'
        AND (l.lanname NOT IN ('sql', 'plpgsql')
             OR p.prorettype = 'pg_catalog.event_trigger'::pg_catalog.regtype
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger e WHERE e.evtfoid = p.oid)))
"""
# Whoever has an object in a schema that is not replaced, or an object of the database as a whole, would lose it. A cast
# between types of replaced schemas comes with them.
_STRANGERS = """
SELECT pg_catalog.pg_describe_object(o.classid, o.oid, 0)
FROM (
    SELECT o.classid, o.oid FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place
    WHERE {outside} AND NOT (n.nspname = 'dmrefresh' AND o.oid = pg_catalog.to_regclass('dmrefresh.receipts'))
      AND NOT (%(carrying)s AND {carriable})
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_ts_parser x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_ts_template x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_publication x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_foreign_data_wrapper x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_foreign_server x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_language x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_am x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_transform x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_event_trigger x WHERE NOT %(superuser)s
    UNION ALL SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, x.oid
              FROM pg_catalog.pg_largeobject_metadata x
    UNION ALL SELECT x.tableoid, x.oid FROM pg_catalog.pg_cast x
              WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_type t
                                JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                                WHERE t.oid IN (x.castsource, x.casttarget) AND n.nspname = ANY (%(gone)s))
                 OR EXISTS (SELECT FROM (SELECT t.tableoid AS classid, t.oid, t.typnamespace AS place
                                         FROM pg_catalog.pg_type t WHERE t.oid IN (x.castsource, x.casttarget)) o
                            JOIN pg_catalog.pg_namespace n ON n.oid = o.place
                            WHERE {outside} AND {in_its_own_right})
) o
WHERE (o.oid >= %(first)s OR o.classid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass) AND {in_its_own_right}
ORDER BY 1 LIMIT 1000
"""
_SCHEMAS = """
SELECT DISTINCT n.nspname
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place
WHERE {outside} AND o.oid >= %(first)s AND {carriable} AND {in_its_own_right}
ORDER BY 1
"""
_LOCKS = """
SELECT coalesce(sum(CASE WHEN c.relkind IN ('r', 'p') THEN 6 ELSE 3 END), 0)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
"""
# To read rows a role must inherit the owner's rights; to give what it makes to the owner it must be able to become
# that, and the owner must be allowed to make things there.
_FOREIGN = """
SELECT DISTINCT pg_catalog.pg_describe_object(o.classid, o.oid, 0), pg_catalog.pg_get_userbyid(o.owner)
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place
WHERE {outside} AND o.oid >= %(first)s AND {carriable} AND {in_its_own_right}
  AND NOT (pg_catalog.pg_has_role(o.owner, 'USAGE') AND pg_catalog.pg_has_role(o.owner, %(become)s)
           AND pg_catalog.has_schema_privilege(o.owner, n.oid, 'CREATE'))
ORDER BY 1
"""


# Checks, computed columns and index expressions run as the role that makes the tables anew.
_UNTRUSTED = """
SELECT DISTINCT u.rolname
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place JOIN pg_catalog.pg_roles u ON u.oid = o.owner
WHERE {outside} AND o.oid >= %(first)s AND {carriable} AND {in_its_own_right} AND NOT u.rolsuper
  AND u.rolname <> current_user
ORDER BY 1
"""


def _written_out(query: str) -> str:
    parts = {"owned": OWNED, "outside": _OUTSIDE, "carriable": _CARRIABLE, "in_its_own_right": IN_ITS_OWN_RIGHT}
    for name, part in parts.items():
        query = query.replace(f"{{{name}}}", part)
    return query


def schemas(connection: Connection, replaced: Sequence[str]) -> list[str]:
    """The schemas in which there is something that is to be carried over."""
    asked = {"gone": _gone(connection, replaced), "first": FIRST_OF_USERS}
    return [name for (name,) in connection.execute(_written_out(_SCHEMAS).encode(), asked)]


def locks_needed(errand: Errand) -> int:
    """How many locks it takes to carry them over, about.

    Counted as for the load (four a table, one each for the rest), and two more each on the target: ours and pg_dump's.
    """
    if errand.dump_others is None:
        return 0
    row = errand.connection.execute(_LOCKS, (schemas(errand.connection, errand.schemas),)).fetchone()
    assert row is not None
    return int(row[0])


def refuse(errand: Errand) -> None:
    """See that nothing of anybody's would be lost with the database; see the top of this file.

    Raises:
        TargetUnfit: something would; up to ten are named.
    """
    connection = errand.connection
    asked = {
        "gone": _gone(connection, errand.schemas),
        "superuser": is_superuser(connection),
        "first": FIRST_OF_USERS,
        "carrying": errand.dump_others is not None,
    }
    found = [name for (name,) in connection.execute(_written_out(_STRANGERS).encode(), asked)]
    for extension in extensions.made_by_users(connection):
        found += [f"rows in tables of the extension {extension.name}"] * extensions.has_rows(connection, extension)
    if not found:
        return
    hint = "move or drop them first, or publish by the strategy `schema`, which leaves other schemas alone"
    if all(name.startswith("event trigger ") for name in found):
        triggers = quoted(connection, *(name.removeprefix("event trigger ") for name in found[:MOST]))
        hint = f"as an administrator: {'; '.join(f'DROP EVENT TRIGGER {name}' for name in triggers)}"
    raise TargetUnfit(
        f"Not of the dump, and lost if another database took the target's place: {listed_apart(found)}.", hint=hint
    )


def refuse_foreign(errand: Errand) -> None:
    """See that what is to be carried over can be read, and given to those whose it is.

    Raises:
        RightsMissing: something belongs to a role that this one is no member of, or one that may not make it anew.
        UsageFailure: there is no pg_dump to carry it over with.
    """
    connection = errand.connection
    if errand.dump_others is None or not schemas(connection, errand.schemas):
        return
    errand.dump_others(major(connection), conninfo.used(connection), ())  # as long as nobody reads, nothing is begun
    if is_superuser(connection):
        return
    become = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    asked = {"gone": _gone(connection, errand.schemas), "first": FIRST_OF_USERS, "become": become}
    found = connection.execute(_written_out(_FOREIGN).encode(), asked).fetchall()
    if found:
        ours, *owners = quoted(connection, connection.info.user, *sorted({owner for _, owner in found}))
        raise RightsMissing(
            "What other schemas of the target hold belongs in part to roles that the target's role is no member of, or "
            f"that may not make it anew: {listed_apart([name for name, _ in found])}.",
            hint=f"as an administrator: GRANT {', '.join(owners)} TO {ours}, and GRANT CREATE on these "
            f"schemas to {', '.join(owners)}; or publish by the strategy `schema`",
        )


def say_whose_code_runs(errand: Errand) -> None:
    """Warn where what other roles have made is carried over: its code runs with the publishing role's rights then."""
    connection = errand.connection
    if errand.dump_others is None:
        return
    asked = {"gone": _gone(connection, errand.schemas), "first": FIRST_OF_USERS}
    roles = [name for (name,) in connection.execute(_written_out(_UNTRUSTED).encode(), asked)]
    if roles:
        superuser = is_superuser(connection)
        rights = "every right" if superuser else f"the rights of {connection.info.user}"
        errand.observer.warn(
            f"{'as a superuser: ' if superuser else ''}what {listed(roles)} made in other schemas "
            f"(checks, index expressions, computed columns) runs with {rights} while it is carried over"
        )


def _gone(connection: Connection, replaced: Sequence[str]) -> list[str]:
    return [*replaced, *moved_aside.left_over(connection)]
