"""Commands that keep production from being a target."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded, shown_at_the_end


@app.command("protect")
@guarded
def protect(
    url: Annotated[str, typer.Argument(help="The database, as a PostgreSQL connection URL without a password.")],
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Mark a database as production: from then on nothing is ever published to it."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh.console.lines import printable
    from dmrefresh.jobs.targets import protect as job

    done = job.run(url)
    verb = "marked as production" if done.newly else "was marked as production already"
    shown_at_the_end(lambda: typer.echo(printable(f"{verb}: {done.database} on {done.host}")))
