"""Commands about rulesets: write one, hold one against a database, see what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dmrefresh.cli.app import Grouped, Options, app, guarded
from dmrefresh.cli.shown import Commands

if TYPE_CHECKING:
    from dmrefresh.jobs.rulesets.given import Given

sanitisers = Commands(
    name="sanitisers",
    above="sanitisers ",
    help="Rulesets: what becomes of each column.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=Grouped,
)
app.add_typer(sanitisers)

Dump = Annotated[str | None, typer.Argument(help="The dump's name in the bucket [default: the newest].")]
DumpOption = Annotated[str | None, typer.Option("--dump", help="A dump's name in the bucket.")]
Stage = Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")]
File = Annotated[
    Path | None, typer.Option("--file", help="A dump on this machine: plain, gzipped or encrypted; - reads a pipe.")
]
Database = Annotated[str | None, typer.Option("--database", help="A target or a URL; only its definitions are read.")]
Ruleset = Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")]


@sanitisers.callback()
def _sanitisers() -> None:
    """Rulesets say what becomes of each column; these commands change nothing."""


@sanitisers.command("check")
@guarded
def check(
    dump: Dump = None,
    file: File = None,
    database: Database = None,
    stage: Stage = None,
    ruleset: Ruleset = None,
    strict: Annotated[bool, typer.Option("--strict", help="A rule for what is gone is an error.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Hold a ruleset against a dump, a schema file or a live database: all that would stop a run."""
    _begin(debug)
    from dmrefresh.console.lines import Lines, printable
    from dmrefresh.errors import NotSanitised
    from dmrefresh.jobs.rulesets import check_rules as job

    given = _given(dump, file, database, stage)
    done = job.run(given, _ruleset(given, ruleset), Lines(), strict=strict)
    typer.echo(json.dumps(done.as_dict()) if as_json else "\n".join(map(printable, done.lines())))
    if not done.ok:
        raise typer.Exit(NotSanitised.exit_code)


@sanitisers.command("suggest")
@guarded
def suggest(
    dump: Dump = None,
    file: File = None,
    database: Annotated[
        str | None, typer.Option("--from-database", help="A target's name or a URL; its rows are read.")
    ] = None,
    stage: Stage = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file, which must be new.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write it even where it is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a complete ruleset for a database, each line with how certain it is and why; never a value."""
    _begin(debug)
    from dmrefresh.console.lines import Lines
    from dmrefresh.jobs.rulesets import suggest as job

    lines = Lines()
    if output is not None:
        job.refuse_to_overwrite(output, force=force)
    done = job.run(_given(dump, file, database, stage), lines)
    if output is None:
        typer.echo(done.text, nl=False)
    else:
        job.write(done, output, force=force)
        if command := done.missing_beside(output):
            lines.note(f"for editors: {command}")
    lines.note(done.summary())


@sanitisers.command("explain")
@guarded
def explain(
    name: Annotated[str, typer.Argument(metavar="TABLE.COLUMN[.KEY…]", help="What is to be explained.")],
    dump: DumpOption = None,
    file: File = None,
    database: Database = None,
    stage: Stage = None,
    ruleset: Ruleset = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what becomes of one column, which line decides that, and why; with a dump its type is known as well."""
    _begin(debug)
    from dmrefresh.console.lines import Lines, printable
    from dmrefresh.jobs.rulesets import explain as job

    given = _given(dump, file, database, stage)
    for_types = given if any((dump, file, database, stage)) else None
    done = job.run(_ruleset(given, ruleset), name, for_types, Lines())
    typer.echo(json.dumps(done.as_dict()) if as_json else "\n".join(map(printable, done.lines())))


@sanitisers.command("preview")
@guarded
def preview(
    tables: Annotated[list[str] | None, typer.Argument(metavar="[TABLE]…", help="Tables [default: all].")] = None,
    rows: Annotated[int, typer.Option(min=1, max=100, help="Rows of each table.")] = 3,
    everything: Annotated[bool, typer.Option("--all", help="Show what stays as it is too.")] = False,
    dump: DumpOption = None,
    file: File = None,
    stage: Stage = None,
    ruleset: Ruleset = None,
    debug: Debug = False,
) -> None:
    """Show rows before and after: originals by their shapes, fakes as they are."""
    _begin(debug)
    from dmrefresh.console.lines import Lines, width
    from dmrefresh.jobs.rulesets import preview as job

    given = _given(dump, file, None, stage)
    done = job.run(given, _ruleset(given, ruleset), Lines(), tables=tables or (), rows=rows)
    for line in done.lines(width(), everything=everything):
        typer.echo(line)


@sanitisers.command("schema")
@guarded
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of rulesets, by which editors complete and check them."""
    _begin(debug)
    from dmrefresh.jobs.rulesets import editor_schema as job

    typer.echo(job.run(), nl=False)


def _begin(debug: bool) -> None:
    Options.debug = debug or Options.debug
    Options.publishes = False


def _given(dump: str | None, file: Path | None, database: str | None, stage: str | None) -> Given:
    from dmrefresh import settings
    from dmrefresh.jobs.rulesets.given import Given

    return Given(settings.load(Options.config), dump, stage, file, database)


def _ruleset(given: Given, ruleset: str | None) -> str:
    return ruleset or given.settings.ruleset.path
