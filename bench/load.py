"""The part `load`: a refresh beside the plain pipeline, and what its checks cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import machine
from bench.ground import Ground, prepared
from bench.part import MEGABYTE, Figure, Part, Ratio, Setting, Side
from bench.production import Dump, dump
from bench.rounds import Runner, interleaved
from bench.sides import Plain, Refresh

KEEP_EVERY_ROW = Path(__file__).with_name("keep_every_row.yaml")

_MEGABYTES = 1000
_ROUNDS = 7
MEMORY = "<= 256"
PLAIN = "pipe, ANALYZE"
_WANTED = {"database": "<= 0.85", "schema": "<= 0.95", "digitalmarketplace": "<= 0.6"}


def measure(setting: Setting) -> Part:
    """Load one dump in all these ways in turn.

    Raises:
        ClientFailedError: a side failed, or does not hold what it should.
    """
    megabytes, rounds = setting.megabytes or _MEGABYTES, setting.rounds or _ROUNDS
    loaded = dump(setting, megabytes)
    with prepared(setting) as ground:
        surroundings = machine.surroundings(ground.server())
        sides = interleaved(_runners(ground, loaded), rounds, setting.say)
    sides = _with_analyze(sides)
    return Part(
        question="Does a refresh with all its checks take less time than loading the same dump by hand?",
        command=setting.command("load", megabytes=megabytes, rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        ratios=_ratios(sides),
        figures=_figures(sides, loaded),
        charts=["seconds", "peak_megabytes"],
    )


def _runners(ground: Ground, loaded: Dump) -> dict[str, Runner]:
    key = ground.put(loaded)
    rulesets = {
        "database": str(KEEP_EVERY_ROW),
        "schema": str(KEEP_EVERY_ROW),
        "digitalmarketplace": "digitalmarketplace",
        "no leak check": str(without_leak_check(ground.folder)),
        "verify first": str(KEEP_EVERY_ROW),
    }
    runners = {"pipe": Runner(_WHAT["pipe"], Plain(ground, key, loaded))}
    for number, (name, ruleset) in enumerate(rulesets.items()):
        database = f"refreshed_{number}"
        ground.make_database(database)
        target = {
            "strategy": "schema" if name == "schema" else "database",
            **({"verify_first": True} if name == "verify first" else {}),
        }
        refresh = Refresh(ground, key, loaded, database, ruleset, name != "digitalmarketplace", target)
        runners[name] = Runner(_WHAT[name], refresh)
    return runners


_WHAT = {
    "pipe": "download | gpg -d | gzip -d | psql, into a new empty database; nothing is replaced or checked",
    "database": "clean-and-apply, every row kept, strategy `database`, over the data of the round before",
    "schema": "the same with strategy `schema`",
    "digitalmarketplace": "clean-and-apply with the ruleset that ships, strategy `database`",
    "no leak check": "as `database`, with `leak_check` and `detectors` off",
    "verify first": "as `database`, with `verify_first`",
}


def without_leak_check(folder: Path) -> Path:
    """Write the ruleset that keeps every row once more, with nothing that looks for leaks; returns the file."""
    head, first, rest = KEEP_EVERY_ROW.read_text(encoding="utf-8").partition("\nruleset: 1\n")
    assert first
    off = "leak_check: off (to measure what it costs)\ndetectors: off (to measure what they cost)\n"
    file = folder / "no_leak_check.yaml"
    file.write_text(head + first + off + rest, encoding="utf-8")
    return file


def _with_analyze(sides: dict[str, Side]) -> dict[str, Side]:
    """The pipeline a second time, with the ANALYZE that a refresh has in its time too; what it read is known now."""
    pipe = replace(sides["pipe"], bytes=sides["database"].bytes)
    return {"pipe": pipe, PLAIN: analysed(pipe), **{name: side for name, side in sides.items() if name != "pipe"}}


def analysed(pipe: Side) -> Side:
    """The plain pipeline together with the ANALYZE after it."""
    seconds = [own + more for own, more in zip(pipe.seconds, pipe.more["analyse_seconds"], strict=True)]
    return replace(pipe, what="the same, and ANALYZE after it, as every refresh does", seconds=seconds)


def _ratios(sides: dict[str, Side]) -> dict[str, Ratio]:
    plain, database = sides[PLAIN].seconds, sides["database"].seconds
    to_plain = {f"{name} : {PLAIN}": Ratio.of(sides[name].seconds, plain, wanted) for name, wanted in _WANTED.items()}
    return {
        **to_plain,
        "database : pipe": Ratio.of(database, sides["pipe"].seconds),
        "no leak check : database": Ratio.of(sides["no leak check"].seconds, database, ">= 0.95"),
        "no leak check : database, CPU time": Ratio.of(
            sides["no leak check"].cpu_seconds, sides["database"].cpu_seconds
        ),
        "verify first : database": Ratio.of(sides["verify first"].seconds, database),
    }


def _figures(sides: dict[str, Side], loaded: Dump) -> dict[str, Figure]:
    refreshes = {name: side for name, side in sides.items() if name not in ("pipe", PLAIN)}
    shipped, rows = sides["digitalmarketplace"], sum(loaded.rows.values())
    share = {key: median(shipped.more[key]) / median(sides["database"].more[key]) for key in ("rows", "on_server")}
    return {
        "plain text of the dump": Figure(sides["database"].bytes[0] / MEGABYTE, "MB"),
        "encrypted": Figure(loaded.encrypted_bytes / MEGABYTE, "MB"),
        "rows": Figure(rows, ""),
        "rows that digitalmarketplace leaves out": Figure(100 * (1 - share["rows"]), "%"),
        "bytes on the server (tables and indexes) that it leaves out": Figure(100 * (1 - share["on_server"]), "%"),
        **{
            f"peak memory of {name}": Figure(max(side.peak_bytes) / MEGABYTE, "MB", MEMORY)
            for name, side in refreshes.items()
        },
    }
