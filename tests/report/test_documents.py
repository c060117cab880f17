"""What report.json holds has a published schema, which is that of the code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dmrefresh.report.documents import SCHEMA, is_one, schema
from tests.report.documents import EVERY

WRONG: dict[str, tuple[str, object]] = {
    "no version": ("version", None),
    "another version": ("version", 2),
    "an exit code in words": ("exit_code", "0"),
    "no name of a run": ("run", None),
    "attempts that are none": ("tries", [{}]),
    "a timeline that is none": ("timeline", {"stages": 3}),
}


def test_the_schema_that_is_published_is_that_of_the_code() -> None:
    wanted = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if SCHEMA.read_text(encoding="utf-8") != wanted:
        again = SCHEMA.with_suffix(".json.new")
        again.write_text(wanted, encoding="utf-8")
        pytest.fail(f"look at what has changed, then: mv {again} {SCHEMA}")
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("kind", EVERY)
def test_each_kind_of_report_fits_and_what_is_wrong_in_it_is_seen(kind: str) -> None:
    document: dict[str, Any] = json.loads(json.dumps(EVERY[kind]()))
    validator = Draft202012Validator(schema())
    validator.validate(document)
    assert is_one(json.dumps(document).encode(), document)
    assert is_one(json.dumps(document | {"of_later": 1}).encode(), document)
    for why, (key, value) in WRONG.items():
        wrong = document | {key: value}
        assert not is_one(json.dumps(wrong).encode(), wrong), why
