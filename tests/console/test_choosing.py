from __future__ import annotations

import io
import sys

import pytest

from dmrefresh.cli.app import app  # noqa: F401 - what a command has loaded before it chooses
from dmrefresh.console.choosing import Manner, manner
from dmrefresh.errors import UsageFailure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


XTERM = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("stream", "environ", "chosen"),
    [
        (Terminal(), XTERM, Manner.LIVE),
        (Terminal(), XTERM | {"NO_COLOR": "1"}, Manner.LIVE),
        (Terminal(), XTERM | {"CI": "true"}, Manner.LINES),
        (Terminal(), XTERM | {"CI": "false"}, Manner.LIVE),
        (Terminal(), XTERM | {"CI": "true", "DMREFRESH_PROGRESS": "live"}, Manner.LIVE),
        (Terminal(), XTERM | {"DMREFRESH_PROGRESS": "auto"}, Manner.LIVE),
        (Terminal(), XTERM | {"DMREFRESH_PROGRESS": "lines"}, Manner.LINES),
        (Terminal(), XTERM | {"DMREFRESH_PROGRESS": "none"}, Manner.NONE),
        (Terminal(), {"TERM": "dumb"}, Manner.LINES),
        (Terminal(), {}, Manner.LINES),
        (io.StringIO(), XTERM, Manner.LINES),
        (closed(), XTERM, Manner.LINES),
        (None, XTERM, Manner.LINES),
    ],
    ids=[
        "a terminal",
        "a terminal without colour",
        "a terminal of a build",
        "no build after all",
        "what is asked for goes before what is guessed",
        "auto is the guess",
        "lines at a terminal",
        "nothing about progress",
        "a terminal that can only write lines",
        "a terminal of no kind",
        "a file or a pipe",
        "a closed stream",
        "no stream",
    ],
)
def test_the_manner_is_chosen_by_where_the_output_goes_and_what_is_asked_for(
    stream: io.StringIO | None, environ: dict[str, str], chosen: Manner
) -> None:
    assert manner(quiet=False, as_json=False, stream=stream, environ=environ) is chosen


def test_an_option_goes_before_the_environment_and_two_are_one_too_many() -> None:
    live = XTERM | {"DMREFRESH_PROGRESS": "live"}
    assert manner(quiet=True, as_json=False, stream=Terminal(), environ=live) is Manner.QUIET
    assert manner(quiet=False, as_json=True, stream=Terminal(), environ=live) is Manner.JSON
    with pytest.raises(UsageFailure, match="exclude each other"):
        manner(quiet=True, as_json=True, stream=Terminal(), environ=live)


def test_a_wish_that_nobody_knows_is_refused_without_repeating_it() -> None:
    with pytest.raises(UsageFailure) as refused:
        manner(quiet=False, as_json=False, stream=None, environ={"DMREFRESH_PROGRESS": "\x1b[2Jfancy"})
    assert "fancy" not in refused.value.what
    assert "DMREFRESH_PROGRESS" in (refused.value.hint or "")


def test_nobody_pays_for_bars_but_who_sees_them() -> None:
    code = (
        "import sys, dmrefresh.cli, dmrefresh.console.choosing as c;"
        "c.voice('x', environ={}); c.voice('x', as_json=True, environ={});"
        "sys.exit('rich' in sys.modules)"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
