"""The rounds: the two sides take turns, and both must hold the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.ground import Contents, Ground
from bench.production import Dump
from bench.sides import Plain, Refreshed, plain, refresh


class MismatchError(RuntimeError):
    """A side does not hold as many rows as production did; the text names the tables."""


@dataclass(frozen=True)
class Round:
    """One run of each side; `order` is "AB" or "BA"."""

    order: str
    plain: Plain
    refreshed: Refreshed


@dataclass(frozen=True)
class Result:
    """All rounds of one size."""

    megabytes: int
    encrypted_bytes: int
    rows: int
    tables: int
    rounds: list[Round]

    @property
    def plain_bytes(self) -> int:
        """The size of the dump's text."""
        return self.rounds[0].refreshed.plain_bytes


def compare(ground: Ground, dump: Dump, rounds: int, say: Callable[[str], None]) -> Result:
    """Run both sides `rounds` times in turn, after one round that does not count.

    The round before the first fills caches and gives the refresh the previous data that it has in life.

    Args:
        ground: what is running.
        dump: what is loaded.
        rounds: how many count.
        say: is told of each round.

    Raises:
        ClientFailedError: a side failed.
        MismatchError: a side lost rows or made some up.
    """
    key = ground.put(dump)
    refreshed = f"refreshed_{dump.megabytes}"
    ground.make_database(refreshed)
    measured = []
    try:
        for number in range(rounds + 1):
            order = "AB" if number % 2 else "BA"
            done = _round(ground, key, refreshed, order)
            for side, left in (("plain pipeline", done.plain.left), ("refresh", done.refreshed.left)):
                _demand(side, left, dump.rows)
            say(f"{dump.megabytes:,} MB, {_name(number, rounds)}: {_sentence(done)}")
            if number:
                measured.append(done)
    finally:
        ground.drop_database(refreshed)
    return Result(dump.megabytes, dump.encrypted_bytes, sum(dump.rows.values()), len(dump.rows), measured)


def _round(ground: Ground, key: str, refreshed: str, order: str) -> Round:
    if order == "AB":
        first = plain(ground, key, "plain")
        return Round(order, first, refresh(ground, key, refreshed))
    second = refresh(ground, key, refreshed)
    return Round(order, plain(ground, key, "plain"), second)


def _demand(side: str, left: Contents, rows: dict[str, int]) -> None:
    wrong = [table for table in sorted({*rows, *left.rows}) if rows.get(table) != left.rows.get(table)]
    if wrong:
        said = ", ".join(f"{table} ({left.rows.get(table)} instead of {rows.get(table)})" for table in wrong)
        raise MismatchError(f"the {side} does not hold production's rows: {said}")


def _name(number: int, rounds: int) -> str:
    return f"round {number} of {rounds}" if number else "the round that does not count"


def _sentence(done: Round) -> str:
    return (
        f"A {done.plain.usage.seconds:.2f} s, ANALYZE {done.plain.analyse_seconds:.2f} s, "
        f"B {done.refreshed.usage.seconds:.2f} s"
    )
