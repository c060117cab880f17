"""Records how far a real refresh was in each second: `python -m tests.console.recording SETTINGS TARGET STAGE RULESET`.

What it prints is for tests/console/recorded: times, and bytes and busy seconds of each stage, never a row.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from dmrefresh import settings
from dmrefresh.jobs.refresh import clean_and_apply
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.stopwatch import Stopwatch


class Recorder(Observer):
    """Keeps what the stopwatch of the only attempt says each second."""

    def __init__(self) -> None:
        self.size: int | None = None
        self.moments: list[dict[str, Any]] = []
        self.stopwatch = Stopwatch()
        self.over = threading.Event()

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        self.stopwatch, self.size = stopwatch, size
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        while not self.over.wait(1.0):
            now = self.stopwatch.sample()
            flows = {
                name: [round(flow.began, 3), round(flow.ended, 3), flow.bytes]
                for name, flow in self.stopwatch.flows.items()
            }
            seconds = {name: round(value, 3) for name, value in now.seconds.items()}
            self.moments.append({"at": round(now.at, 3), "flows": flows, "seconds": seconds})


def main(file: str, target: str, stage: str, ruleset: str) -> None:
    """Refresh, and print what was recorded as JSON."""
    signals.install()
    recorder = Recorder()
    plan = clean_and_apply.prepare(settings.load(Path(file)), target, stage=stage, ruleset=ruleset)
    clean_and_apply.run(plan, recorder)
    took = recorder.stopwatch.elapsed
    recorder.over.set()
    document = {"size": recorder.size, "expected": recorder.stopwatch.expected, "took": round(took, 3)}
    print(json.dumps({**document, "moments": recorder.moments}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
