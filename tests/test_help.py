"""What help says holds: every command has examples that are commands, and topics are as the code is."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer.main

from dmrefresh import errors
from dmrefresh.cli import app
from dmrefresh.cli.examples import EXAMPLES
from dmrefresh.jobs.topics import TOPICS, exit_codes, ruleset, text
from dmrefresh.jobs.topics.page import WIDTH
from dmrefresh.settings import model
from sanitisers.families import FAMILIES
from sanitisers.ruleset.loading import parse_ruleset
from tests.jobs.scene import DMREFRESH

PROGRAM: Any = typer.main.get_command(app)


def commands(group: Any = PROGRAM, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


@pytest.mark.parametrize("words", ["--help", "--version", "plan --help", "help exit-codes"])
def test_what_cannot_be_shown_is_told_in_a_sentence(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [DMREFRESH, *words.split()],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DMREFRESH, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def words_of(example: str) -> list[str]:
    """The words of the example's own command, without pipes and files around it."""
    (ours,) = (one for one in re.split(r"[|]", example) if "dmrefresh" in one.split())
    return shlex.split(re.split(r"[<>]", ours)[0])


def test_every_command_has_examples_and_no_other_has_any() -> None:
    assert sorted(EXAMPLES) == sorted(name for name, _ in commands())
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_that_command_and_the_program_takes_it(name: str) -> None:
    for example in EXAMPLES[name]:
        program, *words = words_of(example)
        assert program == "dmrefresh"
        command: Any = PROGRAM
        for _ in name.split():
            command = command.commands[words.pop(0)]
        assert command is dict(commands())[name]
        with contextlib.redirect_stderr(StringIO()) as said:
            command.make_context(name, words)
        assert said.getvalue() == ""


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_shows_each_option_once_and_ends_with_the_examples(name: str) -> None:
    said = run(*name.split(), "--help").stdout
    for param in dict(commands())[name].params:
        if param.param_type_name == "option":
            assert len(re.findall(rf"^  (?:-\w, )?{param.opts[0]}(?: |$)", said, re.MULTILINE)) == 1, param.opts
    assert said.rstrip().endswith("\n".join(f"  {example}" for example in EXAMPLES[name]))
    assert run("help", *name.split()).stdout == said


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_explained_in_lines_that_fit(topic: str) -> None:
    done = run("help", topic)
    assert done.returncode == 0
    assert done.stdout == text(topic)
    assert all(len(line) <= WIDTH for line in done.stdout.splitlines())


def test_help_without_a_word_is_that_of_the_program() -> None:
    assert run("help").stdout == run("--help").stdout


def test_what_there_is_no_help_for_names_what_there_is() -> None:
    done = run("help", "sanitisers", "nope")
    assert done.returncode == 2
    assert "`sanitisers nope`" in done.stderr
    assert "exit-codes" in done.stderr


def test_every_exit_code_is_explained_with_what_helps() -> None:
    said = text("exit-codes")
    found = set(re.findall(r"^  (\d+)\*? ", said, re.MULTILINE))
    assert found == {"0", *(str(kind.exit_code) for kind in exit_codes.kinds())}
    assert len(exit_codes.kinds()) == 1 + len(errors.Failure.__subclasses__())
    words = " ".join(said.split())
    for kind in exit_codes.kinds():
        assert kind.way_on in words


def test_every_variable_of_a_setting_is_named_and_read(tmp_path: Path) -> None:
    said = text("environment")
    for section, keys in model.overridable().items():
        for key in keys:
            assert f"DMREFRESH_{section}_{key}".upper() in said.split()
    file = tmp_path / "dmrefresh.toml"
    file.write_text("")
    assert model.load(file, {"DMREFRESH_DUMPS_STAGE": "staging"}).dumps.stage == "staging"


def test_the_ruleset_that_is_shown_is_one_and_so_are_the_rules() -> None:
    parse_ruleset(ruleset.EXAMPLE, "example")
    for rule in ruleset.RULES:
        written = {"a family": "person.name", "{json: …}": "{json: {a: keep}}", "{each: rule}": "{each: text.words}"}
        spelt = written.get(rule, rule)
        parse_ruleset(f"ruleset: 1\ntables:\n  t:\n    columns:\n      id: keep\n      c: {spelt}\n", "rule")
    assert all(family in text("ruleset").split() for family in FAMILIES)
    for command in ruleset.COMMANDS:
        assert command.removeprefix("dmrefresh ").removesuffix(" TABLE.COLUMN") in dict(commands())
