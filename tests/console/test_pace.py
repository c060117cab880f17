"""What is read off a stopwatch, and which stage it is that the others wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dmrefresh.console import pace
from dmrefresh.console.pace import Meter, busiest
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stopwatch import Sample, Stopwatch


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ({"read": 1.0, "sanitise": 8.0, "publish": 7.9}, "sanitise"),
        ({"fetch": 9.5, "verify": 10.0, "sanitise": 3.0}, "fetch"),
        ({"fetch": 1.0, "verify": 10.0, "sanitise": 3.0}, "verify"),
        ({"pg_dump": 8.0, "gzip": 2.0, "gpg": 9.0}, "pg_dump"),
        ({"read": 0.0}, None),
        ({}, None),
    ],
    ids=["the busiest", "what feeds gpg", "gpg itself", "what feeds gpg in a backup", "none", "nothing"],
)
def test_the_busiest_stage_is_waited_for_and_what_feeds_a_program_goes_before_it(
    seconds: dict[str, float], found: str | None
) -> None:
    assert busiest(seconds) == found


def test_a_stage_that_is_at_work_counts_before_it_is_done() -> None:
    stopwatch, go_on = Stopwatch(), threading.Event()

    def work() -> None:
        with stopwatch.measure("publish"):
            go_on.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    meter = Meter(stopwatch, None)
    meter.look()
    time.sleep(0.3)
    pace = meter.read()
    assert [(stage.name, stage.busy > 0.5) for stage in pace.stages] == [("publish", True)]
    assert pace.waits_for == "publish"
    at_work = not stopwatch.idle
    assert at_work
    go_on.set()
    thread.join()
    assert stopwatch.idle
    assert meter.read().waits_for is None


def test_who_waits_for_another_thread_is_not_busy() -> None:
    stopwatch = Stopwatch()

    def slow() -> Iterator[bytes]:
        time.sleep(0.2)
        yield b"x"

    with stopwatch.measure("publish"):
        for _ in stopwatch.awaited(prefetch(stopwatch.timed("sanitise", slow()))):
            pass
    assert stopwatch.seconds["sanitise"] >= 0.2
    assert stopwatch.seconds["publish"] < 0.15


def test_a_block_that_is_not_charged_is_counted_all_the_same() -> None:
    stopwatch = Stopwatch()
    assert list(stopwatch.timed("read back", [b"12", b"345"], charged=False)) == [b"12", b"345"]
    assert stopwatch.flows["read back"].bytes == 5
    assert "read back" not in stopwatch.seconds


def test_a_source_that_is_left_early_is_closed_at_once() -> None:
    closed = []

    def source() -> Iterator[bytes]:
        try:
            yield b"x"
            yield b"y"
        finally:
            closed.append(True)

    stages = Stopwatch().timed("fetch", source())
    next(stages)
    stages.close()
    assert closed == [True]


def test_a_look_in_the_midst_of_reading_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_OFTEN", 0.0)
    meter = Meter(Stopwatch(), None)

    class Looked(Sample):
        """A moment at which another thread looks whenever somebody reads it."""

        @property
        def at(self) -> float:
            meter.look()
            return 0.0

    meter.look()
    meter._seen.appendleft(object.__new__(Looked))
    meter.read()
    assert len(meter._seen) > 3
