"""What a person sees at a real terminal, and what is left of it afterwards."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from dmrefresh.console.bars import Passing, drawn
from dmrefresh.console.closing import Closing
from dmrefresh.console.live import Live
from dmrefresh.console.pace import Pace, Stage
from dmrefresh.console.panel import panel
from dmrefresh.stopwatch import Stopwatch
from tests.console.terminal import Terminal, start
from tests.jobs.scene import Scene
from tests.jobs.small import bodies, tunnelled

_BAR = re.compile("[━╸╺]{8}")


def no_bars_are_left(terminal: Terminal) -> None:
    """No bars stand on the screen but in the panel, the cursor was never taken away, and no mode of it is left on."""
    assert not [line for line in terminal.screen if _BAR.search(line) and not line.startswith("│")]
    assert "\x1b[?25l" not in terminal.raw
    assert "\x1b[?1049h" not in terminal.raw


def test_a_refresh_draws_its_stages_and_leaves_lines_and_one_panel(scene: Scene) -> None:
    terminal = start(scene)
    assert terminal.end() == 0, terminal.raw
    assert [line for line in terminal.drawn if line.startswith("fetch") and _BAR.search(line)]
    no_bars_are_left(terminal)
    screen = terminal.screen
    begins = [number for number, line in enumerate(screen) if "local is refreshed" in line]
    assert len(begins) == 1
    shown = "\n".join(screen[begins[0] :])
    for word in ("from", "2,000 in 1 table", "1 column of 1 table", "the slowest", "dmrefresh status --target local"):
        assert word in shown, shown
    assert "published" in "\n".join(screen[: begins[0]])
    assert bodies(scene) == {"canary"}


def test_what_a_check_finds_is_written_once_the_bars_are_gone(scene: Scene) -> None:
    terminal = start(scene, "check-dump")
    assert terminal.end() == 0, terminal.raw
    assert [line for line in terminal.drawn if line.startswith("read back") and _BAR.search(line)]
    no_bars_are_left(terminal)
    found = terminal.raw.rpartition("\x1b[")[2]
    for line in (": whole, read to its end marker", "1 tables, 2,000 rows, ", "         2,000  note"):
        assert line in found


def test_without_colour_nothing_is_coloured_and_the_bars_are_there(scene: Scene) -> None:
    terminal = start(scene, NO_COLOR="1")
    assert terminal.end() == 0, terminal.raw
    assert any(_BAR.search(line) for line in terminal.drawn)
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|4[0-9]|9[0-9])(?:;[0-9;]*)?m", terminal.raw)


def test_a_terminal_that_wants_lines_gets_nothing_else(scene: Scene) -> None:
    terminal = start(scene, TERM="dumb")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.raw
    assert "\r" not in terminal.raw.replace("\r\n", "\n")
    assert any("local is refreshed: 2,000 rows" in line for line in terminal.screen)


def test_the_question_for_the_name_is_asked_before_anything_is_drawn_and_answered_by_typing_it(scene: Scene) -> None:
    scene.more = tunnelled(scene.folder)
    terminal = start(scene)
    terminal.until("type local: ")
    assert not _BAR.search(terminal.raw)
    terminal.type("local")
    assert terminal.end() == 0, terminal.raw
    assert bodies(scene) == {"canary"}
    no_bars_are_left(terminal)


def test_another_name_than_the_targets_changes_nothing(scene: Scene) -> None:
    scene.more = tunnelled(scene.folder)
    terminal = start(scene)
    terminal.until("type local: ")
    terminal.type("locla")
    assert terminal.end() == 2, terminal.raw
    assert bodies(scene) == {"old"}


def test_a_failure_takes_the_bars_away_and_says_what_to_do(scene: Scene) -> None:
    Path(scene.ruleset).write_text(Path(scene.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    terminal = start(scene)
    assert terminal.end() == 14, terminal.raw
    no_bars_are_left(terminal)
    said = "\n".join(terminal.screen)
    assert "error: " in said
    assert "The target is as it was" in said
    assert "hint: " in said
    assert "is refreshed" not in said


@pytest.fixture
def slow(scene: Scene) -> Scene:
    """A refresh that stands still once every row is loaded."""
    with Path(scene.ruleset).open("a") as ruleset:
        ruleset.write("checks:\n  slow: SELECT pg_sleep(100) IS NOT NULL FROM note LIMIT 1\n")
    return scene


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: str(one.name))
def test_a_signal_while_it_is_drawn_leaves_a_sane_terminal_and_the_old_data(
    slow: Scene, number: signal.Signals
) -> None:
    terminal = start(slow)
    modes = terminal.modes
    terminal.until("every row is loaded")
    if number == signal.SIGINT:
        terminal.child.sendintr()
    else:
        terminal.child.kill(number)
    terminal.until(f"ended by {number.name}; rolled back")
    assert terminal.modes == modes
    assert terminal.end() == 128 + number
    assert any(_BAR.search(line) for line in terminal.drawn)
    no_bars_are_left(terminal)
    assert bodies(slow) == {"old"}


def test_a_terminal_that_goes_away_ends_the_run_in_order(slow: Scene) -> None:
    terminal = start(slow)
    terminal.until("every row is loaded")
    os.close(terminal.child.child_fd)  # SIGHUP, and errors for whoever writes; its own `close` would send more
    for _ in range(300):
        if not terminal.child.isalive():
            break
        time.sleep(0.1)
    assert not terminal.child.isalive()
    assert bodies(slow) == {"old"}


EVIL = "a\x1b[2J\u202eb\r\nc"


def picture(width: int, encoding: str = "utf-8") -> str:
    stages = (
        Stage("fetch", 23_600_000, None, 0.0, 1.0),
        Stage("sanitise", 94_200_000, 24_100_000.0, 0.98, 0.4),
        Stage("publish", None, None, 0.3, None),
    )
    pace = Pace(61.0, stages, 0.4, 2_800_000.0, True, 90.0, "sanitise")
    passing = Passing()
    passing.passed(EVIL, 12)
    passing.progress("x" * 300, 5)
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    console = Console(file=stream, width=width, force_terminal=False, color_system=None, highlight=False)
    console.print(drawn(console, f"refresh of {EVIL}", pace, passing))
    stream.seek(0)
    return stream.read()


@pytest.mark.parametrize("width", [30, 60, 80, 110, 200])
def test_a_picture_fits_the_terminal_and_no_name_can_do_anything_to_it(width: int) -> None:
    text = picture(width)
    assert all(len(line) <= width for line in text.splitlines())
    assert len(text.splitlines()) == 6
    assert not set(text) & {"\x1b", "\r", "\u202e"}
    assert "sanitise" in text


def test_a_picture_says_how_fast_a_stage_is_which_one_the_others_wait_for_and_how_long_it_will_go_on() -> None:
    lines = picture(110).splitlines()[1:]
    assert lines[0].rstrip().endswith("1:01  about 2 min left")
    assert "24.1 MB/s" in lines[2]
    assert "waited for" in picture(80)
    assert "98% busy" in lines[2]
    assert [("waited for" in line) for line in lines[1:4]] == [False, True, False]
    assert "1 table, 12 rows" in lines[4]


def test_a_terminal_that_knows_only_ascii_gets_nothing_else() -> None:
    picture(110, "ascii").encode("ascii")
    end = Closing("t", "h", "1 s", (("from", EVIL),), (("read", 2.0), ("fetch", 1.0)), "dmrefresh status")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=stream, width=90, color_system=None).print(panel(end, 90, draws=False))
    stream.seek(0)
    assert "2.0 s  ########################  the slowest" in stream.read()


def test_the_path_of_a_report_can_be_copied_where_the_terminal_is_wide_enough() -> None:
    path = f"/home/somebody/{'long/' * 20}report.html"
    end = Closing("t", "h", "1 s", (("from", "words " * 40), ("report", path)), (), "dmrefresh status")
    stream = io.StringIO()
    Console(file=stream, width=200, color_system=None).print(panel(end, 200))
    lines = stream.getvalue().splitlines()
    assert any(path in line for line in lines)
    assert {len(line) for line in lines} == {len(lines[0])}
    narrow = io.StringIO()
    Console(file=narrow, width=60, color_system=None).print(panel(end, 60))
    assert {len(line) for line in narrow.getvalue().splitlines()} == {60}


def test_a_terminal_that_cannot_be_written_to_is_no_reason_to_end() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

        def isatty(self) -> bool:
            return True

    live, failed = Live("refresh", Gone()), []
    before, threading.excepthook = threading.excepthook, lambda hook: failed.append(hook.exc_value)
    try:
        stopwatch = Stopwatch()
        live.watch(stopwatch, 100)
        for _ in stopwatch.timed("fetch", [b"x"] * 3):
            live.note("a line")
            time.sleep(0.3)
        live.close()
    finally:
        threading.excepthook = before
    assert failed == []


def test_a_pipe_whose_reader_is_gone_ends_no_run_and_standard_output_stays_what_it_is() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output = os.fstat(1)
    stream = os.fdopen(writing, "w")
    live = Live("refresh", stream)
    live.watch(Stopwatch(), 100)
    live.note("a line")
    live.note("another")
    live.close()
    assert os.path.samestat(os.fstat(1), output)
    with contextlib.suppress(OSError):
        stream.close()
