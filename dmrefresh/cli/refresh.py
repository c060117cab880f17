"""Commands that sanitise: into a target, or through a pipe."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import AsEvents, Options, Quiet, app, confirming, guarded, shown_at_the_end, speaking


@app.command("clean-and-apply")
@guarded
def clean_and_apply(
    target: Annotated[str, typer.Option(help="A target of the settings, or a local database's URL.")],
    dump: Annotated[str | None, typer.Option(help="Take this dump instead: its age and size only warn.")] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    cleaned: Annotated[
        str | None, typer.Option("--from", help="Take a cleaned dump from this target, a bucket; no key is needed.")
    ] = None,
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done to this file, as JSON.")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Write the report, as a page and as JSON, to this folder instead of a new one.")
    ] = None,
    confirm: Annotated[str | None, typer.Option(help="A remote target's name again, instead of typing it.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A rule for what is gone stops the run.")] = False,
    fall_back: Annotated[
        bool,
        typer.Option("--fall-back", help="Where the newest dump is damaged, take the newest older one that is not."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, as `plan` does.")] = False,
    quiet: Quiet = False,
    as_json: AsEvents = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Refresh a target, sanitised, from the newest encrypted dump: of those that were read back, if any was."""
    Options.debug = debug or Options.debug
    from dmrefresh.jobs.rulesets import beside

    if cleaned is None and not dry_run:
        beside.stand_by()
    from dmrefresh import settings
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.attempts import Patience
    from dmrefresh.jobs.refresh import clean_and_apply as job
    from dmrefresh.jobs.reports import keeping
    from dmrefresh.report import model as reporting
    from dmrefresh.report import outcome, runs
    from dmrefresh.telling import notify

    about = f"clean-and-apply to {outcome.shown(target)}"
    voice = speaking("clean-and-apply", quiet=quiet, as_json=as_json and not dry_run, about=about)
    if cleaned is not None and stage is not None:
        raise UsageFailure("--from and --stage exclude each other: a bucket of cleaned dumps has no stages.")
    if dry_run:
        if confirm is not None or report is not None or run_dir is not None or fall_back:
            raise UsageFailure(
                "--dry-run publishes nothing: --confirm, --report, --run-dir, --fall-back have no meaning with it."
            )
        _plan(target, dump=dump, stage=stage, ruleset=ruleset, cleaned=cleaned, strict=strict, as_json=as_json)
        return
    if fall_back and dump is not None:
        raise UsageFailure("--dump names the dump that is wanted, and --fall-back would take another.")
    if report is not None:
        reporting.prepare(report)
    if run_dir is not None:
        runs.prepare(run_dir)
    with outcome.recorded(report, voice, folder=run_dir, job="clean-and-apply", target=outcome.shown(target)) as record:
        found = settings.load(Options.config)
        beside.keep(found.job.processes)
        keeping.keep(record, found, run_dir)
        patience = Patience.of(found.job, record.tries)
        whose = stage or (found.dumps.stage if dump is None and cleaned is None else None)
        with (
            notify.told(found.notify, voice, job="clean-and-apply", stage=whose, target=target) as told,
            record.once_done(),
        ):
            plan = job.prepare(
                found,
                target,
                dump=dump,
                stage=stage,
                ruleset=ruleset,
                cleaned=cleaned,
                strict=strict,
                fall_back=fall_back,
                observer=record.observer,
                patience=patience,
            )
            told.begins(plan.source.dump.key)
            done = job.run(
                plan,
                record.observer,
                confirm=confirming(confirm, target),
                patience=patience,
                identity=record.run,
            )
            record.done = done
            told.took(done.dump.name)
            told.what = f"{done.rows:,} rows in {len(done.tables)} tables. {done.fell_back or ''}".strip()
            try:
                record.finished(done)
            finally:
                shown_at_the_end(lambda: voice.summary(done, record.page or report))
            job.finish(plan, done, record.observer, report=report)


@app.command("plan")
@guarded
def plan(
    target: Annotated[str, typer.Option(help="A target of the settings, or a local database's URL.")],
    dump: Annotated[str | None, typer.Option(help="Take this dump instead: its age and size only warn.")] = None,
    stage: Annotated[str | None, typer.Option(help="Whose dumps to take [default: production].")] = None,
    cleaned: Annotated[
        str | None, typer.Option("--from", help="Take a cleaned dump from this target, a bucket; no key is needed.")
    ] = None,
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A rule for what is gone refuses.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 3 if something refuses.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Say what a refresh would do, and all that stands against it; nothing is changed."""
    Options.debug = debug or Options.debug
    blocked = _plan(target, dump=dump, stage=stage, ruleset=ruleset, cleaned=cleaned, strict=strict, as_json=as_json)
    if blocked and exit_code:
        raise typer.Exit(3)


def _plan(
    target: str,
    *,
    dump: str | None,
    stage: str | None,
    ruleset: str | None,
    cleaned: str | None,
    strict: bool,
    as_json: bool,
) -> bool:
    """Print the plan; whether something refuses."""
    Options.publishes = False
    import json

    from dmrefresh import settings
    from dmrefresh.console.lines import Lines, printable
    from dmrefresh.jobs.refresh import clean_and_apply
    from dmrefresh.jobs.refresh import plan as job

    wanted = clean_and_apply.prepare(
        settings.load(Options.config), target, dump=dump, stage=stage, ruleset=ruleset, cleaned=cleaned, strict=strict
    )
    found = job.run(wanted, Lines())
    typer.echo(json.dumps(found.as_dict(), ensure_ascii=False) if as_json else "\n".join(map(printable, found.lines())))
    return found.blocked


class Unlisted(StrEnum):
    """What becomes of a column that no rule covers."""

    REFUSE = "refuse"
    KEEP = "keep"


@app.command("sanitise")
@guarded
def sanitise(
    ruleset: Annotated[str | None, typer.Option(help="A ruleset's name or YAML file.")] = None,
    unlisted: Annotated[Unlisted, typer.Option(help="What becomes of a column that no rule covers.")] = Unlisted.REFUSE,
    strict: Annotated[bool, typer.Option("--strict", help="A rule for what is gone stops the filter.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Filter: a plain or gzipped dump on standard input, the sanitised plain dump on standard output."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh.jobs.rulesets import beside

    beside.stand_by()
    from dmrefresh import settings
    from dmrefresh.console.lines import Lines
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.rulesets import sanitise as job

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageFailure("There is no dump on standard input.", hint="pg_dump … | dmrefresh sanitise > clean.sql")
    lines = Lines()
    found = settings.load(Options.config)
    beside.keep(found.job.processes)
    plan = job.prepare(found, ruleset=ruleset, keep_unlisted=unlisted is Unlisted.KEEP, strict=strict)
    lines.filtered(job.run(plan, sys.stdin.buffer, sys.stdout.buffer, lines))
