"""What a person sees at a terminal: bars that move, lines above them, and one panel at the end. Imports rich."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live as Display
from rich.text import Text

from dmrefresh.console.bars import Passing, drawn
from dmrefresh.console.closing import Closing
from dmrefresh.console.lines import Lines
from dmrefresh.console.pace import Meter
from dmrefresh.console.panel import panel
from dmrefresh.console.voice import Figures
from dmrefresh.errors import Failure
from dmrefresh.stopwatch import Stopwatch

_A_SECOND = 3
"""Pictures in a second."""
_AFTER_THE_TIME = len("12:00:00  ")
_STYLES = {"warning:": "yellow", "error:": "bold red"}


class _Console(Console):
    """A console that never hides the cursor: a program that is killed could not show it again."""

    def show_cursor(self, show: bool = True) -> bool:
        return False

    def on_broken_pipe(self) -> None:
        """Nobody looks on any more. That ends no run, as it would by itself, and standard output is not ours."""
        self.quiet = True


class _Display(Display):
    """A display whose terminal may go away."""

    def refresh(self) -> None:
        """Draw it again; from the thread that does so, too."""
        with contextlib.suppress(Exception):
            super().refresh()


class Live(Lines):
    """Draws the run as it goes.

    Args:
        about: what runs, in a few words.
        stream: the terminal; standard error if None.
        steps: what is said at each step; as of a refresh if None.
        console: to draw on, in place of one on the stream.
    """

    def __init__(
        self,
        about: str,
        stream: TextIO | None = None,
        steps: Mapping[str, str] | None = None,
        console: Console | None = None,
    ) -> None:
        super().__init__(stream, steps, progress=False)
        self.console = console or _Console(
            file=stream or sys.stderr, force_terminal=True, highlight=False, markup=False, emoji=False
        )
        self._about = about
        self._passing = Passing()
        self._display: Display | None = None
        self._end: Closing | None = None

    def _print(self, text: str, *, at_leisure: bool = False) -> None:
        """Above the bars, where there are any."""
        said = Text(text)
        for word, style in _STYLES.items():
            if text.startswith(word, _AFTER_THE_TIME):
                said.stylize(style, _AFTER_THE_TIME, _AFTER_THE_TIME + len(word))
        self._draw(said)

    def _draw(self, what: RenderableType) -> None:
        """A terminal that is gone is no reason to end a refresh, nor is a picture that cannot be drawn."""
        with contextlib.suppress(Exception):
            self.console.print(what, soft_wrap=isinstance(what, Text))

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """An attempt begins, and its bars with it."""
        self._meter, self._passing = Meter(stopwatch, size), Passing()
        self._start()

    def _start(self) -> None:
        if self._display is None and self._meter is not None:
            self._display = _Display(
                console=self.console,
                get_renderable=self._picture,
                refresh_per_second=_A_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            with contextlib.suppress(Exception):
                self._display.start()

    def _stop(self) -> None:
        """Take the bars away; what was above them stays."""
        if self._display is not None:
            with contextlib.suppress(Exception):
                self._display.stop()
            self._display = None

    def _picture(self) -> RenderableType:
        meter = self._meter
        if meter is None:
            return Text("")
        with self._one_at_a_time:
            return drawn(self.console, self._about, meter.read(), self._passing)

    def progress(self, table: str, rows: int) -> None:
        """Rows given to the server."""
        with self._one_at_a_time:
            self._passing.progress(table, rows)

    def passed(self, table: str, rows: int) -> None:
        """All rows of a table."""
        with self._one_at_a_time:
            self._passing.passed(table, rows)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """The bars go away for a question, and come again."""
        running = self._display is not None
        self._stop()
        yield
        if running:
            self._start()

    def _closing(self, end: Closing) -> None:
        self._stop()
        for warning in end.warnings:
            self.warn(warning)
        self._end = end

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """The closing line of anything that has no panel."""
        self._stop()
        super().done(what, next, figures)

    def failed(self, failure: Failure) -> None:
        """What happened, below the panel if it was done all the same."""
        self.close()
        super().failed(failure)

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended the run."""
        self.close()
        super().ended(signal, state, exit_code, hint)

    def close(self) -> None:
        """The panel, once."""
        super().close()
        self._stop()
        end, self._end = self._end, None
        if end is not None:
            draws = self.console.encoding.lower().startswith("utf")
            self._draw(panel(end, self.console.width, draws=draws))
