"""plan: what a refresh would do and what stands against it. Nothing of the target is changed.

Of the dump, only what comes before the first row is read. gpg's verdict comes after the last one, so it is not known
here whether the dump is whole; `check-dump` tells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from dmrefresh.dump.events import Head
from dmrefresh.errors import Failure
from dmrefresh.jobs.refresh.clean_and_apply import Plan
from dmrefresh.jobs.refresh.other_schemas import dump_others
from dmrefresh.jobs.refresh.plan_bucket import PlannedBucket, plan_bucket
from dmrefresh.jobs.refresh.refusals import NAMED, Refusal, left_out, said_of_left_out, short
from dmrefresh.lists import listed
from dmrefresh.machine import process
from dmrefresh.observer import Keeping, Observer
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect, server_names
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.survey import Survey, errand_for_a_look, survey

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Planned:
    """What a refresh would do.

    Attributes:
        blocked: whether something refuses it.
        target, place, role, server: its name in the settings, where it is, who logs in, which version.
        dump, size, dumped_from: the object, its bytes in the bucket, the version of the server it is of.
        strategy, why: how the data would be published, and why not by `schema` where `auto` takes the other.
        tables: tables of the dump.
        bytes: what the data to be replaced takes on the target's disk.
        locks, locks_room: held at the end of the load; there are at all.
        sessions: on the target now.
        carried: schemas that the dump has nothing of, and `database` carries over.
        refusals: all that stands against it.
        goes: tables and views that only the target has.
        left_out: statements that are not executed, by kind.
        warnings: what the run would warn of.
        read: what of the dump was looked at for this.
        under_way: since when another refresh is at it.
    """

    blocked: bool
    target: str
    place: str
    role: str
    server: str
    dump: str
    size: int
    dumped_from: str
    strategy: str | None
    why: str | None
    tables: int
    bytes: int
    locks: int
    locks_room: int
    sessions: int
    refusals: list[Refusal] = field(default_factory=list)
    goes: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    read: str = ""
    under_way: str | None = None
    version: int = 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def _costs(self) -> str:
        if self.bytes < self.size:  # there is next to nothing yet, which says nothing of what comes
            return (
                "costs: nobody knows how much new data, since little is replaced; "
                f"more than the {self.size / _MIB:,.1f} MiB of the dump, and the same again of write-ahead log"
            )
        return (
            f"costs: about {self.bytes / _MIB:,.1f} MiB of new data (as much as is replaced), the same again of "
            "write-ahead log; both are on the disk until the old is dropped"
        )

    def lines(self) -> list[str]:
        """The verdict first, then what it costs and what goes; 25 lines at most."""
        by = f" by `{self.strategy}`" if self.strategy else ""
        verdict = f"blocked: {len(self.refusals)} refusal(s)" if self.blocked else f"clear to go{by}"
        said = [f"{self.target}: {verdict}"]
        for refusal in self.refusals[:NAMED]:
            which = f"by `{refusal.strategy}`: " if refusal.strategy else ""
            said.append(f"  refused ({refusal.exit_code}): {which}{short(refusal.what)}")
            if refusal.hint:
                said.append(f"    hint: {short(refusal.hint)}")
        if len(self.refusals) > NAMED:
            said.append(f"  and {len(self.refusals) - NAMED} more; --json has them all")
        if self.under_way:
            said.append(f"another refresh is under way, since {self.under_way}")
        if self.why:
            said.append(f"not by `schema`, because: {short(self.why)}")
        said += [
            f"target: {self.place}, PostgreSQL {self.server}, as {self.role}",
            f"dump: {self.dump}, {self.size / _MIB:,.1f} MiB, {self.tables} tables, of PostgreSQL {self.dumped_from}",
            self._costs(),
            f"       {self.locks} of {self.locks_room} locks; dead rows elsewhere are not cleaned up during the load",
        ]
        if self.strategy == "database":
            said.append(f"       {self.sessions} sessions are ended in the moment of the swap and have to reconnect")
        if self.carried:
            said.append(
                f"       {listed(self.carried, NAMED)} go(es) along: "
                "writes there wait from the end of the load until the swap"
            )
        if self.goes:
            said.append(f"goes, since only the target has it: {listed(self.goes, NAMED)}")
        said += said_of_left_out(self.left_out)
        said += [f"warning: {short(warning)}" for warning in self.warnings[:2]]
        said.append(f"read: {self.read}")
        return said


def run(plan: Plan, observer: Observer | None = None) -> Planned | PlannedBucket:
    """Find out what a refresh would do.

    Args:
        plan: what the refresh would be given.
        observer: is told when a tunnel is open.

    Raises:
        Failure: the dump, the key, the bucket or the target cannot be read at all.
    """
    keeping = Keeping()
    for warning in [*plan.passed_over, *plan.doubts.warnings]:
        keeping.warn(warning)
    if plan.target.s3 is not None:
        head = _head(plan)
        return plan_bucket(plan, head, _refused(plan, head, keeping), keeping.warnings)
    guard = Guard(plan.production, plan.target.not_production)
    with reached(plan.target, plan.target_name, observer or Observer(), allowed=guard.check_host) as there:
        head = _head(plan)
        refused = _refused(plan, head, keeping)
        with connect.session(there.url, "dmrefresh plan") as connection:
            others = dump_others(plan.programs)
            errand = errand_for_a_look(connection, there.url, head, plan.target, others, who="plan", observer=keeping)
            found = survey(
                errand,
                plan.target.strategy,
                [
                    lambda: guard.check(connection, keeping),
                    lambda: guard.check_source(connection, head, keeping),
                    lambda: connect.refuse_superuser(connection, allowed=plan.target.allow_superuser),
                ],
            )
            place = server_names.shown(there.url)
    return _planned(plan, head, found, refused, place, keeping.warnings)


def _head(plan: Plan) -> Head:
    """Everything before the first row; the download ends there."""
    try:
        return plan.source.head()
    finally:
        process.kill_all()


def _refused(plan: Plan, head: Head, observer: Observer) -> list[Failure]:
    """What speaks against the dump: it is doubtful, or the ruleset does not cover it, or its definitions do not do."""
    try:
        plan.source.check_head(head, observer)
    except Failure as failure:
        return [*plan.doubts.refusals, failure]
    return plan.doubts.refusals


def _planned(plan: Plan, head: Head, found: Survey, refused: list[Failure], place: str, warnings: list[str]) -> Planned:
    refusals = [Refusal(one.what, one.hint, one.exit_code) for one in [*refused, *found.refused]]
    if found.strategy is None:
        refusals += [
            Refusal(one.what, one.hint, one.exit_code, name)
            for name, failures in found.by_strategy.items()
            for one in failures
        ]
    return Planned(
        blocked=bool(refusals),
        target=plan.target_name,
        place=place,
        role=found.role,
        server=found.version,
        dump=plan.source.dump.key,
        size=plan.source.dump.size,
        dumped_from=head.server_version,
        strategy=found.strategy,
        why=found.why,
        tables=len(head.schema.tables),
        bytes=found.bytes,
        locks=found.locks,
        locks_room=found.room,
        sessions=found.sessions,
        refusals=refusals,
        goes=found.goes,
        carried=found.carried,
        left_out=left_out(head),
        warnings=warnings,
        read=plan.source.READS,
        under_way=found.under_way,
    )
