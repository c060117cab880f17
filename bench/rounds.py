"""The one way in which sides are compared: they take turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.measure import ClientFailedError, Usage
from bench.part import Side


@dataclass(frozen=True)
class Once:
    """What one run of a side took; the fields are those of `Side`, for one round."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    bytes: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, usage: Usage, *, bytes: int = 0, **more: Any) -> Once:
        """From what `bench.measure.run` gives; the most memory of each program goes along as `memory`."""
        told = {"memory": usage.memory, **more}
        return cls(usage.seconds, usage.cpu_seconds, usage.peak_memory, bytes, told)


@dataclass(frozen=True)
class Runner:
    """A side that can be run: what it is (a sentence without a full stop), and how."""

    what: str
    run: Callable[[], Once]


def interleaved(runners: Mapping[str, Runner], rounds: int, say: Callable[[str], None]) -> dict[str, Side]:
    """Run every side once in each of `rounds` rounds, after one round that does not count.

    Each round begins with another side than the one before, so that none has always the same before it. The round
    that does not count fills caches, and gives a refresh the previous data that it has in life.

    Args:
        runners: the sides by name, in the order in which they are shown.
        rounds: how many count.
        say: is told of each round.

    Returns:
        The sides by name, in the same order.

    Raises:
        ClientFailedError: a run failed; the text names the side.
    """
    taken: dict[str, list[Once]] = {name: [] for name in runners}
    for number in range(rounds + 1):
        done = {name: _run(name, runners[name]) for name in _order(list(runners), number)}
        say(f"{_name(number, rounds)}: {', '.join(f'{name} {done[name].seconds:.2f} s' for name in runners)}")
        if number:
            for name, once in done.items():
                taken[name].append(once)
    return {name: _side(runner, taken[name]) for name, runner in runners.items()}


def _run(name: str, runner: Runner) -> Once:
    try:
        return runner.run()
    except ClientFailedError as failed:
        raise ClientFailedError(f"{name}: {failed}") from None


def _order(names: list[str], number: int) -> list[str]:
    first = number % len(names)
    return names[first:] + names[:first]


def _name(number: int, rounds: int) -> str:
    return f"round {number} of {rounds}" if number else "the round that does not count"


def _side(runner: Runner, taken: list[Once]) -> Side:
    return Side(
        runner.what,
        [round(once.seconds, 4) for once in taken],
        [round(once.cpu_seconds, 4) for once in taken],
        [once.peak_bytes for once in taken],
        [once.bytes for once in taken],
        {key: [once.more[key] for once in taken] for key in (taken[0].more if taken else ())},
    )
