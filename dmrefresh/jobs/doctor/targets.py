"""A target: reached, no production, and whether the newest dump could be published there. Nothing of it is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dmrefresh.dump.events import Head, Name, Schema, Table
from dmrefresh.errors import Failure
from dmrefresh.jobs.buckets import bucket_of
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said, raising
from dmrefresh.jobs.doctor.newest import Newest
from dmrefresh.jobs.doctor.probe import Probe
from dmrefresh.jobs.refresh.other_schemas import dump_others
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.observer import Keeping
from dmrefresh.postgres import Connection, receipt
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect, server_names, session_facts
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.scratch import EMBEDDED, try_scratch
from dmrefresh.postgres.survey import Survey, errand_for_a_look, survey
from dmrefresh.settings.model import Settings, Target
from dmrefresh.stages.upload import see_bucket

_PATIENCE = 30.0
"""Seconds in which a tunnel must lead to a PostgreSQL."""


def _stand_in(schemas: Sequence[str]) -> Head:
    """What is looked for where there is no dump: a table in each of these schemas."""
    names = [Name(schema, "dmrefresh_doctor") for schema in schemas]
    return Head("0", "0", "UTF8", Schema(tables={name: Table(name, ()) for name in names}, schemas=tuple(schemas)), ())


def _refreshed(connection: Connection) -> tuple[str, ...]:
    """The schemas that the last refresh has brought, which the next will exchange; `public` where there was none."""
    try:
        with translated("while it was looked at"):
            last = receipt.latest(connection)
    except Failure:  # the role may not read it, say; then it is as if there was none
        last = None
    return tuple(last.contents) if last is not None and last.contents else ("public",)


def checks_of(settings: Settings, name: str, newest: Newest) -> list[Check]:
    """What is looked at of a target.

    Args:
        settings: name it.
        name: its name in them, or the URL of a database on this machine.
        newest: the dump that it would be refreshed from.
    """
    shown = name if "://" not in name else "url"
    called = f"target.{shown}"
    try:
        target = target_of(settings, name)
    except Failure as failure:
        return [Check(called, raising(failure))]
    if target.s3 is not None:
        return _BucketTarget(settings, called, target, newest).checks()
    return _Database(settings, called, name, target, newest).checks()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was found on a database: where, how it would be refreshed, what its guards said, and by which dump and
    which role."""

    place: str
    survey: Survey
    refused: list[Failure]
    warnings: list[str]
    superuser: bool
    with_dump: bool


class _Database:
    def __init__(self, settings: Settings, called: str, name: str, target: Target, newest: Newest) -> None:
        self._settings = settings
        self._called = called
        self._name = name
        self._target = target
        self._newest = newest
        self._seen = Once(called, self._look)

    def checks(self) -> list[Check]:
        return [
            Check(self._called, self._says_where, 90),
            Check(f"{self._called}.guards", self._says_guards),
            Check(f"{self._called}.strategy", self._says_strategy),
        ]

    def _says_where(self) -> Said:
        seen = self._seen()
        busy = f"; a refresh is under way since {seen.survey.under_way}" if seen.survey.under_way else ""
        return Said(f"{seen.place}, PostgreSQL {seen.survey.version}, as {seen.survey.role}{busy}")

    def _says_guards(self) -> Said:
        seen = self._seen()
        if seen.refused:
            raise _first(seen.refused, self._name)
        if seen.superuser:
            return Said(
                "; ".join(
                    ["no production, no standby; its role is a superuser, as the settings allow", *seen.warnings]
                ),
                next="use the role that owns the database, and take `allow_superuser` from the settings",
            )
        return Said("; ".join(["no production, no superuser, no standby", *seen.warnings]))

    def _says_strategy(self) -> Said:
        seen = self._seen()
        against = seen.survey.refused or next(iter(seen.survey.by_strategy.values()), [])
        if seen.survey.refused or seen.survey.strategy is None:
            raise _first(against, self._name)
        which = "the newest dump could be" if seen.with_dump else "as far as can be told without a dump, one could be"
        return Said(f"{which} published by `{seen.survey.strategy}`, with the rights that its role has")

    def _look(self) -> _Seen:
        guard, keeping = Guard(self._settings.production, self._target.not_production), Keeping()
        head = self._head()
        with_dump = head is not None
        with (
            reached(self._target, self._name, patience=_PATIENCE, allowed=guard.check_host) as there,
            connect.session(there.url, "dmrefresh doctor") as connection,
        ):
            with translated("while it was looked at"):
                connection.execute("SET default_transaction_read_only = on")
            guards: list[Callable[[], object]] = [
                lambda: guard.check(connection, keeping),
                lambda: connect.refuse_superuser(connection, allowed=self._target.allow_superuser),
                lambda: connect.refuse_standby(connection),
            ]
            if head is None:
                head = _stand_in(_refreshed(connection))
            others = dump_others(self._settings.programs)
            errand = errand_for_a_look(connection, there.url, head, self._target, others, who="doctor")
            refused = [failure for look in guards if (failure := _failure(look)) is not None]
            found = survey(errand, self._target.strategy, [])
            superuser = session_facts.is_superuser(connection)
            return _Seen(server_names.shown(there.url), found, refused, keeping.warnings, superuser, with_dump)

    def _head(self) -> Head | None:
        """The newest dump's; None where there is none to be read."""
        try:
            return self._newest.head()
        except (Needs, Failure):
            return None


class _BucketTarget:
    def __init__(self, settings: Settings, called: str, target: Target, newest: Newest) -> None:
        self._settings = settings
        self._called = called
        self._target = target
        self._newest = newest
        self._store = bucket_of(settings, target)
        self._there = Once(called, self._head_bucket)

    def checks(self) -> list[Check]:
        probe = Probe(self._store, self._called, self._there, may_delete=True)
        return [
            Check(self._called, self._says_there),
            *probe.checks(),
            Check(f"{self._called}.scratch", self._says_scratch, 120),
        ]

    def _head_bucket(self) -> bool:
        see_bucket(self._store)
        return True

    def _says_there(self) -> Said:
        self._there()
        return Said(f"{self._store.bucket} answers")

    def _says_scratch(self) -> Said:
        """A scratch database is made and dropped again, as a refresh would."""
        if not self._newest.script():
            return Said("the ruleset does nothing after the load, so no scratch database is needed")
        where = self._target.scratch
        version = try_scratch(
            where, self._newest.head().major, Guard(self._settings.production), self._settings.programs
        )
        return Said(f"scratch databases are of PostgreSQL {version}{'' if where == EMBEDDED else ', on a server'}")


def _failure(look: Callable[[], object]) -> Failure | None:
    try:
        look()
    except Failure as failure:
        return failure
    return None


def _first(failures: list[Failure], name: str) -> Failure:
    """The first of what stands against a refresh, which says that there is more."""
    first = failures[0]
    if len(failures) > 1:
        first.what += f" And {len(failures) - 1} more: dmrefresh plan --target {name}"
    return first
