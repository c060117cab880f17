"""Each row of the fault matrix is proved by a test that says so, and written down."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from tests.faults.dump_text import CASES
from tests.faults.matrix import OF_THE_TEXT, ROWS, page, required

ROOT = Path(__file__).parents[2]


def claimed() -> Counter[str]:
    """The ids that tests are marked with, whichever of them are run now."""
    found: Counter[str] = Counter()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for decorator in node.decorator_list:
                    found.update(marks(decorator))
    return found


def marks(decorator: ast.expr) -> list[str]:
    """The ids within a decorator: of the test itself, or of one of its parameters."""
    calls = (node for node in ast.walk(decorator) if isinstance(node, ast.Call))
    return [
        argument.value
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.fault"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def test_each_row_is_proved_and_no_other_is_claimed() -> None:
    assert sorted({*claimed(), *(case.id for case in CASES)}) == required()


def test_each_case_of_the_text_is_there_once() -> None:
    assert sorted(case.id for case in CASES) == sorted(OF_THE_TEXT)
    ids = [row.id for row in ROWS]
    assert sorted(ids) == sorted(set(ids))


def test_the_page_is_the_list() -> None:
    assert (ROOT / "docs" / "explanation" / "faults.md").read_text() == page(), (
        "python -m tests.faults > docs/explanation/faults.md"
    )
