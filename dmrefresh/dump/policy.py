"""What becomes of each kind of statement: executed, left out and counted, or refused.

POLICY is meant to be read by a person; a kind that is not in it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from dmrefresh.dump.settings import setting_of
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from dmrefresh.dump.events import Head, Statement


class Action(Enum):
    """What is done with a statement."""

    EXECUTE = "execute"
    LEAVE_OUT = "leave out"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a statement and why; the reason completes "because"."""

    action: Action
    reason: str


def _execute(reason: str = "it is part of the data's own schema") -> Decision:
    return Decision(Action.EXECUTE, reason)


def _leave_out(reason: str) -> Decision:
    return Decision(Action.LEAVE_OUT, reason)


def _refuse(reason: str) -> Decision:
    return Decision(Action.REFUSE, reason)


_RIGHTS = "the target keeps its own owners and rights"
_LISTENING = "it would make the copy send or receive changes"
_ELSEWHERE = "it reaches another server, perhaps with a password"
_FOREIGN_TABLE = "its rows are on another server, where nothing sanitises them"
_WHOLE_SERVER = "it changes the server and not the data"
_LARGE_OBJECT = "no rule can cover it; make the dump with --no-large-objects (--no-blobs before version 16)"
_CODE = "it runs code outside the database's own languages"

POLICY: dict[str, Decision] = {
    # the session that loads
    "SET": _execute("the session needs it"),  # each setting is decided below
    "SELECT SET_CONFIG": _execute("names in the dump are written for an empty search_path"),
    "SET SESSION AUTHORIZATION": _leave_out(_RIGHTS),
    "BEGIN": _refuse("publishing is one transaction"),
    "COMMIT": _refuse("publishing is one transaction"),
    # schemas and extensions
    "CREATE SCHEMA": _execute(),  # but for the schema public, below
    "CREATE EXTENSION": _execute("publishing sees whether the target has it"),  # but for those named below
    # types
    "CREATE TYPE": _execute(),
    "CREATE DOMAIN": _execute(),
    "ALTER DOMAIN ADD CONSTRAINT": _execute(),
    "CREATE COLLATION": _execute(),
    "CREATE CAST": _execute(),
    "CREATE BASE TYPE": _refuse(_CODE),
    # tables, sequences, views
    "CREATE TABLE": _execute(),
    "CREATE SEQUENCE": _execute(),
    "CREATE VIEW": _execute(),
    "CREATE OR REPLACE VIEW": _execute(),
    "CREATE OR REPLACE VIEW BEFORE CREATE": _leave_out("it only prepares the DROPs of a dump made with --clean"),
    "CREATE MATERIALIZED VIEW": _execute(),
    "REFRESH MATERIALIZED VIEW": _execute(),
    "SELECT SETVAL": _execute(),
    "ALTER SEQUENCE OWNED BY": _execute(),
    "ALTER SEQUENCE SET LOGGED": _execute(),
    "ALTER SEQUENCE SET UNLOGGED": _execute(),
    "ALTER TABLE ADD CONSTRAINT": _execute(),
    "ALTER TABLE ALTER COLUMN ADD GENERATED": _execute(),
    "ALTER TABLE ALTER COLUMN SET": _execute(),
    "ALTER TABLE ALTER COLUMN SET COMPRESSION": _execute(),
    "ALTER TABLE ALTER COLUMN SET DEFAULT": _execute(),
    "ALTER TABLE ALTER COLUMN SET NOT NULL": _execute(),
    "ALTER TABLE ALTER COLUMN SET STATISTICS": _execute(),
    "ALTER TABLE ALTER COLUMN SET STORAGE": _execute(),
    "ALTER TABLE ATTACH PARTITION": _execute(),
    "ALTER TABLE CLUSTER ON": _execute(),
    "ALTER TABLE DISABLE RULE": _execute(),
    "ALTER TABLE DISABLE TRIGGER": _execute(),
    "ALTER TABLE ENABLE ALWAYS RULE": _execute(),
    "ALTER TABLE ENABLE ALWAYS TRIGGER": _execute(),
    "ALTER TABLE ENABLE REPLICA RULE": _execute(),
    "ALTER TABLE ENABLE REPLICA TRIGGER": _execute(),
    "ALTER TABLE ENABLE ROW LEVEL SECURITY": _execute(),
    "ALTER TABLE ENABLE TRIGGER": _execute(),  # of a partition, where its parent's is disabled
    "ALTER TABLE FORCE ROW LEVEL SECURITY": _execute(),
    "ALTER TABLE REPLICA IDENTITY": _execute(),
    "ALTER TABLE SET": _execute(),
    "ALTER TABLE SET ACCESS METHOD": _leave_out("tables are stored as the target stores them"),
    "ALTER VIEW ALTER COLUMN SET DEFAULT": _execute(),
    "CREATE TABLE AS": _refuse("its rows would not pass the sanitiser"),
    "INSERT": _refuse("its rows would not pass the sanitiser"),
    # indexes, and what watches over rows
    "CREATE INDEX": _execute(),
    "ALTER INDEX ATTACH PARTITION": _execute(),
    "ALTER INDEX ALTER COLUMN SET STATISTICS": _execute(),
    "CREATE STATISTICS": _execute(),
    "ALTER STATISTICS SET STATISTICS": _execute(),
    "SELECT STATISTICS": _leave_out("it holds values of rows, and publishing analyses the tables itself"),
    "CREATE POLICY": _execute(),
    "CREATE RULE": _execute(),
    "CREATE TRIGGER": _execute(),
    # functions and operators
    "CREATE FUNCTION": _execute(),
    "CREATE PROCEDURE": _execute(),
    "CREATE AGGREGATE": _execute(),
    "CREATE OPERATOR": _execute(),
    "CREATE OPERATOR CLASS": _execute(),
    "CREATE OPERATOR FAMILY": _execute(),
    "ALTER OPERATOR FAMILY ADD": _execute(),
    "CREATE TEXT SEARCH CONFIGURATION": _execute(),
    "CREATE TEXT SEARCH DICTIONARY": _execute(),
    "ALTER TEXT SEARCH CONFIGURATION ADD MAPPING": _execute(),
    "CREATE FUNCTION IN ANOTHER LANGUAGE": _refuse(_CODE),
    "CREATE TEXT SEARCH PARSER": _refuse(_CODE),
    "CREATE TEXT SEARCH TEMPLATE": _refuse(_CODE),
    "CREATE CONVERSION": _refuse(_CODE),
    "CREATE TRANSFORM": _refuse(_CODE),
    "CREATE ACCESS METHOD": _refuse(_CODE),
    "CREATE LANGUAGE": _refuse(_CODE),
    "DO": _refuse("it may do anything"),
    # event triggers act on the whole database, the target's own schemas included
    "CREATE EVENT TRIGGER": _leave_out("it would act on the whole target"),
    "ALTER EVENT TRIGGER": _leave_out("it would act on the whole target"),
    "CREATE FUNCTION RETURNS EVENT_TRIGGER": _leave_out("only an event trigger can use it"),
    # what is only said about objects
    # (comments are executed where their object is; the sanitiser looks for personal data in them before)
    "COMMENT ON AGGREGATE": _execute(),
    "COMMENT ON CAST": _execute(),
    "COMMENT ON COLLATION": _execute(),
    "COMMENT ON COLUMN": _execute(),
    "COMMENT ON CONSTRAINT": _execute(),
    "COMMENT ON CONSTRAINT ON DOMAIN": _execute(),
    "COMMENT ON DOMAIN": _execute(),
    "COMMENT ON FUNCTION": _execute(),
    "COMMENT ON INDEX": _execute(),
    "COMMENT ON MATERIALIZED VIEW": _execute(),
    "COMMENT ON OPERATOR": _execute(),
    "COMMENT ON OPERATOR CLASS": _execute(),
    "COMMENT ON OPERATOR FAMILY": _execute(),
    "COMMENT ON POLICY": _execute(),
    "COMMENT ON PROCEDURE": _execute(),
    "COMMENT ON RULE": _execute(),
    "COMMENT ON SCHEMA": _execute(),  # but for the schema public, below
    "COMMENT ON SEQUENCE": _execute(),
    "COMMENT ON STATISTICS": _execute(),
    "COMMENT ON TABLE": _execute(),
    "COMMENT ON TEXT SEARCH CONFIGURATION": _execute(),
    "COMMENT ON TEXT SEARCH DICTIONARY": _execute(),
    "COMMENT ON TRIGGER": _execute(),
    "COMMENT ON TYPE": _execute(),
    "COMMENT ON VIEW": _execute(),
    "COMMENT ON DATABASE": _leave_out("the target has its database"),
    "COMMENT ON EVENT TRIGGER": _leave_out("it would act on the whole target"),
    "COMMENT ON EXTENSION": _leave_out("the extension is the target's"),
    "COMMENT ON FOREIGN DATA WRAPPER": _leave_out(_ELSEWHERE),
    "COMMENT ON FUNCTION RETURNS EVENT_TRIGGER": _leave_out("only an event trigger can use it"),
    "COMMENT ON LANGUAGE": _leave_out("the language is the target's"),
    "COMMENT ON PUBLICATION": _leave_out(_LISTENING),
    "COMMENT ON SERVER": _leave_out(_ELSEWHERE),
    "COMMENT ON SUBSCRIPTION": _leave_out(_LISTENING),
    "COMMENT ON ACCESS METHOD": _refuse(_CODE),
    "COMMENT ON CONVERSION": _refuse(_CODE),
    "COMMENT ON FOREIGN TABLE": _refuse(_FOREIGN_TABLE),
    "COMMENT ON LARGE OBJECT": _refuse(_LARGE_OBJECT),
    "COMMENT ON ROLE": _refuse(_WHOLE_SERVER),
    "COMMENT ON TABLESPACE": _refuse(_WHOLE_SERVER),
    "COMMENT ON TEXT SEARCH PARSER": _refuse(_CODE),
    "COMMENT ON TEXT SEARCH TEMPLATE": _refuse(_CODE),
    "COMMENT ON TRANSFORM": _refuse(_CODE),
    "SECURITY LABEL": _leave_out(_RIGHTS),
    "GRANT": _leave_out(_RIGHTS),
    "REVOKE": _leave_out(_RIGHTS),
    "ALTER DEFAULT PRIVILEGES": _leave_out(_RIGHTS),
    "ALTER OWNER": _leave_out(_RIGHTS),
    "ALTER DEPENDS ON EXTENSION": _leave_out("the extension is the target's"),
    # what a dump made with --clean removes
    "DROP": _leave_out("nothing of the target is ever dropped by a dump"),
    "ALTER DROP": _leave_out("nothing of the target is ever dropped by a dump"),
    # other servers
    "CREATE PUBLICATION": _leave_out(_LISTENING),
    "ALTER PUBLICATION": _leave_out(_LISTENING),
    "CREATE SUBSCRIPTION": _leave_out(_LISTENING),
    "ALTER SUBSCRIPTION": _leave_out(_LISTENING),
    "CREATE FOREIGN DATA WRAPPER": _leave_out(_ELSEWHERE),
    "ALTER FOREIGN DATA WRAPPER": _leave_out(_ELSEWHERE),
    "CREATE SERVER": _leave_out(_ELSEWHERE),
    "ALTER SERVER": _leave_out(_ELSEWHERE),
    "CREATE USER MAPPING": _leave_out(_ELSEWHERE),
    "ALTER USER MAPPING": _leave_out(_ELSEWHERE),
    "CREATE FOREIGN TABLE": _refuse(_FOREIGN_TABLE),
    "ALTER FOREIGN TABLE": _refuse(_FOREIGN_TABLE),
    # large objects have no columns, so no rule can cover them
    "SELECT LARGE OBJECT": _refuse(_LARGE_OBJECT),
    "ALTER LARGE OBJECT": _refuse(_LARGE_OBJECT),
    # the server as a whole
    "CREATE DATABASE": _refuse("the target has its database; make the dump without --create"),
    "ALTER DATABASE": _refuse("the target has its database; make the dump without --create"),
    "ALTER SYSTEM": _refuse(_WHOLE_SERVER),
    "CREATE ROLE": _refuse(_WHOLE_SERVER),
    "ALTER ROLE": _refuse(_WHOLE_SERVER),
    "CREATE USER": _refuse(_WHOLE_SERVER),
    "ALTER USER": _refuse(_WHOLE_SERVER),
    "CREATE GROUP": _refuse(_WHOLE_SERVER),
    "ALTER GROUP": _refuse(_WHOLE_SERVER),
    "CREATE TABLESPACE": _refuse(_WHOLE_SERVER),
    "ALTER TABLESPACE": _refuse(_WHOLE_SERVER),
    # COPY is read by the reader and never executed as it stands
    "COPY": _refuse("only COPY … FROM stdin with its rows is read"),
}

_SET_ASIDE = "dmrefresh_previous"
_PREVIOUS_DATA = _refuse("previous data has such names; make the dump with --exclude-schema='dmrefresh_previous*'")

_UNKNOWN = _refuse("pg_dump writes no such statement, or not in this way")

SETTINGS: dict[str, frozenset[str] | None] = {
    # None: whatever the value. Otherwise the values that are executed; others are left out.
    "check_function_bodies": None,
    "client_encoding": None,
    "client_min_messages": None,
    "default_table_access_method": frozenset({"heap"}),
    "default_tablespace": frozenset({""}),
    "row_security": None,
    "standard_conforming_strings": frozenset({"on"}),
    "xmloption": None,
}

SETTINGS_LEFT_OUT = frozenset(
    {
        # Publishing has limits of its own; a server need not know those of a newer one.
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "lock_timeout",
        "statement_timeout",
        "transaction_timeout",
        # Written by versions before 12, without effect today.
        "default_with_oids",
        "escape_string_warning",
    }
)

EXTENSIONS_REFUSED = frozenset(
    {"adminpack", "dblink", "file_fdw", "plperlu", "plpython2u", "plpython3u", "plpythonu", "pltclu"}
)
"""Extensions that reach files, programs or other servers from within the database."""


def decide(statement: Statement) -> Decision:
    """What is to be done with a statement of a dump, and why."""
    if statement.kind == "SET":
        return _decide_setting(statement)
    target = statement.target
    if statement.kind in ("CREATE SCHEMA", "COMMENT ON SCHEMA"):
        if target is None:
            return _UNKNOWN
        if target.name.startswith(_SET_ASIDE):
            return _PREVIOUS_DATA
        if target.name == "public":
            return _leave_out("publishing makes the schema public itself, with the comment that the target's had")
    if statement.kind == "CREATE EXTENSION" and (target is None or target.name in EXTENSIONS_REFUSED):
        return _refuse("it reaches files, programs or other servers")
    return POLICY.get(statement.kind, _UNKNOWN)


def check_head(head: Head) -> None:
    """Find what would be refused before anything is begun.

    Raises:
        DumpRefused: a statement before the first row is refused; the message has its kind and place.
    """
    for statement in head.statements:
        check(statement)


def check(statement: Statement) -> Decision:
    """The decision about a statement, where it is not refused.

    Raises:
        DumpRefused: it is; the message has its kind and place and nothing of its text.
    """
    decision = decide(statement)
    if decision.action is Action.REFUSE:
        kind = "a statement of an unknown kind" if decision is _UNKNOWN else f"a statement {statement.kind}"
        raise DumpRefused(f"The dump holds {kind} at {statement.place}, which is refused because {decision.reason}.")
    return decision


def _decide_setting(statement: Statement) -> Decision:
    found = setting_of(statement.sql)
    if found is None:
        return _UNKNOWN
    name, value = found
    if name in SETTINGS_LEFT_OUT:
        return _leave_out("publishing has limits of its own")
    if name not in SETTINGS:
        return _UNKNOWN
    allowed = SETTINGS[name]
    if allowed is None or value in allowed:
        return POLICY["SET"]
    if name == "standard_conforming_strings":
        return _refuse("strings would mean something else")
    return _leave_out("tables are stored as the target stores them")
