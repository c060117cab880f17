"""The command that explains: a topic, or a command as its own `--help` does."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dmrefresh.cli.app import Options, app, guarded


@app.command("help")
@guarded
def explain(
    ctx: typer.Context,
    about: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC|COMMAND]", help="exit-codes, environment, ruleset, or a command."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Explain exit codes, the environment or rulesets, or show how a command is called."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.topics import TOPICS, text

    words = about or []
    if len(words) == 1 and words[0] in TOPICS:
        typer.echo(text(words[0]), nl=False)
        return
    here: Any = ctx.find_root()
    for depth, word in enumerate(words, 1):
        command = getattr(here.command, "commands", {}).get(word)
        if command is None:
            raise UsageFailure(
                f"There is no topic and no command `{' '.join(words[:depth])}`.",
                hint=f"topics are {', '.join(TOPICS)}; `dmrefresh help` lists the commands",
            )
        here = command.context_class(command, parent=here, info_name=word)
    typer.echo(here.get_help())
