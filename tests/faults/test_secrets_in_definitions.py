"""Personal data that stands beside the rows, or comes there by itself: found, left out or replaced, never passed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest

from dmrefresh.dump.outgoing import by_policy
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.writer import write_dump
from dmrefresh.errors import DumpRefused, Failure
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.writing import USERS, a_dump
from tests.faults.case import ROWS, Case
from tests.faults.target import personal_data
from tests.faults.test_dump_text import Listening, refresh
from tests.faults.world import World
from tests.postgres.databases import Database
from tests.proof import Proof

WHO = "jane.canary@gov.uk"
PLACES = {
    "CREATE TABLE with_default": f"CREATE TABLE with_default (id integer, a text DEFAULT '{WHO}')",
    "CREATE TABLE with_check": f"CREATE TABLE with_check (id integer, a text CHECK (a <> '{WHO}'))",
    "CREATE TABLE generated": f"CREATE TABLE generated (id integer, a text GENERATED ALWAYS AS ('{WHO}') STORED)",
    "COMMENT ON TABLE plain": f"COMMENT ON TABLE plain IS 'ask {WHO}'",
    "COMMENT ON COLUMN plain": f"COMMENT ON COLUMN plain.a IS 'ask {WHO}'",
    "COMMENT ON INDEX plain_pkey": f"COMMENT ON INDEX plain_pkey IS 'ask {WHO}'",
    "CREATE TYPE label": f"CREATE TYPE label AS ENUM ('nobody', '{WHO}')",
    "CREATE DOMAIN checked": f"CREATE DOMAIN checked AS text CHECK (VALUE <> '{WHO}')",
    "CREATE VIEW seen": f"CREATE VIEW seen AS SELECT '{WHO}'::text AS a",
    "CREATE MATERIALIZED VIEW kept": f"CREATE MATERIALIZED VIEW kept AS SELECT '{WHO}'::text AS a",
    "CREATE FUNCTION told": f"CREATE FUNCTION told() RETURNS text LANGUAGE sql AS $$ SELECT '{WHO}' $$",
    "CREATE FUNCTION defaulted": "CREATE FUNCTION defaulted(a text "
    f"DEFAULT '{WHO}') RETURNS text LANGUAGE sql AS 'SELECT a'",
    "CREATE FUNCTION atomic": f"CREATE FUNCTION atomic() RETURNS text BEGIN ATOMIC SELECT '{WHO}'::text; END",
    "CREATE FUNCTION settled": "CREATE FUNCTION settled() RETURNS integer LANGUAGE sql "
    f"SET my.own = '{WHO}' AS 'SELECT 1'",
    "CREATE PROCEDURE done": f"CREATE PROCEDURE done() LANGUAGE plpgsql AS $$ BEGIN PERFORM '{WHO}'; END $$",
    "CREATE AGGREGATE gathered": f"CREATE AGGREGATE gathered(text) (SFUNC = textcat, STYPE = text, INITCOND = '{WHO}')",
    "ALTER TABLE ATTACH PARTITION parted": f"CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN ('{WHO}')",
    "CREATE INDEX partial": f"CREATE INDEX partial ON plain (a) WHERE a <> '{WHO}'",
    "CREATE INDEX computed": f"CREATE INDEX computed ON plain ((a || '{WHO}'))",
    "CREATE STATISTICS counted": f"CREATE STATISTICS counted ON (a || '{WHO}'), id FROM plain",
    "CREATE POLICY plain": f"CREATE POLICY own ON plain USING (a = '{WHO}')",
    "CREATE RULE ruled": f"CREATE RULE silent AS ON INSERT TO ruled DO INSTEAD INSERT INTO plain VALUES (1, '{WHO}')",
    "CREATE TRIGGER plain": "CREATE TRIGGER watching BEFORE UPDATE ON plain FOR EACH ROW "
    f"WHEN (OLD.a = '{WHO}') EXECUTE FUNCTION nothing()",
    "CREATE TRIGGER plain at": "CREATE TRIGGER told BEFORE UPDATE ON plain FOR EACH ROW "
    f"EXECUTE FUNCTION nothing('{WHO}')",
}
"""By how it is named when it is found: what brings a personal value into the definitions."""
FIRST = (
    "CREATE TABLE plain (id integer PRIMARY KEY, a text)",
    "CREATE TABLE ruled (id integer)",
    "CREATE TABLE parted (a text) PARTITION BY LIST (a)",
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
)
RULES = """  plain:
    columns: {a: person.email}
  with_default:
    columns: {a: person.email}
  with_check:
    columns: {a: person.email}
  parted:
    columns: {a: person.email}
"""


@pytest.mark.fault("L6")
@pytest.mark.parametrize("place", PLACES)
def test_an_address_anywhere_in_the_definitions_stops_the_run_by_the_objects_name(
    place: str, world: World, unchanged: Callable[[int], Database], proof: Proof
) -> None:
    target, listening = unchanged(16), Listening()
    before = personal_data(target)
    case = Case("L6", place, world.dump(";\n".join([*FIRST, PLACES[place]])), rules=RULES)
    with pytest.raises(Failure) as caught:
        refresh(case, case.dump(world), target, listening)
    failure = caught.value
    said = f"{failure.what} {failure.hint} {listening.said}"
    assert failure.exit_code == 14, said
    assert "e-mail" in failure.what
    assert place in failure.what, said
    assert "canary" not in said
    assert personal_data(target) == before
    proof.happened(failure.what.partition("\n")[0])


SECRET = "hunter2s3cret"
LEFT_OUT = f"""
CREATE SUBSCRIPTION copying CONNECTION 'host=db password={SECRET}' PUBLICATION p WITH (connect = false, slot_name = '');

CREATE FOREIGN DATA WRAPPER wrapping OPTIONS (secret '{SECRET}');

CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapping OPTIONS (host '{SECRET}');

CREATE USER MAPPING FOR app SERVER elsewhere OPTIONS (password '{SECRET}');

ALTER DATABASE app SET my.own TO '{WHO}';

ALTER ROLE app IN DATABASE app SET my.own TO '{WHO}';

SECURITY LABEL FOR labels ON TABLE public.users IS '{WHO}';

SELECT pg_catalog.pg_restore_attribute_stats(
    'version', '180000'::integer,
    'schemaname', 'public',
    'relname', 'users',
    'attname', 'email',
    'inherited', 'f'::boolean,
    'most_common_vals', '{{{WHO}}}'::text
);
"""
"""What a dump may have of passwords and of personal data beside its own schemas and rows."""


@pytest.mark.fault("L6", "L7")
@pytest.mark.parametrize("statement", LEFT_OUT.strip().split("\n\n"), ids=lambda one: one.partition("\n")[0][:24])
def test_passwords_settings_labels_and_statistics_are_executed_nowhere_and_no_filter_passes_them_on(
    statement: str, older: Callable[[int], Database], proof: Proof
) -> None:
    text = a_dump(USERS, ROWS, statement.encode() + b"\n")
    case, target, listening = Case("L6", statement, text), older(18), Listening()
    heard = target.cluster.log_file.stat().st_size
    said = ""
    try:
        refresh(case, text, target, listening)
    except DumpRefused as refused:
        said = f"{refused.what} {refused.hint}"
    with target.cluster.log_file.open("rb") as log:
        log.seek(heard)
        written = log.read()
    for hidden in (SECRET, "canary"):
        assert hidden.encode() not in filtered(case, text) + written
        assert hidden not in f"{said} {listening.said}"
    assert personal_data(target) == []
    proof.happened(said or "left out")


def filtered(case: Case, text: bytes) -> bytes:
    """What the filter makes of a dump, up to where it refuses it."""
    passed = bytearray()
    with suppress(DumpRefused):
        rules = parse_ruleset(case.ruleset(), "small.yaml")
        for block in write_dump(by_policy(sanitise(read_dump([text]), rules, bytes(32)), Counter())):
            passed += block
    return bytes(passed)


@pytest.mark.fault("L9")
@pytest.mark.parametrize("option", ["--inserts", "--column-inserts", "--rows-per-insert=1000"])
def test_rows_that_come_as_statements_are_refused_and_no_server_hears_of_them(
    option: str, world: World, unchanged: Callable[[int], Database], proof: Proof
) -> None:
    text = world.dump(f"CREATE TABLE users (id integer, email text);\nINSERT INTO users VALUES (1, '{WHO}')", option)
    target, case = unchanged(16), Case("L9", option, text)
    assert WHO.encode() in text
    heard = target.cluster.log_file.stat().st_size
    with pytest.raises(DumpRefused, match="rows as INSERT statements") as refused:
        refresh(case, text, target, Listening())
    with target.cluster.log_file.open("rb") as log:
        log.seek(heard)
        assert b"canary" not in filtered(case, text) + log.read()
    assert "canary" not in f"{refused.value.what} {refused.value.hint}"
    assert personal_data(target) == []
    proof.happened(refused.value.what)


THREE = b"CREATE TABLE public.users (\n    id integer NOT NULL,\n    email text,\n    said text\n);\n"
ALWAYS = b"""ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
"""
IN_ORDER = {
    "in another order": b"COPY public.users (said, email, id) FROM stdin;\nkept\tjane.canary@gov.uk\t1\n\\.\n",
    "without a list": b"COPY public.users FROM stdin;\n1\tjane.canary@gov.uk\tkept\n\\.\n",
    "in quotes": b'COPY "public"."users" ("email", said, "id") FROM stdin;\njane.canary@gov.uk\tkept\t1\n\\.\n',
}


@pytest.mark.fault("L10")
@pytest.mark.parametrize("order", IN_ORDER)
def test_a_column_is_known_by_its_name_wherever_it_stands(
    order: str, older: Callable[[int], Database], proof: Proof
) -> None:
    target, text = older(16), a_dump(THREE, ALWAYS, IN_ORDER[order])
    rules = "  users:\n    columns:\n      email: person.email\n      said: keep (as it is)\n"
    refresh(Case("L10", order, text, rules=rules), text, target, Listening())
    assert personal_data(target) == []
    assert target.run("SELECT id, said, email LIKE '%@%' FROM users") == [(1, "kept", True)]
    proof.happened("published, and the address was replaced")


DERIVED = f"""CREATE TABLE users (id integer PRIMARY KEY, email text,
    shout text GENERATED ALWAYS AS (upper(email)) STORED);
CREATE TABLE seen (id integer, email text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN INSERT INTO seen VALUES (NEW.id, NEW.email); RETURN NEW; END';
CREATE TRIGGER seeing AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION see();
INSERT INTO users (id, email) SELECT i, 'jane.canary' || i || '@gov.uk' FROM generate_series(1, 300) i;
CREATE INDEX by_shape ON users ((lower(email)));
CREATE STATISTICS both_of ON id, (lower(email)) FROM users;
CREATE MATERIALIZED VIEW copied AS SELECT email, reverse(email) AS behind FROM users;
CREATE MATERIALIZED VIEW of_copied AS SELECT md5(email) FROM copied;
INSERT INTO users VALUES (1000, '{WHO}')"""


@pytest.mark.fault("L11")
def test_what_is_computed_from_rows_is_computed_from_the_replaced_ones(
    world: World, older: Callable[[int], Database], proof: Proof
) -> None:
    text, target = world.dump(DERIVED), older(16)
    rules = "".join(f"  {table}:\n    columns:\n      email: person.email as who\n" for table in ("users", "seen"))
    refresh(Case("L11", "", text, rules=rules), text, target, Listening())
    assert personal_data(target) == []
    ((originals,),) = target.run(
        "SELECT count(*) FROM of_copied WHERE md5 IN (SELECT md5('jane.canary' || i || '@gov.uk') "
        "FROM generate_series(1, 300) i)"
    )
    assert originals == 0
    ((backwards,),) = target.run("SELECT count(*) FROM copied WHERE behind LIKE '%yranac%'")
    assert backwards == 0
    assert target.run("SELECT count(*) FROM of_copied") == [(301,)]
    assert target.run("SELECT count(*) FROM seen") == [(301,)]  # the trigger did not see them a second time
    assert target.run("SELECT bool_and(shout = upper(email)) FROM users") == [(True,)]
    proof.happened("published, and nothing of an original in what is computed")
