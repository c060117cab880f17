"""One round: a refresh or a backup with what goes wrong in it, and whether it came out as it must."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import psycopg

from dmrefresh.bucket.verified import SUFFIX, from_json
from fixtures.parts.dumping import put_dump
from tests.jobs.scene import note_beside
from tests.soak.command import Hand, Running, kill_all
from tests.soak.editions import NotWhole
from tests.soak.judging import Judge, Told, says, soon_nothing
from tests.soak.resident import Resident
from tests.soak.scope import Job, Scope
from tests.soak.troubles import DAMAGED, FALLS_BACK, NOTHING, TWICE, Trouble, chosen
from tests.soak.world import TARGETS, World

_PATIENCE = 180.0
"""Seconds in which what is on its way out must be gone; far more than it takes."""
_MOMENT = 3.0
"""Seconds in which a server notices that a session has ended; where it takes longer, one more run is made."""
_BACKUPS = 0.3
"""The share of rounds in which production is backed up."""
_INSIDE = 0.3
"""The share of rounds that are done by one and the same process."""


@dataclass(frozen=True)
class Stored:
    """A backup that came through: whose stage it is alone in, which edition it holds, and its bytes."""

    stage: str
    version: int
    content: bytes = field(repr=False)


class Play:
    """The rounds, one after the other; what each does depends on the seed and its number alone."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.judge = Judge(world)
        self.seed = seed
        self.version = 0
        self.newest: Stored | None = None
        self.older: Stored | None = None
        self.usual: dict[str, float] = {}
        self.resident = Resident(world.variables(), world.folder / "resident")
        self._admin = world.store.client(world.store.admin)

    def close(self) -> None:
        """End what still runs."""
        kill_all()
        self.resident.end()

    def beginning(self) -> Iterator[Told]:
        """Rounds in which nothing goes wrong, from which it is known how long each takes."""
        yield self.play(0, "backup", TARGETS[0], [NOTHING], random.Random(0))
        for target in TARGETS:
            yield self.play(0, "refresh", target, [NOTHING], random.Random(0))

    def round(self, number: int) -> Told:
        """Play a round, of this number."""
        dice = random.Random(f"{self.seed}/{number}")
        job: Job = "backup" if dice.random() < _BACKUPS else "refresh"
        inside = dice.random() < _INSIDE
        return self.play(number, job, dice.choice(TARGETS), chosen(dice, job, inside=inside), dice, inside=inside)

    def play(
        self,
        number: int,
        job: Job,
        target: str,
        troubles: list[Trouble],
        dice: random.Random,
        *,
        inside: bool = False,
    ) -> Told:
        """Play a round of which all is known."""
        told = Told(number, job, target if job == "refresh" else None, [one.name for one in troubles], inside)
        before = {name: self.world.state(name) for name in TARGETS}
        for session in self._sessions():
            session.begin()
        usual = self.usual.get(f"{job} {told.target}", 5.0)
        scope = Scope(self.world, job, dice, usual)
        after = before
        try:
            if job == "backup":
                self._back_up(told, scope, troubles)
            else:
                self._refresh(told, scope, troubles, target)
            told.facts |= {f"resident {name}": value for name, value in self._held(told).items()}
            after = {name: self.world.state(name) for name in TARGETS}
        except NotWhole as what:
            told.wrong.append(f"a target holds {what}")
        except psycopg.Error as error:
            told.wrong.append(f"a target lets nobody in: {type(error).__name__} ({error.sqlstate})")
        told.facts["deeds"] = scope.deeds
        self.judge.codes(told, troubles)
        self.judge.targets(told, before, after)
        self.judge.sessions(told, before, after, troubles)
        self.judge.left(told)
        self._remember(told, troubles)
        return told

    def _sessions(self) -> list[Any]:
        return [one for sessions in self.world.sessions.values() for one in sessions]

    @contextlib.contextmanager
    def _troubled(self, scope: Scope, troubles: list[Trouble]) -> Iterator[None]:
        try:
            with contextlib.ExitStack() as stack:
                for trouble in troubles:
                    stack.enter_context(trouble.come(scope))
                yield
                scope.over.set()
        finally:
            self.world.quiet()

    def _refresh(self, told: Told, scope: Scope, troubles: list[Trouble], target: str) -> None:
        assert self.newest is not None
        stage = self.newest.stage
        told.facts["edition"] = self.newest.version
        more = []
        if DAMAGED in troubles or FALLS_BACK in troubles:
            stage = f"damaged-{told.number}"
            self._put_damaged(told, stage, scope.dice)
        if FALLS_BACK in troubles:
            self._put_older(told, stage)
            more = ["--fall-back"]
            scope.variables["DMREFRESH_DUMPS_DOUBTFUL"] = "warn"  # how small the damaged one is does not matter here
        other = scope.dice.choice([target, target, *(one for one in TARGETS if one != target)])
        with self._troubled(scope, troubles):
            runs = [self._hand(told, scope, stage).refresh(target, *more)]
            told.facts["targets"] = [target]
            self._begun(scope, runs[0])
            if TWICE in troubles:
                scope.over.wait(scope.dice.uniform(0, scope.usual))
                runs.append(Hand(self.world, stage).refresh(other))
                told.facts["targets"].append(other)
            told.ended = [run.wait() for run in runs]
        told.codes = [one.code for one in told.ended]
        lost = any(one.at == "database" for one in troubles)
        if -9 in told.codes or (lost and soon_nothing(self.judge.left_in_the_servers, _MOMENT)):
            again = Hand(self.world, self.newest.stage)
            self._clear_up(told, lambda: again.refresh(target))
            told.facts["targets"].append(target)

    def _hand(self, told: Told, scope: Scope, stage: str) -> Hand:
        return Hand(self.world, stage, scope.words, scope.variables, self.resident if told.inside else None)

    def _held(self, told: Told) -> dict[str, int]:
        """What the resident process holds, if it was at work; it has nothing to do now."""
        held = self.resident.holds if told.inside else {}
        for name in ("children", "files"):
            if held.get(name):
                told.wrong.append(f"the resident process has {held[name]} {name} left")
        return held

    def _begun(self, scope: Scope, run: Running) -> None:
        scope.running = run
        scope.started.set()

    def _clear_up(self, told: Told, start: Callable[[], Running]) -> None:
        """Run it again with nothing in the way: it clears up after the one before, once the server has noticed."""
        deadline = time.monotonic() + _PATIENCE
        while (ended := start().wait()).code == 11 and time.monotonic() < deadline:
            time.sleep(0.1)
        told.ended.append(ended)
        told.facts["cleared up"] = ended.code
        if ended.code != 0:
            told.wrong.append(f"the next run ended with {ended.code}")

    def _put_older(self, told: Told, stage: str) -> None:
        """Store an edition of before under the stage, as a dump that was taken and read back an hour ago."""
        older = self.older or self.newest
        assert older is not None
        taken = datetime.now(UTC) - timedelta(hours=1)
        name = put_dump(self.world.store, self.world.store.bucket, stage, taken, BytesIO(older.content))
        note_beside(self.world.store, name, older.content)
        told.facts["edition"] = older.version

    def _put_damaged(self, told: Told, stage: str, dice: random.Random) -> None:
        """Store a damaged copy of the newest dump under the stage."""
        assert self.newest is not None
        content = self.newest.content
        place = dice.randrange(1000, len(content))
        how = dice.choice(["changed", "cut", "longer"])
        match how:
            case "changed":
                bad = content[:place] + bytes([content[place] ^ 1 << dice.randrange(8)]) + content[place + 1 :]
            case "cut":
                bad = content[:place]
            case _:
                bad = content + dice.randbytes(dice.randint(1, 1000))
        name = put_dump(self.world.store, self.world.store.bucket, stage, datetime.now(UTC), BytesIO(bad))
        noted = dice.choice([None, bad, content])
        if noted is not None:  # as read back before it was damaged; or somebody has noted what is there now
            note_beside(self.world.store, name, noted)
        told.facts["damage"] = f"{how} at {place} of {len(content)}"

    def _back_up(self, told: Told, scope: Scope, troubles: list[Trouble]) -> None:
        self.version += 1
        self.world.produce(self.version)
        stage = f"round-{told.number}"
        told.facts["edition"] = self.version
        with self._troubled(scope, troubles):
            runs = [self._hand(told, scope, stage).back_up()]
            self._begun(scope, runs[0])
            if TWICE in troubles:
                scope.over.wait(scope.dice.uniform(0, scope.usual))
                runs.append(Hand(self.world, stage).back_up())
            told.ended = [run.wait() for run in runs]
        told.codes = [one.code for one in told.ended]
        self._judge_backups(told, stage, troubles)
        if -9 in told.codes:
            self._clear_up(told, Hand(self.world, f"again-{told.number}").back_up)

    def _judge_backups(self, told: Told, stage: str, troubles: list[Trouble]) -> None:
        """What is stored is whole, is said to be stored, and is noted only if it was read back."""
        bucket, wrong = self.world.store.bucket, told.wrong
        found = self._admin.list_objects_v2(Bucket=bucket, Prefix=f"{stage}-").get("Contents", [])
        content = {one["Key"]: self._admin.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}
        backups = {name: what for name, what in content.items() if not name.endswith(SUFFIX)}
        told.facts["stored"] = len(backups)
        for name, what in backups.items():
            note = content.get(name + SUFFIX)
            try:
                version = self.world.version_stored(what)
            except (NotWhole, ValueError) as why:
                # What was damaged on its way, and is said to be of no use, is the one thing that may lie there so.
                if 13 not in told.codes or note is not None:
                    wrong.append(f"{name} is stored and is not whole: {why}")
                continue
            if version != self.version:
                wrong.append(f"{name} holds edition {version}, not {self.version}")
            read = from_json(note) if note is not None else None
            if read is not None and read.sha256 != hashlib.sha256(what).hexdigest():
                wrong.append(f"the note beside {name} is about something else")
            if note is not None or 31 in told.codes:
                self.older, self.newest = self.newest, Stored(stage, version, what)
        noted = sum(name.endswith(SUFFIX) for name in content)
        if 0 in told.codes and (not backups or noted < 1):
            wrong.append(f"it ended with 0, and there are {len(backups)} backups and {noted} notes")
        if 31 in told.codes and not backups:
            wrong.append("it ended with 31, and nothing is stored")
        if set(told.codes) <= {2, 12, 20, 21, 24, 25} and backups and not says(told, "is in the bucket"):
            wrong.append(f"it ended with {told.codes} and says nothing is stored, and there is a backup")
        parts = [one["Key"] for one in self._admin.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
        told.facts["parts"] = len(parts)
        if parts and -9 not in told.codes and not any(one.at == "store" for one in troubles):
            wrong.append(f"parts of {parts} are left in the bucket")

    def _remember(self, told: Told, troubles: list[Trouble]) -> None:
        """Keep how long it usually takes, and throw away what the bucket's lifetime would."""
        if troubles == [NOTHING] and told.codes == [0] and not told.inside:
            key = f"{told.job} {told.target}"
            self.usual[key] = 0.5 * self.usual.get(key, told.ended[0].seconds) + 0.5 * told.ended[0].seconds
        bucket, keep = self.world.store.bucket, self.newest.stage if self.newest else ""
        for one in self._admin.list_object_versions(Bucket=bucket).get("Versions", []):
            if not one["Key"].startswith(f"{keep}-2"):
                self._admin.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        for part in self._admin.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            self._admin.abort_multipart_upload(Bucket=bucket, Key=part["Key"], UploadId=part["UploadId"])
