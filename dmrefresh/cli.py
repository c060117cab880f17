"""The command line: parse, call one job, turn what comes back into an exit code. No logic lives here.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from dmrefresh import __version__

app = typer.Typer(
    name="dmrefresh",
    help="Fresh production data in preview, staging and on a laptop, with nothing personal in it.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)


P = ParamSpec("P")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command end in one of two ways: it returns, or what went wrong is said and becomes an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from dmrefresh import signals

        signals.install()
        _forbid_core_dumps()
        _silence_libraries()
        try:
            command(*args, **kwargs)
        except signals.Interrupted as interrupted:
            raise typer.Exit(_interrupted(interrupted.number)) from None
        except BrokenPipeError:  # whoever read the output has had enough
            raise typer.Exit(128 + signal.SIGPIPE) from None
        except Exception as error:
            raise typer.Exit(_failed(error)) from None

    return run


class _Options:
    """Options of the whole program."""

    config: Path | None = None
    debug = False
    publishes = True
    """Whether the command has a target, which an error must say the state of."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dmrefresh {__version__}")
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None, typer.Option(help="Read this settings file instead of looking for dmrefresh.toml.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    _Options.config = config
    _Options.debug = debug or _Options.debug


@app.command("clean-and-apply")
@guarded
def clean_and_apply(
    target: Annotated[str, typer.Option(help="Which target of the settings to refresh.")],
    dump: Annotated[str | None, typer.Option(help="Take this dump instead of the newest.")] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done to this file, as JSON.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Refresh a target from the newest encrypted dump, sanitised."""
    _Options.debug = debug or _Options.debug
    from dmrefresh import report as reporting
    from dmrefresh import settings
    from dmrefresh.console import Lines
    from dmrefresh.jobs import clean_and_apply as job

    lines = Lines()
    if report is not None:
        reporting.prepare(report)
    plan = job.prepare(settings.load(_Options.config), target, dump=dump, stage=stage, ruleset=ruleset)
    done = job.run(plan, lines)
    lines.summary(done)
    if report is not None:
        done.write(report)


class Unlisted(StrEnum):
    """What becomes of a column that no rule covers."""

    REFUSE = "refuse"
    KEEP = "keep"


@app.command("sanitise")
@guarded
def sanitise(
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    unlisted: Annotated[Unlisted, typer.Option(help="What becomes of a column that no rule covers.")] = Unlisted.REFUSE,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Filter: a plain or gzipped dump on standard input, the sanitised plain dump on standard output."""
    _Options.debug = debug or _Options.debug
    _Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console import Lines
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs import sanitise as job

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageFailure("There is no dump on standard input.", hint="pg_dump … | dmrefresh sanitise > clean.sql")
    lines = Lines()
    plan = job.prepare(settings.load(_Options.config), ruleset=ruleset, keep_unlisted=unlisted is Unlisted.KEEP)
    lines.filtered(job.run(plan, sys.stdin.buffer, sys.stdout.buffer, lines))


@app.command("check-dump")
@guarded
def check_dump(
    name: Annotated[str | None, typer.Argument(help="The dump's name in the bucket [default: the newest].")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Take the newest; so it is without a name.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that the private key opens it.")] = False,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was found to this file, as JSON.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Read a stored dump to its end marker: versions, tables, rows."""
    _Options.debug = debug or _Options.debug
    _Options.publishes = False
    from dmrefresh import report as reporting
    from dmrefresh import settings
    from dmrefresh.console import Lines, described
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs import check_dump as job

    if name is not None and (latest or stage is not None):
        raise UsageFailure("A dump's name and --latest or --stage exclude each other.", hint="leave one out")
    if report is not None:
        reporting.prepare(report)
    plan = job.prepare(settings.load(_Options.config), name=name, stage=stage)
    done = job.run(plan, Lines(), quick=quick)
    typer.echo(described(done))
    if report is not None:
        done.write(report)


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
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _failed(error: Exception) -> int:
    """Say what happened; returns the exit code."""
    from dmrefresh.console import Lines
    from dmrefresh.errors import UNTOUCHED, Failure

    failure = error
    if not isinstance(failure, Failure):
        failure = Failure(
            f"This is a fault of dmrefresh's own ({type(error).__name__}).",
            hint="run it again with --debug and report what it shows",
        )
    if not _Options.publishes and failure.state == UNTOUCHED:
        failure.state = "Nothing was changed."
    lines = Lines()
    lines.failed(failure)
    if _Options.debug:
        lines.trace(error)
    return failure.exit_code


def _interrupted(number: int) -> int:
    """Say that a signal ended the run; returns the exit code."""
    from dmrefresh.console import Lines

    state = "rolled back, the target is as it was" if _Options.publishes else "what was done is not finished"
    Lines().line(f"ended by {signal.Signals(number).name}; {state}")
    return 128 + number


def _silence_libraries() -> None:
    """Libraries log what servers say, and servers quote the values they stumble over; we say what there is to say."""
    import logging

    logging.getLogger().addHandler(logging.NullHandler())


def _forbid_core_dumps() -> None:
    """A core file would put the key and original rows on a disk."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


if __name__ == "__main__":
    main()
