"""Commands about what people do by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded, is_terminal


@app.command("runbook")
@guarded
def runbook(
    name: Annotated[str, typer.Argument(help="Which one: restore-production.")],
    record: Annotated[
        Path | None, typer.Option(help="Keep the record here; go on where it ends [default: a new file, by the time].")
    ] = None,
    step: Annotated[int | None, typer.Option(help="Begin with this step.")] = None,
    as_list: Annotated[bool, typer.Option("--list", help="Only list the steps, and what the record says.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Show what to do by hand, step by step, and keep a record of who confirmed what and when."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh.console.lines import width
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.runbooks import showing, walking
    from dmrefresh.machine import signals
    from dmrefresh.runbooks import runbook as runbooks
    from dmrefresh.runbooks.confirmations import Record

    book = runbooks.runbook(name)
    first = walking.check_step(book, step)
    if as_list:
        if record is not None and not record.is_file():
            raise UsageFailure(f"There is no record {record}.")
        typer.echo(showing.listed(book, Record(record, book) if record is not None else None))
        return
    columns = min(width(), 100)
    if not all(is_terminal(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)):
        if record is not None:
            raise UsageFailure(
                "There is no terminal to confirm the steps on.",
                hint="leave --record out to read them, or add --list to see what the record says",
            )
        typer.echo(showing.page(book, columns, first))
        return
    kept = Record(record or walking.default_record(book), book)
    for line in kept.broken:
        typer.echo(f"line {line} of the record is not whole and counts for nothing", err=True)
    if not kept.begun:
        typer.echo("\n\n".join(showing.preface(book, columns)) + "\n")
    by = _who(walking.can_be_a_name)
    kept.prepare()
    typer.echo(f"The record is {kept.file}.")
    try:
        finished = walking.walk(book, kept, by, step, columns, typer.echo, _asked)
    except signals.Interrupted:
        typer.echo(f"\nTo go on: dmrefresh runbook {name} --record {kept.file}", err=True)
        raise
    typer.echo("\n" + showing.listed(book, kept))
    typer.echo(
        f"\nEvery step is decided; the record is {kept.file}"
        if finished
        else f"\nTo go on: dmrefresh runbook {name} --record {kept.file}"
    )


def _asked(prompt: str) -> str:
    typer.echo(prompt, nl=False, err=True)
    answer = sys.stdin.buffer.readline()
    if not answer:
        raise EOFError
    return answer.decode(errors="replace")


def _who(can_be_a_name: Callable[[str], bool]) -> str:
    """The name or initials of who answers; the login name if they only press return."""
    import getpass

    from dmrefresh.console.lines import printable

    try:
        login = getpass.getuser()
    except (OSError, KeyError):
        login = ""
    while True:
        try:
            name = printable(_asked(f"Who is at it? Your name or initials [{login}]: ").strip()) or login
        except EOFError:
            raise typer.Exit(0) from None
        if can_be_a_name(name):
            return name
