"""Where the report of a run is kept: in a folder of this machine, and in a bucket where the settings name one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dmrefresh.bucket.store import ACL, Store
from dmrefresh.errors import NoSuchDump, RightsMissing, UsageFailure
from dmrefresh.jobs.buckets import store_at
from dmrefresh.report import runs
from dmrefresh.report.outcome import Record
from dmrefresh.settings.model import Settings

_TYPES = {
    runs.DATA: "application/json",
    runs.STYLE: "text/css; charset=utf-8",
    runs.PAGE: "text/html; charset=utf-8",
}
"""The files of a run, the page last: whoever sees it finds what it links to."""


def keep(record: Record, held: Settings, run_dir: Path | None) -> None:
    """Say where the report of a run goes.

    Args:
        record: of the run.
        held: the settings that hold.
        run_dir: the folder that was asked for; the settings say which if None.
    """
    there = place(held)
    if run_dir is None and there.is_absolute():
        record.folder, record.newest = there / record.run, held.report.keep
    elif run_dir is None:  # else it would be a folder called ~
        record.observer.warn(
            "no report is kept, since this user has no home: say where with `runs` under [report], or --run-dir"
        )
    if held.report.s3 is not None:
        record.keep = partial(put, held, record.run)


def place(held: Settings) -> Path:
    """Where the folders of runs are; below ~ itself where this user has no home."""
    if held.report.runs is None:
        return runs.place()
    try:
        return held.report.runs.expanduser()
    except RuntimeError:
        return held.report.runs


def put(held: Settings, run: str, folder: Path) -> None:
    """Put the report of a run into the bucket of the settings.

    Args:
        held: the settings that hold; they name a bucket.
        run: the run's name, under which the objects lie.
        folder: what is put there.

    Raises:
        Failure: it cannot be put there.
    """
    bucket, _, prefix = (held.report.s3 or "").partition("/")
    beginning = f"{prefix.rstrip('/')}/{run}/" if prefix else f"{run}/"
    said, dumps = held.report, held.dumps
    store = store_at(held, bucket, said.region or dumps.region, said.endpoint_url or dumps.endpoint_url)
    for name, kind in _TYPES.items():
        _put(store, beginning + name, folder / name, kind)


def _put(store: Store, key: str, file: Path, kind: str) -> None:
    """One file; the bucket's own encryption holds for it, as for a backup."""
    from dmrefresh.bucket.answers import NotAllowed, translated

    try:
        with translated(f"{key} in the bucket {store.bucket}"):
            store.client.put_object(
                Bucket=store.bucket,
                Key=key,
                Body=file.read_bytes(),
                ACL=ACL,
                ContentType=kind,
                ChecksumAlgorithm="SHA256",
            )
    except NotAllowed as refused:
        raise RightsMissing(
            refused.what,
            hint=f"grant s3:PutObject and s3:PutObjectAcl on {store.bucket}/*, or change s3 under [report]",
        ) from None
    except (NoSuchDump, UsageFailure) as failure:
        failure.hint = "look at `s3` under [report] in dmrefresh.toml"
        raise
