"""plan, for a target that is a bucket."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from dmrefresh.bucket.store import LATEST_CLEANED
from dmrefresh.dump import outgoing
from dmrefresh.dump.events import Head
from dmrefresh.errors import DumpRefused, Failure
from dmrefresh.jobs.refresh.clean_and_apply import Plan
from dmrefresh.jobs.refresh.refusals import Refusal, left_out, said_of_left_out, short
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.scratch import EMBEDDED, try_scratch
from dmrefresh.stages.upload import see_bucket

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class PlannedBucket:
    """What a refresh of a bucket would do.

    Attributes:
        blocked: whether something refuses it.
        target, bucket: its name in the settings, and the bucket's.
        dump, size, dumped_from: the object, its bytes, the version of the server it is of.
        scratch: the version of the scratch database's server; None where none is needed, or none is to be had.
        tables: tables of the dump.
        refusals: all that stands against it.
        left_out: statements that are not written, by kind.
        warnings: what the run would warn of.
        read: what of the dump was looked at for this.
    """

    blocked: bool
    target: str
    bucket: str
    dump: str
    size: int
    dumped_from: str
    scratch: str | None
    tables: int
    refusals: list[Refusal] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    read: str = ""
    version: int = 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The verdict first, then what is made, and how."""
        verdict = f"blocked: {len(self.refusals)} refusal(s)" if self.blocked else "clear to go"
        said = [f"{self.target}: {verdict}"]
        for refusal in self.refusals:
            said.append(f"  refused ({refusal.exit_code}): {short(refusal.what)}")
            if refusal.hint:
                said.append(f"    hint: {short(refusal.hint)}")
        said += [
            f"target: the bucket {self.bucket}, under a dated name and as {LATEST_CLEANED}",
            f"dump: {self.dump}, {self.size / _MIB:,.1f} MiB, {self.tables} tables, of PostgreSQL {self.dumped_from}",
            "costs: as much room again in the folder for temporary files, sanitised and compressed"
            + (f"; a scratch database of PostgreSQL {self.scratch}" if self.scratch else ""),
        ]
        said += said_of_left_out(self.left_out)
        said += [f"warning: {short(warning)}" for warning in self.warnings[:2]]
        return [*said, f"read: {self.read}"]


def plan_bucket(plan: Plan, head: Head, refused: list[Failure], warnings: list[str]) -> PlannedBucket:
    """Find out what a refresh of a bucket would do.

    Args:
        plan: what the refresh would be given.
        head: the dump's.
        refused: what the ruleset does not cover.
        warnings: what was warned of so far.
    """
    bucket, found, server = str(plan.target.s3), list(refused), None
    if plan.script:
        server = _scratch(plan, head, found)
    for failure in (_policy(head), _bucket(plan)):
        if failure is not None:
            found.append(failure)
    return PlannedBucket(
        blocked=bool(found),
        target=plan.target_name,
        bucket=bucket,
        dump=plan.source.dump.key,
        size=plan.source.dump.size,
        dumped_from=head.server_version,
        scratch=server,
        tables=len(head.schema.tables),
        refusals=[Refusal(one.what, one.hint, one.exit_code) for one in found],
        left_out=left_out(head),
        warnings=warnings,
        read=plan.source.READS,
    )


def _scratch(plan: Plan, head: Head, found: list[Failure]) -> str | None:
    """Make a scratch database and drop it again; its version, or what refuses it."""
    try:
        version = try_scratch(plan.target.scratch, head.major, Guard(plan.production), plan.programs)
        return f"{version} ({plan.target.scratch if plan.target.scratch == EMBEDDED else 'on a server'})"
    except Failure as failure:
        found.append(failure)
        return None


def _policy(head: Head) -> Failure | None:
    try:
        outgoing.refuse_head(head)
    except DumpRefused as failure:
        return failure
    return None


def _bucket(plan: Plan) -> Failure | None:
    """Whether the bucket is there; whether it may be written to shows when it is."""
    assert plan.bucket is not None, "the target is one"
    try:
        see_bucket(plan.bucket)
    except Failure as failure:
        return failure
    return None
