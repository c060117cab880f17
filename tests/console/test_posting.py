"""Lines for whoever reads standard output, whether or not they are read."""

from __future__ import annotations

import fcntl
import os
import threading

from dmrefresh.console.posting import Posting


def pipe() -> tuple[int, int]:
    """A pipe of one page."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    return reading, writing


def all_of(reading: int) -> list[bytes]:
    found = b""
    while block := os.read(reading, 65536):
        found += block
    os.close(reading)
    return found.splitlines()


def test_where_the_reader_does_not_keep_up_only_what_can_be_done_without_is_left_out() -> None:
    reading, writing = pipe()
    with os.fdopen(writing, "w") as stream:
        post = Posting(stream)
        for number in range(5000):
            post.post(b"leisure %d\n" % number + b"x" * 100, at_leisure=True)
            if number % 10 == 0:
                post.post(b"\nneeded %d\n" % number)
        found: list[bytes] = []
        reader = threading.Thread(target=lambda: found.extend(all_of(reading)))
        reader.start()
        post.close()
    reader.join()
    assert [line for line in found if line.startswith(b"needed")] == [b"needed %d" % n for n in range(0, 5000, 10)]
    assert 0 < sum(line.startswith(b"leisure") for line in found) < 1000


def test_a_pipe_that_wants_no_write_to_wait_gets_every_line_of_one_whose_reader_is_slow() -> None:
    reading, writing = pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w") as stream:
        post = Posting(stream)
        for number in range(500):
            post.post(b"line %d " % number + b"x" * 200 + b"\n")
        found: list[bytes] = []
        reader = threading.Thread(target=lambda: found.extend(all_of(reading)))
        reader.start()
        post.close()
    reader.join()
    assert [int(line.split()[1]) for line in found] == list(range(500))


def test_at_the_end_a_reader_that_stands_still_is_not_waited_for_and_has_whole_lines() -> None:
    reading, writing = pipe()
    with os.fdopen(writing, "w") as stream:
        post = Posting(stream)
        for _ in range(100):
            post.post(b"x" * 1000 + b"\n")
        post.close()
        assert set(os.read(reading, 65536).split(b"\n")) == {b"x" * 1000, b""}
        os.close(reading)
        post._thread.join()
