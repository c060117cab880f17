"""What looks personal outside the rows stops the run, by the name of its object and never by its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from dmrefresh.dump.events import End, Event, Head, Statement
from dmrefresh.dump.judging.literals import kinds_in
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised
from fixtures.parts.postgres import Cluster
from sanitisers import RulesetError
from sanitisers.detectors import EMAIL, PHONE
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.rules import Keep
from tests.dump.conftest import Dumps
from tests.dump.writing import ROWS, USERS, a_dump, read

RULES = "ruleset: 1\ndefaults:\n  id: keep\ntables:\n  users:\n    columns:\n      email: null\n"
SECRET = "ada.lovelace@gov.uk"


def clean(*parts: bytes, rules: str = RULES, warnings: list[str] | None = None) -> Iterator[Event]:
    noted = warnings if warnings is not None else []
    events = read_dump([a_dump(*parts)])
    return sanitise(events, parse_ruleset(rules, "r.yaml"), bytes(32), on_warning=noted.append)


def refusal(events: Iterator[Event]) -> NotSanitised:
    with pytest.raises(NotSanitised) as caught:
        list(events)
    for text in (caught.value.what, caught.value.hint or ""):
        assert "ada" not in text
        assert "07700" not in text
    return caught.value


# Every place of a definition that a value can stand in, before the rows and behind them.
BEFORE = {
    "table users": "CREATE TABLE public.users (\n    id integer NOT NULL,\n    email text DEFAULT '{}'::text\n);",
    "table t": "CREATE TABLE public.t (\n    CONSTRAINT c CHECK ((1 <> length('{}')))\n);",
    "table t2": "CREATE TABLE public.t2 (\n);\n\nALTER TABLE ONLY public.t2 ALTER COLUMN a SET DEFAULT '{}'::text;",
    "enum": "CREATE TYPE public.enum AS ENUM (\n    '{}'\n);",
    "domain": "CREATE DOMAIN public.domain AS text DEFAULT '{}'::text;",
    "domain2": "CREATE DOMAIN public.domain2 AS text\n\tCONSTRAINT c CHECK ((VALUE <> '{}'::text));",
    "view": "CREATE VIEW public.view AS\n SELECT '{}'::text AS a;",
    "matview": "CREATE MATERIALIZED VIEW public.matview AS\n SELECT '{}'::text AS a\n  WITH NO DATA;",
    "f": "CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE sql\n    AS $_$ SELECT '{}' $_$;",
    "g": "CREATE FUNCTION public.g(a text DEFAULT '{}'::text) RETURNS text\n    LANGUAGE sql\n    RETURN a;",
    "h": "CREATE FUNCTION public.h() RETURNS text\n    LANGUAGE sql\n    AS $$ SELECT 1 -- ask {}\n $$;",
    "p": "CREATE PROCEDURE public.p()\n    LANGUAGE plpgsql\n    AS 'BEGIN PERFORM ''{}''; END';",
    "agg": "CREATE AGGREGATE public.agg(text) (\n    SFUNC = f,\n    STYPE = text,\n    INITCOND = '{}'\n);",
    "sales": "CREATE SCHEMA sales;\n\nCOMMENT ON SCHEMA sales IS '{}';",
    "s": "CREATE SEQUENCE public.s;\n\nCOMMENT ON SEQUENCE public.s IS '{}';",
    "users": "COMMENT ON TABLE public.users IS '{}';",
    "users ": "COMMENT ON COLUMN public.users.email IS '{}';",
    "leaf": "CREATE TABLE public.root (\n    id integer\n)\nPARTITION BY LIST (id);\n\n"
    "CREATE TABLE public.leaf (\n    id integer\n);\n\n"
    "ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES IN ('{}');",
}
BEHIND = {
    "users": "CREATE POLICY p ON public.users USING ((email = '{}'::text));",
    "users ": "ALTER TABLE public.users\n    ADD CONSTRAINT c CHECK ((email <> '{}'::text)) NOT VALID;",
    "users  ": "CREATE RULE r AS\n    ON UPDATE TO public.users DO INSTEAD  SELECT '{}'::text;",
    "users   ": "CREATE TRIGGER x BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.f('{}');",
    "users    ": "COMMENT ON TRIGGER x ON public.users IS '{}';",
    "i": "CREATE INDEX i ON public.users USING btree (id) WHERE (email <> '{}'::text);",
    "i ": "COMMENT ON INDEX public.i IS '{}';",
    "st": "CREATE STATISTICS public.st ON lower(('{}'::text || email)), id FROM public.users;",
}
OWNERS = {"table users": "users", "table t": "t", "table t2": "t2", "leaf": "root"}


@pytest.mark.parametrize("value", [SECRET, "07700 900123"], ids=["address", "number"])
@pytest.mark.parametrize("where", BEFORE)
def test_personal_data_before_the_rows_stops_the_run_before_the_first_event(where: str, value: str) -> None:
    part = BEFORE[where].format(value).encode()
    failure = refusal(clean(*([part] if where == "table users" else [USERS, part]), ROWS))
    name = OWNERS.get(where, where.strip())
    assert f" {name} at line " in failure.what
    assert (EMAIL if "@" in value else PHONE) in failure.what
    assert f"literals:\n  {name}: keep (say why)" in (failure.hint or "")
    with pytest.raises(NotSanitised):
        next(clean(*([part] if where == "table users" else [USERS, part]), ROWS))


@pytest.mark.parametrize("where", BEHIND)
def test_personal_data_behind_the_rows_stops_the_run_before_its_statement(where: str) -> None:
    parts = [USERS, ROWS, b"CREATE INDEX j ON public.users USING btree (id);", BEHIND[where].format(SECRET).encode()]
    seen: list[Event] = []

    def noted() -> Iterator[Event]:
        for event in clean(*parts):
            seen.append(event)
            yield event

    assert f" {where.strip()} at line " in refusal(noted()).what
    assert [one.kind for one in seen if isinstance(one, Statement)] == ["CREATE INDEX"]


@pytest.mark.parametrize("where", [*BEFORE, *BEHIND])
def test_an_object_that_the_ruleset_names_passes(where: str) -> None:
    behind = where in BEHIND and where not in BEFORE
    part = (BEHIND if behind else BEFORE)[where].format(SECRET).encode()
    parts = [USERS, ROWS, part] if behind else [*([part] if where == "table users" else [USERS, part]), ROWS]
    name = OWNERS.get(where, where.strip())
    warnings: list[str] = []
    allowed = f'{RULES}literals:\n  "{name}": keep (an address that everybody knows)\n'
    events = list(clean(*parts, rules=allowed, warnings=warnings))
    assert isinstance(events[-1], End)
    assert warnings == []


def test_all_that_is_found_comes_in_one_message_up_to_twenty() -> None:
    views = [f"CREATE VIEW public.v{n} AS\n SELECT '{SECRET}'::text AS a;".encode() for n in range(25)]
    failure = refusal(clean(USERS, *views, ROWS))
    assert failure.what.count("CREATE VIEW") == 20
    assert failure.what.endswith("and 5 more")
    failure = refusal(clean(USERS, ROWS, *views))
    assert failure.what.count("CREATE VIEW") == 20
    assert (failure.hint or "").count("keep (say why)") == 20


def test_a_message_names_kind_object_place_and_what_was_found() -> None:
    view = f"CREATE VIEW sales.\"Staff; view\" AS\n SELECT '{SECRET}'::text AS a, '07700 900123'::text AS b;"
    failure = refusal(clean(USERS, view.encode(), ROWS))
    text = a_dump(USERS, view.encode(), ROWS)
    offset = text.index(b"CREATE VIEW")
    line = text.count(b"\n", 0, offset) + 1
    place = f"line {line}, byte {offset}"
    assert f"CREATE VIEW sales.Staff; view at {place}: e-mail address, phone number" in failure.what
    assert '  "sales.Staff; view": keep (say why)' in (failure.hint or "")
    assert failure.exit_code == 14


@pytest.mark.parametrize(
    "part",
    [
        f"SELECT pg_catalog.setval('public.s', 4111111111111111, true);\n\nDROP VIEW \"{SECRET}\";",
        f"COMMENT ON EXTENSION x IS '{SECRET}';",
        f"CREATE SUBSCRIPTION s CONNECTION 'user={SECRET}' PUBLICATION p;",
        f'ALTER TABLE public.users OWNER TO "{SECRET}";',
        "COMMENT ON TABLE public.users IS 'ask ada@example.org, see ''^[^@]+@[^@]+[.][a-z]{2,}$''';",
    ],
)
def test_what_is_not_executed_and_what_is_nobodys_passes(part: str) -> None:
    assert isinstance(list(clean(USERS, part.encode(), ROWS))[-1], End)


@pytest.mark.parametrize(
    "sql",
    [
        r"SELECT E'ada\x40gov.uk'",
        r"SELECT E'ada\100gov.uk'",
        r"SELECT E'\141da\u0040gov.uk'",
        r"SELECT E'ada@gov\U0000002euk'",
        r"SELECT E'x\nada@gov.uk'",
        r"SELECT U&'ada\0040gov.uk'",
        r"SELECT U&'ada\+000040gov.uk'",
        r"SELECT U&'ada!0040gov.uk' UESCAPE '!'",
        r"DEFAULT '{\"email\": \"ada\u0040gov.uk\"}'::jsonb",
        r"AS E'SELECT E\'ada\\x40gov.uk\''",
        "AS $$ SELECT E'ada\\x40gov.uk' $$",
        'CHECK (("ada@gov.uk" > 1))',
        "/* ada@gov.uk */ SELECT 1",
    ],
)
def test_escapes_and_nesting_hide_nothing(sql: str) -> None:
    assert kinds_in(sql) == (EMAIL,)


def test_a_statement_in_another_encoding_is_looked_at_in_it() -> None:
    part = "COMMENT ON TABLE public.users IS 'José: josé@correo.es';".encode("latin-1")
    dump = a_dump(USERS, part, ROWS).replace(b"'UTF8'", b"'LATIN1'")
    with pytest.raises(NotSanitised, match="COMMENT ON TABLE users"):
        list(sanitise(read_dump([dump]), parse_ruleset(RULES, "r.yaml"), bytes(32)))


def test_an_allowed_name_that_is_not_in_the_dump_is_a_warning_with_its_line() -> None:
    warnings: list[str] = []
    rules = f"{RULES}literals:\n  i: keep (why)\n  gone: keep (why)\n"
    events = clean(USERS, ROWS, b"CREATE INDEX i ON public.users USING btree (id);", rules=rules, warnings=warnings)
    assert isinstance(list(events)[-1], End)
    assert warnings == ["r.yaml:10: literals.gone: there is no such object in the dump"]


def test_literals_are_a_map_of_names_to_reasons() -> None:
    ruleset = parse_ruleset(f'{RULES}literals:\n  "staff_view": keep (the  help desk)\n', "r.yaml")
    assert ruleset.literals == {"staff_view": Keep(reason="the help desk")}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("v: keep", "r.yaml:9: literals.v: a line of `literals:` says `keep (why)`, with the reason"),
        ("v: person.name", "r.yaml:9: literals.v: a line of `literals:` says `keep (why)`, with the reason"),
        ("v: null", "r.yaml:9: literals.v: a line of `literals:` says `keep (why)`, with the reason"),
        ("v: keep (say why)", "r.yaml:9: literals.v: the reason is missing: write `keep (because …)`"),
        ("v: {value: 3}", "r.yaml:9: literals.v: a line of `literals:` says `keep (why)`, with the reason"),
        ("v: kep", "r.yaml:9: literals.v: `kep` is no sanitiser; did you mean `keep`?"),
    ],
)
def test_a_line_without_a_reason_or_with_another_rule_is_a_mistake(line: str, message: str) -> None:
    with pytest.raises(RulesetError) as caught:
        parse_ruleset(f"{RULES}literals:\n  {line}\n", "r.yaml")
    assert caught.value.messages == (message,)


def test_a_schema_full_of_odd_things_raises_no_alarm(nasty_dump: Dumps, major: int) -> None:
    events = read(nasty_dump(major, "plain"))
    head = events[0]
    assert isinstance(head, Head)
    statements = [*head.statements, *(event for event in events if isinstance(event, Statement))]
    assert len(statements) > 150
    assert [one.sql for one in statements if one.kind != "SELECT SETVAL" and kinds_in(one.sql.decode())] == []


# Some nine thousand texts that people wrote about and in PostgreSQL itself.
_EVERY_TEXT = """
SELECT pg_catalog.pg_get_viewdef(oid) FROM pg_catalog.pg_class WHERE relkind = 'v'
UNION ALL SELECT prosrc FROM pg_catalog.pg_proc
UNION ALL SELECT description FROM pg_catalog.pg_description
UNION ALL SELECT concat_ws(', ', name, setting, boot_val, min_val, max_val, extra_desc) FROM pg_catalog.pg_settings
    WHERE setting !~ '^/'
"""


def test_no_text_of_postgresql_itself_raises_an_alarm(cluster_for: Callable[[int], Cluster], major: int) -> None:
    with psycopg.connect(cluster_for(major).url()) as connection:
        texts = [text for (text,) in connection.execute(_EVERY_TEXT) if text]
    assert len(texts) > 5000
    assert [text for text in texts if kinds_in(text)] == []
