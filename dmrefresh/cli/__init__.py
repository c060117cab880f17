"""The command line: parse, call one job, turn what comes back into an exit code. No logic lives here.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys

from dmrefresh.cli import (
    backup,
    cache,
    doctor,
    dumps,
    guarding,
    help,
    init,
    refresh,
    report,
    runbook,
    sanitisers,
    settings,
    targets,
    worker,
)
from dmrefresh.cli.app import app

__all__ = [
    "app",
    "backup",
    "cache",
    "doctor",
    "dumps",
    "guarding",
    "help",
    "init",
    "main",
    "refresh",
    "report",
    "runbook",
    "sanitisers",
    "settings",
    "targets",
    "worker",
]


def main() -> None:
    """The console script: run the command, and end at once with its exit code.

    A stage that was broken off may still sit in a thread of its own; the interpreter's orderly end would wait for
    it, or trip over it. Everything that must be cleaned up has been by now.
    """
    code = 0
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except OSError as error:  # help or a version that cannot be shown; commands say so themselves
        code = 2
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"error: this cannot be shown: {error.strerror}.\n")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
