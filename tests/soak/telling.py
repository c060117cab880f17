"""What a soak says: a line of JSON for each round, by which it can be repeated, and a table at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.soak.judging import Told


@dataclass
class Log:
    """Writes each round down, and counts."""

    file: IO[str]
    seed: int
    outcomes: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    attempts: int = 0
    figures: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def write(self, told: Told, measured: dict[str, float]) -> None:
        """Write down a round; what went wrong in it is said at once."""
        for trouble in told.troubles:
            self.outcomes[told.job, trouble][" and ".join(map(_code, told.codes))] += 1
        for ended in told.ended:
            self.attempts += ended.output.count("from a clean start")
        for name in ("schema", "database"):
            for what in ("longest", "away"):
                key = f"{name} {what}"
                self.figures[key] = max(self.figures[key], told.facts.get(key, 0.0))
            self.figures[f"{name} ended"] += told.facts.get(f"{name} ended", 0)
        line: dict[str, Any] = {
            "seed": self.seed,
            "round": told.number,
            "job": told.job,
            "target": told.target,
            "inside": told.inside,
            "troubles": told.troubles,
            "codes": told.codes,
            "seconds": [round(one.seconds, 1) for one in told.ended],
            **told.facts,
            "measured": measured,
        }
        if told.wrong:
            line |= {"wrong": told.wrong, "output": [one.output for one in told.ended]}
            self.say(f"round {told.number}, {told.job} {told.target or ''} with {' and '.join(told.troubles)}:")
            for what in told.wrong:
                self.say(f"    {what}")
            self.wrong += [f"round {told.number}: {what}" for what in told.wrong]
        json.dump(line, self.file)
        self.file.write("\n")
        self.file.flush()

    def say(self, text: str) -> None:
        """Say a line now."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def table(self) -> list[str]:
        """How often what went wrong, and how the runs ended."""
        lines = []
        for (job, trouble), counted in sorted(self.outcomes.items()):
            codes = ", ".join(f"{code} ({times})" for code, times in counted.most_common())
            lines.append(f"{job:8} {trouble:38} {counted.total():5}   {codes}")
        return lines


def _code(code: int) -> str:
    return str(code) if code >= 0 else f"signal {-code}"


def open_log(file: Path) -> IO[str]:
    """A new file for the lines, and the folder it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("w")
