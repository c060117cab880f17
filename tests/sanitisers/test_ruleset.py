import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sanitisers import RulesetError, Unclassified, compile_ruleset, load_ruleset
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.mistakes import Problem
from sanitisers.ruleset.model import Columns, Empty, Off
from sanitisers.ruleset.patterns import parse_pattern
from sanitisers.ruleset.quoting import key_of
from sanitisers.ruleset.rules import (
    Bcrypt,
    Constant,
    Each,
    Entries,
    Fake,
    Function,
    Json,
    JsonObject,
    Keep,
    Noise,
    Null,
    OneOf,
    Pattern,
    Redact,
    Rule,
    Shift,
    Template,
)
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

GOOD = """\
ruleset: 1
defaults:
  boolean: keep
  "*_id": keep (numbers)
tables:
  users:
    columns:
      name, nickname: person.name
      email: person.email at {id}@user.marketplace.team     # unique because the id is
      password: {bcrypt: Password1234}
      failed_login_count: {value: 0}
      phone: null
      duns: {template: "{id:09}"}
      data:
        only_with: status
        json:
          status: keep (started or complete, no personal data)
          "a: b, c #d": person.name
          nested: {"*": text.lorem}
        rest: keep (why)
  audit_events: empty
"""


def test_the_spellings_of_the_syntax_are_read() -> None:
    ruleset = parse_ruleset(GOOD, "good.yaml")
    users = ruleset.tables["users"]
    assert isinstance(users, Columns)
    rules = users.columns
    assert rules["name"] == rules["nickname"] == Fake(fake="person.name")
    assert rules["email"] == Template(template="{id}@user.marketplace.team")
    assert rules["password"] == Bcrypt(bcrypt="Password1234")
    assert rules["failed_login_count"] == Constant(value=0)
    assert rules["phone"] == Null()
    assert rules["duns"] == Template(template="{id:09}")
    assert ruleset.tables["audit_events"] == Empty()
    assert ruleset.defaults == {"boolean": Keep(), "*_id": Keep(reason="numbers")}
    assert ruleset.locale == "en_GB"
    data = rules["data"]
    assert isinstance(data, Json)
    assert (data.only_with, data.rest) == ("status", Keep(reason="why"))
    assert data.document.keys["status"] == Keep(reason="started or complete, no personal data")
    assert set(data.document.keys) == {"status", "a: b, c #d", "nested"}


NO_RULE = (
    "bad.yaml:5: tables.t.columns.a: a rule is one word, or a map with one of `value`, `template`, `bcrypt`, "
    "`json`, `fake`, `pattern`, `one_of`, `function`, `each`, `fields` and `entries`"
)
MISTAKES = {
    "a misspelt family": (
        "      name: person.nme",
        "bad.yaml:5: tables.t.columns.name: `person.nme` is no sanitiser; did you mean `person.name`?",
    ),
    "capitals": (
        "      name: Keep (as it is)",
        "bad.yaml:5: tables.t.columns.name: `Keep (as it is)` is no sanitiser; did you mean `keep`?",
    ),
    "an amount that is no number": (
        "      name: number.noise twenty",
        "bad.yaml:5: tables.t.columns.name: the amount of `number.noise` is written in %, such as `number.noise 30 %`",
    ),
    "a column twice": (
        "      a: keep\n      a: keep",
        'bad.yaml:6: found duplicate key "a", in the map, first in line 5',
    ),
    "a column twice, once joined": (
        "      a: keep\n      b, a: keep",
        "bad.yaml:6: tables.t.columns.a: named twice, first in line 5",
    ),
    "a key twice in a document": (
        "      a:\n        json:\n          x, y: keep\n          z, x: keep",
        "bad.yaml:8: tables.t.columns.a.json.x: named twice, first in line 7",
    ),
    "a family misspelt in a document": (
        "      a:\n        json:\n          x:\n            y: persn.name",
        "bad.yaml:8: tables.t.columns.a.json.x.y: `persn.name` is no sanitiser; did you mean `person.name`?",
    ),
    "no reason in the brackets": (
        "      a: keep ()",
        "bad.yaml:5: tables.t.columns.a: the reason is missing: write `keep (because …)`",
    ),
    "a proposal pasted unread": (
        "      a: keep (say why)",
        "bad.yaml:5: tables.t.columns.a: the reason is missing: write `keep (because …)`",
    ),
    "a map without a rule": (
        "      a: {valu: 3}",
        NO_RULE,
    ),
    "two rules in a map": (
        "      a: {value: 3, template: x}",
        NO_RULE,
    ),
    "an option misspelt": (
        "      a: {json: {}, only_wth: x}",
        "bad.yaml:5: tables.t.columns.a.only_wth: `only_wth` is not known here; did you mean `only_with`?",
    ),
    "a list": (
        "      a: [keep]",
        NO_RULE,
    ),
    "an open bracket in a template": (
        '      a: {template: "{id"}',
        "bad.yaml:5: tables.t.columns.a.template: a column in a template is written `{id}`, "
        "or `{id:09}` for nine digits with zeros",
    ),
    "nothing in a template": (
        '      a: {template: ""}',
        "bad.yaml:5: tables.t.columns.a.template: a template has something in it",
    ),
    "one address for all": (
        "      a: person.email at nobody@x.org",
        "bad.yaml:5: tables.t.columns.a: every address would be the same; put a column into it, such as `{id}`, "
        "or use `value`",
    ),
    "another family before at": (
        "      a: person.name at {id}@x.org",
        "bad.yaml:5: tables.t.columns.a: `person.name` cannot stand before `at`: only `person.email` can",
    ),
    "a template in a document": (
        "      a: {json: {x: 'person.email at {id}@x.org'}}",
        "bad.yaml:5: tables.t.columns.a.json.x: a template belongs to a column, a document has no columns",
    ),
    "a key called value, taken for a constant": (
        "      a: {json: {x: {value: text.lorem}}}",
        "bad.yaml:5: tables.t.columns.a.json.x: `text.lorem` is the name of a rule; "
        "for a key called `value` write {json: {value: …}}",
    ),
    "a rest that is not kept": (
        "      a: {json: {}, rest: null}",
        "bad.yaml:5: tables.t.columns.a.rest: `rest` can only be `keep (why)`; without it the rest is dropped",
    ),
    "a document that is no map": (
        "      a: {json: 3}",
        "bad.yaml:5: tables.t.columns.a: `json` holds a map of keys to rules",
    ),
    "a column that stands where the columns begin": (
        "      a: keep\n    code: keep",
        "bad.yaml:6: tables.t.code: `code` is not known here; a column stands below `columns:`",
    ),
    "rows of which nothing is said": (
        "      a: keep\n    rows:",
        "bad.yaml:3: tables.t: `rows` is empty: say which rows stay, or leave it out",
    ),
    "accounts of which nothing is said": (
        "      a: {bcrypt: x, locked: }",
        "bad.yaml:5: tables.t.columns.a.locked: `locked` is empty: say for which rows, or leave it out",
    ),
    "rows twice": (
        "      a: keep\n    rows: x is null\n    where: y",
        "bad.yaml:3: tables.t: `rows` and `where` say the same thing twice; leave one out",
    ),
    "an amount of what has none": (
        "      a: person.name 30 days",
        "bad.yaml:5: tables.t.columns.a: `person.name` takes no amount",
    ),
    "another unit": (
        "      a: date.shift 3 weeks",
        "bad.yaml:5: tables.t.columns.a: the amount of `date.shift` is written in days, such as `date.shift 30 days`",
    ),
    "too much": (
        "      a: number.noise 300 %",
        "bad.yaml:5: tables.t.columns.a: the amount of `number.noise` is at most 100 %, and more than none",
    ),
    "days that are no whole ones": (
        "      a: date.shift 1.5 days",
        "bad.yaml:5: tables.t.columns.a: the amount of `date.shift` is a number of whole days, from 1 to 36500",
    ),
    "more days than a number can have": (
        f"      a: date.shift {'9' * 400} days",
        "bad.yaml:5: tables.t.columns.a: the amount of `date.shift` is a number of whole days, from 1 to 36500",
    ),
    "so little that nothing moves": (
        "      a: number.noise 0.004 %",
        "bad.yaml:5: tables.t.columns.a: the amount of `number.noise` is at most 100 %, and more than none",
    ),
    "by before as": (
        "      a: person.name as",
        "bad.yaml:5: tables.t.columns.a: behind `person.name` only `as NAME` and `by COLUMN` are understood, "
        "in this order",
    ),
    "what decides before the identity": (
        "      a: person.name by email as person",
        "bad.yaml:5: tables.t.columns.a: behind `person.name` only `as NAME` and `by COLUMN` are understood, "
        "in this order",
    ),
    "a family in a map": (
        "      a: {fake: person.nme}",
        "bad.yaml:5: tables.t.columns.a.fake: `person.nme` is no sanitiser; did you mean `person.name`?",
    ),
    "NULL of nobody's": (
        "      a: {fake: person.name, nulls: replace}",
        "bad.yaml:5: tables.t.columns.a: `nulls: replace` wants `by`, or all of them would become the same",
    ),
    "a pattern of any length": (
        '      a: {pattern: "[A-Z]+"}',
        "bad.yaml:5: tables.t.columns.a.pattern: the pattern, character 6: `+` is not understood here; "
        "only texts of a fixed length can be made",
    ),
    "a path of one name": (
        "      a: {function: badge}",
        "bad.yaml:5: tables.t.columns.a.function: `function` is a dotted path, such as `ourteam.sanitisers.badge`",
    ),
    "a pattern without an end": (
        '      a: {pattern: "a{019999999999}"}',
        "bad.yaml:5: tables.t.columns.a.pattern: the pattern, character 2: a place is repeated by a number from 1 to "
        "200 in braces, such as `{6}`",
    ),
    "no rule at all below the columns": (
        "",
        "bad.yaml:4: tables.t.columns: a map is wanted here, such as `name: rule`; an empty one is {}",
    ),
    "a password that is a number": (
        "      a: {bcrypt: 1234}",
        "bad.yaml:5: tables.t.columns.a.bcrypt: a text is wanted here; a number, say, is one in quotes",
    ),
    "a password of no letters": (
        '      a: {bcrypt: ""}',
        "bad.yaml:5: tables.t.columns.a.bcrypt: the text is empty",
    ),
    "a list of none": (
        "      a: {one_of: []}",
        "bad.yaml:5: tables.t.columns.a.one_of: the list is empty",
    ),
    "neither unique nor not": (
        "      a: {fake: person.name, unique: maybe}",
        "bad.yaml:5: tables.t.columns.a.unique: it is true or false",
    ),
    "what becomes of NULL misspelt": (
        "      a: {fake: person.name, nulls: no}",
        "bad.yaml:5: tables.t.columns.a.nulls: it is `stay` or `replace`",
    ),
    "NULL as one of a list": (
        "      a: {one_of: [a, null]}",
        "bad.yaml:5: tables.t.columns.a.one_of: `one_of` holds texts, numbers, true and false; nothing "
        "else can be one of them",
    ),
    "a family in a map in a document": (
        "      a: {json: {x: {fake: person.name}}}",
        "bad.yaml:5: tables.t.columns.a.json.x: write `person.name`; for a key called `fake` write {json: {fake: …}}",
    ),
    "a family and who decides in a map in a document": (
        "      a: {json: {x: {fake: person.name, by: y}}}",
        "bad.yaml:5: tables.t.columns.a.json.x: write `person.name`, with `as` and `by` behind it; "
        "for a key called `fake` write {json: {fake: …}}",
    ),
    "a tag of YAML's": (
        "      a: {value: !secret x}",
        "bad.yaml:5: tables.t.columns.a.value: YAML's tags, sets and the like are not understood; "
        "a text that begins with ! wants quotes",
    ),
    "thousands of brackets": ("      a: " + "[" * 2000 + "]" * 2000, "bad.yaml: it is nested too deep"),
    "one of none": (
        "      a: {one_of: red}",
        "bad.yaml:5: tables.t.columns.a.one_of: `one_of` holds a list",
    ),
    "a mistake in an array": (
        "      a: {each: person.nme}",
        "bad.yaml:5: tables.t.columns.a.each: `person.nme` is no sanitiser; did you mean `person.name`?",
    ),
    "a mistake in a composite": (
        "      a: {fields: {city: adress.city}}",
        "bad.yaml:5: tables.t.columns.a.fields.city: `adress.city` is no sanitiser; did you mean `address.city`?",
    ),
    "a name that YAML reads as a number": (
        "      17: keep",
        "bad.yaml:5: tables.t.columns: a key here is not text to YAML; put it into quotes",
    ),
    "no YAML at all": ("      a: {", "bad.yaml:6: not YAML: expected the node content, but found '<stream end>'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_sentence_with_its_line(mistake: str) -> None:
    lines, message = MISTAKES[mistake]
    with pytest.raises(RulesetError) as refused:
        parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n{lines}\n", "bad.yaml")
    assert refused.value.messages == (message,)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bad.yaml: a ruleset is a map that begins with `ruleset: 1`"),
        ("tables: {}", "bad.yaml: `ruleset: 1` is missing"),
        ("ruleset: 2", "bad.yaml:1: ruleset: the only version there is is 1"),
        ("ruleset: 1\ntable: {}", "bad.yaml:2: table: `table` is not known here; did you mean `tables`?"),
        ("ruleset: 1\ntables: {t: emty}", "bad.yaml:2: tables.t: a table is `empty` or has `columns:`"),
        (
            "ruleset: 1\ntables: {t: {colums: {}}}",
            "bad.yaml:2: tables.t.colums: `colums` is not known here; did you mean `columns`?",
        ),
        (
            "ruleset: 1\ndefaults: {text: null}",
            "bad.yaml:2: defaults.text: a line of `defaults:` can only say `keep` or `keep (why)`",
        ),
    ],
)
def test_the_frame_of_the_file_is_checked(text: str, message: str) -> None:
    with pytest.raises(RulesetError) as refused:
        parse_ruleset(text, "bad.yaml")
    assert refused.value.messages == (message,)


def test_all_mistakes_come_at_once_in_the_order_of_their_lines() -> None:
    text = (
        GOOD.replace("text.lorem", "text.lorm")
        .replace("person.name", "person.nme")
        .replace("boolean: keep", "boolean: x")
    )
    with pytest.raises(RulesetError) as refused:
        parse_ruleset(text, "bad.yaml")
    assert [message.split(":")[1] for message in refused.value.messages] == ["3", "8", "8", "18", "19"]


def test_a_file_is_named_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("ruleset: 3")
    with pytest.raises(RulesetError, match=r"^team\.yaml:1: "):
        load_ruleset(path)
    path.write_bytes(b"ruleset: \xff")
    with pytest.raises(RulesetError, match="byte 9 is not UTF-8"):
        load_ruleset(path)
    with pytest.raises(RulesetError, match="No such file"):
        load_ruleset(tmp_path / "none.yaml")


_PERSON = {"family": "person.name"}


@pytest.mark.parametrize(
    ("rule", "model", "says"),
    [
        ("person.name as person", Fake, {**_PERSON, "identity": "person"}),
        ("person.name  as person by email, id", Fake, {**_PERSON, "identity": "person", "by": ("email", "id")}),
        ("address.city by postcode", Fake, {"family": "address.city", "by": ("postcode",)}),
        (
            "{fake: person.name, as: person, by: [email, id], unique: true}",
            Fake,
            {**_PERSON, "identity": "person", "by": ("email", "id"), "unique": True},
        ),
        ("date.shift", Shift, {}),
        ("date.shift 1 day", Shift, {"days": 1}),
        (
            "date.shift 90 days as person by email",
            Shift,
            {"days": 90, "identity": "person", "by": ("email",)},
        ),
        ("number.noise 2.5%", Noise, {"percent": 2.5}),
        ("number.noise 5 % by id", Noise, {"percent": 5, "by": ("id",)}),
        ("text.redact", Redact, {}),
        ('{pattern: "[A-Z]{2}", unique: true}', Pattern, {"pattern": "[A-Z]{2}", "unique": True}),
        ("{one_of: [red, 7]}", OneOf, {"values": ("red", "7")}),
        ("{function: team.rules.badge, by: id}", Function, {"path": "team.rules.badge", "by": ("id",)}),
        ("{bcrypt: secret, locked: role = 'admin'}", Bcrypt, {"password": "secret", "locked": "role = 'admin'"}),
        ("{value: 0, nulls: replace}", Constant, {"value": 0, "nulls": "replace"}),
        (
            "{each: {fields: {city: address.city}}}",
            Each,
            {"each": {"fields": {"city": {"family": "address.city"}}}},
        ),
        (
            "{entries: {mail: person.email, '*': null}, rest: keep (why)}",
            Entries,
            {"entries": {"mail": {"family": "person.email"}, "*": {}}, "rest": {"reason": "why"}},
        ),
    ],
)
def test_every_rule_has_its_spelling(rule: str, model: type[Rule], says: dict[str, object]) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n", "good.yaml")
    table = ruleset.tables["t"]
    assert isinstance(table, Columns)
    read = table.columns["c"]
    assert type(read) is model
    assert read.model_dump(exclude_defaults=True) == says


@pytest.mark.parametrize("word", ["rows", "where"])
def test_row_rules_have_two_spellings(word: str) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    {word}: a is null\n    unique: [a, b]\n", "good.yaml")
    assert ruleset.tables["t"] == Columns(rows="a is null", unique=("a", "b"))


def test_rules_go_into_documents_by_word_and_by_map() -> None:
    text = (
        "ruleset: 1\ntables:\n  t:\n    columns:\n      c:\n        json:\n"
        "          name: person.name as person by mail\n"
        "          code: {pattern: 'A[0-9]', by: mail}\n          pattern: {depth: keep (of no one)}\n"
    )
    table = parse_ruleset(text, "good.yaml").tables["t"]
    assert isinstance(table, Columns)
    rule = table.columns["c"]
    assert isinstance(rule, Json)
    assert [type(rule) for rule in rule.document.keys.values()] == [Fake, Pattern, JsonObject]


SPELLINGS = ["keep", "null", "person.name", "3", "1.5", "true", "[]", "[a]", "{}", "{a: keep}", "", "''", "2020-01-01"]
PLACES = [
    *(
        f"{key}: %"
        for key in ("locale", "defaults", "tables", "literals", "after_load", "checks", "leak_check", "leaks")
    ),
    *("detectors: %", "checks: {a: %}", "literals: {a: %}", "tables: {t: %}", "tables: {t: {columns: %}}"),
    *(f"tables: {{t: {{{key}: %}}}}" for key in ("rows", "where", "unique")),
    *(
        f"tables: {{t: {{columns: {{a: {rule}}}}}}}"
        for rule in (
            *("%", "{value: x, nulls: %}", "{template: %}", "{template: x, nulls: %}", "{bcrypt: %}"),
            *(
                "{bcrypt: x, locked: %}",
                "{json: %}",
                "{json: {a: %}}",
                "{json: {}, rest: %}",
                "{json: {}, only_with: %}",
            ),
            *(
                "{fake: %}",
                "{fake: person.name, as: %}",
                "{fake: person.name, by: %}",
                "{fake: person.name, unique: %}",
            ),
            *("{fake: person.name, nulls: %}", "{pattern: %}", "{one_of: %}", "{function: %}", "{each: %}"),
            *("{fields: %}", "{entries: %}", "{entries: {}, rest: %}"),
        )
    ),
]


@pytest.mark.parametrize("place", PLACES)
def test_whatever_stands_where_it_does_not_belong_is_told_in_words_of_our_own(place: str) -> None:
    refused = 0
    for spelling in SPELLINGS:
        try:
            parse_ruleset(f"ruleset: 1\n{place.replace('%', spelling)}\n", "bad.yaml")
        except RulesetError as error:
            refused += 1
            for message in error.messages:
                assert re.match(r"bad\.yaml:\d+: ", message)
                assert not re.search(r"(?i)should|valid|unable|instance", message), message
    assert refused


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1, unique=True))
@example(["City, State", "net, gross", "a\U000e0001", "a\nb", "null", '"', "\\", "# x", "<<", "\ufeff", "\x85"])
def test_every_name_can_be_a_key(names: list[str]) -> None:
    columns = [Column(name) for name in names]
    for line in ("keep", "{json: {%s: keep}}", "{fields: {%s: keep}}", "{entries: {%s: keep}}"):
        lines = "".join(f"      {key_of(name)}: {line.replace('%s', key_of(name))}\n" for name in names)
        table = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n{lines}", "named.yaml").tables["t"]
        assert isinstance(table, Columns)
        assert list(table.columns) == names
        dumped = [rule.model_dump() for rule in table.columns.values()]
        inside = [one.get("fields") or one.get("entries") or one.get("document", {}).get("keys") for one in dumped]
        assert line == "keep" or [list(keys) for keys in inside] == [[name] for name in names]
    with pytest.raises(Unclassified) as refused:
        compile_ruleset(parse_ruleset("ruleset: 1", "named.yaml"), {"t": columns}, KEY)
    pasted = parse_ruleset("ruleset: 1\n" + refused.value.paste.replace("say why", "public"), "named.yaml").tables["t"]
    assert isinstance(pasted, Columns)
    assert list(pasted.columns) == names


def rule_below(keys: str, *lines: str, beside: str = "") -> Any:
    """The rule of a column as plain maps; the lines stand below these keys, each of which stands below the last."""
    steps = keys.split()
    head = "".join(f"{' ' * (8 + 2 * depth)}{key}:\n" for depth, key in enumerate(steps))
    body = "".join(f"{' ' * (8 + 2 * len(steps))}{line}\n" for line in lines)
    more = f"{' ' * (6 + 2 * len(steps))}{beside}\n" if beside else ""
    table = parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      c:\n{head}{body}{more}", "r.yaml").tables[
        "t"
    ]
    assert isinstance(table, Columns)
    return table.columns["c"].model_dump()


JOINED = {
    "fields": "fields",
    "entries": "entries",
    "each fields": "each fields",
    "json": "document keys",
    "json x": "document keys x keys",
    "json x json": "document keys x keys",
    "json value": "document keys value keys",
    "fields x json": "fields x document keys",
}
"""Where names stand in a file, and where in the models."""


@pytest.mark.parametrize("keys", JOINED)
def test_names_can_share_a_rule_wherever_names_have_rules(keys: str) -> None:
    found = rule_below(keys, "a, b: keep", '"c, d": keep')
    for step in JOINED[keys].split():
        found = found[step]
    assert list(found) == ["a", "b", "c, d"]


def test_a_key_called_as_a_rule_is_may_have_joined_keys_below_it() -> None:
    found = rule_below("json x value", "a, b: keep", beside="y: keep")
    assert list(found["document"]["keys"]["x"]["keys"]["value"]["keys"]) == ["a", "b"]


@pytest.mark.parametrize("keys", ["value", "each value", "json x value", "fields x value", "entries x value"])
def test_what_a_constant_holds_is_left_as_it_is_written(keys: str) -> None:
    found = rule_below(keys, "a, b: {c: [1.5, null, 2020-01-01]}", "when: 2020-01-01 10:00:00+02:00")
    value = json.dumps({"a, b": {"c": [1.5, None, "2020-01-01"]}, "when": "2020-01-01 10:00:00+02:00"})
    assert f'"value": {value}' in json.dumps(found)


@pytest.mark.parametrize(("said", "meant"), [("warn", "warn"), ("stop", "stop"), ("off (slow)", Off(reason="slow"))])
def test_detectors_warn_stop_or_are_off_for_a_reason(said: str, meant: object) -> None:
    assert parse_ruleset(f"ruleset: 1\ndetectors: {said}\n", "good.yaml").detectors == meant


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("[A-C]{2}-[0-9x]", ("ABC", "ABC", "-", "0123456789x")),
        (r"^\d\.\w$", ("0123456789", ".", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")),
        (r"[a\]-]", ("a]-",)),
    ],
)
def test_a_pattern_says_what_each_place_may_have(pattern: str, places: tuple[str, ...]) -> None:
    assert parse_pattern(pattern) == places


@pytest.mark.parametrize(
    "pattern",
    ["", "^$", "a{0201}", "a{1999}", "a*", "(a)", "[^a]", "[]", "[z-a]", "a{0}", "a{201}", "a{1,2}", "\\q", "[a"],
)
def test_a_pattern_that_could_be_misread_is_refused(pattern: str) -> None:
    with pytest.raises(Problem):
        parse_pattern(pattern)


@pytest.mark.parametrize("letter", ["\\0", "\\ud800"])
@pytest.mark.parametrize(
    "rule", ['{value: "%s"}', '{one_of: [a, "%s"]}', '{template: "{id}%s"}', '{json: {a: {value: "%s"}}}']
)
def test_what_no_text_of_postgresql_holds_is_refused_by_its_line(letter: str, rule: str) -> None:
    text = "ruleset: 1\ntables:\n  t:\n    columns:\n      a: " + rule.replace("%s", letter)
    with pytest.raises(RulesetError, match=r"^bad.yaml:5: tables\.t\.columns\.a.*: a text with a NUL or"):
        parse_ruleset(text, "bad.yaml")
