"""The audit of the policy: what pg_dump 12 to 18 writes beside what test_statements.py has, kind by kind.

One example for each thing that pg_dump's functions for dumping an object can write, with every option it has.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.definitions.statements import classify
from dmrefresh.dump.events import Name, Place, Statement, TableData
from dmrefresh.dump.judging.deciding import check, decide
from dmrefresh.dump.judging.policy import POLICY, Action
from dmrefresh.errors import DumpRefused
from tests.dump import test_statements
from tests.dump.writing import ROWS, USERS, a_dump, read

EXECUTE, LEAVE_OUT, REFUSE = Action.EXECUTE, Action.LEAVE_OUT, Action.REFUSE
T = Name("public", "t")


def _statement(sql: str) -> Statement:
    kind, target = classify(sql.encode(), "utf-8")
    return Statement(sql.encode(), kind, target, Place(7, 70))


# What is commented on, its kind where that is not its first words, the target.
COMMENTS: list[tuple[str, str, Name | None, Action]] = [
    ("ACCESS METHOD x", "ACCESS METHOD", Name("", "x"), REFUSE),
    ("AGGREGATE public.t(*)", "AGGREGATE", T, EXECUTE),
    ('AGGREGATE public.t(double precision, VARIADIC "any")', "AGGREGATE", T, EXECUTE),
    ("CAST (public.t AS character varying(3))", "CAST", None, EXECUTE),
    ("COLLATION public.t", "COLLATION", T, EXECUTE),
    ('COLUMN public.t."is null"', "COLUMN", T, EXECUTE),
    ("CONSTRAINT c ON public.t", "CONSTRAINT", T, EXECUTE),
    ("CONSTRAINT c ON domain.t", "CONSTRAINT", Name("domain", "t"), EXECUTE),
    ('CONSTRAINT "on" ON DOMAIN public.t', "CONSTRAINT ON DOMAIN", T, EXECUTE),
    ("CONVERSION public.t", "CONVERSION", T, REFUSE),
    ("DATABASE marketplace", "DATABASE", Name("", "marketplace"), LEAVE_OUT),
    ("DOMAIN public.t", "DOMAIN", T, EXECUTE),
    ("EVENT TRIGGER x", "EVENT TRIGGER", Name("", "x"), LEAVE_OUT),
    ("EXTENSION citext", "EXTENSION", Name("", "citext"), LEAVE_OUT),
    ("FOREIGN DATA WRAPPER x", "FOREIGN DATA WRAPPER", Name("", "x"), LEAVE_OUT),
    ("FOREIGN TABLE public.t", "FOREIGN TABLE", T, REFUSE),
    ("FUNCTION public.t(a integer, OUT b text[])", "FUNCTION", T, EXECUTE),
    ("INDEX public.t", "INDEX", T, EXECUTE),
    ("LANGUAGE x", "LANGUAGE", Name("", "x"), LEAVE_OUT),
    ("PROCEDURAL LANGUAGE x", "LANGUAGE", Name("", "x"), LEAVE_OUT),
    ("LARGE OBJECT 16405", "LARGE OBJECT", None, REFUSE),
    ("MATERIALIZED VIEW public.t", "MATERIALIZED VIEW", T, EXECUTE),
    ("OPERATOR public.<-> (NONE, public.t)", "OPERATOR", Name("public", "<->"), EXECUTE),
    ("OPERATOR CLASS public.t USING btree", "OPERATOR CLASS", T, EXECUTE),
    ("OPERATOR FAMILY public.t USING btree", "OPERATOR FAMILY", T, EXECUTE),
    ("POLICY p ON public.t", "POLICY", T, EXECUTE),
    ("PROCEDURE public.t(IN a integer)", "PROCEDURE", T, EXECUTE),
    ("PUBLICATION p", "PUBLICATION", Name("", "p"), LEAVE_OUT),
    ("ROLE ada", "ROLE", Name("", "ada"), REFUSE),
    ("RULE r ON public.t", "RULE", T, EXECUTE),
    ("SCHEMA public", "SCHEMA", Name("", "public"), LEAVE_OUT),
    ("SCHEMA sales", "SCHEMA", Name("", "sales"), EXECUTE),
    ("SCHEMA dmrefresh_previous", "SCHEMA", Name("", "dmrefresh_previous"), REFUSE),
    ("SEQUENCE public.t", "SEQUENCE", T, EXECUTE),
    ("SERVER s", "SERVER", Name("", "s"), LEAVE_OUT),
    ("STATISTICS public.t", "STATISTICS", T, EXECUTE),
    ("SUBSCRIPTION s", "SUBSCRIPTION", Name("", "s"), LEAVE_OUT),
    ("TABLE public.t", "TABLE", T, EXECUTE),
    ("TABLESPACE fast", "TABLESPACE", Name("", "fast"), REFUSE),
    ("TEXT SEARCH CONFIGURATION public.t", "TEXT SEARCH CONFIGURATION", T, EXECUTE),
    ("TEXT SEARCH DICTIONARY public.t", "TEXT SEARCH DICTIONARY", T, EXECUTE),
    ("TEXT SEARCH PARSER public.t", "TEXT SEARCH PARSER", T, REFUSE),
    ("TEXT SEARCH TEMPLATE public.t", "TEXT SEARCH TEMPLATE", T, REFUSE),
    ("TRANSFORM FOR public.t LANGUAGE x", "TRANSFORM", None, REFUSE),
    ("TRIGGER x ON public.t", "TRIGGER", T, EXECUTE),
    ("TYPE public.t", "TYPE", T, EXECUTE),
    ("VIEW public.t", "VIEW", T, EXECUTE),
]


@pytest.mark.parametrize(("what", "kind", "target", "action"), COMMENTS, ids=[one[0] for one in COMMENTS])
@pytest.mark.parametrize("text", ["'it''s; -- IS ''x'''", r"E'back\\slash'", "NULL"])
def test_a_comment_is_decided_by_what_it_is_about(
    what: str, kind: str, target: Name | None, action: Action, text: str
) -> None:
    statement = _statement(f"COMMENT ON {what} IS {text}")
    assert (statement.kind, statement.target) == (f"COMMENT ON {kind}", target)
    assert decide(statement).action is action


@pytest.mark.parametrize(
    "sql",
    [
        "COMMENT ON TABLE public.t IS 'x' || public.f()",
        "COMMENT ON TABLE public.t IS 'x', 'y'",
        "COMMENT ON TABLE public.t",
        "COMMENT ON TABLE public.t IS x",
        "COMMENT ON TABLE IS 'x'",
        "COMMENT ON COLUMN public.t IS 'x'",
        "COMMENT ON FUNCTION public.t IS 'x'",
        "COMMENT ON OPERATOR CLASS public.t IS 'x'",
        "COMMENT ON TRIGGER x IS 'x'",
        "COMMENT ON NONSENSE public.t IS 'x'",
        "COMMENT ON CONSTRAINT c public.t IS 'x'",
        "COMMENT ON LARGE OBJECT 1",
        "COMMENT",
    ],
)
def test_a_comment_as_pg_dump_never_writes_it_is_refused(sql: str) -> None:
    assert _statement(sql).kind == "UNKNOWN"
    with pytest.raises(DumpRefused, match="of an unknown kind"):
        check(_statement(sql))


EMITTED: list[tuple[str, str, Name | None, Action]] = [
    # _doSetFixedOutputState, and the sections with settings of their own
    ("SET idle_in_transaction_session_timeout = 0", "SET", None, LEAVE_OUT),
    ("SET escape_string_warning = off", "SET", None, LEAVE_OUT),
    ("SET row_security = on", "SET", None, EXECUTE),
    ("SET SESSION AUTHORIZATION DEFAULT", "SET SESSION AUTHORIZATION", None, LEAVE_OUT),
    # dumpNamespace
    ("CREATE SCHEMA dmrefresh_previous", "CREATE SCHEMA", Name("", "dmrefresh_previous"), REFUSE),
    # dumpRangeType, dumpDomain, dumpConstraint
    (
        "CREATE TYPE public.t AS RANGE (\n    subtype = date,\n    multirange_type_name = public.ts\n)",
        *("CREATE TYPE", T, EXECUTE),
    ),
    (
        "CREATE DOMAIN public.t AS text COLLATE public.c NOT NULL DEFAULT 'x'\n\tCONSTRAINT c CHECK ((VALUE <> ''))",
        *("CREATE DOMAIN", T, EXECUTE),
    ),
    # dumpProcLang
    ("ALTER PROCEDURAL LANGUAGE plperl OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    # dumpFunc
    (
        "CREATE FUNCTION public.t(a integer, OUT b integer) RETURNS SETOF integer\n    LANGUAGE sql WINDOW STRICT "
        "SECURITY DEFINER LEAKPROOF COST 5 ROWS 7 SUPPORT s PARALLEL SAFE\n    SET search_path TO 'public', 'x'\n"
        "    AS $$x$$",
        "CREATE FUNCTION",
        T,
        EXECUTE,
    ),
    ("CREATE FUNCTION public.t() RETURNS TABLE(a text)\n    LANGUAGE sql\n    RETURN 1", "CREATE FUNCTION", T, EXECUTE),
    (
        "CREATE FUNCTION public.t(internal) RETURNS x\n    LANGUAGE internal STRICT\n    AS $$y$$",
        *("CREATE FUNCTION IN ANOTHER LANGUAGE", T, REFUSE),
    ),
    # dumpCast
    ("CREATE CAST (integer AS public.t) WITH INOUT AS IMPLICIT", "CREATE CAST", None, EXECUTE),
    ("CREATE CAST (integer AS public.t) WITHOUT FUNCTION AS ASSIGNMENT", "CREATE CAST", None, EXECUTE),
    # dumpConversion
    ("CREATE DEFAULT CONVERSION public.t FOR 'UTF8' TO 'LATIN1' FROM f", "CREATE CONVERSION", T, REFUSE),
    ("ALTER CONVERSION public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    # dumpAgg, dumpOpr, dumpOpclass, dumpOpfamily, dumpTSConfig and whatever else has an owner
    ("ALTER AGGREGATE public.t(*) OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER OPERATOR CLASS public.t USING btree OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER OPERATOR FAMILY public.t USING btree OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER TEXT SEARCH DICTIONARY public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER MATERIALIZED VIEW public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER STATISTICS public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER FOREIGN TABLE public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER EVENT TRIGGER x OWNER TO me", "ALTER EVENT TRIGGER", None, LEAVE_OUT),
    # dumpForeignDataWrapper, dumpForeignServer, dumpUserMappings
    ("ALTER FOREIGN DATA WRAPPER w OWNER TO me", "ALTER FOREIGN DATA WRAPPER", None, LEAVE_OUT),
    ("ALTER SERVER s OWNER TO me", "ALTER SERVER", None, LEAVE_OUT),
    ("ALTER FOREIGN TABLE ONLY public.t ALTER COLUMN a OPTIONS (\n    b 'c'\n)", "ALTER FOREIGN TABLE", None, REFUSE),
    ("ALTER FOREIGN TABLE public.t DISABLE TRIGGER x", "ALTER FOREIGN TABLE", None, REFUSE),
    # dumpTableSchema, dumpAttrDef, dumpTableAttach
    (
        "CREATE TABLE public.t (\n    a integer\n)\nPARTITION BY LIST (a)\nWITH (fillfactor='70')",
        *("CREATE TABLE", T, EXECUTE),
    ),
    (
        "CREATE TABLE public.t (\n    CONSTRAINT n NOT NULL a\n)\nINHERITS (public.p, public.q)",
        "CREATE TABLE",
        T,
        EXECUTE,
    ),
    ("CREATE TABLE public.t OF public.ty (\n    a WITH OPTIONS DEFAULT 1\n)", "CREATE TABLE", T, EXECUTE),
    (
        "CREATE VIEW public.t WITH (security_barrier='true') AS\n SELECT 1\n  WITH LOCAL CHECK OPTION",
        *("CREATE VIEW", T, EXECUTE),
    ),
    (
        "CREATE MATERIALIZED VIEW public.t USING heap WITH (fillfactor='70') AS\n SELECT 1\n  WITH NO DATA",
        *("CREATE MATERIALIZED VIEW", T, EXECUTE),
    ),
    ("ALTER TABLE ONLY public.t REPLICA IDENTITY USING INDEX i", "ALTER TABLE REPLICA IDENTITY", T, EXECUTE),
    ("ALTER TABLE ONLY public.t REPLICA IDENTITY NOTHING", "ALTER TABLE REPLICA IDENTITY", T, EXECUTE),
    ("ALTER VIEW public.t ALTER COLUMN a SET DEFAULT 1", "ALTER VIEW ALTER COLUMN SET DEFAULT", T, EXECUTE),
    (
        "ALTER TABLE ONLY public.t ATTACH PARTITION public.l FOR VALUES WITH (modulus 2, remainder 0)",
        *("ALTER TABLE ATTACH PARTITION", T, EXECUTE),
    ),
    # dumpConstraint
    (
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c EXCLUDE USING gist (a WITH &&) WHERE ((b > 1)) DEFERRABLE",
        *("ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    ),
    ("ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK ((a > 1)) NOT VALID", "ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    ("ALTER TABLE public.t\n    ADD CONSTRAINT c NOT NULL a NOT VALID", "ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    (
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES public.x(a) NOT ENFORCED",
        "ALTER TABLE ADD CONSTRAINT",
        T,
        EXECUTE,
    ),
    (
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c PRIMARY KEY (a, b WITHOUT OVERLAPS)",
        *("ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    ),
    # dumpSequence
    (
        "CREATE UNLOGGED SEQUENCE public.t\n    AS smallint\n    NO MINVALUE\n    CACHE 1\n    CYCLE",
        *("CREATE SEQUENCE", T, EXECUTE),
    ),
    ("ALTER SEQUENCE public.t SET LOGGED", "ALTER SEQUENCE SET LOGGED", T, EXECUTE),
    ("ALTER SEQUENCE public.t SET UNLOGGED", "ALTER SEQUENCE SET UNLOGGED", T, EXECUTE),
    # dumpTrigger, dumpRule
    ("ALTER TABLE public.t ENABLE TRIGGER x", "ALTER TABLE ENABLE TRIGGER", T, EXECUTE),
    ("ALTER TABLE public.t ENABLE REPLICA TRIGGER x", "ALTER TABLE ENABLE REPLICA TRIGGER", T, EXECUTE),
    ("ALTER TABLE public.t ENABLE ALWAYS RULE x", "ALTER TABLE ENABLE ALWAYS RULE", T, EXECUTE),
    ("ALTER TABLE public.t ENABLE REPLICA RULE x", "ALTER TABLE ENABLE REPLICA RULE", T, EXECUTE),
    ("ALTER TABLE public.t DISABLE RULE x", "ALTER TABLE DISABLE RULE", T, EXECUTE),
    ("ALTER TRIGGER x ON public.t DEPENDS ON EXTENSION e", "ALTER DEPENDS ON EXTENSION", None, LEAVE_OUT),
    ('CREATE OR REPLACE RULE "_RETURN" AS\n    ON SELECT TO public.t DO INSTEAD  SELECT 1', "UNKNOWN", None, REFUSE),
    # dumpEventTrigger, dumpPublication, dumpSubscription
    ("ALTER EVENT TRIGGER x ENABLE ALWAYS", "ALTER EVENT TRIGGER", None, LEAVE_OUT),
    ("ALTER PUBLICATION p ADD TABLES IN SCHEMA public", "ALTER PUBLICATION", None, LEAVE_OUT),
    ("ALTER SUBSCRIPTION s ENABLE", "ALTER SUBSCRIPTION", None, LEAVE_OUT),
    # dumpDefaultACL, dumpACL, dumpSecLabel
    ("GRANT SELECT(a),UPDATE(b) ON TABLE public.t TO me WITH GRANT OPTION", "GRANT", None, LEAVE_OUT),
    ("SECURITY LABEL FOR x ON LARGE OBJECT 1 IS 'y'", "SECURITY LABEL", None, LEAVE_OUT),
    # dumpLO, dumpLOs
    ("SELECT pg_catalog.lo_open('16405', 131072)", "SELECT LARGE OBJECT", None, REFUSE),
    ("SELECT pg_catalog.lo_close(0)", "SELECT LARGE OBJECT", None, REFUSE),
    (
        "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE oid = '1'",
        *("SELECT LARGE OBJECT", None, REFUSE),
    ),
    # dumpDatabase, dumpDatabaseConfig, and what only pg_dumpall writes
    ("ALTER DATABASE x IS_TEMPLATE = true", "ALTER DATABASE", None, REFUSE),
    ("ALTER ROLE ada IN DATABASE x SET search_path TO 'y'", "ALTER ROLE", None, REFUSE),
    ("UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'x'", "UNKNOWN", None, REFUSE),
    ("ALTER USER ada PASSWORD 'x'", "ALTER USER", None, REFUSE),
    ("CREATE GROUP ada", "CREATE GROUP", Name("", "ada"), REFUSE),
    ("ALTER GROUP ada ADD USER b", "ALTER GROUP", None, REFUSE),
    ("ALTER TABLESPACE fast OWNER TO me", "ALTER TABLESPACE", None, REFUSE),
    ("ALTER USER MAPPING FOR me SERVER s OPTIONS (SET user 'x')", "ALTER USER MAPPING", None, LEAVE_OUT),
    # what pg_dump writes for pg_upgrade alone, and what it never writes
    ("SELECT pg_catalog.binary_upgrade_set_next_pg_type_oid('1'::pg_catalog.oid)", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.pg_advisory_lock(1)", "UNKNOWN", None, REFUSE),
    ("ALTER TYPE public.t ADD VALUE 'x'", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE ONLY public.t INHERIT public.p", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE ONLY public.t NO INHERIT public.p", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE public.t VALIDATE CONSTRAINT c", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE public.t DISABLE ROW LEVEL SECURITY", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE public.t ALTER COLUMN a TYPE text USING public.f(a)", "UNKNOWN", T, REFUSE),
    ("ALTER EXTENSION citext UPDATE", "UNKNOWN", Name("", "citext"), REFUSE),
    ("IMPORT FOREIGN SCHEMA x FROM SERVER s INTO public", "UNKNOWN", None, REFUSE),
    ("CALL public.p()", "UNKNOWN", None, REFUSE),
    ("NOTIFY x", "UNKNOWN", None, REFUSE),
    ("REASSIGN OWNED BY a TO b", "UNKNOWN", None, REFUSE),
]


@pytest.mark.parametrize(("sql", "kind", "target", "action"), EMITTED, ids=[one[0][:60] for one in EMITTED])
def test_what_pg_dump_writes_has_its_kind_target_and_decision(
    sql: str, kind: str, target: Name | None, action: Action
) -> None:
    statement = _statement(sql)
    assert (statement.kind, statement.target) == (kind, target)
    assert decide(statement).action is action


# The reader, not the text alone, tells these.
ONLY_THE_READER = {"CREATE OR REPLACE VIEW BEFORE CREATE", "COMMENT ON FUNCTION RETURNS EVENT_TRIGGER"}


def test_every_line_of_the_policy_has_an_example() -> None:
    examples = {kind for _, kind, _, _ in [*test_statements.CASES, *EMITTED]}
    examples |= {f"COMMENT ON {kind}" for _, kind, _, _ in COMMENTS}
    assert set(POLICY) - examples - ONLY_THE_READER == set()


def test_a_comment_is_executed_only_where_its_object_is() -> None:
    for kind, decision in POLICY.items():
        made = POLICY.get(kind.replace("COMMENT ON", "CREATE"))
        if kind.startswith("COMMENT ON ") and decision.action is EXECUTE and made is not None:
            assert made.action is EXECUTE, kind


def test_the_comment_of_an_event_triggers_function_is_left_out_with_it() -> None:
    watch = b"CREATE FUNCTION public.watch() RETURNS event_trigger\n    LANGUAGE plpgsql\n    AS $$BEGIN END$$;"
    other = b"CREATE FUNCTION public.watch(a integer) RETURNS integer\n    LANGUAGE sql\n    AS $$SELECT 1$$;"
    about = b"COMMENT ON FUNCTION public.watch() IS 'x';\n\nCOMMENT ON FUNCTION public.watch(a integer) IS 'y';"
    head = read(a_dump(watch, other, about, USERS, ROWS))[0]
    assert not isinstance(head, Statement | TableData)
    decided = [(one.kind, decide(one).action) for one in getattr(head, "statements", ()) if "FUNCTION" in one.kind]
    assert decided == [
        ("CREATE FUNCTION RETURNS EVENT_TRIGGER", LEAVE_OUT),
        ("CREATE FUNCTION", EXECUTE),
        ("COMMENT ON FUNCTION RETURNS EVENT_TRIGGER", LEAVE_OUT),
        ("COMMENT ON FUNCTION", EXECUTE),
    ]


@given(
    st.lists(st.sampled_from(["ON", "IS", "'x'", "NULL", "public", ".", "t", "(", ")", "TABLE", "COLUMN", "DOMAIN"]))
)
def test_any_order_of_words_behind_comment_has_a_decision(words: list[str]) -> None:
    assert decide(_statement(" ".join(["COMMENT", *words]))).action in Action
