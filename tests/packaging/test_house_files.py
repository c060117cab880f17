"""What continuous integration, the hooks of commits and CONTRIBUTING.md speak of is there."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.packaging.conftest import CHECKOUT

MAKEFILE = (CHECKOUT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def read(name: str) -> Any:
    return YAML(typ="safe").load((CHECKOUT / name).read_text())


@pytest.mark.parametrize("name", [".github/workflows/ci.yml", ".ci/run", "CONTRIBUTING.md"])
def test_each_target_of_make_is_one_that_there_is(name: str) -> None:
    text = re.sub(r"(?m)^ *#.*$", "", (CHECKOUT / name).read_text())
    called = re.findall(r"(?m)(?:^|`|&& |run: )make ((?:[a-z]+\b ?)+)", text)
    wanted = {target for words in called for target in words.split()}
    assert wanted
    assert wanted <= TARGETS


def test_the_tests_run_on_every_python_that_is_promised() -> None:
    promised = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    tests = read(".github/workflows/ci.yml")["jobs"]["test"]
    assert set(tests["strategy"]["matrix"]["python"]) == promised
    assert PROJECT["requires-python"] == f">={min(promised, key=lambda one: int(one.partition('.')[2]))}"


def test_a_workflow_may_read_and_do_nothing_else() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_the_requirements_that_decide_a_cache_are_there() -> None:
    named = re.findall(r"requirements/\w+\.txt", (CHECKOUT / ".github/workflows/ci.yml").read_text())
    assert named
    assert [one for one in named if not (CHECKOUT / one).is_file()] == []


def hooks() -> dict[str, dict[str, Any]]:
    (local,) = read(".pre-commit-config.yaml")["repos"]
    return {hook["id"]: hook for hook in local["hooks"]}


def test_hooks_run_what_lint_runs() -> None:
    programs = {hook["entry"].split()[0] for hook in hooks().values() if hook["language"] == "system"}
    of_lint = {f".venv/bin/{name}" for name in re.findall(r"^\t\$\(BIN\)/(\w+)", _lines_of("lint"), re.MULTILINE)}
    assert programs == of_lint


def test_a_private_key_is_not_committed() -> None:
    pattern = re.compile(hooks()["secrets"]["entry"])
    for begins in ("PGP PRIVATE KEY BLOCK", "OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY"):
        assert pattern.search(f"-----BEGIN {begins}-----")
    assert pattern.search("AGE-SECRET-KEY-1" + "QZ7" * 19)
    assert not pattern.search("-----BEGIN PGP PUBLIC KEY BLOCK-----")


def _lines_of(target: str) -> str:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1]
