"""Whether everything is there that a backup and a refresh need."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded


@app.command("doctor")
@guarded
def doctor(
    target: Annotated[
        list[str] | None, typer.Option(help="A target to look at, or a local database's URL [default: all].")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps and which source [default: the settings'].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Look whether this machine, its keys, buckets and databases have what is needed; what is wrong comes first."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console.lines import Lines, width
    from dmrefresh.jobs.doctor import everything as job

    lines = Lines()
    found = job.run(
        lambda: settings.loaded(Options.config),
        only=target or (),
        stage=stage,
        observer=lines,
        on_fault=lines.trace if Options.debug else lambda error: None,
    )
    typer.echo(found.json() if as_json else found.text(width()))
    if found.exit_code:
        raise typer.Exit(found.exit_code)
