"""What a ruleset has run after the load, and what it checks: in the publishing transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dmrefresh.dump.judging.after_load import Script, script_of
from dmrefresh.errors import ChecksFailed
from sanitisers.ruleset.loading import parse_ruleset
from tests.postgres.databases import dump_of
from tests.postgres.keeping import Heard
from tests.postgres.test_strategies import STRATEGIES, Case, MakeDatabase, made


@pytest.fixture(params=STRATEGIES)
def case(request: pytest.FixtureRequest, database: MakeDatabase, tmp_path: Path) -> Iterator[Case]:
    yield from made(request.param, 16, database, tmp_path)


def script(sql: str = "", **checks: str) -> Script:
    ruleset = parse_ruleset("ruleset: 1", "r.yaml")
    return script_of(ruleset.model_copy(update={"after_load": "r.after_load.sql", "script": sql, "checks": checks}))


def test_statements_run_on_the_new_data_in_their_order_and_checks_see_what_they_did(case: Case) -> None:
    sql = """
        CREATE TEMPORARY TABLE picked AS SELECT id AS chosen FROM person WHERE id <= 100;
        DELETE FROM visit USING picked WHERE person_id = chosen;
        DELETE FROM public.person WHERE id IN (SELECT chosen FROM picked);
        UPDATE person SET name = shout(name) WHERE id > 490;
        INSERT INTO person (mood, name) VALUES ('calm', 'made')"""
    done = case.publish(script=script(sql, **{"all there": "SELECT count(*) = 401 FROM person"}))
    assert done.after_load == [(f"r.after_load.sql:{2 + n}", rows) for n, rows in enumerate((100, 100, 100, 10, 1))]
    assert done.rows == 1000
    names = dict(case.target.run("SELECT name, count(*) FROM person GROUP BY 1"))
    assert names == {"made": 1, "new": 390, "NEW": 10}
    assert case.left() == []


def test_a_statement_that_counts_no_rows_was_about_none(case: Case) -> None:
    sql = "CREATE TEMPORARY TABLE picked (id integer); TRUNCATE visit; UPDATE person SET name = 'x' WHERE id < 4"
    heard = Heard()
    done = case.publish(script=script(sql), observer=heard)
    assert [rows for _, rows in done.after_load] == [0, 0, 3]
    assert any("3 statements ran after the load, about 3 rows" in note for note in heard.notes)


FAILING = {
    "a statement that breaks a foreign key": ("DELETE FROM person", {}, r"r\.after_load\.sql:1: .*23503.*visit"),
    "a statement that fails": ("SELECT 1;\nSELECT 1 / (count(*) - 500) FROM person", {}, r"sql:2: .*22012"),
    "a check that is false": ("", {"few": "SELECT count(*) < 5 FROM person"}, r"does not hold: r\.yaml: checks\.few"),
    "a check that is null": ("", {"none": "SELECT NULL::boolean"}, r"checks\.none"),
    "a check of several rows": ("", {"many": "SELECT true FROM person"}, r"checks\.many"),
    "a check of no row": ("", {"no": "SELECT true FROM person WHERE id < 0"}, r"checks\.no"),
    "a check that is no boolean": ("", {"one": "SELECT 1"}, r"checks\.one"),
    "a check that fails": ("", {"zero": "SELECT 1 / (count(*) - 500) = 1 FROM person"}, r"checks\.zero: .*22012"),
    "a sequence left behind": (
        "INSERT INTO visit (id, person_id) VALUES (5000, 1)",
        {},
        r"sequence visit_id_seq is behind",
    ),
}


@pytest.mark.parametrize("what", FAILING)
def test_what_fails_is_named_and_the_old_data_stays(case: Case, what: str) -> None:
    sql, checks, says = FAILING[what]
    with pytest.raises(ChecksFailed, match=says) as caught:
        case.publish(script=script(sql, **checks))
    assert not caught.value.retry
    assert case.holds() == "old"
    assert case.left() == []


@pytest.mark.fault("101")
def test_a_deferred_foreign_key_that_it_breaks_is_found_before_the_commit(
    case: Case, database: MakeDatabase, tmp_path: Path
) -> None:
    source = database(16)
    source.run(
        "CREATE TABLE person (id integer PRIMARY KEY, name text)",
        "CREATE TABLE visit (id integer PRIMARY KEY, "
        "person_id integer REFERENCES person DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO person VALUES (1, 'new')",
        "INSERT INTO visit VALUES (1, 1)",
    )
    deferred = Case(case.strategy, case.target, dump_of(source, tmp_path))
    said = r"while what was loaded was checked \(SQLSTATE 23503, table visit"
    with pytest.raises(ChecksFailed, match=said):
        deferred.publish(script=script("DELETE FROM person"))
    assert case.holds() == "old"
    assert case.left() == []


def test_what_refers_to_rows_that_go_has_an_index_until_they_are_gone(
    case: Case, database: MakeDatabase, tmp_path: Path
) -> None:
    source = database(16)
    source.run(
        'CREATE TABLE person (id integer, "Town" integer, name text, PRIMARY KEY (id, "Town"))',
        "CREATE TABLE visit (id integer PRIMARY KEY, town integer, person integer, "
        'FOREIGN KEY (person, town) REFERENCES person (id, "Town") ON DELETE CASCADE)',
        "CREATE TABLE found (visit integer REFERENCES visit, other integer REFERENCES visit, index text)",
        "CREATE INDEX found_other ON found (other, index)",
        "CREATE TABLE untouched (id integer PRIMARY KEY, of_found text, next integer REFERENCES untouched)",
        "INSERT INTO person SELECT n, n, 'new' FROM generate_series(1, 9) n",
        "INSERT INTO visit SELECT n, n, n FROM generate_series(1, 9) n",
    )
    sql = """
        INSERT INTO found (index) SELECT indexdef FROM pg_catalog.pg_indexes WHERE indexname LIKE 'dmrefresh%';
        WITH gone AS (DELETE FROM "person" WHERE id > 4 RETURNING id) SELECT count(*) FROM gone"""
    Case(case.strategy, case.target, dump_of(source, tmp_path)).publish(script=script(sql))
    seen = [row[0].partition(" ON ")[2] for row in case.target.run("SELECT index FROM found ORDER BY 1")]
    assert sorted(seen) == ["public.found USING btree (visit)", "public.visit USING btree (person, town)"]
    assert case.target.run("SELECT count(*) FROM pg_class WHERE relname LIKE 'dmrefresh%key%'") == [(0,)]
    assert case.target.run("SELECT count(*) FROM visit") == [(4,)]


def test_names_without_a_schema_are_those_of_the_new_data_and_the_session_forgets_them(case: Case) -> None:
    case.publish(script=script("UPDATE person SET name = current_setting('search_path')"))
    assert case.target.run("SELECT DISTINCT name FROM person") == [("public",)]


def test_materialised_views_hold_what_it_has_left_and_checks_see_that(
    case: Case, database: MakeDatabase, tmp_path: Path
) -> None:
    source = database(16)
    source.run(
        "CREATE TABLE person (id integer PRIMARY KEY, name text)",
        "CREATE TABLE visit (id integer PRIMARY KEY)",
        "INSERT INTO person SELECT n, 'original' FROM generate_series(1, 10) n",
        "CREATE MATERIALIZED VIEW names AS SELECT name, count(*) FROM person GROUP BY 1",
        "CREATE MATERIALIZED VIEW a_summary AS SELECT sum(count) AS all FROM names",
    )
    viewed = Case(case.strategy, case.target, dump_of(source, tmp_path))
    sql = "DELETE FROM person WHERE id > 3; UPDATE person SET name = 'changed'"
    viewed.publish(script=script(sql, seen="SELECT array_agg(name) = '{changed}' FROM names"))
    assert case.target.run("SELECT * FROM names") == [("changed", 3)]
    assert case.target.run('SELECT "all"::int FROM a_summary') == [(3,)]


def test_a_name_that_a_function_makes_of_a_value_is_not_in_the_message(
    case: Case, database: MakeDatabase, tmp_path: Path
) -> None:
    source = database(16)
    source.run(
        "CREATE TABLE person (id integer PRIMARY KEY, name text)",
        "INSERT INTO person VALUES (1, 'hunter2')",
        """CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$ DECLARE v text; BEGIN
           SELECT name INTO v FROM public.person;
           EXECUTE format('CREATE TEMP TABLE %I (a integer NOT NULL)', v);
           EXECUTE format('INSERT INTO %I VALUES (NULL)', v); END $$""",
    )
    told = Case(case.strategy, case.target, dump_of(source, tmp_path))
    with pytest.raises(ChecksFailed, match=r"sql:1: .*23502") as caught:
        told.publish(script=script("SELECT tell()"))
    assert "hunter2" not in f"{caught.value.what} {caught.value.hint}"


@pytest.mark.parametrize("value", ["'infinity'::timestamp", "'0044-03-15 BC'::date"])
def test_a_check_whose_value_cannot_be_read_is_no_lost_connection(case: Case, value: str) -> None:
    with pytest.raises(ChecksFailed, match=r"checks\.odd") as caught:
        case.publish(script=script(odd=f"SELECT {value}"))
    assert not caught.value.retry
    assert case.holds() == "old"
