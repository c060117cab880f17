"""A statement is only known where it is certain which object the server would take it for."""

from __future__ import annotations

import pytest

from dmrefresh.dump.definitions.statements import classify
from dmrefresh.dump.events import Name, Place, Statement
from dmrefresh.dump.judging.deciding import decide
from dmrefresh.dump.judging.policy import Action

EXECUTE, LEAVE_OUT, REFUSE = Action.EXECUTE, Action.LEAVE_OUT, Action.REFUSE
T = Name("public", "t")

CASES: list[tuple[str, str, Name | None, Action]] = [
    ("CREATE TABLE IF NOT EXISTS others.x (a integer)", "UNKNOWN", None, REFUSE),
    ("CREATE SEQUENCE IF NOT EXISTS others.x", "UNKNOWN", None, REFUSE),
    ("CREATE MATERIALIZED VIEW IF NOT EXISTS others.x AS SELECT 1", "UNKNOWN", None, REFUSE),
    ("CREATE STATISTICS IF NOT EXISTS others.x ON a, b FROM public.t", "UNKNOWN", None, REFUSE),
    ("CREATE INDEX IF NOT EXISTS x ON others.t USING btree (a)", "UNKNOWN", None, REFUSE),
    ('CREATE COLLATION IF NOT EXISTS others.x FROM pg_catalog."C"', "UNKNOWN", None, REFUSE),
    ("CREATE TABLE thisdb.others.t (a integer)", "UNKNOWN", None, REFUSE),
    ("CREATE VIEW thisdb.others.v AS SELECT 1", "UNKNOWN", None, REFUSE),
    ("CREATE OR REPLACE VIEW thisdb . others.v AS SELECT 1", "UNKNOWN", None, REFUSE),
    ("CREATE FUNCTION thisdb.others.f() RETURNS int\n    LANGUAGE sql\n    AS $$x$$", "UNKNOWN", None, REFUSE),
    (
        "CREATE FUNCTION public.f() RETURNS thisdb.pg_catalog.event_trigger LANGUAGE plpgsql AS $$x$$",
        *("UNKNOWN", None, REFUSE),
    ),
    ("ALTER TABLE thisdb.others.t ADD CONSTRAINT c CHECK (true)", "UNKNOWN", None, REFUSE),
    ("REFRESH MATERIALIZED VIEW thisdb.others.v", "UNKNOWN", None, REFUSE),
    ("COMMENT ON TABLE thisdb.others.t IS 'x'", "UNKNOWN", None, REFUSE),
    ("COMMENT ON COLUMN thisdb.others.t.a IS 'x'", "UNKNOWN", None, REFUSE),
    ("SELECT pg_catalog.setval('thisdb.others.s', 1, true)", "UNKNOWN", None, REFUSE),
    (
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES thisdb.others.t(a)",
        *("UNKNOWN", T, REFUSE),
    ),
    (
        "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES others.t(a)",
        *("ALTER TABLE ADD CONSTRAINT", T, EXECUTE),
    ),
    ("CREATE TRIGGER x BEFORE INSERT ON thisdb.others.t EXECUTE FUNCTION f()", "UNKNOWN", None, REFUSE),
    ("CREATE POLICY p ON thisdb.others.t", "UNKNOWN", None, REFUSE),
    ("CREATE RULE r AS\n    ON UPDATE TO thisdb.others.t DO INSTEAD NOTHING", "UNKNOWN", None, REFUSE),
    ("CREATE INDEX ON others.t USING btree (a)", "UNKNOWN", None, REFUSE),
    ("CREATE INDEX ON others.t USING btree (a) WHERE (b.on ON public.t)", "UNKNOWN", None, REFUSE),
    ("CREATE INDEX CONCURRENTLY ON others.t USING btree (a)", "UNKNOWN", None, REFUSE),
    ("CREATE INDEX CONCURRENTLY i ON others.t USING btree (a)", "UNKNOWN", None, REFUSE),
    ("CREATE RULE r AS x ON UPDATE ON SELECT TO others.t DO INSTEAD NOTHING", "UNKNOWN", None, REFUSE),
    ("CREATE EXTENSION citext VERSION '1' SCHEMA others", "UNKNOWN", None, REFUSE),
    (f'CREATE TABLE public."{"é" * 31}x" (a integer)', "CREATE TABLE", Name("public", "é" * 31 + "x"), EXECUTE),
    (f'CREATE TABLE public."{"é" * 32}" (a integer)', "UNKNOWN", None, REFUSE),
    ('CREATE TABLE public."' + '""' * 63 + '" (a integer)', "CREATE TABLE", Name("public", '"' * 63), EXECUTE),
    ('CREATE TABLE public."' + '""' * 64 + '" (a integer)', "UNKNOWN", None, REFUSE),
    (f"CREATE VIEW {'o' * 64}.v AS SELECT 1", "UNKNOWN", None, REFUSE),
    (f"CREATE SCHEMA {'o' * 64}", "UNKNOWN", None, REFUSE),
    (f"CREATE EXTENSION citext WITH SCHEMA {'o' * 64}", "UNKNOWN", None, REFUSE),
    (f"CREATE INDEX {'o' * 64} ON public.t USING btree (a)", "UNKNOWN", None, REFUSE),
    (f"ALTER TABLE ONLY public.t ALTER COLUMN {'o' * 64} SET DEFAULT 1", "UNKNOWN", T, REFUSE),
    (f"SELECT pg_catalog.setval('public.{'o' * 63}', 1, true)", "SELECT SETVAL", Name("public", "o" * 63), EXECUTE),
    (f"SELECT pg_catalog.setval('public.{'o' * 64}', 1, true)", "UNKNOWN", None, REFUSE),
    ("ALTER AGGREGATE public.t(*) OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER OPERATOR FAMILY public.t USING btree OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER TEXT SEARCH DICTIONARY public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER FOREIGN TABLE public.t OWNER TO me", "ALTER OWNER", None, LEAVE_OUT),
    ("ALTER TRIGGER x ON public.t DEPENDS ON EXTENSION y", "ALTER DEPENDS ON EXTENSION", None, LEAVE_OUT),
    ("ALTER MATERIALIZED VIEW public.t DEPENDS ON EXTENSION y", "ALTER DEPENDS ON EXTENSION", None, LEAVE_OUT),
    ("ALTER FUNCTION public.t(a int) DEPENDS ON EXTENSION y", "ALTER DEPENDS ON EXTENSION", None, LEAVE_OUT),
    ("ALTER TABLE public.t ADD COLUMN owner to me, ADD COLUMN b OWNER TO me", "UNKNOWN", T, REFUSE),
]


@pytest.mark.parametrize(("sql", "kind", "target", "action"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_statement_whose_object_is_not_plain_is_of_no_kind(
    sql: str, kind: str, target: Name | None, action: Action
) -> None:
    assert classify(sql.encode(), "utf-8") == (kind, target)
    assert decide(Statement(sql.encode(), kind, target, Place(7, 70))).action is action


@pytest.mark.parametrize(("codec", "letters"), [("latin-1", 63), ("utf-8", 31), ("euc_jp", 21)])
def test_the_length_of_a_name_is_counted_in_the_bytes_of_the_dump(codec: str, letters: int) -> None:
    for count, kind in ((letters, "CREATE VIEW"), (letters + 1, "UNKNOWN")):
        sql = f'CREATE VIEW public."{"é" * count}" AS SELECT 1'
        assert classify(sql.encode(codec), codec)[0] == kind
