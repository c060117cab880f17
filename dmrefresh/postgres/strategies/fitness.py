"""Whether a target can take a dump, whichever way it is published: found out before anything is begun."""

from __future__ import annotations

from collections import Counter

from dmrefresh.dump.definitions.settings import setting_of
from dmrefresh.dump.events import Head
from dmrefresh.dump.judging import deciding, policy
from dmrefresh.dump.text.encodings import HINT, codec_of
from dmrefresh.errors import DumpRefused, RightsMissing, TargetUnfit
from dmrefresh.lists import listed
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, receipt
from dmrefresh.postgres.carrying import grants
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.newer import Newer
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.reach.session_facts import version
from dmrefresh.postgres.strategies import dropping


def refuse_newer(connection: Connection, head: Head, observer: Observer) -> Newer | None:
    """A dump of a newer version goes on, and not without a word, if the target can take all its settings.

    Those which the policy leaves out need not be known. Nothing has been done on the target yet.

    Returns:
        both versions, where the server dumped or the pg_dump that wrote is newer than the target.

    Raises:
        DumpRefused: the target does not know a setting that the dump needs.
    """
    newer = Newer.of(head, version(connection))
    if newer is None:
        return None
    known = {name for (name,) in connection.execute("SELECT name FROM pg_catalog.pg_settings").fetchall()}
    for statement in head.statements:
        if statement.kind == "SET":
            action = deciding.decide(statement).action
            name, _ = setting_of(statement.sql) or ("of an unknown form", "")
            if action is policy.Action.REFUSE or (action is policy.Action.EXECUTE and name not in known):
                raise DumpRefused(f"{newer} The dump needs a setting {name} at {statement.place}.", hint=newer.hint)
    if newer.server:
        observer.warn(f"{newer} What only the newer version knows would stop the refresh.")
    return newer


def refuse_unconverted(connection: Connection, head: Head) -> None:
    """A database in SQL_ASCII stores all bytes as they come: those of the dump beside ours, which are UTF-8.

    Raises:
        TargetUnfit: the target is one, and the dump is in another encoding.
    """
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII" and codec_of(head.encoding) != "utf-8":
        raise TargetUnfit(
            f"The target is a database in SQL_ASCII, which would store the dump's {head.encoding} unconverted.",
            hint=HINT,
        )


def refuse_receipts(head: Head) -> None:
    """Raises DumpRefused where the dump brings the schema of the receipts."""
    if receipt.SCHEMA in head.schema.schemas:
        raise DumpRefused(
            f"The dump brings a schema {receipt.SCHEMA}, where the target keeps its receipts.",
            hint=f"make the dump with pg_dump --exclude-schema={receipt.SCHEMA}",
        )


def refuse_foreign_schemas(errand: Errand) -> None:
    """What replaces a schema must be its owner, and may make schemas in the database.

    Raises:
        RightsMissing: a schema belongs to a role that this one is no member of, or CREATE on the database is missing.
    """
    connection = errand.connection
    for schema, owner in connection.execute(
        "SELECT nspname, pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace "
        "WHERE nspname = ANY (%s) AND NOT pg_catalog.pg_has_role(nspowner, 'USAGE') ORDER BY 1",
        (list(errand.schemas),),
    ).fetchall():
        name, role = quoted(connection, schema, connection.info.user)
        raise RightsMissing(
            f"The schema {schema} of the target belongs to {owner}; only its owner can replace it.",
            hint=f"as an administrator: ALTER SCHEMA {name} OWNER TO {role}",
        )
    row = connection.execute(
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
    ).fetchone()
    if row is not None and not row[0]:
        database, role = quoted(connection, errand.name, connection.info.user)
        raise RightsMissing(
            "The target's role may not make schemas in the target.",
            hint=f"as an administrator: GRANT CREATE ON DATABASE {database} TO {role}",
        )


def refuse_foreign_owners(errand: Errand) -> None:
    """Raises RightsMissing where what is to be replaced belongs to others; see `grants`."""
    grants.refuse_foreign_owners(errand.connection, errand.schemas)


def locks_needed(head: Head) -> int:
    """How many locks the load holds at its end, about; further indexes come behind the rows and are not known yet.

    Counted with four a table (itself, its TOAST table, the index of that, its key) and one each for the rest.
    """
    weights = Counter(statement.kind for statement in head.statements)
    others = sum(n for kind, n in weights.items() if kind.startswith("CREATE ")) - weights["CREATE TABLE"]
    return 4 * weights["CREATE TABLE"] + max(others, 0)


def locks_there(connection: Connection) -> int:
    """How many the target's lock table has room for.

    That is max_locks_per_transaction × (max_connections + max_prepared_transactions).
    """
    row = connection.execute(
        "SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint * "
        "(pg_catalog.current_setting('max_connections')::bigint "
        "+ pg_catalog.current_setting('max_prepared_transactions')::bigint)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def refuse_too_many(errand: Errand, more: int = 0) -> None:
    """Each relation made holds a lock until the commit; a full lock table fails *other* sessions.

    Args:
        errand: what is published.
        more: how many locks there are beside those of the load.

    Raises:
        TargetUnfit: the load would take more than half of the table.
    """
    needed, room = locks_needed(errand.head) + more, locks_there(errand.connection)
    if needed > room // 2:
        raise TargetUnfit(
            f"Publishing needs about {needed} locks at once; the target has room for {room}, of which half is left "
            "to other sessions.",
            hint="raise max_locks_per_transaction on the target",
        )


def only_in_target(errand: Errand) -> list[str]:
    """The tables and views of the schemas to be replaced that the dump does not bring."""
    made = {
        f"{s.target.schema}.{s.target.name}"
        for s in errand.head.statements
        if s.target and s.kind.startswith("CREATE ")
    }
    return dropping.only_here(errand.connection, errand.schemas, made)


def say_what_goes(errand: Errand) -> None:
    """What is in the target and not in the dump goes with the previous data, and not without a word."""
    going = only_in_target(errand)
    if going:
        errand.observer.warn(f"in the target and not in the dump, so gone after the refresh: {listed(going)}")
