"""The command about the copies of dumps on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded, shown_at_the_end


@app.command("cache")
@guarded
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Throw all of them away.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """List the copies of dumps that this machine keeps for the next refresh, or throw them away."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh.jobs.dumps import list_copies as job

    found = job.run(clear=clear)
    text = found.json() if as_json else found.text()
    if clear:
        shown_at_the_end(lambda: typer.echo(text))
    else:
        typer.echo(text)
