"""Sanitisers for one table, in one line."""

from __future__ import annotations

from functools import cache
from textwrap import dedent, indent

from sanitisers import Sanitiser, TableSanitiser, compile_ruleset
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column

KEY = b"a key for tests, and nothing else"


def sanitiser(columns: list[Column], rules: str, key: bytes = KEY, head: str = "") -> Sanitiser:
    """A sanitiser for a table `t`; `rules` are the lines below its `columns:`."""
    text = f"ruleset: 1\n{dedent(head)}\ntables:\n  t:\n    columns:\n{indent(dedent(rules), ' ' * 6)}"
    return compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": columns}, key)


def table(columns: list[Column], rules: str, key: bytes = KEY) -> TableSanitiser:
    return sanitiser(columns, rules, key).table("t", [column.name for column in columns])


def one(rule: str, values: list[bytes], type: str = "text", key: bytes = KEY) -> list[bytes]:
    """What becomes of the values (COPY text) of a single column under a rule."""
    block = _column(rule, type, key).apply(b"".join(value + b"\n" for value in values))
    return bytes(block.rows).split(b"\n")[:-1]


@cache
def _column(rule: str, type: str, key: bytes) -> TableSanitiser:
    return table([Column("c", type)], f"c: {rule}", key)
