"""What becomes of a column is explained from the rules alone."""

from __future__ import annotations

from textwrap import indent

import pytest

from sanitisers import load_ruleset, ships
from sanitisers.assumed import Assumed
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Columns
from sanitisers.showing.explaining import explain
from sanitisers.showing.previewing import shown
from tests.sanitisers.columns import Column, production_schema
from tests.sanitisers.making import sanitiser


def test_every_column_of_what_ships_is_explained_and_what_is_replaced_has_samples() -> None:
    shipped = ships("digitalmarketplace")
    assert shipped is not None
    ruleset = load_ruleset(shipped)
    samples = 0
    for table, columns in production_schema().items():
        for column in columns:
            found = explain(ruleset, table, column)
            assert found.rule is not None
            assert found.place.startswith("digitalmarketplace.yaml:")
            samples += bool(found.samples)
            if found.rule.partition(".")[0] in ("person", "company", "address", "text", "url"):
                assert len(found.samples) == 2, (table, column)
    assert samples > 20


RULES = [
    *(
        "person.name",
        "person.name as person by id",
        "person.email",
        "text.lorem",
        "text.words",
        "uuid",
        "token",
        "hash",
    ),
    *(
        "{value: x}",
        '{template: "{id:04}"}',
        "{one_of: [a, b]}",
        '{pattern: "[A-Z]{2}"}',
    ),
    "{fake: person.name, unique: true}",
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("column", [Column("c"), Assumed("c")], ids=["typed", "untyped"])
def test_a_rule_that_makes_something_up_shows_one_or_two(rule: str, column: Column | Assumed) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n", "r.yaml")
    found = explain(ruleset, "t", column)
    assert found.place == "r.yaml:5: tables.t.columns.c"
    assert 1 <= len(found.samples) <= 2
    assert all("original" not in sample for sample in found.samples)


@pytest.mark.parametrize("rule", ["keep (so)", "null", "{bcrypt: secret}", "{bcrypt: secret, locked: not_shown}"])
def test_a_rule_that_makes_nothing_up_or_a_hash_to_try_passwords_on_shows_nothing(rule: str) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n", "r.yaml")
    assert explain(ruleset, "t", Column("c")).samples == ()


def test_a_path_below_a_wildcard_is_decided_by_it() -> None:
    text = 'ruleset: 1\ntables:\n  t:\n    columns:\n      c:\n        json:\n          "*": {who: person.name}\n'
    found = explain(parse_ruleset(text, "r.yaml"), "t", Column("c", "jsonb"), ["7", "who"])
    assert (found.rule, found.place) == ("person.name", "r.yaml:7: tables.t.columns.c.json.*.who")
    assert len(found.samples) == 2


def test_what_nothing_covers_comes_with_a_proposal() -> None:
    ruleset = parse_ruleset("ruleset: 1\ntables:\n  t:\n    columns: {}\n", "r.yaml")
    found = explain(ruleset, "t", Column("contact_email"))
    assert found.rule is None
    assert found.proposal is not None
    assert found.proposal.startswith("contact_email: person.email  # ")


BOXES = """\
ruleset: 1
tables:
  t:
    columns:
      home:
        fields: {street: address.street, land: keep (a country)}
      more:
        entries: {mail: person.email, note: {value: x}}
        rest: keep (codes)
      closed: {entries: {mail: person.email}}
"""


@pytest.mark.parametrize(
    ("path", "rule", "line", "why"),
    [
        (("home", "street"), "address.street", 6, "a rule for the field"),
        (("home", "stret"), None, 6, "there is no rule for a field `stret`; did you mean `street`?"),
        (("more", "mail"), "person.email", 8, "a rule for the entry"),
        (("more", "code"), "keep", 9, "`rest` keeps the entries that are not named"),
        (("closed", "code"), None, 10, "an hstore is closed: `code` is not named, so it is dropped"),
        (("closed", "mial"), None, 10, "did you mean `mail`?"),
    ],
)
def test_what_is_inside_a_composite_or_an_hstore_is_explained_by_its_name(
    path: tuple[str, str], rule: str | None, line: int, why: str
) -> None:
    found = explain(parse_ruleset(BOXES, "b.yaml"), "t", Assumed(path[0]), path[1:])
    assert found.rule == rule
    assert found.place.startswith(f"b.yaml:{line}: tables.t.columns.{path[0]}")
    assert why in found.why


def test_what_stands_in_another_column_is_shown_by_no_template() -> None:
    columns = [Column("id", "integer", not_null=True), Column("town", not_null=True), Column("a"), Column("b")]
    rules = 'id, town: keep\na: {template: "A-{id}"}\nb: {template: "{town}-{id}"}'
    before = b"7\tWillowbridge\tx\ty\n"
    made = sanitiser(columns, rules)
    after = bytes(made.table("t", [column.name for column in columns]).apply(before).rows)
    assert after == b"7\tWillowbridge\tA-7\tWillowbridge-7\n"
    assert made.report()["t"].samples == {"a": ("A-{id}",), "b": ("{town}-{id}",)}
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n{indent(rules, ' ' * 6)}", "r.yaml")
    of_table = ruleset.tables["t"]
    assert isinstance(of_table, Columns)
    found = list(shown(columns, of_table.columns, before, after))
    assert "A-7" in [one.after for one in found]
    assert not any("Willow" in str(one) for one in found)


@pytest.mark.parametrize(
    ("column", "rule", "before"),
    [
        (
            Column("d", "jsonb[]", element=Column("[]", "jsonb")),
            "{each: {json: {note: keep (x), email: person.email}}}",
            b'{"{\\"note\\": \\"Alice secret\\", \\"email\\": \\"a@b.example\\"}"}',
        ),
        (Column("d", "text[]", element=Column("[]")), "{each: text.redact}", b'{"Alice secret"}'),
        (Column("d", "public.hstore"), "{entries: {mail: person.email}, rest: keep (x)}", b'"note"=>"Alice secret"'),
    ],
    ids=["documents of an array", "an array", "an hstore"],
)
def test_what_is_kept_inside_of_something_is_shown_by_its_shape_alone(column: Column, rule: str, before: bytes) -> None:
    made = sanitiser([column], f"d: {rule}")
    row = before.replace(b"\\", b"\\\\") + b"\n"
    after = bytes(made.table("t", ["d"]).apply(row).rows)
    assert b"Alice secret" in after
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      d: {rule}", "r.yaml")
    of_table = ruleset.tables["t"]
    assert isinstance(of_table, Columns)
    assert not any("Alice" in str(one) for one in shown([column], of_table.columns, row, after))
