"""Reports as runs leave them, with names and texts in them that a page must not stumble over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dmrefresh.report.model import BackupReport, DumpReport, LeakReport, Report, TableReport, Try
from dmrefresh.report.timeline import timeline_of
from dmrefresh.stopwatch import Flow, Sample, Stopwatch

NASTY = "<script>alert(1)</script>&\"'"
TURNED = "a\u202eb\x07c\nd"
_MEGABYTE = 1_000_000


def stopwatch(seconds: int = 20) -> Stopwatch:
    """What an attempt of so many seconds has measured: fetched at once, then sanitised."""
    made = Stopwatch()
    half = seconds / 2
    made.spans = {
        "verify": (0.1, half),
        "fetch": (0.2, half),
        "sanitise": (half, seconds),
        "commit": (seconds, seconds),
    }
    made.seconds = {"verify": half / 2, "fetch": half / 3, "sanitise": half * 0.9, "commit": 0.01}
    made.flows = {"verify": Flow(0.1, half, 50 * _MEGABYTE), "fetch": Flow(0.2, half, 50 * _MEGABYTE)}
    made.flows["sanitise"] = Flow(half, seconds, 200 * _MEGABYTE)
    for step in range(1, 2 * seconds + 1):
        at = step / 2
        fetched = int(min(at / half, 1) * 50 * _MEGABYTE)
        clean = int(max(at - half, 0) / half * 200 * _MEGABYTE)
        made.samples.append(Sample(at, {"verify": fetched, "fetch": fetched, "sanitise": clean}, {}))
    return made


def _common(job: str, run: str) -> dict[str, Any]:
    return {"job": job, "run": run, "began": "2026-11-24T02:44:00+00:00", "dmrefresh": "0.1.0", "warnings": []}


def report(**changed: Any) -> Report:
    """A refresh that went well: 40 tables, one with names that are no names, one that a warning is about."""
    tables = [
        TableReport(f"table_{n}", 1000 * n, 1000 * n - n % 3, {"name": 900 * n, "data.who": n}, {"name": ["Ada", "Bo"]})
        for n in range(1, 37)
    ]
    tables += [
        TableReport(NASTY, 5, 5, {NASTY: 5, TURNED: 1}, {NASTY: [NASTY, TURNED]}),
        TableReport("warned_of", 3, 3, {}, {}),
        TableReport("untouched", 10, 10, {}, {}),
        TableReport("emptied", 70_000, 0, {}, {}),
    ]
    whole = Report(
        dump=DumpReport("production-202611240244.sql.gz.gpg", 50 * _MEGABYTE, "2026-11-24T02:44:00+00:00"),
        target="staging",
        run="",
        ruleset="0123456789abcdef",
        rows=sum(table.rows_out for table in tables),
        bytes=200 * _MEGABYTE,
        total_seconds=20.5,
        attempts=2,
        stages={"verify": 5.0, "fetch": 3.3, "sanitise": 9.0, "commit": 0.01},
        tables=tables,
        left_out={"GRANT": 12},
        carried_types=["role_e"],
        changed_types=[],
        warnings=[],
        after_load=[("small.after_load.sql:1", 12)],
        leak_check=LeakReport(1000, 2000, 1),
        tries=[Try(1, "find", None, 0.2, 0), Try(1, "refresh", "a dump", 3.0, 20, f"Lost. {NASTY}")],
        gone=[f"small.yaml:7: {NASTY} is gone"],
        timeline=timeline_of(stopwatch()),
        by="jo@build-7",
    )
    return replace(whole, **changed)


def refreshed(**changed: Any) -> dict[str, Any]:
    """The same as its report.json has it."""
    done = report()
    warnings = ["warned_of.note: 3 values look like e-mail addresses", NASTY]
    whole = _common("clean-and-apply", "20261124T024400Z-00000000") | done.as_dict() | {"state": done.standing}
    return whole | {"run": "20261124T024400Z-00000000", "warnings": warnings} | changed


def failed(**changed: Any) -> dict[str, Any]:
    """A refresh that drift has stopped."""
    return {
        "status": "failed",
        "exit_code": 14,
        "what": f"1 column is in the dump, and no rule covers it.\ntables:\n  users:\n    {NASTY}: person.name",
        "state": "The target is as it was: nothing was published.",
        "hint": "amend the ruleset; `dmrefresh sanitisers check` tells all that would stop a run",
        **_common("clean-and-apply", "20261125T024400Z-00000000"),
        "target": "staging",
        "total_seconds": 3.1,
        "attempts": 1,
        "tries": [{"number": 1, "doing": "refresh", "dump": "d", "seconds": 3.0, "exit_code": 14, "what": TURNED}],
        "timeline": None,
        "version": 1,
        **changed,
    }


def backed_up(**changed: Any) -> dict[str, Any]:
    """A backup that is stored, and that nobody has read back."""
    done = BackupReport(
        name="production-202611240244.sql.gz.gpg",
        bucket="backups",
        stage="production",
        size=50 * _MEGABYTE,
        sha256="ab" * 32,
        version_id="v1",
        encrypted_to="0123456789ABCDEF0123456789ABCDEF01234567",
        signed=False,
        bytes=200 * _MEGABYTE,
        rows={"users": 1000, NASTY: 3},
        attempts=1,
        total_seconds=12.0,
        stages={"pg_dump": 5.0, "upload": 3.0},
        read_back="no",
        why_not="the private key is not on this machine",
        timeline=timeline_of(stopwatch(4)),
    )
    common = _common("backup-production", "20261123T024400Z-00000000")
    ended = {
        "status": "unfinished",
        "exit_code": 31,
        "what": "It was not read back.",
        "state": "It is stored.",
        "hint": None,
    }
    return common | done.as_dict() | ended | changed


EVERY = {"refreshed": refreshed, "failed": failed, "backed_up": backed_up}
"""One of each kind, by its name."""
