"""Commands for backups that are made where there are no credentials."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded


@app.command("presign")
@guarded
def presign(
    name: Annotated[str, typer.Argument(help="The backup's name: STAGE-yyyyMMddHHmm.sql.gz.gpg, in UTC.")],
    expires: Annotated[str, typer.Option(help="How long it is valid.")] = "10 minutes",
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Print leave to store one backup, as JSON; whoever has it may use it until it expires."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console.lines import Lines
    from dmrefresh.durations import duration
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.backup import presign as job

    try:
        length = duration(expires)
    except ValueError as error:
        raise UsageFailure(f"--expires: {error}.") from None
    typer.echo(job.presign(settings.load(Options.config), name, length, Lines()).text)
