from pathlib import Path

import pytest

from sanitisers import RulesetError, load_ruleset
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Bcrypt, Columns, Constant, Empty, Fake, Json, Keep, Null, Template

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
    assert rules["name"] == rules["nickname"] == Fake(family="person.name")
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
    assert set(data.document.keys) == {"status", "a: b", "c #d", "nested"}


NO_RULE = (
    "bad.yaml:5: tables.t.columns.a: a rule is one word, or a map with one of `value`, `template`, `bcrypt` and `json`"
)
MISTAKES = {
    "a misspelt family": (
        "      name: person.nme",
        "bad.yaml:5: tables.t.columns.name: `person.nme` is no sanitiser; did you mean `person.name`?",
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
    "rows": (
        "    rows: x is null",
        "bad.yaml:3: tables.t: `rows:` is not understood yet: rows can only be dropped all at once (`empty`)",
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
    assert [message.split(":")[1] for message in refused.value.messages] == ["3", "8", "8", "18", "18", "19"]


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
