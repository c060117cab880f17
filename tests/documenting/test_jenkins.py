"""The Jenkinsfiles cannot rot: each command in them is one that dmrefresh takes. No Jenkins reads them here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from dmrefresh import errors
from dmrefresh.cli import app
from dmrefresh.settings.model import Job

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
PIPELINES = ("jenkins/Jenkinsfile.backup-production", "jenkins/Jenkinsfile.clean-and-apply")
GROOVY = re.compile(r"//[^\n]*|'(?:[^'\\\n]|\\.)*'")
"""Comments, and strings in single quotes."""


def commands(name: str) -> list[str]:
    """The command lines of dmrefresh in a file of the docs."""
    return re.findall(r"perform '(dmrefresh [^'\n]+)'", (DOCS / name).read_text())


EVERY = [(name, line) for name in (*PIPELINES, "jenkins.md") for line in commands(name)]


def test_each_stage_is_one_command() -> None:
    for name in PIPELINES:
        stages = re.findall(r"stage\('", (DOCS / name).read_text())
        assert len(commands(name)) == len(stages) > 1
    assert len(commands("jenkins.md")) == 1


@pytest.mark.parametrize(("name", "line"), EVERY)
def test_dmrefresh_takes_the_command(name: str, line: str) -> None:
    _, command, *arguments = shlex.split(line)
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert command in known, line
    known[command].make_context(command, list(arguments))  # raises where an option or an argument is none


def test_a_command_that_dmrefresh_does_not_take_would_be_noticed() -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in ("plan --target", "plan --tarjet x --target y", "plan x --target y"):
        command, *arguments = shlex.split(line)
        with pytest.raises(Exception, match=r"(?i)option|argument"):
            known[command].make_context(command, arguments)


@pytest.mark.parametrize("name", PIPELINES)
def test_brackets_and_quotes_close_and_no_string_is_put_together_by_groovy(name: str) -> None:
    code = GROOVY.sub("", (DOCS / name).read_text())
    assert '"' not in code
    assert "'" not in code
    open_: list[str] = []
    for bracket in re.findall(r"[(){}\[\]]", code):
        if bracket in "({[":
            open_.append(bracket)
        else:
            assert open_.pop() + bracket in ("()", "{}", "[]")
    assert open_ == []


@pytest.mark.parametrize("name", PIPELINES)
def test_every_value_of_a_parameter_is_quoted_for_the_shell(name: str) -> None:
    for line in commands(name):
        assert "$" not in re.sub(r'"[^"]*"', "", line), line


@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_done_and_wants_a_look_is_unstable_and_the_deadline_comes_before_jenkins(name: str) -> None:
    text = (DOCS / name).read_text()
    (low, high) = map(int, *re.findall(r"code >= (\d+) && code <= (\d+)\) \{\n\s+unstable", text))
    for failure in (errors.PublishedButUnfinished, errors.BackupUnverified):
        assert low <= failure.exit_code <= high
    (code,) = re.findall(r"code == (\d+)", text)
    assert int(code) == errors.Busy.exit_code
    (hours,) = re.findall(r"timeout\(time: (\d+), unit: 'HOURS'\)", text)
    assert int(hours) * 3600 > Job().deadline.total_seconds()


@pytest.mark.parametrize("name", PIPELINES)
def test_no_stage_keeps_the_one_from_running_that_tells_slack(name: str) -> None:
    """Only the job itself tells; whatever ends a build before it would end it in silence."""
    *before, last = re.split(r"stage\('", (DOCS / name).read_text())[1:]
    for stage in before:
        assert "catchError(buildResult: 'UNSTABLE', stageResult: 'UNSTABLE')" in stage, stage.partition("'")[0]
    assert "catchError" not in last


def test_both_files_turn_codes_into_results_alike() -> None:
    first, second = ((DOCS / name).read_text().partition("\npipeline")[0].split("\n", 2)[2] for name in PIPELINES)
    assert first == second


def test_what_the_page_says_of_the_settings_can_be_set(tmp_path: Path) -> None:
    from dmrefresh import settings

    text = (DOCS / "jenkins.md").read_text()
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        found = settings.load(file, environ={}, folder=tmp_path)
        if found.targets:
            (choices,) = re.findall(r"name: 'TARGET', choices: \[(.*?)\]", (DOCS / PIPELINES[1]).read_text())
            assert sorted(found.targets) == sorted(re.findall(r"'(\w+)'", choices))


def test_the_page_names_every_field_that_a_webhook_is_sent() -> None:
    from dmrefresh.telling.notify import Message

    text = (DOCS / "jenkins.md").read_text()
    for name in Message.__dataclass_fields__:
        assert f"`{name}`" in text
