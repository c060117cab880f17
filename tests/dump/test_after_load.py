"""SQL of the team's own is read, and held against the dump, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmrefresh.dump.events import Head
from dmrefresh.dump.judging.after_load import Script, script_of
from dmrefresh.dump.judging.after_load_names import check_names
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised, UsageFailure
from sanitisers import load_ruleset
from sanitisers.errors import RulesetError
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.writing import USERS, a_dump

TABLES = (
    USERS
    + b"""
CREATE TABLE public.briefs (
    id integer,
    "user" text,
    data json,
    "Odd Name" integer
);

CREATE TABLE other.notes (
    said text
);

CREATE VIEW public.seen AS
 SELECT 1 AS whatever;

"""
)
HEAD = next(iter(read_dump([a_dump(b"CREATE SCHEMA other;\n\n", TABLES)])))


def script(sql: str = "", **checks: str) -> Script:
    ruleset = parse_ruleset("ruleset: 1", "r.yaml")
    return script_of(ruleset.model_copy(update={"after_load": "r.after_load.sql", "script": sql, "checks": checks}))


GOOD = """
-- What belongs to open frameworks goes; a semicolon in a comment; and 'quotes' too.
DELETE FROM users u USING briefs b WHERE u.id = b.id AND b."Odd Name" = 1;
UPDATE users SET email = 'a;b' WHERE id IN (SELECT id FROM briefs WHERE "user" IS NULL);
UPDATE users u SET email = x.said FROM (SELECT b.id, max(b."user") AS said FROM briefs b GROUP BY b.id) x
    WHERE x.id = u.id;
WITH gone AS (DELETE FROM briefs WHERE id = 1 RETURNING id, data) INSERT INTO users (id, email)
    SELECT id, data ->> 'x' FROM gone ON CONFLICT (id) DO UPDATE SET email = excluded.email;
INSERT INTO briefs (id, data) SELECT u.id, json_build_object('all', array_agg(e.one ORDER BY n))
    FROM users u CROSS JOIN LATERAL json_array_elements_text('["a"]') WITH ORDINALITY AS e (one, n) GROUP BY u.id;
CREATE TEMPORARY TABLE picked AS SELECT id AS chosen FROM users;
DELETE FROM briefs USING picked WHERE briefs.id = chosen;
DELETE FROM other.notes WHERE said = $$a; b$$;
SELECT setval('s', (SELECT max(id) FROM users));
SELECT whatever FROM seen;
SELECT count(*) FROM generate_series(1, 3) n WHERE n > 1;
TRUNCATE briefs;
SELECT value FROM briefs, LATERAL json_array_elements(data -> 'q');
CREATE TEMP TABLE dropped ON COMMIT DROP AS SELECT id FROM users;
SELECT row_to_json(users), count(users) FROM users;
SELECT max FROM (SELECT max(id) FROM users) highest;
SELECT elem, ordinality FROM json_array_elements('[1]') WITH ORDINALITY AS t (elem, ordinality);
SELECT relname FROM pg_class;
VALUES (1);
(SELECT 1) UNION ALL (SELECT 2);
INSERT INTO users DEFAULT VALUES;
UPDATE Users SET EMAIL = default
"""


def test_statements_are_split_and_numbered_by_their_lines_and_known_names_pass() -> None:
    found = script(GOOD)
    assert len(found.steps) == 22
    assert found.steps[0].where == "r.after_load.sql:3"
    assert found.steps[-1].where == "r.after_load.sql:27"
    assert isinstance(HEAD, Head)
    check_names(found, HEAD)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM user", "no table user in the dump; did you mean users"),
        ("DELETE FROM notes", "no table notes in the dump; did you mean other.notes"),
        ("SELECT * FROM users, seem", "no table seem"),
        ("UPDATE users SET emial = 'x'", "no column emial; did you mean email"),
        ("UPDATE users u SET email = b.id FROM briefs b WHERE b.userr = u.email", "no column b.userr"),
        ("INSERT INTO users (id, mail) VALUES (1, 'x')", "no column users.mail; did you mean email"),
        ("DELETE FROM users WHERE x.id = 1", "no x to take id from"),
        ("SELECT id FROM briefs WHERE odd_name = 1", "no column odd_name"),
        ("SELECT id FROM briefs WHERE id IN (SELECT id FROM users WHERE body = 'x')", "no column body"),
    ],
)
def test_a_name_that_the_dump_has_not_is_refused_with_its_place(sql: str, says: str) -> None:
    assert isinstance(HEAD, Head)
    with pytest.raises(NotSanitised, match=says) as caught:
        check_names(script(f"SELECT 1;\n{sql}"), HEAD)
    assert "r.after_load.sql:2: " in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE users",
        "CREATE TABLE kept AS SELECT 1",
        "SELECT * INTO kept FROM users",
        "ALTER TABLE users ADD x integer",
        "DO $$ BEGIN END $$",
        "COMMIT",
        "BEGIN",
        "SET search_path = x",
        "GRANT SELECT ON users TO public",
        "CALL f()",
        "COPY users FROM '/etc/passwd'",
        "COPY users TO PROGRAM 'id'",
        "VACUUM users",
        "LISTEN x",
        "CREATE EXTENSION file_fdw",
        "CREATE TEMP VIEW v AS SELECT 1",
        "FROM users",
        "TRUNCATE DATABASE x",
        "SELECT :x",
        "SELECT $1",
        "/* */ DROP TABLE users",
    ],
)
def test_what_does_more_than_change_rows_is_refused(sql: str) -> None:
    with pytest.raises(UsageFailure, match=r"^r\.after_load\.sql:1: "):
        script(sql)


@pytest.mark.parametrize("sql", ["DELETE FROM users WHERE 'open", "SELECT (1", "/* open", "SELEC 1", "\\! id"])
def test_what_cannot_be_read_is_refused(sql: str) -> None:
    with pytest.raises(UsageFailure, match=r"^r\.after_load\.sql"):
        script(sql)


@pytest.mark.parametrize("sql", ["DELETE FROM users", "SELECT true; SELECT true", "", "SELECT 1 INTO x"])
def test_a_check_is_one_query(sql: str) -> None:
    with pytest.raises(UsageFailure, match=r"^r\.yaml: checks\.all well: a check"):
        script(**{"all well": sql})


def test_a_check_that_names_what_is_not_there_is_refused_before_the_first_event() -> None:
    text = (
        "ruleset: 1\ntables:\n  users: empty\n  briefs: empty\n  other.notes: empty\nchecks:\n  no: SELECT x FROM users"
    )
    with pytest.raises(NotSanitised, match=r"r\.yaml:7: checks\.no: there is no column x"):
        next(iter(sanitise(iter([HEAD]), parse_ruleset(text, "r.yaml"), bytes(16))))


def test_the_file_lies_beside_the_ruleset_and_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("ruleset: 1\nafter_load: a.after_load.sql")
    with pytest.raises(RulesetError, match=r"a\.yaml:2: after_load: .*a\.after_load\.sql cannot be read: No such file"):
        load_ruleset(tmp_path / "a.yaml")
    prints = set()
    for sql in ("SELECT 1", "SELECT 2"):
        (tmp_path / "a.after_load.sql").write_text(sql)
        found = load_ruleset(tmp_path / "a.yaml")
        assert [step.sql for step in script_of(found).steps] == [sql]
        prints.add(found.model_dump_json())
    assert len(prints) == 2


@pytest.mark.parametrize("name", ["../a.sql", "a.txt", "/etc/a.sql"])
def test_a_file_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(RulesetError, match=r"r\.yaml:2: after_load: `after_load` names an \.sql file that lies beside"):
        parse_ruleset(f"ruleset: 1\nafter_load: {name}", "r.yaml")
