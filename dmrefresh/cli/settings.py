"""Commands about the settings."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Grouped, Options, app, guarded
from dmrefresh.cli.shown import Commands

config = Commands(
    name="config", above="config ", help="The settings.", no_args_is_help=True, rich_markup_mode=None, cls=Grouped
)
app.add_typer(config)


@config.callback()
def _config() -> None:
    """What dmrefresh.toml and the environment say."""


@config.command("show")
@guarded
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Print every setting that holds and who says so: a file, an environment variable, or nobody. No passwords."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.jobs import show_settings as job

    loaded = settings.loaded(Options.config)
    typer.echo(job.as_json(loaded) if as_json else job.as_lines(loaded))
