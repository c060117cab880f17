"""The command that backs a database up."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dmrefresh.cli.app import AsEvents, Options, Quiet, app, guarded, shown_at_the_end, speaking


class Place(StrEnum):
    """Where else a backup can be made."""

    CLOUD_FOUNDRY = "cloud-foundry"


@app.command("backup-production")
@guarded
def backup_production(
    stage: Annotated[str | None, typer.Option(help="Whose database to back up [default: production].")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only see that the private key opens what is stored.")] = False,
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="A backup that nobody could read back is enough.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write what was done to this file, as JSON.")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Write the report, as a page and as JSON, to this folder instead of a new one.")
    ] = None,
    on: Annotated[Place | None, typer.Option(help="Let a worker beside the database make it.")] = None,
    worker: Annotated[
        bool, typer.Option("--worker", help="Be that worker: the environment says all, and no credential is needed.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsEvents = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
) -> None:
    """Dump, encrypt and store a database, and read the stored object back to its end."""
    Options.debug = debug or Options.debug
    Options.publishes = False
    from dmrefresh import settings
    from dmrefresh.console.closing import looked_at, stored
    from dmrefresh.errors import UsageFailure
    from dmrefresh.jobs.attempts import Patience
    from dmrefresh.jobs.backup import backup_production as job
    from dmrefresh.jobs.reports import keeping
    from dmrefresh.report import model as reporting
    from dmrefresh.report import outcome, runs
    from dmrefresh.telling import notify

    if worker:
        others = (stage, report, run_dir, on)
        if quick or accept_unverified or as_json or any(option is not None for option in others):
            raise UsageFailure("--worker takes no other options: its environment says all.")
        _as_worker(quiet=quiet)
        return
    voice = speaking("backup-production", quiet=quiet, as_json=as_json)
    if report is not None:
        reporting.prepare(report)
    if run_dir is not None:
        runs.prepare(run_dir)
    with outcome.recorded(
        report, voice, publishes=False, folder=run_dir, job="backup-production", stage=stage
    ) as record:
        held = settings.load(Options.config)
        keeping.keep(record, held, run_dir)
        whose = stage or held.dumps.stage
        record.about["stage"] = whose
        elsewhere = None
        with (
            notify.told(held.notify, voice, job="backup-production", stage=whose, publishes=False) as told,
            record.once_done(),
        ):
            if on is None:
                plan = job.prepare(held, stage=stage, quick=quick)
                told.begins(plan.name)
                done = job.run(plan, record.observer, Patience.of(held.job, record.tries))
            else:
                from dmrefresh.jobs.backup import on_cloud_foundry

                order = on_cloud_foundry.order(held, stage=stage, quick=quick)
                told.begins(order.name)
                elsewhere = on_cloud_foundry.run(order, record.observer, Patience.of(held.job, record.tries))
                done = elsewhere.report
            record.done = done
            told.what = f"{stored(done)}; {looked_at(done)}"
            try:
                record.finished(done)
            finally:
                shown_at_the_end(lambda: voice.backed_up(done, record.page or report))
            if not accept_unverified:
                job.demand(done)
            if elsewhere is not None:
                on_cloud_foundry.demand_gone(elsewhere, held)


def _as_worker(*, quiet: bool) -> None:
    """Make the backup that the environment asks for; what was stored is said as one JSON object."""
    from dmrefresh import settings
    from dmrefresh.jobs.backup import worker as job

    held, voice = settings.load(Options.config), speaking("backup-production", quiet=quiet)
    done = job.run(job.contract(held.backup.recipient), held, voice)
    rows, tables = sum(done.rows.values()), len(done.rows)
    voice.done(f"{done.name} is stored: {rows:,} rows of {tables} tables; whoever signed for it reads it back")
    said = {"name": done.name, "size": done.size, "sha256": done.sha256, "rows": dict(done.rows)}
    shown_at_the_end(lambda: typer.echo(json.dumps(said)))
