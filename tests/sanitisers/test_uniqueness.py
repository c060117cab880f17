"""Where no value may come twice no fake does, or the run does not begin."""

from __future__ import annotations

import re

import pytest

from sanitisers import Known, RulesetError, compile_ruleset
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

MANY = 50_000


def made(rule: str, column: Column, known: Known | None = None, said: str = "") -> list[bytes]:
    text = f"ruleset: 1\ntables:\n  t:\n{said}    columns:\n      id: keep\n      c: {rule}\n"
    columns = {"t": [Column("id", "integer", not_null=True), column]}
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), columns, KEY, known=known)
    rows = b"".join(b"%d\toriginal %d\n" % (n, n) for n in range(MANY))
    block = compiled.table("t", ["id", "c"]).apply(rows)
    return [line.split(b"\t")[1] for line in bytes(block.rows).splitlines()]


FOUND = Known({"t": {"c"}})


@pytest.mark.fault("53")
@pytest.mark.parametrize(
    ("rule", "type", "length"),
    [
        ("person.name", "text", None),
        ("person.name", "character varying(16)", 16),
        ("person.email", "character varying(255)", 255),
        ("company.name", "text", None),
        ("text.lorem", "text", None),
        ("text.words", "character varying(20)", 20),
        ("uuid", "uuid", None),
        ("hash", "text", None),
        ("token", "text", None),
        ('{pattern: "[A-Z]{16}"}', "text", None),
        ('{template: "S-{id}"}', "text", None),
        ("null", "text", None),
    ],
)
def test_no_fake_comes_twice_in_a_column_that_was_found_unique(rule: str, type: str, length: int | None) -> None:
    fakes = made(rule, Column("c", type, max_length=length), FOUND)
    if rule == "null":
        assert set(fakes) == {rb"\N"}
        return
    assert len(set(fakes)) == MANY
    assert max(len(fake.decode()) for fake in fakes) <= (length or 10_000)


def test_a_name_stays_readable() -> None:
    assert all(
        re.fullmatch(r"[A-Z]\S* \S+ [0-9a-z]{12}", fake.decode()) for fake in made("person.name", Column("c"), FOUND)
    )


@pytest.mark.parametrize("said", ["    unique: c\n", "    unique: [id, c]\n"])
def test_a_ruleset_may_say_that_a_column_is_unique(said: str) -> None:
    assert len(set(made("person.name", Column("c"), said=said))) == MANY
    assert len(set(made("{fake: person.name, unique: true}", Column("c")))) == MANY
    assert len(set(made("person.name", Column("c")))) < MANY


@pytest.mark.fault("53")
@pytest.mark.parametrize(
    ("rule", "column", "what"),
    [
        ("person.phone", Column("c"), "there are only 15,000 fakes"),
        ("company.duns", Column("c"), "there are only 1,000,000 fakes"),
        ("person.name", Column("c", "character varying(12)", max_length=12), "there are only 2,048 fakes"),
        ('{pattern: "[0-9]{9}"}', Column("c"), "there are only 1,000,000,000 fakes"),
        ("{one_of: [a, b]}", Column("c"), "there are only 2 fakes"),
        ("{value: x}", Column("c"), "the rule writes the same one everywhere"),
        ("{bcrypt: x}", Column("c"), "the rule writes the same one everywhere"),
        ("date.shift", Column("c", "date"), "two that move may meet"),
    ],
)
def test_what_could_come_twice_is_refused_before_anything_runs(rule: str, column: Column, what: str) -> None:
    with pytest.raises(RulesetError, match=rf"^test.yaml:6: tables.t.columns.c: .*{re.escape(what)}"):
        made(rule, column, FOUND)


def test_fewer_fakes_are_enough_for_fewer_rows() -> None:
    few = Known({"t": {"c"}}, rows={"t": 20})
    text = "ruleset: 1\ntables: {t: {columns: {c: {pattern: '[0-9]{9}'}}}}"
    compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": [Column("c")]}, KEY, known=few)


def test_a_template_is_made_of_a_unique_column_where_these_are_known() -> None:
    known = Known({"t": {"c", "id"}})
    assert len(set(made('{template: "S-{id}"}', Column("c"), known))) == MANY
    with pytest.raises(RulesetError, match=r"put one of these into the template: `\{key\}`"):
        made('{template: "S-{id}"}', Column("c"), Known({"t": {"c", "key"}}))


def test_a_column_said_to_be_unique_that_is_not_there_is_told() -> None:
    text = "ruleset: 1\ntables: {t: {unique: [d], columns: {c: person.name}}}"
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": [Column("c")]}, KEY)
    assert "tables.t.unique: there is no column `d`" in compiled.warnings[0]


def test_what_is_unique_in_the_target_only_makes_a_fake_longer_and_never_stops_a_run() -> None:
    likely = Known(likely={"t": {"c"}})
    assert len(set(made("person.name", Column("c"), likely))) == MANY
    text = "ruleset: 1\ntables: {t: {columns: {c: {value: x}}}}"
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": [Column("c")]}, KEY, known=likely)
    assert "the rule writes the same one everywhere (as it is in the target" in compiled.warnings[0]


LIST = Column("c", "text[]", element=Column("[]"))
PAIR = Column("c", "public.pair", fields=(Column("a"), Column("b")))


@pytest.mark.parametrize(
    ("column", "rule", "value"),
    [
        (LIST, "{each: person.name}", "{original %d}"),
        (LIST, "{each: {fake: person.name, unique: true}}", "{original %d}"),
        (PAIR, "{fields: {a: person.name, b: {value: x}}}", "(original %d,same)"),
    ],
)
def test_no_fake_inside_a_value_comes_twice_either(column: Column, rule: str, value: str) -> None:
    known = FOUND if "unique" not in rule else None
    text = f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n"
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": [column]}, KEY, known=known)
    rows = "".join(f"{value % n}\n".replace("original ", "original") for n in range(MANY)).encode()
    made = bytes(compiled.table("t", ["c"]).apply(rows).rows).splitlines()
    assert len(set(made)) == MANY


def test_the_same_everywhere_inside_a_value_that_must_not_come_twice_is_refused() -> None:
    text = "ruleset: 1\ntables:\n  t:\n    columns:\n      c: {each: {value: x}}\n"
    with pytest.raises(RulesetError, match=r"c\[\]: no value may come twice"):
        compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": [LIST]}, KEY, known=FOUND)


ADDRESSES = [Column("id", "integer", not_null=True), Column("street"), Column("postcode")]


def compiled_for(rules: str, known: Known | None = None, columns: list[Column] = ADDRESSES) -> list[list[bytes]]:
    """What becomes of rows of which only the first two columns tell them apart."""
    text = f"ruleset: 1\ntables:\n  t:\n    columns: {rules}\n"
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": columns}, KEY, known=known)
    rows = b"".join(b"%d\tHigh Street %d\tAB1 2CD\n" % (n, n) for n in range(1000))
    block = compiled.table("t", [column.name for column in columns]).apply(rows)
    return [line.split(b"\t") for line in bytes(block.rows).splitlines()]


@pytest.mark.parametrize("known", [Known({"t": {"street"}}), Known(likely={"t": {"street"}})])
def test_a_unique_part_of_an_address_is_not_decided_by_the_others_which_may_come_twice(known: Known) -> None:
    rows = compiled_for("{id: keep, street: address.street, postcode: address.postcode}", known)
    assert len({street for _, street, _ in rows}) == 1000
    assert len({postcode for *_, postcode in rows}) == 1


def test_a_unique_column_is_decided_by_unique_ones_only() -> None:
    rules = "{id: keep, postcode: keep (x), street: {fake: person.name, by: [%s], unique: true}}"
    known = Known({"t": {"id", "street"}})
    for by in ("id", "street", "id, street"):
        assert len({street for _, street, _ in compiled_for(rules % by, known)}) == 1000
    for by in ("postcode", "id, postcode"):
        with pytest.raises(RulesetError, match="and `postcode` decides, in which one may"):
            compiled_for(rules % by, known)
    said = "{id: keep, street: {fake: person.email, unique: true}, postcode: {fake: person.name, by: street}}"
    compiled_for(said, Known(likely={"t": {"id", "postcode"}}))


def test_whether_a_fake_is_told_apart_depends_on_its_own_table_alone() -> None:
    rules = "{columns: {c: person.name}}"
    text = f"ruleset: 1\ntables: {{a: {rules}, b: {rules}}}\n"
    columns = {t: [Column("c", "character varying(20)", max_length=20)] for t in "ab"}
    known = Known({"a": {"c"}, "b": {"c"}}, rows={"a": 1, "b": 10**6})
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), columns, KEY, known=known)
    rows = b"".join(b"original %d\n" % n for n in range(MANY))
    assert len(set(bytes(compiled.table("b", ["c"]).apply(rows).rows).splitlines())) == MANY


def test_texts_that_join_tables_meet_where_both_say_that_they_are_unique() -> None:
    rule = "{fake: person.name, unique: true}"
    text = f"ruleset: 1\ntables:\n  a: {{columns: {{k: {rule}}}}}\n  b: {{columns: {{k: {rule}}}}}\n"
    known = Known(unique={"a": {"k"}}, rows={"a": 10, "b": 100_000})
    schema = {"a": [Column("k")], "b": [Column("k")]}
    made = compile_ruleset(parse_ruleset(text, "u.yaml"), schema, KEY, known=known)
    there, here = (bytes(made.table(table, ["k"]).apply(b"Vimb Tharro\n").rows) for table in ("a", "b"))
    assert there == here != b"Vimb Tharro\n"


def test_an_address_stays_one_however_many_rows_there_are_and_is_the_same_where_it_need_not_be_unique() -> None:
    huge = Known({"t": {"c"}}, rows={"t": 10**9})
    assert made("person.email", Column("c"), huge) == made("person.email", Column("c"))


def test_a_table_that_had_a_single_row_when_it_was_counted_may_have_more() -> None:
    known = Known({"t": {"c"}}, rows={"t": 1})
    assert len(set(made("person.name", Column("c"), known))) == MANY
    with pytest.raises(RulesetError, match="there are only 10,000 fakes"):
        made('{pattern: "[0-9]{4}"}', Column("c"), known)


def test_a_column_that_joins_a_unique_one_gets_its_codes_where_the_rule_says_so() -> None:
    fake = "{fake: company.name, unique: true}"
    text = f"ruleset: 1\ntables: {{a: {{columns: {{c: company.name}}}}, b: {{columns: {{c: {fake}}}}}}}"
    columns = {table: [Column("c")] for table in "ab"}
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), columns, KEY, known=Known({"a": {"c"}}))
    one, other = (bytes(compiled.table(table, ["c"]).apply(b"Acme\nAcme\nBrick\n").rows) for table in "ab")
    assert one == other
