"""The part `startup`: how long somebody waits for a command that does nothing yet."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import machine
from bench.measure import Program, run
from bench.part import Figure, Part, Setting
from bench.program import dmrefresh
from bench.rounds import Once, Runner, interleaved
from fixtures.parts.processes import environment

_ROUNDS = 20
_WANTED = "<= 0.2"
_FLOOR = "python"


def measure(setting: Setting) -> Part:
    """Run the commands in turn, each a process of its own.

    Raises:
        ClientFailedError: one of them failed.
    """
    rounds = setting.rounds or _ROUNDS
    commands = {
        name: Runner(f"`{name}`, a whole process", _Command([dmrefresh(), *name.split()[1:]]))
        for name in ("dmrefresh --help", "dmrefresh --version", "dmrefresh dumps --help")
    }
    floor = {_FLOOR: Runner("the interpreter alone: `python -c pass`", _Command([sys.executable, "-c", "pass"]))}
    surroundings = machine.surroundings()
    sides = interleaved({**commands, **floor}, rounds, setting.say)
    figures = {}
    for name in commands:
        figures[f"{name}, median"] = Figure(median(sides[name].seconds), "s", _WANTED)
        figures[f"{name}, slowest"] = Figure(max(sides[name].seconds), "s", _WANTED)
    return Part(
        question="Does a command that only tells something answer at once?",
        command=setting.command("startup", rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        figures=figures,
    )


class _Command:
    """A command that is run to its end, with nothing of the user's settings."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._program = Program("command", argv, environment())

    def __call__(self) -> Once:
        return Once.of(run([self._program], folder=Path("/")))
