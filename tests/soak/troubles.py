"""What goes wrong: each trouble with the exit codes that a run may end with, and which of them come in a round."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from typing import Literal

from tests.soak import harms
from tests.soak.scope import Come, Job

_TWO_AT_ONCE = 0.2
"""The share of rounds in which a second trouble comes beside the first, where it may."""


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong.

    Attributes:
        name: a short one.
        come: brings it about for the length of the block, in which the run is started and waited for.
        codes: the exit codes that a run may have, for each job that it can come to.
        at: what it comes to; two may come at once to different ones, unless they are alone.
        stops: whether a server is stopped, so that everybody's connections are ended.
        weight: how often it comes, beside others.
    """

    name: str
    come: Come
    codes: dict[Job, set[int]]
    at: Literal["store", "database", "run", "alone"] = "alone"
    stops: bool = False
    weight: float = 1.0


def _ended_by(number: int) -> dict[Job, set[int]]:
    # Minus the number: it came before Python had begun with the command, which is looked at.
    return {"refresh": {0, 30, 128 + number, -number}, "backup": {0, 30, 31, 128 + number, -number}}


_FROM_STORE: dict[Job, set[int]] = {"refresh": {0, 20}, "backup": {0, 20, 23, 24, 30, 31}}
_CHANGED: dict[Job, set[int]] = {"refresh": {0, 13, 20}, "backup": {0, 13, 20, 24, 31}}
_DATABASE: dict[Job, set[int]] = {"refresh": {0, 21, 23, 30}, "backup": {0, 21, 24}}
_KILLED: dict[Job, set[int]] = {"refresh": {0, -signal.SIGKILL}, "backup": {0, -signal.SIGKILL}}
_LATE: dict[Job, set[int]] = {"refresh": {0, 26, 30}, "backup": {0, 24, 26, 30, 31}}

NOTHING = Trouble("nothing", harms.nothing, {"refresh": {0}, "backup": {0}}, weight=3)
DAMAGED = Trouble("the dump is damaged", harms.nothing, {"refresh": {13}})
FALLS_BACK = Trouble("the newest dump is damaged", harms.nothing, {"refresh": {0}})
TWICE = Trouble("a second run at once", harms.nothing, {"refresh": {0, 11}, "backup": {0, 11}})

TROUBLES = (
    NOTHING,
    Trouble("S3 cuts connections", harms.store_cuts, _FROM_STORE, "store", weight=2),
    Trouble("S3 changes a bit", harms.store_flips, _CHANGED, "store", weight=2),
    Trouble("S3 asks to slow down", harms.store_is_busy, _FROM_STORE, "store"),
    Trouble("S3 stands still", harms.store_stalls, _FROM_STORE, "store", weight=0.3),
    Trouble("connections to the database are cut", harms.database_cuts, _DATABASE, "database", weight=2),
    Trouble("an administrator ends the sessions", harms.sessions_end, _DATABASE, "database"),
    Trouble("the server restarts", harms.server_restarts, _DATABASE, "database", stops=True),
    Trouble("SIGTERM", harms.signalled(signal.SIGTERM), _ended_by(signal.SIGTERM), "run"),
    Trouble("SIGINT", harms.signalled(signal.SIGINT), _ended_by(signal.SIGINT), "run", weight=0.5),
    Trouble("SIGINT twice", harms.signalled(signal.SIGINT, signal.SIGINT), _ended_by(signal.SIGINT), "run", weight=0.5),
    Trouble("SIGHUP", harms.signalled(signal.SIGHUP), _ended_by(signal.SIGHUP), "run", weight=0.5),
    Trouble("SIGKILL", harms.signalled(signal.SIGKILL), _KILLED, "run", weight=2),
    Trouble("gpg is killed", harms.killed("gpg"), {"refresh": {0, 25}, "backup": {0, 24, 25, 31}}, "run"),
    Trouble("sops is killed", harms.killed("sops"), {"refresh": {0, 25}, "backup": {0, 25, 31}}, "run", weight=0.5),
    Trouble("pg_dump is killed", harms.killed("pg_dump"), {"backup": {0, 24}}, "run", weight=0.5),
    Trouble("TMPDIR is full", harms.disk_is_full, {"refresh": {0, 2}, "backup": {0, 2, 31}}, "run"),
    Trouble("the deadline passes", harms.deadline_passes, _LATE, "run"),
    DAMAGED,
    FALLS_BACK,
    TWICE,
)


def chosen(dice: random.Random, job: Job, *, inside: bool = False) -> list[Trouble]:
    """What comes in a round: mostly one trouble, now and then two at once.

    Args:
        dice: of the round.
        job: what is done in it.
        inside: it is done by a process that has other work to do later, and must not be ended.
    """
    possible = [
        one for one in TROUBLES if job in one.codes and (one.come is not harms.disk_is_full or harms.namespace())
    ]
    if inside:
        possible = [one for one in possible if one.at in ("store", "database") or one in (NOTHING, DAMAGED)]
    first = dice.choices(possible, [one.weight for one in possible])[0]
    beside = [one for one in possible if "alone" not in (one.at, first.at) and one.at != first.at]
    if beside and dice.random() < _TWO_AT_ONCE:
        return [first, dice.choices(beside, [one.weight for one in beside])[0]]
    return [first]
