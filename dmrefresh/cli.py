"""The command line: parse, call one job, turn what comes back into an exit code. No logic lives here.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

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


class _Options:
    """Options of the whole program."""

    config: Path | None = None
    debug = False


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dmrefresh {__version__}")
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None, typer.Option(help="Read this settings file instead of looking for dmrefresh.toml.")
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show where in the code an error happened.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    _Options.config = config
    _Options.debug = debug or _Options.debug


@app.command("clean-and-apply")
def clean_and_apply(
    target: Annotated[str, typer.Option(help="Which target of the settings to refresh.")],
    dump: Annotated[str | None, typer.Option(help="Take this dump instead of the newest.")] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done to this file, as JSON.")] = None,
    debug: Annotated[bool, typer.Option(help="Show where in the code an error happened.")] = False,
) -> None:
    """Refresh a target from the newest encrypted dump, sanitised on the way."""
    _Options.debug = debug or _Options.debug
    from dmrefresh import settings
    from dmrefresh.console import Lines
    from dmrefresh.jobs import clean_and_apply as job

    lines = Lines()
    plan = job.prepare(settings.load(_Options.config), target, dump=dump, stage=stage, ruleset=ruleset)
    done = job.run(plan, lines)
    lines.summary(done)
    if report is not None:
        done.write(report)


def main() -> None:
    """The console script: run the command, and end with the exit code that its outcome has."""
    from dmrefresh import signals

    signals.install()
    _forbid_core_dumps()
    code = 0
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except signals.Interrupted as interrupted:
        code = _ended(interrupted)
    except BrokenPipeError:
        code = 128 + 13
    except Exception as error:
        code = _failed(error)
    sys.exit(code)


def _failed(error: Exception) -> int:
    from dmrefresh.console import Lines
    from dmrefresh.errors import Failure

    lines = Lines()
    if isinstance(error, Failure):
        lines.failed(error)
        code = error.exit_code
    else:
        lines.failed(
            Failure(
                f"This is a fault of dmrefresh's own ({type(error).__name__}).",
                hint="run it again with --debug and report what it shows",
            )
        )
        code = Failure.exit_code
    if _Options.debug:
        lines.trace(error)
    return code


def _ended(interrupted: BaseException) -> int:
    from dmrefresh.console import Lines
    from dmrefresh.signals import Interrupted

    assert isinstance(interrupted, Interrupted)
    Lines().line(f"ended by {interrupted}; rolled back, the target is as it was")
    return 128 + interrupted.number


def _forbid_core_dumps() -> None:
    """A core file would put the key and original rows on a disk."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


if __name__ == "__main__":
    main()
