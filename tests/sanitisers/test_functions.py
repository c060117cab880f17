"""A team's own functions: found beside the ruleset, given a chance that the value decides, never quoted in errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sanitisers import Leaked, RulesetError, ValueRefused, compile_ruleset, load_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

OURS = """
import sys

def badge(value, chance):
    return f"B{chance.randrange(10**9):09}-{len(value)}"

def fails(value, chance):
    raise ValueError(value)

def same(value, chance):
    return value

def nothing(value, chance):
    return None

def number(value, chance):
    return 3

def long(value, chance):
    return "x" * 99

def leaves(value, chance):
    sys.exit(value)

def half(value, chance):
    return "Ann \\ud800"

ODD = 3
"""


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "our_team_rules.py").write_text(OURS)
    yield tmp_path
    sys.modules.pop("our_team_rules", None)


def sanitised(folder: Path, rule: str, rows: bytes, column: Column | None = None, key: bytes = KEY) -> list[bytes]:
    file = folder / "r.yaml"
    file.write_text(f"ruleset: 1\ntables: {{t: {{columns: {{c: {rule}}}}}}}\n")
    compiled = compile_ruleset(load_ruleset(file), {"t": [column or Column("c")]}, key)
    return bytes(compiled.table("t", ["c"]).apply(rows).rows).splitlines()


BADGE = "{function: our_team_rules.badge}"


def test_a_function_beside_the_ruleset_makes_the_values(ours: Path) -> None:
    a, b, c, d, e = sanitised(ours, BADGE, b"ann\nbob\nann\n\\N\n\n")
    assert a == c != b
    assert a.startswith(b"B")
    assert a.endswith(b"-3")
    assert (d, e) == (rb"\N", b"")
    assert str(ours) not in sys.path


def test_another_key_gives_another_chance(ours: Path) -> None:
    assert sanitised(ours, BADGE, b"ann\n") != sanitised(ours, BADGE, b"ann\n", key=KEY[::-1])
    assert sanitised(ours, BADGE, b"ann\n") == sanitised(ours, BADGE, b"ann\n")


def test_what_a_function_gives_is_searched_for_leaks_like_what_is_kept(ours: Path) -> None:
    file = ours / "r.yaml"
    for rule in (BADGE, "{function: our_team_rules.same}"):
        file.write_text(f"ruleset: 1\ntables: {{t: {{columns: {{c: {rule}}}}}}}\n")
        compiled = compile_ruleset(load_ruleset(file), {"t": [Column("c")]}, KEY)
        compiled.table("t", ["c"]).apply(b"ann@example.org\nbob.smith@post.uk\n")
        if rule == BADGE:
            compiled.check_leaks()
        else:
            with pytest.raises(Leaked, match=r"t\.c: 2 e-mail addresses of t\.c"):
                compiled.check_leaks()


def test_functions_make_the_elements_of_arrays(ours: Path) -> None:
    element = Column("[]")
    (made,) = sanitised(ours, f"{{each: {BADGE}}}", b"{ann,NULL}\n", Column("c", "text[]", element=element))
    (alone,) = sanitised(ours, BADGE, b"ann\n")
    assert made == b"{%b,NULL}" % alone


@pytest.mark.fault("51", "52")
@pytest.mark.parametrize(
    ("name", "column", "what"),
    [
        ("fails", Column("c"), "the function failed (ValueError)"),
        ("nothing", Column("c", not_null=True), "the function gave None, and the column refuses NULL"),
        ("leaves", Column("c"), "the function failed (SystemExit)"),
        ("half", Column("c"), "the function gave a text with a NUL or half a surrogate pair in it"),
        ("number", Column("c"), "the function gave no text but int"),
        ("long", Column("c", max_length=20), "the function gave 99 characters, and the column has room for 20"),
    ],
)
def test_what_a_function_cannot_do_is_said_without_the_value(ours: Path, name: str, column: Column, what: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        sanitised(ours, f"{{function: our_team_rules.{name}}}", b"\\N\nsecret\n", column)
    assert str(refused.value) == f"t.c, row 2: {what}"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("our_team_rules.bagde", "there is no function `bagde` in our_team_rules"),
        ("our_team_rules.ODD", "there is no function `ODD` in our_team_rules"),
        (
            "nowhere.badge",
            "there is no module for `nowhere.badge`, neither installed nor beside the ruleset",
        ),
        ("broken_rules.badge", "`broken_rules.badge` cannot be loaded (SyntaxError)"),
        (
            "wanting_rules.badge",
            "`wanting_rules.badge` cannot be loaded: it wants no_lib, which is not installed",
        ),
    ],
)
def test_a_function_that_is_not_there_is_refused_before_anything_runs(ours: Path, path: str, what: str) -> None:
    (ours / "broken_rules.py").write_text("def badge(:")
    (ours / "wanting_rules.py").write_text("import no_lib")
    with pytest.raises(RulesetError, match=r"^r.yaml:2: tables.t.columns.c: ") as refused:
        sanitised(ours, f"{{function: {path}}}", b"")
    assert str(refused.value).endswith(what)
