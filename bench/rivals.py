"""The part `rivals`: `dmrefresh sanitise` beside sed, and beside tools that anonymise databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import anonymisers, machine
from bench.ground import Ground, prepared
from bench.load import KEEP_EVERY_ROW, without_leak_check
from bench.measure import Program, run
from bench.measures import MEASURES
from bench.part import MEGABYTE, Figure, Part, Ratio, Setting, Side
from bench.plain_text import plain_text
from bench.production import dump
from bench.program import between, dmrefresh
from bench.rounds import Once, Runner, interleaved
from bench.tools import tools
from fixtures.parts.processes import environment

_MEGABYTES = 1000
_FEW_MEGABYTES = 200
"""For what loads a database: it takes long enough."""
_ROUNDS = 5
_ADDRESS = r"s/[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+/someone@example.com/g"


def measure(setting: Setting) -> Part:
    """Filter one dump to nowhere in all these ways in turn; then one to another dump, with all these tools in turn.

    Raises:
        ClientFailedError: a program failed, or rows are missing, or originals are left; or pip cannot install a tool.
    """
    rounds = setting.rounds or _ROUNDS
    large, small = setting.megabytes or _MEGABYTES, setting.megabytes or _FEW_MEGABYTES
    installed = tools(setting)
    with prepared(setting) as ground:
        surroundings = {**machine.surroundings(ground.server()), "tools": installed.told()}
        text = plain_text(dump(setting, large), ground.keyring)
        filters = interleaved(_filters(ground, text), rounds, setting.say)
        text = plain_text(dump(setting, small), ground.keyring)
        ways = interleaved(anonymisers.runners(ground, text, installed), rounds, setting.say)
    return Part(
        question="How much SQL goes through `dmrefresh sanitise` in a second, and through other tools?",
        command=setting.command("rivals", **({"megabytes": large} if large == small else {}), rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=_sized(filters) | _sized(ways),
        ratios=_ratios(filters, ways),
        figures={
            "sanitise, every rule": Figure(_rate(filters["sanitise"]), "MB/s", ">= 180"),
            "sanitise, no leak check": Figure(_rate(filters["no leak check"]), "MB/s"),
        },
        charts=["megabytes_per_second"],
    )


def _filters(ground: Ground, text: Path) -> dict[str, Runner]:
    off = without_leak_check(ground.folder)

    def sanitise(ruleset: Path) -> Program:
        command = [dmrefresh(), "sanitise", "--ruleset", str(ruleset)]
        return between("dmrefresh", command, ground.variables(), read=text)

    sed = between("sed", ["sed", "-E", _ADDRESS], {**environment(), "LC_ALL": "C"}, read=text)
    every = "dmrefresh sanitise to /dev/null, every rule of the ruleset that keeps every row"
    return {
        "cat": Runner("cat to /dev/null: what reading the file takes", _Filter(ground, text, _piped(text))),
        "sed": Runner("LC_ALL=C sed -E to /dev/null, one rule, for e-mail addresses", _Filter(ground, text, sed)),
        "sanitise": Runner(f"{every}, leak check and detectors on", _Filter(ground, text, sanitise(KEEP_EVERY_ROW))),
        "no leak check": Runner(f"{every}, without these", _Filter(ground, text, sanitise(off))),
    }


def _piped(text: Path) -> Program:
    return between("cat", ["cat"], environment(), read=text)


class _Filter:
    """A program that reads a file and writes to nowhere.

    Args:
        ground: where it runs.
        text: the file.
        program: what reads it.
    """

    def __init__(self, ground: Ground, text: Path, program: Program) -> None:
        self._ground, self._size, self._program = ground, text.stat().st_size, program

    def __call__(self) -> Once:
        return Once.of(run([self._program], folder=self._ground.folder), bytes=self._size)


def _sized(sides: dict[str, Side]) -> dict[str, Side]:
    """The sides, each saying of how large a dump."""
    return {
        name: replace(side, what=f"{side.what}; {side.bytes[0] / MEGABYTE:,.1f} MB") for name, side in sides.items()
    }


def _rate(side: Side) -> float:
    return median(MEASURES["megabytes_per_second"].values(side))


def _ratios(filters: dict[str, Side], ways: dict[str, Side]) -> dict[str, Ratio]:
    file, database = ways["dmrefresh"].seconds, ways["dmrefresh, database"].seconds
    wanted = {"pynonymizer": ">= 5"}
    return {
        "sed : sanitise": Ratio.of(filters["sed"].seconds, filters["sanitise"].seconds),
        "no leak check : sanitise": Ratio.of(filters["no leak check"].seconds, filters["sanitise"].seconds),
        **{
            f"{name} : dmrefresh": Ratio.of(ways[name].seconds, file, wanted.get(name))
            for name in ("pynonymizer", "pganonymize")
        },
        **{
            f"{name} : dmrefresh, database": Ratio.of(ways[name].seconds, database)
            for name in ("pynonymizer", "pganonymize")
        },
    }
