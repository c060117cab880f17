"""The command about the reports of past runs."""

from __future__ import annotations

from typing import Annotated

import typer

from dmrefresh.cli.app import Options, app, guarded


@app.command("report")
@guarded
def report(
    run: Annotated[
        str | None, typer.Argument(help="A run's name, its folder, or its report.json [default: the newest].")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(help="Write a page that compares it with this run; `previous` is the one before it.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the runs that have left a report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report, or the list, as JSON.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of report.json.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Say where the report of a past run is, as a page: what was replaced, where the time went, what went wrong."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    import json

    from dmrefresh import settings
    from dmrefresh.console import past_runs
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.reports import showing as job

    if schema:
        from dmrefresh.report import documents

        typer.echo(documents.SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    if listing and (run is not None or compare is not None or open_it):
        raise UsageFailure("--list names all runs; a run, --compare and --open mean one.", hint="leave --list out")
    held = settings.load(Options.config)
    if listing:
        found = [(one.folder.name, one.document) for one in job.listed(held)]
        listed = {"version": 1, "runs": [dict(document) for _, document in found]}
        typer.echo(json.dumps(listed, ensure_ascii=False) if as_json else past_runs.table(found))
        return
    one = job.run(held, run, compare=compare)
    if as_json:
        typer.echo(json.dumps(one.past.document, ensure_ascii=False))
    else:
        typer.echo(f"{past_runs.headline(one.past.document)}\n{one.page}")
    if open_it:
        import webbrowser

        if not webbrowser.open(one.page.absolute().as_uri()):
            raise UsageFailure("No browser can be opened here.", hint=f"open {one.page} in one")
