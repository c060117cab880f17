"""The pages of docs/reference are what the code says, and say all of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import typer.main
from pydantic import BaseModel

from dmrefresh.cli import app
from dmrefresh.jobs.topics import exit_codes
from dmrefresh.settings.model import Settings
from documenting import report, ruleset
from documenting.__main__ import main
from documenting.attributes import explained
from documenting.pages import DOCS, PAGES
from documenting.places import filled, places
from documenting.settings import sections

ROOT = Path(__file__).parents[2]
REFERENCE = DOCS / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "python -m documenting"


def test_a_page_that_is_stale_is_noticed_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from documenting import __main__

    monkeypatch.setattr(__main__, "DOCS", tmp_path)
    (tmp_path / "reference").mkdir()
    for name, text in PAGES.items():
        (tmp_path / name).write_text(text(), encoding="utf-8")
    stale = tmp_path / "reference" / "commands.md"
    stale.write_text(stale.read_text(encoding="utf-8").replace("--fall-back", "--fallback"), encoding="utf-8")
    main()
    assert capsys.readouterr().out == "docs/reference/commands.md\n"
    assert stale.read_text(encoding="utf-8") == PAGES["reference/commands.md"]()


def every_command(group: object, path: str = "") -> Iterator[tuple[str, object]]:
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            yield from every_command(command, f"{path}{name} ")
        else:
            yield path + name, command


def test_every_command_and_every_option_stands_in_the_page() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", text, re.MULTILINE))
    commands = dict(every_command(typer.main.get_command(app)))
    assert {name for name, command in commands.items() if not command.hidden} == sections.keys()  # type: ignore[attr-defined]
    for name, section in sections.items():
        for one in commands[name].params:  # type: ignore[attr-defined]
            if one.param_type_name == "option" and one.name != "debug" and not one.hidden:
                assert re.search(rf"^\| `[^`]*{one.opts[0]}\b", section, re.MULTILINE), f"{name} {one.opts[0]}"


@pytest.mark.parametrize(("name", "section"), list(sections()))
def test_every_setting_has_its_sentence_in_the_source(name: str, section: type[BaseModel]) -> None:
    assert [f"{name}.{key}" for key in section.model_fields if key not in explained(section)] == []


def test_every_setting_stands_in_the_page_with_its_default() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n((?:(?!^## ).*\n)*)", text, re.MULTILINE))
    assert parts.keys() == Settings.model_fields.keys()
    for name, section in sections():
        for key in section.model_fields:
            assert f"\n| `{key}` | " in parts[name], f"{name}.{key}"
    assert '| `deadline` | length of time | `"6 hours"` |' in parts["job"]
    assert "| `connections` | whole number, 1 to 8 | `2` |" in parts["targets"]
    assert '| `strategy` | `schema` or `database` or `auto` | `"schema"` |' in parts["targets"]


def test_every_exit_code_stands_in_the_page_and_none_that_there_is_not() -> None:
    codes = re.findall(r"^\| (\d+) \| \w", (REFERENCE / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert codes == ["0", *(str(kind.exit_code) for kind in exit_codes.kinds())]
    assert len(set(codes)) == len(codes) >= 20


def read_from_the_environment() -> Iterator[str]:
    """Names that the code looks up in the environment, where they stand in the source as such."""
    for file in sorted((ROOT / "dmrefresh").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            inner: ast.expr | None = None
            if isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
                inner = node.slice
            elif isinstance(node, ast.Call) and re.search(r"environ\.get$|getenv$", ast.unparse(node.func)):
                inner = node.args[0]
            elif isinstance(node, ast.Compare) and "environ" in ast.unparse(node.comparators[0]):
                inner = node.left
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value


def test_every_variable_that_the_code_names_stands_in_the_page() -> None:
    text = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    found = set(read_from_the_environment())
    assert {"BUILD_URL", "XDG_RUNTIME_DIR"} <= found
    assert {name for name in found - {"CF_HOME", "HOME"} if not re.search(rf"\b{name}\b", text)} == set()


@pytest.mark.parametrize(("name", "tables"), [("ruleset.md", ruleset.TABLES), ("report.md", report.TABLES)])
def test_a_page_has_a_place_for_each_of_its_tables(name: str, tables: Mapping[str, Callable[[], str]]) -> None:
    assert sorted(places((REFERENCE / name).read_text(encoding="utf-8"))) == sorted(tables)
    for place in tables:
        assert filled(f"<!-- written: {place} -->\n\nold\n\n<!-- written -->", tables).count("\n| `") > 3
