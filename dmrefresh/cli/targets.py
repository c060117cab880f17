"""Commands about a target: what it holds, and the way back."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from dmrefresh.cli.app import AsEvents, Options, Quiet, app, confirming, guarded, speaking


@app.command("status")
@guarded
def status(
    target: Annotated[str, typer.Option(help="A target of the settings, or a local database's URL.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Say when a target was refreshed, from which dump, by whom, and whether there is a way back."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.jobs.targets import status as job

    found = job.run(settings.load(Options.config), target)
    typer.echo(found.json() if as_json else found.text())


@app.command("rollback")
@guarded
def rollback(
    target: Annotated[str, typer.Option(help="A target of the settings, or a local database's URL.")],
    confirm: Annotated[str | None, typer.Option(help="A remote target's name again, instead of typing it.")] = None,
    quiet: Quiet = False,
    as_json: AsEvents = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Put back the data that was there before the last refresh, where keep_previous has kept it."""
    Options.debug = debug or Options.debug
    from dmrefresh import settings
    from dmrefresh.console.lines import ROLLBACK_STEPS
    from dmrefresh.console.showing import moment
    from dmrefresh.jobs.targets import rollback as job

    voice = speaking("rollback", quiet=quiet, as_json=as_json, steps=ROLLBACK_STEPS)
    done = job.run(job.prepare(settings.load(Options.config), target), voice, confirm=confirming(confirm, target))
    back = done.entry
    voice.done(
        f"{target} is back at {back.dump}, as published {moment(back.published_at)}, rows: {back.rows:,}",
        f"dmrefresh status --target {shlex.quote(target)}",
        {"target": target, "dump": back.dump, "rows": back.rows, "published_at": back.published_at.isoformat()},
    )
