"""The ruleset's reference names every family, every rule and every key there may be, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sanitisers.families import FAMILIES
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Columns, Ruleset
from sanitisers.ruleset.rules import Bcrypt, Chosen, Each, Entries, Fields, Function, Json, OneOf, Pattern

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "ruleset.md").read_text()
KEYS = [
    str(field.alias or name)
    for model in (Ruleset, Columns, Bcrypt, Chosen, Each, Entries, Fields, Function, Json, OneOf, Pattern)
    for name, field in model.model_fields.items()
    if not field.exclude and name not in {"script", "document", "version"}
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_in_the_table_as_it_describes_itself(family: str) -> None:
    assert f"| `{family}` | {FAMILIES[family].about} |" in TEXT


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_explained(key: str) -> None:
    assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`|^ *{key}:", TEXT, re.MULTILINE), key


def test_its_example_is_a_ruleset() -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    assert parse_ruleset(example[1], "example.yaml").tables.keys() == {"users", "orders", "audit_events"}
