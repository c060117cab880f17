"""What becomes of a column is explained from the rules alone."""

from __future__ import annotations

import re
from textwrap import indent

import pytest

from sanitisers import Unclassified, compile_ruleset, load_ruleset, ships
from sanitisers.assumed import Assumed
from sanitisers.ruleset import rules
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Columns
from sanitisers.showing.explaining import Explanation, explain
from sanitisers.showing.previewing import holds_kept, shown
from tests.sanitisers.columns import Column, production_schema
from tests.sanitisers.making import KEY, sanitiser


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


def explained(rule: str, column: Column, *path: str) -> Explanation:
    text = f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n"
    return explain(parse_ruleset(text, "r.yaml"), "t", column, path)


REPLACES = [
    "{fake: person.name, by: id, nulls: replace}",
    "{pattern: 'A[0-9]', by: id, nulls: replace}",
    "{one_of: [a], by: id, nulls: replace}",
    "{value: x, nulls: replace}",
    '{template: "{id}", nulls: replace}',
    "{function: string.capwords, by: id, nulls: replace}",
]


@pytest.mark.parametrize("rule", REPLACES)
def test_of_null_that_is_replaced_nobody_says_that_it_stays(rule: str) -> None:
    said = explained(rule, Column("c")).becomes
    assert "NULL becomes one, too; the empty string stays empty" in said
    assert "NULL stays" not in str(said)
    others = explained(rule.replace("replace", "stay"), Column("c")).becomes
    assert "NULL stays NULL, and the empty string stays empty" in others


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ('{json: {a: keep, "*": keep (x)}}', Column("c", "jsonb")),
        ('{entries: {a: keep, "*": keep (x)}}', Column("c", "public.hstore")),
    ],
    ids=["a document", "an hstore"],
)
def test_where_a_rule_stands_for_what_is_not_named_nothing_is_said_to_be_dropped(rule: str, column: Column) -> None:
    assert "dropped" not in str(explained(rule, column).becomes)
    assert "dropped" in str(explained(rule.replace(', "*": keep (x)', ""), column).becomes)


def test_a_template_without_columns_is_the_same_everywhere() -> None:
    assert explained("{template: fixed}", Column("c")).becomes[:-1] == ("every value becomes this text",)


@pytest.mark.parametrize(
    ("keys", "path", "why"),
    [
        ("{contact: person.name}", "contact", "a rule for the key"),
        (
            "{contact: person.name}",
            "contact.email",
            "the rule at `contact` is for all below it, too: an object becomes {}",
        ),
        (
            "{contact: null}",
            "contact.contact",
            "the rule at `contact` is for all below it, too: an object becomes null",
        ),
        (
            "{contact: keep}",
            "contact.email",
            "the rule at `contact` is for all below it, too: an object stays as it is",
        ),
        ('{"*": person.name}', "email", "`*` stands for every key here that is not named"),
        ('{"*": {email: person.email}}', "email.email", "a rule for the key"),
        ('{email: {"*": person.email}}', "email.email", "`*` stands for every key here that is not named"),
    ],
)
def test_it_is_said_which_key_decides_about_a_path(keys: str, path: str, why: str) -> None:
    assert explained(f"{{json: {keys}}}", Column("c", "jsonb"), *path.split(".")).why.startswith(why)


PROPOSED = {
    "a domain": Column("nick", "public.short", base="text"),
    "a domain of numbers": Column("born", "public.year", not_null=True, base="integer"),
    "a composite": Column("home", "public.home", fields=(Column("id", "integer"), Column("town"))),
    "a composite of domains": Column("d", "public.d", fields=(Column("n", "public.n", base="integer"),)),
    "an array of domains": Column("d", "public.n[]", element=Column("[]", "public.n", base="bigint")),
    "a key": Column("owner_id", "uuid"),
    "a text without capitals": Column("c", "extensions.citext", not_null=True),
}


@pytest.mark.parametrize("column", PROPOSED.values(), ids=PROPOSED)
def test_what_is_proposed_is_what_the_run_proposes_and_fits(column: Column) -> None:
    ruleset = parse_ruleset("ruleset: 1\ntables:\n  t:\n    columns: {}\n", "r.yaml")
    proposal = explain(ruleset, "t", column).proposal
    assert proposal is not None
    line = proposal.partition("  # ")[0]
    with pytest.raises(Unclassified) as refused:
        compile_ruleset(ruleset, {"t": [column]}, KEY)
    assert f"      {line}  # " in refused.value.paste
    assert not re.search(r"keep(?! \(say why\))", line)
    assert sanitiser([column], line.replace("say why", "public")).warnings == ()


HOLDS_KEPT = {
    "keep (x)": True,
    "null": False,
    "person.name": False,
    "{pattern: 'A[0-9]'}": False,
    "{one_of: [a]}": False,
    "{function: string.capwords}": True,
    "date.shift": True,
    "number.noise": True,
    "text.redact": True,
    "{value: x}": False,
    "{template: x}": False,
    "{bcrypt: x}": False,
    "{json: {}}": True,
    "{each: null}": False,
    "{each: {each: {json: {a: keep}}}}": True,
    "{fields: {a: null, b: person.name}}": False,
    "{fields: {a: null, b: date.shift}}": True,
    "{entries: {a: null}}": False,
    "{entries: {a: keep (x)}}": True,
    "{entries: {a: null}, rest: keep (x)}": True,
}
"""Whether what a rule writes may have a part of the original in it."""


def test_of_every_rule_it_is_known_whether_it_may_write_what_was_there() -> None:
    tried: set[type] = {rules.JsonObject}
    for spelling, holds in HOLDS_KEPT.items():
        of_table = parse_ruleset(f"ruleset: 1\ntables: {{t: {{columns: {{c: {spelling}}}}}}}", "r.yaml").tables["t"]
        assert isinstance(of_table, Columns)
        assert holds_kept(of_table.columns["c"]) is holds, spelling
        tried.add(type(of_table.columns["c"]))
    models = {one for one in vars(rules).values() if isinstance(one, type) and issubclass(one, rules.Rule)}
    assert tried == models - {rules.Rule, rules.Chosen}
    assert holds_kept(rules.JsonObject.model_validate({"<keys>": {}}))
