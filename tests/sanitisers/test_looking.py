"""What rows show is read once and whole, whichever thread shows it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sanitisers.engine.document_texts import appended
from sanitisers.engine.grid import Flags
from sanitisers.engine.values import Positions, Values
from sanitisers.leaks.gathering import AT_ONCE, Gathering
from sanitisers.leaks.looking import Looking

THREADS, TIMES = 4, 8


class Noting:
    """Notes what it reads, and whether anybody else was reading."""

    def __init__(self) -> None:
        self.read_by: set[int] = set()
        self.at_once = 0
        self.seen: list[bytes] = []
        self.rows: set[int] = set()
        self._reading = threading.Lock()

    def read(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        if not self._reading.acquire(blocking=False):
            self.at_once += 1
            return
        self.read_by.add(threading.get_ident())
        spans = zip(values.starts.tolist(), values.ends.tolist(), strict=True)
        self.seen += [values.buffer[start:end].tobytes() for start, end in spans]
        self.rows |= set(rows.tolist())
        self._reading.release()


def test_each_value_is_read_once_and_by_one_thread_at_a_time() -> None:
    reader = Noting()
    gathering = Gathering([reader])
    looking = Looking(gathering, {})
    place = looking.kept("t", "c")

    def show(thread: int) -> list[bytes]:
        shown = []
        for time in range(TIMES):
            texts = [b"%d of %d at %d, said at length" % (index, thread, time) for index in range(AT_ONCE // 64)]
            looking.look(appended(Values.of([]), texts), place)
            shown += texts
        return shown

    with ThreadPoolExecutor(THREADS) as pool:
        shown = [text for texts in pool.map(show, range(THREADS)) for text in texts]
    gathering.finish()
    assert looking.places[place].path == "c"
    assert reader.at_once == 0
    assert sorted(reader.seen) == sorted(shown)
    assert len(reader.rows) == len(shown)


def test_a_long_original_without_anything_that_tells_is_not_read() -> None:
    reader = Noting()
    gathering = Gathering([reader])
    looking = Looking(gathering, {})
    prose = "Each change is reviewed, by 2 people, before 17:30. Costs follow use; “no fee” à la carte.\n".encode() * 3
    telling = prose + b"Ask jo@suppliers.co.uk"
    texts = [prose, telling, b"Jo Bloggs", prose + b"07700 900123"]
    values = appended(Values.of([]), texts)
    looking.look(values, looking.original("t", "c"))
    looking.look(values, looking.kept("t", "d"))
    gathering.finish()
    assert reader.seen == texts[1:] + texts


@pytest.mark.parametrize("starts", [[0, 200, 400], [400, 0, 200], [400, 200, 0]])
def test_values_may_come_in_any_order(starts: list[int]) -> None:
    reader = Noting()
    gathering = Gathering([reader])
    looking = Looking(gathering, {})
    texts = [b"Ask jo@suppliers.co.uk " + b"x" * 100, b"y" * 100, b"Ring 07700 900123 " + b"z" * 100]
    buffer = bytearray(b"\n" * 600)
    for start, text in zip(starts, texts, strict=True):
        buffer[start : start + len(text)] = text
    begins = np.array(starts)
    values = Values(np.frombuffer(bytes(buffer), np.uint8), begins, begins + [len(text) for text in texts])
    looking.look(values, looking.original("t", "c"))
    gathering.finish()
    assert set(reader.seen) == {texts[0], texts[2]}
