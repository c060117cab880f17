"""What report.json holds, for whoever reads it: its shapes, their JSON Schema, and whether something has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dmrefresh.report.model import BackupReport, Report, Try
from dmrefresh.report.timeline import Timeline

SCHEMA = Path(__file__).parent / "report.schema.json"
"""Of all shapes, as it is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshDocument(Report):
    """A refresh that was published, also where something after that has failed (exit codes 30 to 39).

    `began` is when (ISO 8601), `dmrefresh` its version, `state` what there is now; `what` and `hint` say what failed.
    """

    job: Literal["clean-and-apply"]
    began: str
    dmrefresh: str
    state: str
    what: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDocument(BackupReport):
    """A backup that is stored, also where it was not read back; see RefreshDocument."""

    job: Literal["backup-production"]
    run: str
    began: str
    dmrefresh: str
    state: str
    warnings: list[str]
    what: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDocument:
    """A run that has changed nothing: `what` happened, and `hint` says what to do.

    `timeline` is that of the last attempt, as far as it came; None where none was begun.
    """

    status: Literal["failed", "unfinished"]
    exit_code: int
    what: str
    state: str
    hint: str | None
    job: Literal["clean-and-apply", "backup-production"]
    target: str | None = None
    stage: str | None = None
    run: str
    began: str
    dmrefresh: str
    total_seconds: float
    attempts: int
    tries: list[Try]
    timeline: Timeline | None
    warnings: list[str] = field(default_factory=list)
    version: Literal[1]


def schema() -> dict[str, Any]:
    """The JSON Schema of report.json; what it does not name may be added, and is to be ignored."""
    from pydantic import TypeAdapter

    found: dict[str, Any] = TypeAdapter(RefreshDocument | BackupDocument | FailedDocument).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "The report of a run", **found}


def is_one(text: bytes, document: dict[str, Any]) -> bool:
    """Whether this is the report of a run.

    Args:
        text: what its file holds.
        document: the same, read.
    """
    from pydantic import TypeAdapter, ValidationError

    kind = RefreshDocument if "dump" in document else BackupDocument if "read_back" in document else FailedDocument
    try:
        TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError:
        return False
    return document.get("version") == 1
