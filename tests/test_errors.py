"""Whatever goes wrong, somebody is told how to go on: by a command that there is, or by a setting."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer.main

from dmrefresh.cli import app
from dmrefresh.errors import Failure, acts
from dmrefresh.jobs.topics.exit_codes import kinds

PROGRAM: Any = typer.main.get_command(app)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_kind_of_failure_says_how_to_go_on_with_commands_that_there_are(kind: type[Failure]) -> None:
    failure = kind("It went wrong.")
    assert acts(failure.advice)
    for said in re.findall(r"`dmrefresh ([^`]*)`", failure.advice.replace("COMMAND", "plan")):
        command: Any = PROGRAM
        words = shlex.split(said)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        if "--help" not in words:
            command.make_context("it", words, resilient_parsing=False)


def test_a_hint_that_names_nothing_to_do_is_followed_by_what_its_kind_says() -> None:
    assert Failure("x", hint="set `a` to b").advice == "set `a` to b"
    assert Failure("x", hint="dmrefresh dumps").advice == "dmrefresh dumps"
    assert Failure("x", hint="run it again.").advice == f"run it again; {Failure.way_on}"
    assert Failure("x").advice == Failure.way_on
    assert Failure("x", hint="is it up?").advice == f"is it up? {Failure.way_on[0].upper()}{Failure.way_on[1:]}"
    assert Failure("x", hint="paste:\n  a: keep").advice == f"{Failure.way_on}; paste:\n  a: keep"


@pytest.mark.parametrize(
    "advice",
    [
        "dmrefresh doctor", "`make faults`", "add --confirm staging", "deadline under [job]", "set AWS_PROFILE, or ask",
        "write cache = true", "raise it: ulimit -n 256", "GRANT CREATE ON DATABASE x TO y", "point TMPDIR to a folder",
    ],
)  # fmt: skip
def test_what_somebody_can_do_is_known_as_such(advice: str) -> None:
    assert acts(advice)


@pytest.mark.parametrize("advice", ["run it again", "is the network up?", "wait for it - then again", "Log in again"])
def test_what_names_nothing_is_known_as_such(advice: str) -> None:
    assert not acts(advice)
