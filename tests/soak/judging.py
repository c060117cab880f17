"""Whether a round came out as it must: exit codes, words, targets, sessions, and what is left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.proof import left_in_folders, left_in_the_server, running
from tests.soak.command import Ended
from tests.soak.editions import ORIGINAL
from tests.soak.scope import Job
from tests.soak.troubles import TWICE, Trouble
from tests.soak.world import TARGETS, State, World

_PATIENCE = 180.0
"""Seconds in which what is on its way out must be gone; far more than it takes."""
_PUBLISHED = {0, 30}
_EITHER = {23, -9}
"""What does not tell whether it is published: it may be, or not, but wholly."""
_BEFORE_THE_SWAP = {2, 11, 12, 13, 14, 17, 20}
"""Exit codes of failures that come before anybody's session is ended by `database`."""
_A_LINE = re.compile(r"^\d\d:\d\d:\d\d  ", re.MULTILINE)
_SECRETS = re.compile("BEGIN PGP PRIVATE KEY|AGE-SECRET-KEY")


@dataclass
class Told:
    """What came of a round.

    Attributes:
        number, job, target, troubles: what was done.
        inside: it was done by the resident process.
        codes: how each run of it ended.
        wrong: all that must not be, in sentences.
        facts: figures, for the log.
        ended: the runs.
    """

    number: int
    job: Job
    target: str | None
    troubles: list[str]
    inside: bool = False
    codes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)


class Judge:
    """Looks at a round that is over, and adds what is wrong to what is told of it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def codes(self, told: Told, troubles: list[Trouble]) -> None:
        """Each run ended with a code that its troubles allow, and said nothing that is secret."""
        allowed = set[int]().union(*(one.codes[told.job] for one in troubles))
        for code, ended in zip(told.codes, told.ended, strict=False):
            if ended.hung:
                told.wrong.append("a run hung, and was killed")
            elif code not in allowed:
                told.wrong.append(f"exit code {code}, which is none of {sorted(allowed)}")
            elif code < 0 and code != -9:
                told.facts["before it began"] = True
                if _A_LINE.search(ended.output):
                    told.wrong.append(f"signal {-code} killed it, though it had begun")
            unsaid = "The target is as it was" not in ended.output
            if told.job == "refresh" and 0 < code < 128 and code not in (23, 30) and unsaid:
                told.wrong.append("it does not say that the target is as it was")
        if TWICE in troubles and 0 not in told.codes:
            told.wrong.append("of two runs none came through")
        for ended in told.ended:
            self._words(told, ended.output + str(ended.report))

    def _words(self, told: Told, text: str) -> None:
        secrets = (self.world.credentials.passphrase, self.world.store.jobs.secret_key, ORIGINAL)
        if _SECRETS.search(text) or any(one in text for one in secrets):
            told.wrong.append("a secret or an original value was said")

    def targets(self, told: Told, before: dict[str, State], after: dict[str, State]) -> None:
        """Each target is as it was or wholly new, as the exit codes say."""
        for name in TARGETS:
            was, now = before[name], after[name]
            codes = [code for target, code in runs(told) if target == name]
            surely = sum(code in _PUBLISHED for code in codes)
            perhaps = sum(code in _EITHER for code in codes)
            if not surely <= now.receipts - was.receipts <= surely + perhaps:
                told.wrong.append(f"{name} has {now.receipts - was.receipts} receipts more, after {codes}")
            if surely and now.identity == was.identity:
                told.wrong.append(f"{name} holds the same relations as before, after {codes}")
            if not surely and not perhaps and now != was:
                told.wrong.append(f"{name} has changed, after {codes}")
            if now.identity != was.identity and now.version != told.facts["edition"]:
                told.wrong.append(f"{name} holds edition {now.version}, not {told.facts['edition']}")
            if now.identity == was.identity and now.version != was.version:
                told.wrong.append(f"{name} holds edition {now.version} in the relations of {was.version}")

    def sessions(self, told: Told, before: dict[str, State], after: dict[str, State], troubles: list[Trouble]) -> None:
        """Nobody is lost, or sees anything but one edition and then the other."""
        stopped = told.job == "refresh" and any(one.stops for one in troubles)
        for name, sessions in self.world.sessions.items():
            codes = [code for target, code in runs(told) if target == name]
            swapped = name == "database" and any(code not in _BEFORE_THE_SWAP for code in codes)
            for session in sessions:
                session.settle()
                expected = [before[name].version, after[name].version]
                expected = expected[:1] if expected[0] == expected[1] else expected
                if session.versions not in (expected, expected[-1:]):
                    told.wrong.append(f"{name}: {session.name} saw editions {session.versions}, not {expected}")
                if session.ended and not (stopped or swapped):
                    told.wrong.append(f"{name}: {session.name} was disconnected {session.ended} times")
                told.wrong += [f"{name}: {what}" for what in session.wrong]
            told.facts[f"{name} longest"] = round(max(one.longest for one in sessions), 3)
            told.facts[f"{name} away"] = round(max(one.away for one in sessions), 3)
            told.facts[f"{name} ended"] = sum(one.ended for one in sessions)
            told.facts[f"{name} memory"] = max(one.memory for one in sessions)

    def left_in_the_servers(self) -> list[str]:
        """What runs have left there."""
        return [f"{name}: {one}" for name in TARGETS for one in left_in_the_server(self.world.scene(name).target_url)]

    def left(self, told: Told) -> None:
        """Nothing of the runs is left, but what one of them could not drop yet, and has said so."""
        scene = self.world.scene(TARGETS[0])
        left = soon_nothing(lambda: running(scene)) + soon_nothing(lambda: left_in_folders(scene))
        said = says(told, "could not be dropped yet")
        in_servers = soon_nothing(self.left_in_the_servers, 0 if said else _PATIENCE)
        left += [] if said else in_servers
        told.facts["not dropped yet"] = len(in_servers)
        if left:
            told.wrong.append(f"left: {left}")


def soon_nothing(look: Callable[[], list[str]], seconds: float = _PATIENCE) -> list[str]:
    """What is still there after a while: a server takes a moment to notice that a session has ended."""
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def says(told: Told, text: str) -> bool:
    """Whether one of the runs has said this."""
    return any(text in " ".join(one.output.split()) for one in told.ended)


def runs(told: Told) -> list[tuple[str, int]]:
    """The runs of a refresh: which target each was of, and how it ended."""
    return list(zip(told.facts.get("targets", []), [one.code for one in told.ended], strict=False))
