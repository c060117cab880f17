"""A stream that nobody empties holds up no run of which it is settled how it ends, and a slow reader has every line."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from dmrefresh.console import writing
from dmrefresh.console.lines import Lines
from dmrefresh.console.writing import write
from dmrefresh.machine import signals
from tests.console.test_posting import all_of, pipe


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals._State, "done", True)
    monkeypatch.setattr(writing, "_PATIENCE", 0.2)


@pytest.fixture
def full() -> Iterator[tuple[int, TextIO]]:
    """A pipe that takes nothing more, until somebody reads it: its reading end, and a stream into it."""
    reading, writing_end = pipe()
    os.set_blocking(writing_end, False)
    try:
        while True:
            os.write(writing_end, b"." * 100)
    except BlockingIOError:
        os.set_blocking(writing_end, True)
    with os.fdopen(writing_end, "w") as stream:
        yield reading, stream


@pytest.mark.usefixtures("settled")
@pytest.mark.timeout(60)
def test_once_the_end_is_settled_a_stream_that_nobody_empties_is_given_up(full: tuple[int, TextIO]) -> None:
    reading, stream = full
    lines = Lines(stream)
    lines.note("it is refreshed")
    for _ in range(1000):
        lines.note("and nobody reads that, or waits for it: " + "x" * 2000)
    assert os.path.samestat(os.fstat(stream.fileno()), Path(os.devnull).stat())
    assert set(b"".join(all_of(reading))) == set(b".")


@pytest.mark.usefixtures("settled")
@pytest.mark.timeout(60)
def test_what_was_broken_off_by_a_signal_keeps_no_program_from_ending(full: tuple[int, TextIO]) -> None:
    reading, stream = full
    stream.write("what a signal has left in the buffer")
    Lines(stream).ended("SIGTERM", "nothing was done", 143)
    stream.flush()
    os.close(reading)


@pytest.mark.timeout(60)
def test_another_thread_that_waits_for_a_reader_keeps_no_program_from_ending(
    full: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_PATIENCE", 0.5)
    reading, stream = full
    stage = threading.Thread(target=write, args=(stream, "a warning of a stage\n"), daemon=True)
    stage.start()
    time.sleep(0.3)
    monkeypatch.setattr(signals._State, "done", True)
    write(stream, "how it ended\n")
    stream.flush()
    stage.join(10)
    assert not stage.is_alive()
    os.close(reading)


@pytest.mark.timeout(60)
def test_what_can_be_left_out_does_not_wait_for_another_thread_that_waits(full: tuple[int, TextIO]) -> None:
    reading, stream = full
    stage = threading.Thread(target=write, args=(stream, "a warning of a stage\n"), daemon=True)
    stage.start()
    time.sleep(0.3)
    leisurely = threading.Thread(target=write, args=(stream, "progress\n"), kwargs={"at_leisure": True}, daemon=True)
    leisurely.start()
    leisurely.join(10)
    waits = leisurely.is_alive()
    reader = threading.Thread(target=all_of, args=(reading,), daemon=True)
    reader.start()
    stage.join(10)
    stream.close()
    reader.join(10)
    assert not waits


@pytest.mark.timeout(60)
def test_a_moment_in_which_signals_are_held_is_no_end(
    full: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_PATIENCE", 0.2)
    reading, stream = full
    with signals.held():
        stage = threading.Thread(target=write, args=(stream, "a warning of a stage\n"), daemon=True)
        stage.start()
        time.sleep(1)
    reader = threading.Timer(0.1, lambda: found.extend(all_of(reading)))
    found: list[bytes] = []
    reader.start()
    stage.join(10)
    write(stream, "and the next\n")
    stream.close()
    reader.join()
    assert b"\n".join(found).rstrip().endswith(b"a warning of a stage\nand the next")


@pytest.mark.timeout(60)
def test_what_can_be_left_out_never_waits(full: tuple[int, TextIO]) -> None:
    reading, stream = full
    lines = Lines(stream)
    for rows in range(100):
        lines._last -= 11
        lines.progress("users", rows)
    assert set(os.read(reading, 65536)) == set(b".")
    lines._last -= 11
    lines.progress("users", 7)
    stream.close()
    assert b"".join(all_of(reading)).endswith(b"users: 7 rows so far")


@pytest.mark.timeout(60)
def test_a_slow_reader_has_every_line(full: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals._State, "done", True)
    reading, stream = full
    found: list[bytes] = []
    reader = threading.Timer(0.3, lambda: found.extend(all_of(reading)))
    reader.start()
    for number in range(200):
        write(stream, f"\n{number} " + "ä" * 3000)
    stream.close()
    reader.join()
    assert [line.split()[0] for line in found[1:]] == [b"%d" % number for number in range(200)]
    assert {len(line.split()[1]) for line in found[1:]} == {6000}
