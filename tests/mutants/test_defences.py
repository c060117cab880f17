"""What the mutants change and name is there; whether it is missed, `test_mutants` tries."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.defences import EVERY, Mutant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", EVERY.values(), ids=EVERY)
def test_what_is_taken_out_stands_there_once_and_leaves_a_program(mutant: Mutant) -> None:
    for cut in mutant.cuts:
        text = (ROOT / cut.file).read_text()
        assert text.count(cut.piece) == 1, (cut.file, cut.piece)
        ast.parse(text.replace(cut.piece, cut.instead))


@pytest.mark.parametrize("mutant", EVERY.values(), ids=EVERY)
def test_the_test_that_must_notice_is_there(mutant: Mutant) -> None:
    file, name = mutant.test.split("::")
    found = [node for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)]
    assert name in {function.name for function in found}
