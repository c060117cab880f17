"""The command that backs a database up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded


@app.command("backup-production")
@guarded
def backup_production(
    stage: Annotated[str | None, typer.Option(help="Whose database to back up [default: production].")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that the private key opens what is stored.")] = False,
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="A backup that nobody could read back is enough.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write what was done to this file, as JSON.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Dump, encrypt and store a database, and read the stored object back to its end."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import notify, settings
    from dmrefresh import report as reporting
    from dmrefresh.console import Lines, looked_at, stored
    from dmrefresh.jobs import backup_production as job

    if report is not None:
        reporting.prepare(report)
    lines, found = Lines(), settings.load(Options.config)
    whose = stage or found.dumps.stage
    with notify.told(found.notify, lines, job="backup-production", stage=whose, publishes=False) as told:
        plan = job.prepare(found, stage=stage, quick=quick)
        told.begins(plan.name)
        done = job.run(plan, lines)
        told.what = f"{stored(done)}; {looked_at(done)}"
        lines.backed_up(done)
        if report is not None:
            done.write(report)
        if not accept_unverified:
            job.demand(done)
