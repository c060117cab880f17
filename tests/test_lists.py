"""How long lists are cut in messages."""

from __future__ import annotations

import pytest

from dmrefresh.lists import MOST, in_lines, listed, listed_apart


@pytest.mark.parametrize(
    ("found", "within", "apart", "lines"),
    [
        (["a"], "a", "a", "\n  a"),
        (["a", "b"], "a, b", "a; b", "\n  a\n  b"),
        (["a", "b", "c"], "a, b and 1 more", "a; b; and 1 more", "\n  a\n  b\n  and 1 more"),
    ],
)
def test_the_first_are_named_and_the_rest_is_counted(found: list[str], within: str, apart: str, lines: str) -> None:
    assert (listed(found, 2), listed_apart(found, 2), in_lines(found, 2)) == (within, apart, lines)


def test_nothing_is_counted_where_all_are_named() -> None:
    names = [f"n{number}" for number in range(MOST)]
    assert listed(names) == ", ".join(names)
    assert listed([*names, "one"]).endswith("n9 and 1 more")
