"""The part `lz4`: what it saves to have the server compress long values with lz4 instead of pglz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from bench import machine
from bench.ground import Ground, prepared
from bench.load import KEEP_EVERY_ROW, analysed
from bench.part import MEGABYTE, Figure, Part, Ratio, Setting, Side
from bench.production import Dump, dump
from bench.rounds import Once, Runner, interleaved
from bench.sides import Plain, Refresh
from fixtures.parts.postgres import Cluster, installed_majors

_MEGABYTES = 1000
_ROUNDS = 7
_QUESTION = "How much faster is it when the server compresses long values with lz4?"


def measure(setting: Setting) -> Part:
    """Load one dump by hand and by a refresh, each with and without lz4.

    The server that was asked for is taken if it was built with lz4, else the newest here that was. Where none was,
    the part says so and has no sides.

    Raises:
        ClientFailedError: a side failed, or does not hold what it should, as it should.
    """
    megabytes, rounds = setting.megabytes or _MEGABYTES, setting.rounds or _ROUNDS
    able = [major for major in (setting.major, *reversed(installed_majors())) if knows_lz4(major)]
    if not able:
        return _left_out(setting, megabytes, rounds)
    setting = replace(setting, major=able[0])
    loaded = dump(setting, megabytes)
    with prepared(setting) as ground:
        surroundings = machine.surroundings(ground.server())
        sides = interleaved(_runners(ground, loaded), rounds, setting.say)
    for lz4 in ("", ", lz4"):
        sides[f"pipe{lz4}"] = replace(analysed(sides[f"pipe{lz4}"]), what=_WHAT[f"pipe{lz4}"])
    return Part(
        question=_QUESTION,
        command=setting.command("lz4", megabytes=megabytes, rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        ratios=_ratios(sides),
        figures={
            f"on the server, {name}": Figure(side.more["on_server"][-1] / MEGABYTE, "MB")
            for name, side in sides.items()
        },
    )


def knows_lz4(major: int) -> bool:
    """Whether the server of that version was built with lz4."""
    with Cluster(major) as cluster, psycopg.connect(cluster.url()) as connection:
        row = connection.execute(
            "SELECT enumvals FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'"
        ).fetchone()
    return row is not None and "lz4" in row[0]


_WHAT = {
    "pipe": "download | gpg -d | gzip -d | psql, then ANALYZE",
    "pipe, lz4": "the same with PGOPTIONS='-c default_toast_compression=lz4'",
    "database": "clean-and-apply, every row kept, strategy `database`",
    "database, lz4": 'the same with `toast_compression = "lz4"`',
}


def _runners(ground: Ground, loaded: Dump) -> dict[str, Runner]:
    key = ground.put(loaded)
    ruleset = str(KEEP_EVERY_ROW)
    runs: dict[str, Callable[[], Once]] = {
        "pipe": Plain(ground, key, loaded, compression="pglz"),
        "pipe, lz4": Plain(ground, key, loaded, compression="lz4", options={"default_toast_compression": "lz4"}),
        "database": Refresh(
            ground, key, loaded, "refreshed", ruleset, compression="pglz", target={"strategy": "database"}
        ),
        "database, lz4": Refresh(
            ground,
            key,
            loaded,
            "refreshed_lz4",
            ruleset,
            compression="lz4",
            target={"strategy": "database", "toast_compression": "lz4"},
        ),
    }
    for name in ("refreshed", "refreshed_lz4"):
        ground.make_database(name)
    return {name: Runner(_WHAT[name], run) for name, run in runs.items()}


def _ratios(sides: dict[str, Side]) -> dict[str, Ratio]:
    pairs = [
        ("database", "pipe"),
        ("database, lz4", "pipe, lz4"),
        ("pipe, lz4", "pipe"),
        ("database, lz4", "database"),
    ]
    return {f"{one} : {other}": Ratio.of(sides[one].seconds, sides[other].seconds) for one, other in pairs}


def _left_out(setting: Setting, megabytes: int, rounds: int) -> Part:
    return Part(
        question=_QUESTION,
        command=setting.command("lz4", megabytes=megabytes, rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=machine.surroundings(),
        rounds=0,
        sides={},
        remarks=["Left out: no PostgreSQL on this machine was built with lz4."],
        charts=[],
    )
