"""What a part of the bench is asked with, and what it finds: the form of bench/results.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

MEGABYTE = 1_000_000

_MAJOR = 16


@dataclass(frozen=True)
class Setting:
    """What the command line says; each part has its own sizes and rounds where nothing was said.

    Attributes:
        keep: the folder where dumps and keys stay for the next time.
        say: is told what is going on, for whoever waits.
        megabytes: about how large the plain dump is, in millions of bytes.
        rounds: how many rounds count.
        sizes: of the dumps of a part that compares sizes, in millions of bytes.
        major: PostgreSQL's version.
        fsync: whether the server waits for its disk.
    """

    keep: Path
    say: Callable[[str], None]
    megabytes: int | None = None
    rounds: int | None = None
    sizes: tuple[int, ...] | None = None
    major: int = _MAJOR
    fsync: bool = False

    def command(self, part: str, **options: object) -> str:
        """The command line that measures a part again: `megabytes=1000` becomes `--megabytes 1000`."""
        more = {**options, **({"major": self.major} if self.major != _MAJOR else {})}
        said = [f"--{name} {value}" for name, value in more.items()]
        return " ".join(["python -m bench", part, *said, *(["--fsync"] if self.fsync else [])])


@dataclass(frozen=True)
class Side:
    """One of the things that are compared: what it took, round by round.

    Attributes:
        what: what was run, in a sentence without a full stop.
        seconds: wall clock.
        cpu_seconds: of the client's processes, user and system.
        peak_bytes: the most memory that the client's processes held together at one moment.
        bytes: of the text that went through it; 0 where that says nothing.
        more: what else was measured, by name, a value a round.
    """

    what: str
    seconds: list[float]
    cpu_seconds: list[float]
    peak_bytes: list[int]
    bytes: list[int]
    more: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """One side's figures by another's: of the medians, and the extremes over the rounds.

    `wanted` is a bound such as "<= 0.85" or ">= 5", None where nothing is wanted.
    """

    of_medians: float
    lowest: float
    highest: float
    wanted: str | None = None

    @classmethod
    def of(cls, numerators: Sequence[float], denominators: Sequence[float], wanted: str | None = None) -> Self:
        """From both sides' figures, round by round.

        Raises:
            ValueError: there are not as many of the one as of the other.
        """
        each = [upper / lower for upper, lower in zip(numerators, denominators, strict=True)]
        return cls(median(numerators) / median(denominators), min(each), max(each), wanted)

    @property
    def reached(self) -> bool | None:
        """Whether the ratio of the medians is what is wanted; None where nothing is."""
        return reached(self.of_medians, self.wanted)


@dataclass(frozen=True)
class Figure:
    """A single figure, its unit ("" for none), and what is wanted of it, as with `Ratio`."""

    value: float
    unit: str
    wanted: str | None = None

    @property
    def reached(self) -> bool | None:
        """Whether it is what is wanted; None where nothing is."""
        return reached(self.value, self.wanted)


@dataclass(frozen=True)
class Part:
    """What a part found, as it stands in results.json under its name.

    Attributes:
        question: what it answers, a sentence.
        command: with which it is measured again, as it was.
        taken: the day, as in 2026-01-31.
        machine: what the figures depend on, by name, in sentences.
        rounds: how many counted.
        sides: by name, in the order in which they are shown.
        ratios: by name, such as "database : pipe".
        figures: by name.
        remarks: sentences that these very figures want, such as why a side was left out.
        charts: which measures of all sides are drawn, names of `bench.measures.MEASURES`.
    """

    question: str
    command: str
    taken: str
    machine: dict[str, str]
    rounds: int
    sides: dict[str, Side]
    ratios: dict[str, Ratio] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    charts: list[str] = field(default_factory=lambda: ["seconds"])

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Self:
        """From the JSON file.

        Raises:
            TypeError: a key is missing or unknown.
        """
        inner = {
            "sides": {name: Side(**one) for name, one in written["sides"].items()},
            "ratios": {name: Ratio(**one) for name, one in written["ratios"].items()},
            "figures": {name: Figure(**one) for name, one in written["figures"].items()},
        }
        return cls(**{**written, **inner})


def reached(value: float, wanted: str | None) -> bool | None:
    """Whether a value keeps to a bound.

    Args:
        value: the figure.
        wanted: "<= NUMBER" or ">= NUMBER"; None where nothing is wanted, which gives None.

    Raises:
        ValueError: the bound is neither.
    """
    if wanted is None:
        return None
    sign, _, number = wanted.partition(" ")
    if sign not in ("<=", ">="):
        raise ValueError(f"`{wanted}` is no bound")
    return value <= float(number) if sign == "<=" else value >= float(number)
