"""What becomes of each kind of statement: executed, left out and counted, or refused.

POLICY is meant to be read by a person; a kind that is not in it is refused. `deciding` asks it about a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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


def execute(reason: str = "it is part of the data's own schema") -> Decision:
    """It is part of what is published."""
    return Decision(Action.EXECUTE, reason)


def leave_out(reason: str) -> Decision:
    """It is passed over and counted."""
    return Decision(Action.LEAVE_OUT, reason)


def refuse(reason: str) -> Decision:
    """It ends the run before anything is changed."""
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
    "SET": execute("the session needs it"),  # for each setting see SETTINGS, and `deciding`
    "SELECT SET_CONFIG": execute("names in the dump are written for an empty search_path"),
    "SET SESSION AUTHORIZATION": leave_out(_RIGHTS),
    "BEGIN": refuse("publishing is one transaction"),
    "COMMIT": refuse("publishing is one transaction"),
    # schemas and extensions
    "CREATE SCHEMA": execute(),  # but for some names: see `deciding`
    "CREATE EXTENSION": execute("publishing sees whether the target has it"),  # but for EXTENSIONS_REFUSED
    # types
    "CREATE TYPE": execute(),
    "CREATE DOMAIN": execute(),
    "ALTER DOMAIN ADD CONSTRAINT": execute(),
    "CREATE COLLATION": execute(),
    "CREATE CAST": execute(),
    "CREATE BASE TYPE": refuse(_CODE),
    # tables, sequences, views
    "CREATE TABLE": execute(),
    "CREATE SEQUENCE": execute(),
    "CREATE VIEW": execute(),
    "CREATE OR REPLACE VIEW": execute(),
    "CREATE OR REPLACE VIEW BEFORE CREATE": leave_out("it only prepares the DROPs of a dump made with --clean"),
    "CREATE MATERIALIZED VIEW": execute(),
    "REFRESH MATERIALIZED VIEW": execute(),
    "SELECT SETVAL": execute(),
    "ALTER SEQUENCE OWNED BY": execute(),
    "ALTER SEQUENCE SET LOGGED": execute(),
    "ALTER SEQUENCE SET UNLOGGED": execute(),
    "ALTER TABLE ADD CONSTRAINT": execute(),
    "ALTER TABLE ALTER COLUMN ADD GENERATED": execute(),
    "ALTER TABLE ALTER COLUMN SET": execute(),
    "ALTER TABLE ALTER COLUMN SET COMPRESSION": execute(),
    "ALTER TABLE ALTER COLUMN SET DEFAULT": execute(),
    "ALTER TABLE ALTER COLUMN SET NOT NULL": execute(),
    "ALTER TABLE ALTER COLUMN SET STATISTICS": execute(),
    "ALTER TABLE ALTER COLUMN SET STORAGE": execute(),
    "ALTER TABLE ATTACH PARTITION": execute(),
    "ALTER TABLE CLUSTER ON": execute(),
    "ALTER TABLE DISABLE RULE": execute(),
    "ALTER TABLE DISABLE TRIGGER": execute(),
    "ALTER TABLE ENABLE ALWAYS RULE": execute(),
    "ALTER TABLE ENABLE ALWAYS TRIGGER": execute(),
    "ALTER TABLE ENABLE REPLICA RULE": execute(),
    "ALTER TABLE ENABLE REPLICA TRIGGER": execute(),
    "ALTER TABLE ENABLE ROW LEVEL SECURITY": execute(),
    "ALTER TABLE ENABLE TRIGGER": execute(),  # of a partition, where its parent's is disabled
    "ALTER TABLE FORCE ROW LEVEL SECURITY": execute(),
    "ALTER TABLE REPLICA IDENTITY": execute(),
    "ALTER TABLE SET": execute(),
    "ALTER TABLE SET ACCESS METHOD": leave_out("tables are stored as the target stores them"),
    "ALTER VIEW ALTER COLUMN SET DEFAULT": execute(),
    "CREATE TABLE AS": refuse("its rows would not pass the sanitiser"),
    "INSERT": refuse("its rows would not pass the sanitiser"),
    # indexes, and what watches over rows
    "CREATE INDEX": execute(),
    "ALTER INDEX ATTACH PARTITION": execute(),
    "ALTER INDEX ALTER COLUMN SET STATISTICS": execute(),
    "CREATE STATISTICS": execute(),
    "ALTER STATISTICS SET STATISTICS": execute(),
    "SELECT STATISTICS": leave_out("it holds values of rows, and publishing analyses the tables itself"),
    "CREATE POLICY": execute(),
    "CREATE RULE": execute(),
    "CREATE TRIGGER": execute(),
    # functions and operators
    "CREATE FUNCTION": execute(),
    "CREATE PROCEDURE": execute(),
    "CREATE AGGREGATE": execute(),
    "CREATE OPERATOR": execute(),
    "CREATE OPERATOR CLASS": execute(),
    "CREATE OPERATOR FAMILY": execute(),
    "ALTER OPERATOR FAMILY ADD": execute(),
    "CREATE TEXT SEARCH CONFIGURATION": execute(),
    "CREATE TEXT SEARCH DICTIONARY": execute(),
    "ALTER TEXT SEARCH CONFIGURATION ADD MAPPING": execute(),
    "CREATE FUNCTION IN ANOTHER LANGUAGE": refuse(_CODE),
    "CREATE TEXT SEARCH PARSER": refuse(_CODE),
    "CREATE TEXT SEARCH TEMPLATE": refuse(_CODE),
    "CREATE CONVERSION": refuse(_CODE),
    "CREATE TRANSFORM": refuse(_CODE),
    "CREATE ACCESS METHOD": refuse(_CODE),
    "CREATE LANGUAGE": refuse(_CODE),
    "DO": refuse("it may do anything"),
    # event triggers act on the whole database, the target's own schemas included
    "CREATE EVENT TRIGGER": leave_out("it would act on the whole target"),
    "ALTER EVENT TRIGGER": leave_out("it would act on the whole target"),
    "CREATE FUNCTION RETURNS EVENT_TRIGGER": leave_out("only an event trigger can use it"),
    # what is only said about objects
    # (comments are executed where their object is; the sanitiser looks for personal data in them before)
    "COMMENT ON AGGREGATE": execute(),
    "COMMENT ON CAST": execute(),
    "COMMENT ON COLLATION": execute(),
    "COMMENT ON COLUMN": execute(),
    "COMMENT ON CONSTRAINT": execute(),
    "COMMENT ON CONSTRAINT ON DOMAIN": execute(),
    "COMMENT ON DOMAIN": execute(),
    "COMMENT ON FUNCTION": execute(),
    "COMMENT ON INDEX": execute(),
    "COMMENT ON MATERIALIZED VIEW": execute(),
    "COMMENT ON OPERATOR": execute(),
    "COMMENT ON OPERATOR CLASS": execute(),
    "COMMENT ON OPERATOR FAMILY": execute(),
    "COMMENT ON POLICY": execute(),
    "COMMENT ON PROCEDURE": execute(),
    "COMMENT ON RULE": execute(),
    "COMMENT ON SCHEMA": execute(),  # but for some names: see `deciding`
    "COMMENT ON SEQUENCE": execute(),
    "COMMENT ON STATISTICS": execute(),
    "COMMENT ON TABLE": execute(),
    "COMMENT ON TEXT SEARCH CONFIGURATION": execute(),
    "COMMENT ON TEXT SEARCH DICTIONARY": execute(),
    "COMMENT ON TRIGGER": execute(),
    "COMMENT ON TYPE": execute(),
    "COMMENT ON VIEW": execute(),
    "COMMENT ON DATABASE": leave_out("the target has its database"),
    "COMMENT ON EVENT TRIGGER": leave_out("it would act on the whole target"),
    "COMMENT ON EXTENSION": leave_out("the extension is the target's"),
    "COMMENT ON FOREIGN DATA WRAPPER": leave_out(_ELSEWHERE),
    "COMMENT ON FUNCTION RETURNS EVENT_TRIGGER": leave_out("only an event trigger can use it"),
    "COMMENT ON LANGUAGE": leave_out("the language is the target's"),
    "COMMENT ON PUBLICATION": leave_out(_LISTENING),
    "COMMENT ON SERVER": leave_out(_ELSEWHERE),
    "COMMENT ON SUBSCRIPTION": leave_out(_LISTENING),
    "COMMENT ON ACCESS METHOD": refuse(_CODE),
    "COMMENT ON CONVERSION": refuse(_CODE),
    "COMMENT ON FOREIGN TABLE": refuse(_FOREIGN_TABLE),
    "COMMENT ON LARGE OBJECT": refuse(_LARGE_OBJECT),
    "COMMENT ON ROLE": refuse(_WHOLE_SERVER),
    "COMMENT ON TABLESPACE": refuse(_WHOLE_SERVER),
    "COMMENT ON TEXT SEARCH PARSER": refuse(_CODE),
    "COMMENT ON TEXT SEARCH TEMPLATE": refuse(_CODE),
    "COMMENT ON TRANSFORM": refuse(_CODE),
    "SECURITY LABEL": leave_out(_RIGHTS),
    "GRANT": leave_out(_RIGHTS),
    "REVOKE": leave_out(_RIGHTS),
    "ALTER DEFAULT PRIVILEGES": leave_out(_RIGHTS),
    "ALTER OWNER": leave_out(_RIGHTS),
    "ALTER DEPENDS ON EXTENSION": leave_out("the extension is the target's"),
    # what a dump made with --clean removes
    "DROP": leave_out("nothing of the target is ever dropped by a dump"),
    "ALTER DROP": leave_out("nothing of the target is ever dropped by a dump"),
    # other servers
    "CREATE PUBLICATION": leave_out(_LISTENING),
    "ALTER PUBLICATION": leave_out(_LISTENING),
    "CREATE SUBSCRIPTION": leave_out(_LISTENING),
    "ALTER SUBSCRIPTION": leave_out(_LISTENING),
    "CREATE FOREIGN DATA WRAPPER": leave_out(_ELSEWHERE),
    "ALTER FOREIGN DATA WRAPPER": leave_out(_ELSEWHERE),
    "CREATE SERVER": leave_out(_ELSEWHERE),
    "ALTER SERVER": leave_out(_ELSEWHERE),
    "CREATE USER MAPPING": leave_out(_ELSEWHERE),
    "ALTER USER MAPPING": leave_out(_ELSEWHERE),
    "CREATE FOREIGN TABLE": refuse(_FOREIGN_TABLE),
    "ALTER FOREIGN TABLE": refuse(_FOREIGN_TABLE),
    # large objects have no columns, so no rule can cover them
    "SELECT LARGE OBJECT": refuse(_LARGE_OBJECT),
    "ALTER LARGE OBJECT": refuse(_LARGE_OBJECT),
    # the server as a whole
    "CREATE DATABASE": refuse("the target has its database; make the dump without --create"),
    "ALTER DATABASE": refuse("the target has its database; make the dump without --create"),
    "ALTER SYSTEM": refuse(_WHOLE_SERVER),
    "CREATE ROLE": refuse(_WHOLE_SERVER),
    "ALTER ROLE": refuse(_WHOLE_SERVER),
    "CREATE USER": refuse(_WHOLE_SERVER),
    "ALTER USER": refuse(_WHOLE_SERVER),
    "CREATE GROUP": refuse(_WHOLE_SERVER),
    "ALTER GROUP": refuse(_WHOLE_SERVER),
    "CREATE TABLESPACE": refuse(_WHOLE_SERVER),
    "ALTER TABLESPACE": refuse(_WHOLE_SERVER),
    # COPY is read by the reader and never executed as it stands
    "COPY": refuse("only COPY … FROM stdin with its rows is read"),
}

SET_ASIDE = ("dmrefresh_previous", "dmrefresh_superseded")
"""How the names of schemas begin that a swap has moved aside, and those that the next one has renamed once more."""
PREVIOUS_DATA = refuse(
    "previous data has such names; make the dump with " + " ".join(f"--exclude-schema='{name}*'" for name in SET_ASIDE)
)

UNKNOWN = refuse("pg_dump writes no such statement, or not in this way")

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
