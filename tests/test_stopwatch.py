from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from dmrefresh import stopwatch as module
from dmrefresh.dump.events import Name, Place, TableData
from dmrefresh.stopwatch import Stopwatch


def drain(stopwatch: Stopwatch, name: str, items: Iterable[object]) -> None:
    for _ in stopwatch.timed(name, items):
        pass


def test_a_stage_is_not_charged_what_it_waits_for_in_the_stage_above() -> None:
    def slow() -> Iterator[bytes]:
        time.sleep(0.05)
        yield b"1"

    stopwatch = Stopwatch()
    drain(stopwatch, "below", (block for block in stopwatch.timed("above", slow())))
    assert stopwatch.seconds["above"] >= 0.05 > stopwatch.seconds["below"]


def test_what_comes_out_of_each_stage_is_weighed_blocks_and_rows_and_nothing_else() -> None:
    stopwatch = Stopwatch()
    drain(stopwatch, "fetch", [b"12", memoryview(b"345")])
    rows = TableData(Name("public", "t"), ("a",), b"1\n2\n", 2, Place(1, 0), last=True)
    drain(stopwatch, "read", [object(), rows])
    assert {name: flow.bytes for name, flow in stopwatch.flows.items()} == {"fetch": 5, "read": 4}
    assert all(0 <= flow.began <= flow.ended <= stopwatch.elapsed for flow in stopwatch.flows.values())


def test_samples_stay_few_and_the_last_bytes_are_never_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.0001)
    stopwatch = Stopwatch()

    def blocks() -> Iterator[bytes]:
        for _ in range(2000):
            time.sleep(0.00015)
            yield b"x"

    threads = [
        threading.Thread(target=drain, args=(stopwatch, name, blocks()), daemon=True) for name in ("one", "other")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < len(stopwatch.samples) <= module._SAMPLES
    seen = [sample.bytes.get("one", 0) for sample in stopwatch.samples]
    assert seen == sorted(seen)
    times = [sample.at for sample in stopwatch.samples]
    assert times == sorted(times)
    assert stopwatch.flows["one"].bytes == 2000
