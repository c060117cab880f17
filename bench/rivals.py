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
_FLOOR, _SED, _SANITISE, _UNWATCHED = "cat", "sed, one rule", "sanitise, every rule", "sanitise, no leak check"
_WANTED = {_SANITISE: ">= 180", "pynonymizer": ">= 5"}
_REMARK = (
    f"The same five columns of `{anonymisers.TABLE}` in all four: {', '.join(anonymisers.COLUMNS)}. pynonymizer and "
    f"pganonymize need a database, which holds the same as the dump afterwards; `{anonymisers.FILE}` makes the dump "
    f"alone, `{anonymisers.DATABASE}` both. None of the four looks for leaks. What came out of each was read: as many "
    "rows of every table as went in, and no original in these columns."
)
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
        sides={name: side for name, side in (_sized(filters) | _sized(ways)).items() if name != _FLOOR},
        ratios=_ratios(filters, ways),
        figures={name: Figure(_rate(side), "MB/s", _WANTED.get(name)) for name, side in filters.items()},
        remarks=[_REMARK],
        charts=["megabytes_per_second"],
    )


def _filters(ground: Ground, text: Path) -> dict[str, Runner]:
    off = without_leak_check(ground.folder)

    def sanitise(ruleset: Path) -> Program:
        command = [dmrefresh(), "sanitise", "--ruleset", str(ruleset)]
        return between("dmrefresh", command, ground.variables(), read=text)

    cat = between("cat", ["cat"], environment(), read=text)
    sed = between("sed", ["sed", "-E", _ADDRESS], {**environment(), "LC_ALL": "C"}, read=text)
    every = "dmrefresh sanitise to /dev/null, every rule of the ruleset that keeps every row"
    return {
        _FLOOR: Runner("cat to /dev/null: what reading the file takes", _Filter(ground, text, cat)),
        _SED: Runner("LC_ALL=C sed -E to /dev/null, for e-mail addresses alone", _Filter(ground, text, sed)),
        _SANITISE: Runner(f"{every}, leak check and detectors on", _Filter(ground, text, sanitise(KEEP_EVERY_ROW))),
        _UNWATCHED: Runner(f"{every}, without these", _Filter(ground, text, sanitise(off))),
    }


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
    """How many times as long the others take; each tool beside both ways of dmrefresh's."""
    sanitise = filters[_SANITISE].seconds
    found = {f"{name} : {_SANITISE}": Ratio.of(filters[name].seconds, sanitise) for name in (_SED, _UNWATCHED)}
    for name in anonymisers.OTHERS:
        taken = ways[name].seconds
        found[f"{name} : {anonymisers.FILE}"] = Ratio.of(taken, ways[anonymisers.FILE].seconds, _WANTED.get(name))
        found[f"{name} : {anonymisers.DATABASE}"] = Ratio.of(taken, ways[anonymisers.DATABASE].seconds)
    return found
