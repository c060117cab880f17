"""The JSON Schema for editors takes what the loader takes, and marks what the loader refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import sanitisers
from sanitisers import RulesetError
from sanitisers.families import FAMILIES
from sanitisers.ruleset.editors import editor_schema, written
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.test_ruleset import GOOD, MISTAKES

FOLDER = Path(sanitisers.__file__).parent
SCHEMA = editor_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
SHIPPED = [*sorted(FOLDER.glob("*.yaml")), *sorted((FOLDER.parent / "bench").glob("*.yaml"))]

# What only the whole file, or more than a schema can say, tells.
BEYOND = {
    "a column twice",
    "a column twice, once joined",
    "a key twice in a document",
    "a name that YAML reads as a number",
    "no YAML at all",
    "a tag of YAML's",
    "thousands of brackets",
    "so little that nothing moves",
}
RULES = {
    "keep": True,
    "keep (a, b (c) d)": True,
    "keep()": False,
    "keep ( say why )": False,
    "keeps": False,
    "null": True,
    "person.name": True,
    "person.name as person": True,
    "person.name as person by email, id": True,
    "person.name for email": False,
    "person.email at {id}@example.org": True,
    "person.email at {first}.{last:03}@example.org": True,
    "person.email at example.org": False,
    "person.email at {id}": False,
    "person.name at {id}@example.org": False,
    "date.shift": True,
    "date.shift 30 days": True,
    "date.shift 1 day by id": True,
    "date.shift 0 days": False,
    "date.shift 36501 days": False,
    "date.shift 2 weeks": False,
    "number.noise 10 %": True,
    "number.noise 2.5% as a by b": True,
    "number.noise 0 %": False,
    "number.noise 101 %": False,
    "text.redact": True,
    "text.redact by id": False,
    "{value: 3}": True,
    "{value: null}": True,
    "{value: [a]}": True,
    "{value: x, nulls: replace}": True,
    "{value: x, by: y}": False,
    "{value: x, template: y}": False,
    "{valu: x}": False,
    "{}": False,
    "[keep]": False,
    "3": False,
    "true": False,
    '{template: "{id:09}"}': True,
    '{template: "{id"}': False,
    "{bcrypt: secret}": True,
    "{bcrypt: secret, locked: role = 1}": True,
    "{bcrypt: secret, locked: null}": False,
    '{bcrypt: ""}': False,
    "{fake: person.name, as: person, by: [email, id], unique: true}": True,
    "{fake: person.nme}": False,
    "{fake: person.name, nulls: replace}": False,
    "{fake: person.name, nulls: replace, by: id}": True,
    '{pattern: "[A-Z]{2}[0-9]{6}", by: x, unique: true}': True,
    '{pattern: "[A-Z]+"}': False,
    '{pattern: ""}': False,
    "{one_of: [a, 7]}": True,
    "{one_of: []}": False,
    "{one_of: [true, 1.5]}": True,
    "{one_of: [null]}": False,
    "{one_of: [[a]]}": False,
    "{one_of: a}": False,
    "{one_of: [a], unique: true}": False,
    "{function: a.b.c, by: x}": True,
    "{function: a}": False,
    "{each: person.name}": True,
    "{each: {each: person.nme}}": False,
    "{fields: {a: person.name, b: null}}": True,
    "{fields: {a: x}}": False,
    "{entries: {a: person.name, '*': null}, rest: keep (why)}": True,
    "{entries: {a: person.name}, rest: null}": False,
    "{json: {}}": True,
    "{json: 3}": False,
    "{json: {a: {b: keep, '*': person.name}, c: null}, rest: keep (why), only_with: a}": True,
    "{json: {a: {b: persn.name}}}": False,
    "{json: {a: [keep]}}": False,
    "{json: {a: {value: 3}}}": True,
    "{json: {a: {value: text.lorem}}}": False,
    "{json: {a: {json: {value: text.lorem}}}}": True,
    "{json: {a: {value: text.lorem, b: keep}}}": True,
    "{json: {a: {bcrypt: x}}}": True,
    "{json: {a: {template: x}}}": False,
    "{json: {a: {template: text.lorem, b: keep}}}": True,
    "{json: {a: 'person.email at {id}@x.org'}}": False,
    "{json: {a: {pattern: 'A[0-9]', by: b}}}": True,
    "{json: {a: {pattern: {b: keep}}}}": False,
    "{json: {a: {pattern: {b: keep}, c: keep}}}": True,
    "{json: {a: {one_of: [x]}}}": True,
    "{json: {a: {function: a.b}}}": False,
    "{json: {a: {function: {b: keep}}}}": True,
    "{json: {a: {fake: person.name}}}": False,
    "{json: {a: {fake: person.name, as: person, by: b}}}": False,
    "{json: {a: {fake: keep}}}": True,
    "{json: {a: {fake: person.name, b: keep}}}": True,
    "{json: {a: {json: {fake: person.name}}}}": True,
    "{json: {fake: person.name}}": True,
    "{json: {a: {each: keep}}}": True,
    "{json: {}, only_wth: x}": False,
}
FRAMES = {
    "ruleset: 1": True,
    "tables: {}": False,
    "ruleset: 2": False,
    "ruleset: 1\ntable: {}": False,
    "ruleset: 1\nlocale: en_GB\ndetectors: stop": True,
    "ruleset: 1\ndetectors: off (slow)": True,
    "ruleset: 1\ndetectors: off": False,
    "ruleset: 1\ndetectors: never": False,
    "ruleset: 1\ntables: {t: empty}": True,
    "ruleset: 1\ntables: {t: emty}": False,
    "ruleset: 1\ntables: {t: {rows: a is null, unique: [a, b]}}": True,
    "ruleset: 1\ntables: {t: {rows: null}}": False,
    "ruleset: 1\ntables: {t: {where: null}}": False,
    "ruleset: 1\ntables: {t: {rows: a, where: b}}": False,
    "ruleset: 1\ntables: {t: {colums: {}}}": False,
    "ruleset: 1\ndefaults: {boolean: keep, '*_id': keep (why)}": True,
    "ruleset: 1\ndefaults: {boolean: null}": False,
    "ruleset: 1\nliterals: {v: keep (why)}": True,
    "ruleset: 1\nliterals: {v: keep}": False,
    "ruleset: 1\nleaks: {t.c: keep (why)}": True,
    "ruleset: 1\nleaks: {t: keep (why)}": False,
    "ruleset: 1\nafter_load: a.sql\nchecks: {some: SELECT true}": True,
    "ruleset: 1\nafter_load: ../a.sql": False,
    "ruleset: 1\nleak_check: off (slow)": True,
    "ruleset: 1\nleak_check: on": False,
}


def plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def is_loaded(text: str) -> bool:
    try:
        parse_ruleset(text, "x.yaml")
    except RulesetError:
        return False
    return True


def of_rule(rule: str) -> str:
    return f"ruleset: 1\ntables:\n  t:\n    columns:\n      c: {rule}\n"


def test_the_schema_is_one_of_draft_7() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_file_beside_the_rulesets_is_what_the_code_makes() -> None:
    assert (FOLDER / "ruleset.schema.json").read_text(encoding="utf-8") == written()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_ships_passes_and_tells_editors_where_the_schema_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    VALIDATOR.validate(plain(text))
    first = text.partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == FOLDER / "ruleset.schema.json"


@pytest.mark.parametrize("rule", RULES)
def test_schema_and_loader_agree_about_a_rule(rule: str) -> None:
    text = of_rule(rule)
    assert is_loaded(text) is RULES[rule]
    assert VALIDATOR.is_valid(plain(text)) is RULES[rule]


@pytest.mark.parametrize("frame", FRAMES)
def test_schema_and_loader_agree_about_the_frame(frame: str) -> None:
    assert is_loaded(frame) is FRAMES[frame]
    assert VALIDATOR.is_valid(plain(frame)) is FRAMES[frame]


def test_a_good_ruleset_passes() -> None:
    VALIDATOR.validate(plain(GOOD))


@pytest.mark.parametrize("mistake", sorted(MISTAKES.keys() - BEYOND))
def test_a_mistake_that_the_loader_refuses_is_marked(mistake: str) -> None:
    lines, _ = MISTAKES[mistake]
    assert not VALIDATOR.is_valid(plain(f"ruleset: 1\ntables:\n  t:\n    columns:\n{lines}\n"))


def test_every_family_is_completed_with_what_its_fakes_look_like() -> None:
    offered = {one["const"]: one["description"] for one in SCHEMA["definitions"]["family"]["anyOf"]}
    assert offered == {name: family.about for name, family in FAMILIES.items()}
