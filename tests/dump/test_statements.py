"""Every kind of statement that pg_dump writes has a name and a decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.definitions.statements import classify
from dmrefresh.dump.events import Name, Place, Statement
from dmrefresh.dump.judging.deciding import check, decide
from dmrefresh.dump.judging.policy import POLICY, Action
from dmrefresh.errors import DumpRefused

EXECUTE, LEAVE_OUT, REFUSE = Action.EXECUTE, Action.LEAVE_OUT, Action.REFUSE
T = Name("public", "t")


def _statement(sql: str) -> Statement:
    kind, target = classify(sql.encode(), "utf-8")
    return Statement(sql.encode(), kind, target, Place(7, 70))


CASES: list[tuple[str, str, Name | None, Action]] = [
    ("SET statement_timeout = 0", "SET", None, LEAVE_OUT),
    ("SET transaction_timeout = 0", "SET", None, LEAVE_OUT),
    ("SET default_with_oids = false", "SET", None, LEAVE_OUT),
    ("SET client_encoding = 'UTF8'", "SET", None, EXECUTE),
    ("SET standard_conforming_strings = on", "SET", None, EXECUTE),
    ("SET standard_conforming_strings = off", "SET", None, REFUSE),
    ("SET check_function_bodies = false", "SET", None, EXECUTE),
    ("SET xmloption = content", "SET", None, EXECUTE),
    ("SET client_min_messages = warning", "SET", None, EXECUTE),
    ("SET row_security = off", "SET", None, EXECUTE),
    ("SET default_tablespace = ''", "SET", None, EXECUTE),
    ("SET default_tablespace = fast", "SET", None, LEAVE_OUT),
    ("SET default_table_access_method = heap", "SET", None, EXECUTE),
    ("SET default_table_access_method = columnar", "SET", None, LEAVE_OUT),
    ("SET session_replication_role = replica", "SET", None, REFUSE),
    ("SET search_path = public, pg_catalog", "SET", None, REFUSE),
    ("SET LOCAL row_security = off", "SET", None, REFUSE),
    ("SET ROLE postgres", "SET", None, REFUSE),
    ("SET TRANSACTION READ ONLY", "SET", None, REFUSE),
    ("SET SESSION AUTHORIZATION 'postgres'", "SET SESSION AUTHORIZATION", None, LEAVE_OUT),
    ("RESET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION", None, LEAVE_OUT),
    ("RESET ALL", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.set_config('search_path', '', false)", "SELECT SET_CONFIG", None, EXECUTE),
    ("SELECT pg_catalog.set_config('search_path', 'public', false)", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.set_config('role', '', false)", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.setval('public.t_id_seq', 12, true)", "SELECT SETVAL", Name("public", "t_id_seq"), EXECUTE),
    ('SELECT pg_catalog.setval(\'public."a.""b"\', -1, false)', "SELECT SETVAL", Name("public", 'a."b'), EXECUTE),
    ("SELECT pg_catalog.setval('public.s', (SELECT 1), true)", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.setval('s', 1, true)", "UNKNOWN", None, REFUSE),
    ("SELECT setval('public.s', 1, true)", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.setval('public.s', 1, true) FROM public.f()", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.lo_create('16405')", "SELECT LARGE OBJECT", None, REFUSE),
    ("SELECT pg_catalog.lowrite(0, '\\x01')", "SELECT LARGE OBJECT", None, REFUSE),
    ("SELECT * FROM pg_catalog.pg_restore_relation_stats('version', 1)", "SELECT STATISTICS", None, LEAVE_OUT),
    ("SELECT * FROM pg_catalog.pg_restore_attribute_stats('x', 'a')", "SELECT STATISTICS", None, LEAVE_OUT),
    ("SELECT pg_catalog.pg_read_file('x')", "UNKNOWN", None, REFUSE),
    ("SELECT 1", "UNKNOWN", None, REFUSE),
    ("BEGIN", "BEGIN", None, REFUSE),
    ("COMMIT", "COMMIT", None, REFUSE),
    ("CREATE SCHEMA public", "CREATE SCHEMA", Name("", "public"), LEAVE_OUT),
    ("CREATE SCHEMA sales", "CREATE SCHEMA", Name("", "sales"), EXECUTE),
    ("CREATE SCHEMA sales CREATE TABLE t (a int)", "UNKNOWN", None, REFUSE),
    ("ALTER SCHEMA sales OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", "CREATE EXTENSION", Name("", "citext"), EXECUTE),
    ("CREATE EXTENSION file_fdw", "CREATE EXTENSION", Name("", "file_fdw"), REFUSE),
    ("CREATE EXTENSION IF NOT EXISTS plpython3u", "CREATE EXTENSION", Name("", "plpython3u"), REFUSE),
    ("COMMENT ON EXTENSION citext IS 'x'", "COMMENT ON EXTENSION", Name("", "citext"), LEAVE_OUT),
    ("COMMENT ON COLUMN public.t.a IS 'x'", "COMMENT ON COLUMN", T, EXECUTE),
    ("SECURITY LABEL FOR x ON TABLE public.t IS 'y'", "SECURITY LABEL", None, LEAVE_OUT),
    ("CREATE TYPE public.t AS ENUM (\n    'a'\n)", "CREATE TYPE", T, EXECUTE),
    ("CREATE TYPE public.t AS (\n\ta integer\n)", "CREATE TYPE", T, EXECUTE),
    ("CREATE TYPE public.t AS RANGE (\n    subtype = integer\n)", "CREATE TYPE", T, EXECUTE),
    ("CREATE TYPE public.t", "CREATE BASE TYPE", T, REFUSE),
    ("CREATE TYPE public.t (\n    INPUT = public.f\n)", "CREATE BASE TYPE", T, REFUSE),
    ("CREATE DOMAIN public.t AS text", "CREATE DOMAIN", T, EXECUTE),
    ("ALTER DOMAIN public.t ADD CONSTRAINT c CHECK (true) NOT VALID", "ALTER DOMAIN ADD CONSTRAINT", T, EXECUTE),
    ("CREATE COLLATION public.t (provider = libc, locale = 'C')", "CREATE COLLATION", T, EXECUTE),
    ("CREATE CAST (text AS public.t) WITH FUNCTION public.f(text)", "CREATE CAST", None, EXECUTE),
    ("CREATE TABLE public.t (\n    a integer\n)", "CREATE TABLE", T, EXECUTE),
    ("CREATE TABLE public.t (\n)", "CREATE TABLE", T, EXECUTE),
    ("CREATE UNLOGGED TABLE public.t (a integer)", "CREATE TABLE", T, EXECUTE),
    ("CREATE TABLE public.t OF public.ty", "CREATE TABLE", T, EXECUTE),
    ("CREATE TABLE public.t AS SELECT 1", "CREATE TABLE AS", T, REFUSE),
    ("CREATE TEMP TABLE t (a integer)", "UNKNOWN", None, REFUSE),
    ('CREATE TABLE "a""b\n;"."select" (a integer)', "CREATE TABLE", Name('a"b\n;', "select"), EXECUTE),
    ("CREATE TABLE Public.Été (a integer)", "CREATE TABLE", Name("public", "Été"), EXECUTE),
    ('CREATE TABLE U&"d\\0061".t (a integer)', "UNKNOWN", None, REFUSE),
    ("CREATE TABLE /* x */ public . -- y\n t (a integer)", "CREATE TABLE", T, EXECUTE),
    ("CREATE FOREIGN TABLE public.t (a integer) SERVER s", "CREATE FOREIGN TABLE", T, REFUSE),
    ("CREATE SEQUENCE public.t START WITH 1", "CREATE SEQUENCE", T, EXECUTE),
    ("ALTER SEQUENCE public.t OWNED BY public.x.id", "ALTER SEQUENCE OWNED BY", T, EXECUTE),
    ("ALTER SEQUENCE public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER SEQUENCE public.t RESTART", "UNKNOWN", T, REFUSE),
    ("CREATE VIEW public.t AS\n SELECT 1", "CREATE VIEW", T, EXECUTE),
    ("CREATE OR REPLACE VIEW public.t AS\n SELECT 1", "CREATE OR REPLACE VIEW", T, EXECUTE),
    ("CREATE MATERIALIZED VIEW public.t AS\n SELECT 1\n  WITH NO DATA", "CREATE MATERIALIZED VIEW", T, EXECUTE),
    ("REFRESH MATERIALIZED VIEW public.t", "REFRESH MATERIALIZED VIEW", T, EXECUTE),
    ('ALTER TABLE public.t OWNER TO "me; x"', "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c PRIMARY KEY (a, b)", "ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    ("ALTER TABLE public.t ADD CONSTRAINT c CHECK (a > 1), DROP COLUMN a", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE public.t ADD COLUMN a integer", "UNKNOWN", T, REFUSE),
    ("ALTER TABLE public.t RENAME TO owner", "UNKNOWN", T, REFUSE),
    (
        "ALTER TABLE public.t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    START WITH 1\n)",
        *("ALTER TABLE ALTER COLUMN ADD GENERATED", T, EXECUTE),
    ),
    (
        "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT nextval('public.s'::regclass)",
        *("ALTER TABLE ALTER COLUMN SET DEFAULT", T, EXECUTE),
    ),
    ('ALTER TABLE ONLY public.t ALTER COLUMN "set" SET NOT NULL', "ALTER TABLE ALTER COLUMN SET NOT NULL", T, EXECUTE),
    (
        "ALTER TABLE ONLY public.t ALTER COLUMN a SET STATISTICS 500",
        "ALTER TABLE ALTER COLUMN SET STATISTICS",
        T,
        EXECUTE,
    ),
    ("ALTER TABLE ONLY public.t ALTER COLUMN a SET STORAGE PLAIN", "ALTER TABLE ALTER COLUMN SET STORAGE", T, EXECUTE),
    (
        "ALTER TABLE ONLY public.t ALTER COLUMN a SET COMPRESSION lz4",
        "ALTER TABLE ALTER COLUMN SET COMPRESSION",
        T,
        EXECUTE,
    ),
    ("ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=5)", "ALTER TABLE ALTER COLUMN SET", T, EXECUTE),
    ("ALTER TABLE ONLY public.t ATTACH PARTITION public.l DEFAULT", "ALTER TABLE ATTACH PARTITION", T, EXECUTE),
    ("ALTER TABLE public.t CLUSTER ON i", "ALTER TABLE CLUSTER ON", T, EXECUTE),
    ("ALTER TABLE public.t DISABLE TRIGGER x", "ALTER TABLE DISABLE TRIGGER", T, EXECUTE),
    ("ALTER TABLE public.t ENABLE ALWAYS TRIGGER x", "ALTER TABLE ENABLE ALWAYS TRIGGER", T, EXECUTE),
    ("ALTER TABLE public.t ENABLE ROW LEVEL SECURITY", "ALTER TABLE ENABLE ROW LEVEL SECURITY", T, EXECUTE),
    ("ALTER TABLE ONLY public.t FORCE ROW LEVEL SECURITY", "ALTER TABLE FORCE ROW LEVEL SECURITY", T, EXECUTE),
    ("ALTER TABLE ONLY public.t REPLICA IDENTITY FULL", "ALTER TABLE REPLICA IDENTITY", T, EXECUTE),
    ("ALTER TABLE public.t SET ACCESS METHOD columnar", "ALTER TABLE SET ACCESS METHOD", T, LEAVE_OUT),
    ("ALTER TABLE ONLY public.t SET (fillfactor='70')", "ALTER TABLE SET", T, EXECUTE),
    ("ALTER TABLE public.t SET SCHEMA other", "UNKNOWN", T, REFUSE),
    ("CREATE UNIQUE INDEX i ON public.t USING btree (a)", "CREATE INDEX", Name("public", "i"), EXECUTE),
    ('CREATE INDEX "on" ON ONLY public.t USING btree (a)', "CREATE INDEX", Name("public", "on"), EXECUTE),
    ("ALTER INDEX public.t ATTACH PARTITION public.l", "ALTER INDEX ATTACH PARTITION", T, EXECUTE),
    ("ALTER INDEX public.t ALTER COLUMN 1 SET STATISTICS 9", "ALTER INDEX ALTER COLUMN SET STATISTICS", T, EXECUTE),
    ("ALTER INDEX public.t DEPENDS ON EXTENSION x", "ALTER DEPENDS ON EXTENSION", None, LEAVE_OUT),
    ("CREATE STATISTICS public.t ON a, b FROM public.x", "CREATE STATISTICS", T, EXECUTE),
    ("ALTER STATISTICS public.t SET STATISTICS 9", "ALTER STATISTICS SET STATISTICS", T, EXECUTE),
    ("CREATE POLICY p ON public.t USING (true)", "CREATE POLICY", T, EXECUTE),
    ("CREATE RULE r AS\n    ON UPDATE TO public.t DO INSTEAD NOTHING", "CREATE RULE", T, EXECUTE),
    (
        "CREATE TRIGGER x BEFORE UPDATE OF a, b ON public.t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TRIGGER",
        T,
        EXECUTE,
    ),
    ("CREATE CONSTRAINT TRIGGER x AFTER INSERT ON public.t EXECUTE FUNCTION f()", "CREATE TRIGGER", T, EXECUTE),
    (
        "CREATE FUNCTION public.t(a int DEFAULT 1) RETURNS int\n    LANGUAGE sql\n    AS $$x$$",
        "CREATE FUNCTION",
        T,
        EXECUTE,
    ),
    (
        "CREATE FUNCTION public.t() RETURNS int\n    LANGUAGE plpgsql STABLE\n    AS $$x$$",
        "CREATE FUNCTION",
        T,
        EXECUTE,
    ),
    ("CREATE PROCEDURE public.t(IN a int)\n    LANGUAGE sql\n    BEGIN ATOMIC\nEND", "CREATE PROCEDURE", T, EXECUTE),
    (
        "CREATE FUNCTION public.t() RETURNS event_trigger\n    LANGUAGE plpgsql\n    AS $$x$$",
        *("CREATE FUNCTION RETURNS EVENT_TRIGGER", T, LEAVE_OUT),
    ),
    (
        "CREATE FUNCTION public.t() RETURNS event_trigger\n    LANGUAGE c\n    AS 'x'",
        *("CREATE FUNCTION IN ANOTHER LANGUAGE", T, REFUSE),
    ),
    (
        "CREATE FUNCTION public.t(language text) RETURNS TABLE(language text)\n    LANGUAGE plpython3u\n    AS $$x$$",
        *("CREATE FUNCTION IN ANOTHER LANGUAGE", T, REFUSE),
    ),
    (
        "CREATE PROCEDURE public.t()\n    LANGUAGE internal\n    AS $$x$$",
        "CREATE FUNCTION IN ANOTHER LANGUAGE",
        T,
        REFUSE,
    ),
    ("CREATE FUNCTION public.t() RETURNS int AS 'x'", "UNKNOWN", None, REFUSE),
    ("ALTER FUNCTION public.t(a int, b text) OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("CREATE AGGREGATE public.t(text) (\n    SFUNC = f,\n    STYPE = text\n)", "CREATE AGGREGATE", T, EXECUTE),
    ("CREATE OPERATOR public.<-> (\n    FUNCTION = public.f\n)", "CREATE OPERATOR", Name("public", "<->"), EXECUTE),
    ("ALTER OPERATOR public.<-> (text, text) OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    (
        "CREATE OPERATOR CLASS public.t\n    FOR TYPE int USING btree AS\n    OPERATOR 1 <",
        "CREATE OPERATOR CLASS",
        T,
        EXECUTE,
    ),
    ("CREATE OPERATOR FAMILY public.t USING btree", "CREATE OPERATOR FAMILY", T, EXECUTE),
    (
        "ALTER OPERATOR FAMILY public.t USING btree ADD\n    OPERATOR 1 <(a,b) ,\n    FUNCTION 1 f(a)",
        "ALTER OPERATOR FAMILY ADD",
        T,
        EXECUTE,
    ),
    ("CREATE TEXT SEARCH DICTIONARY public.t (\n    TEMPLATE = x )", "CREATE TEXT SEARCH DICTIONARY", T, EXECUTE),
    ("CREATE TEXT SEARCH CONFIGURATION public.t (\n    PARSER = x )", "CREATE TEXT SEARCH CONFIGURATION", T, EXECUTE),
    (
        "ALTER TEXT SEARCH CONFIGURATION public.t\n    ADD MAPPING FOR word WITH a, b",
        *("ALTER TEXT SEARCH CONFIGURATION ADD MAPPING", T, EXECUTE),
    ),
    ("CREATE TEXT SEARCH PARSER public.t (\n    START = f )", "CREATE TEXT SEARCH PARSER", T, REFUSE),
    ("CREATE TEXT SEARCH TEMPLATE public.t (\n    LEXIZE = f )", "CREATE TEXT SEARCH TEMPLATE", T, REFUSE),
    ("CREATE CONVERSION public.t FOR 'UTF8' TO 'LATIN1' FROM f", "CREATE CONVERSION", T, REFUSE),
    ("CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION f(internal))", "CREATE TRANSFORM", None, REFUSE),
    ("CREATE ACCESS METHOD x TYPE TABLE HANDLER f", "CREATE ACCESS METHOD", Name("", "x"), REFUSE),
    ("CREATE OR REPLACE PROCEDURAL LANGUAGE plperl", "CREATE LANGUAGE", Name("", "plperl"), REFUSE),
    ("DO $$x$$", "DO", None, REFUSE),
    (
        "CREATE EVENT TRIGGER x ON ddl_command_end\n   EXECUTE FUNCTION f()",
        "CREATE EVENT TRIGGER",
        Name("", "x"),
        LEAVE_OUT,
    ),
    ("ALTER EVENT TRIGGER x DISABLE", "ALTER EVENT TRIGGER", None, LEAVE_OUT),
    ("GRANT SELECT ON TABLE public.t TO me", "GRANT", None, LEAVE_OUT),
    ("REVOKE ALL ON SCHEMA public FROM PUBLIC", "REVOKE", None, LEAVE_OUT),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES  TO b", "ALTER DEFAULT PRIVILEGES", None, LEAVE_OUT),
    ("DROP TABLE IF EXISTS public.t", "DROP", None, LEAVE_OUT),
    ("DROP EXTENSION IF EXISTS citext", "DROP", None, LEAVE_OUT),
    ("DROP DATABASE x", "DROP", None, LEAVE_OUT),
    ("ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS c", "ALTER DROP", T, LEAVE_OUT),
    ("ALTER TABLE public.t ALTER COLUMN a DROP DEFAULT", "ALTER DROP", T, LEAVE_OUT),
    ("ALTER DOMAIN IF EXISTS public.t DROP CONSTRAINT IF EXISTS c", "ALTER DROP", T, LEAVE_OUT),
    ("CREATE PUBLICATION p FOR ALL TABLES", "CREATE PUBLICATION", Name("", "p"), LEAVE_OUT),
    ("ALTER PUBLICATION p ADD TABLE ONLY public.t", "ALTER PUBLICATION", None, LEAVE_OUT),
    ("CREATE SUBSCRIPTION s CONNECTION 'password=x' PUBLICATION p", "CREATE SUBSCRIPTION", Name("", "s"), LEAVE_OUT),
    ("ALTER SUBSCRIPTION s OWNER TO me", "ALTER SUBSCRIPTION", None, LEAVE_OUT),
    ("CREATE FOREIGN DATA WRAPPER w", "CREATE FOREIGN DATA WRAPPER", Name("", "w"), LEAVE_OUT),
    ("CREATE SERVER s FOREIGN DATA WRAPPER w", "CREATE SERVER", Name("", "s"), LEAVE_OUT),
    ("CREATE USER MAPPING FOR me SERVER s OPTIONS (password 'x')", "CREATE USER MAPPING", None, LEAVE_OUT),
    ("ALTER LARGE OBJECT 16405 OWNER TO me", "ALTER LARGE OBJECT", None, REFUSE),
    ("CREATE DATABASE x WITH TEMPLATE = template0", "CREATE DATABASE", Name("", "x"), REFUSE),
    ("ALTER DATABASE x SET work_mem TO '1'", "ALTER DATABASE", None, REFUSE),
    ("ALTER DATABASE x OWNER TO me", "ALTER DATABASE", None, REFUSE),
    ("ALTER SYSTEM SET a TO b", "ALTER SYSTEM", None, REFUSE),
    ("CREATE ROLE x SUPERUSER", "CREATE ROLE", Name("", "x"), REFUSE),
    ("ALTER ROLE x WITH SUPERUSER", "ALTER ROLE", None, REFUSE),
    ("CREATE USER x", "CREATE USER", Name("", "x"), REFUSE),
    ("CREATE TABLESPACE x LOCATION '/'", "CREATE TABLESPACE", Name("", "x"), REFUSE),
    ("INSERT INTO public.t VALUES (1)", "INSERT", None, REFUSE),
    ("COPY public.t FROM PROGRAM 'id'", "COPY", None, REFUSE),
    ("UPDATE public.t SET a = 1", "UNKNOWN", None, REFUSE),
    ("TRUNCATE public.t", "UNKNOWN", None, REFUSE),
    ("LOAD 'x'", "UNKNOWN", None, REFUSE),
    ("WITH x AS (DELETE FROM public.t) SELECT 1", "UNKNOWN", None, REFUSE),
    ('"SET" x', "UNKNOWN", None, REFUSE),
    ("", "UNKNOWN", None, REFUSE),
]


@pytest.mark.parametrize(("sql", "kind", "target", "action"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_statement_has_its_kind_target_and_decision(sql: str, kind: str, target: Name | None, action: Action) -> None:
    statement = _statement(sql)
    assert (statement.kind, statement.target) == (kind, target)
    assert decide(statement).action is action


def test_every_action_has_a_reason() -> None:
    assert all(decision.reason for decision in POLICY.values())


@pytest.mark.parametrize("case", [case for case in CASES if case[3] is REFUSE], ids=lambda case: case[0][:60])
def test_a_refused_statement_before_the_first_row_is_named_by_kind_and_place(
    case: tuple[str, str, Name | None, Action],
) -> None:
    with pytest.raises(DumpRefused, match="at line 7, byte 70, which is refused because") as caught:
        check(_statement(case[0]))
    kind, _, rest = caught.value.what.removeprefix("The dump holds a statement ").partition(" at line 7")
    assert kind in (case[1], "of an unknown kind")
    assert rest.endswith(".")


_WORDS = [
    *("CREATE", "ALTER", "TABLE", "ONLY", "SET", "(", ")", ".", ",", ";", "a", '"b"', "'c'"),
    *("OWNER", "TO", "DROP", "ADD", "ON", "AS", "$$x$$", "1", "-"),
]


@given(st.text(max_size=80))
def test_any_text_at_all_has_a_kind_of_known_words(text: str) -> None:
    kind, _ = classify(text.encode(), "utf-8")
    assert kind == "UNKNOWN" or kind in POLICY or kind.startswith(("CREATE ", "ALTER "))


@given(
    st.lists(
        st.sampled_from(_WORDS),
        max_size=14,
    )
)
def test_any_order_of_words_has_a_decision(words: list[str]) -> None:
    assert decide(_statement(" ".join(words))).action in Action
