"""Commands about what is in the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import AsEvents, Options, Quiet, app, guarded, shown_at_the_end, speaking


@app.command("check-dump")
@guarded
def check_dump(
    name: Annotated[str | None, typer.Argument(help="The dump's name in the bucket [default: the newest].")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Take the newest; so it is without a name.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that the private key opens it.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Note beside it in the bucket that it was read back.")
    ] = False,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was found to this file, as JSON.")] = None,
    quiet: Quiet = False,
    as_json: AsEvents = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Read a stored dump to its end marker: versions, tables, rows."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console.lines import described
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.dumps import check_dump as job
    from dmrefresh.report import model as reporting

    voice = speaking("check-dump", quiet=quiet, as_json=as_json)
    if name is not None and (latest or stage is not None):
        raise UsageFailure("A dump's name and --latest or --stage exclude each other.", hint="leave one out")
    if quick and record:
        raise UsageFailure("--quick and --record exclude each other: what was only opened is not known to be whole.")
    if report is not None:
        reporting.prepare(report)
    stored = job.prepare(settings.load(Options.config), name=name, stage=stage)
    done = job.run(stored, voice, quick=quick, record=record)
    text, found = described(done), done.contents
    first = text.partition("\n")[0]
    if as_json:
        rows, tables = (found.rows, len(found.tables)) if found else (None, None)
        voice.done(
            first,
            figures={
                "dump": done.name,
                "dump_bytes": done.size,
                "rows": rows,
                "tables": tables,
                "recorded": done.recorded,
            },
        )
    else:
        voice.close()  # the terminal is one, though what was found goes to standard output
        shown_at_the_end(lambda: typer.echo(first if quiet else text))
    if report is not None:
        done.write(report)


@app.command("dumps")
@guarded
def dumps(
    stage: Annotated[str | None, typer.Option(help="Whose dumps to list [default: production].")] = None,
    cleaned: Annotated[
        str | None, typer.Option("--from", help="List the cleaned dumps of this target, a bucket.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="List all of them, not only the newest twenty.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """List what is in the bucket, newest first: age, size, to whom it is encrypted, or of what it was cleaned."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console import showing
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.dumps import list_dumps as job

    found: showing.CleanedList | showing.DumpList
    if cleaned is None:
        found = job.run(settings.load(Options.config), stage=stage, everything=everything)
    elif stage is None:
        found = job.run_cleaned(settings.load(Options.config), cleaned, everything=everything)
    else:
        raise UsageFailure("--from and --stage exclude each other: a bucket of cleaned dumps has no stages.")
    typer.echo(found.json() if as_json else found.text())
