"""What a command says while it runs and as it ends, whoever listens: a person at a terminal, a log, or a machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dmrefresh.errors import Failure
from dmrefresh.observer import Observer

if TYPE_CHECKING:
    from dmrefresh.report.model import BackupReport, Filtered, Report

Field = str | int | float | bool | None
Figures = Mapping[str, Field]
"""What a machine is told, flat, each under its name."""


class Voice(Observer):
    """An observer that also says how the command ends; here it says nothing.

    Whatever it is told never holds an original value. Nothing of it raises because nobody listens any more.

    Attributes:
        asks: whether a person may be asked something meanwhile.
    """

    asks = True

    def summary(self, report: Report, page: Path | None = None) -> None:
        """A refresh went well; `page` is its report, for people."""

    def backed_up(self, report: BackupReport, page: Path | None = None) -> None:
        """A backup is stored; `page` is its report, for people."""

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """Something else went well: what, what to do now, and the same as flat fields for machines."""

    def filtered(self, done: Filtered) -> None:
        """A filter went through."""

    def failed(self, failure: Failure) -> None:
        """What happened, what state the target is in, what to do next."""

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended the run; `state` says what there is now, `hint` what to do, if not to run it again."""

    def trace(self, error: BaseException) -> None:
        """Where in the code it happened, and nothing else."""

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Leave the terminal to a question, for as long as the block takes."""
        yield

    def close(self) -> None:
        """Say the last word; nothing comes after it."""
