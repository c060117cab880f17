"""Commands that sanitise: into a target, or through a pipe."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded


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
    Options.debug = debug or Options.debug
    from dmrefresh import report as reporting
    from dmrefresh import settings
    from dmrefresh.console import Lines
    from dmrefresh.jobs import clean_and_apply as job

    lines = Lines()
    if report is not None:
        reporting.prepare(report)
    plan = job.prepare(settings.load(Options.config), target, dump=dump, stage=stage, ruleset=ruleset)
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
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console import Lines
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs import sanitise as job

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageFailure("There is no dump on standard input.", hint="pg_dump … | dmrefresh sanitise > clean.sql")
    lines = Lines()
    plan = job.prepare(settings.load(Options.config), ruleset=ruleset, keep_unlisted=unlisted is Unlisted.KEEP)
    lines.filtered(job.run(plan, sys.stdin.buffer, sys.stdout.buffer, lines))
