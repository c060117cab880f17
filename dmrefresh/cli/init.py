"""The command for the first use: a few questions, or options in their place."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded, is_terminal, shown_at_the_end


@app.command("init")
@guarded
def init(
    bucket: Annotated[str | None, typer.Option(help="The bucket with the encrypted dumps.")] = None,
    region: Annotated[str | None, typer.Option(help="Its region.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where a store that is not AWS listens.")] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    credentials_repo: Annotated[
        str | None, typer.Option(help="The folder in which SOPS files hold the private key.")
    ] = None,
    recipient: Annotated[str | None, typer.Option(help="Whose public key backups are encrypted to.")] = None,
    url: Annotated[
        str | None, typer.Option(help="The database that is refreshed, as a connection URL without a password.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="What to call it [default: local].")] = None,
    ruleset: Annotated[str | None, typer.Option(help="Take this ruleset: a name or a YAML file.")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Suggest a ruleset from the newest dump.")] = False,
    dump: Annotated[str | None, typer.Option(help="Suggest a ruleset from this dump in the bucket.")] = None,
    file: Annotated[Path | None, typer.Option(help="Suggest a ruleset from a dump on this machine.")] = None,
    database: Annotated[
        str | None,
        typer.Option("--from-database", help="Suggest a ruleset from a live database; its rows are read by pg_dump."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What to call it: NAME.dmrefresh.yaml [default: the database's name].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write files anew that are there.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; what no option says is left at its default.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Write dmrefresh.toml and, from a dump or a database, a ruleset to begin with; it asks, or options say what."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console.asking import Asker
    from dmrefresh.console.lines import Lines, printable
    from dmrefresh.jobs.init import questions, setting_up
    from dmrefresh.machine.signals import Interrupted

    given = questions.Options(
        bucket=bucket,
        region=region,
        endpoint_url=endpoint_url,
        stage=stage,
        credentials_repo=credentials_repo,
        recipient=recipient,
        url=url,
        target=target,
        ruleset=ruleset,
        latest=latest,
        dump=dump,
        file=None if file is None else str(file),
        database=database,
        name=name,
    )
    at = Options.config or Path("dmrefresh.toml")
    somebody = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    try:
        answers = questions.answered(given, Asker() if somebody else None, at, os.environ, force=force)
    except Interrupted as interrupted:
        interrupted.state = "nothing was written"
        raise
    program = "dmrefresh" if Options.config is None else f"dmrefresh --config {shlex.quote(str(at))}"
    done = setting_up.run(answers, at, lambda: settings.load(Options.config), Lines(), force=force, program=program)
    shown_at_the_end(lambda: typer.echo("\n".join(map(printable, done.text().splitlines()))))
