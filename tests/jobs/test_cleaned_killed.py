"""A job that fills a bucket, ended at any step: nothing of it is there, or all; and the next run succeeds."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys

import pytest

from tests.jobs.test_cleaned import LATEST, Team, team, with_script

__all__ = ["team"]

# The job as the command runs it, but for an observer that sends a signal at a step.
_AT_A_STEP = """
import os, sys, time
from pathlib import Path
from dmrefresh.machine import signals
from dmrefresh.jobs.refresh import clean_and_apply as job
from dmrefresh.observer import Observer
from dmrefresh import settings

class At(Observer):
    def step(self, name):
        if name == sys.argv[2]:
            os.kill(os.getpid(), int(sys.argv[3])); time.sleep(0.2)
    def note(self, message):
        if sys.argv[2] in message:
            os.kill(os.getpid(), int(sys.argv[3])); time.sleep(0.2)

signals.install()
try:
    job.run(job.prepare(settings.load(Path(sys.argv[1])), "cleaned"), At(), confirm=lambda name, place: None)
except signals.Interrupted as interrupted:
    os._exit(128 + interrupted.number)
os._exit(0)
"""


def ended(team: Team, step: str, number: signal.Signals) -> int:
    argv = [sys.executable, "-c", _AT_A_STEP, str(team.settings), step, str(int(number))]
    done = subprocess.run(
        argv, env=team.jobs, cwd=team.folder, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert not done.stderr, done.stderr.decode()
    return done.returncode


def parts(team: Team) -> list[object]:
    return list(team.store.client(team.store.admin).list_multipart_uploads(Bucket=team.bucket).get("Uploads", []))


@pytest.mark.parametrize("step", ["the dump is whole", "a scratch database", "cleaned"])
def test_a_signal_before_it_is_stored_leaves_nothing(team: Team, step: str) -> None:
    with_script(team, "DELETE FROM note WHERE id > 500")
    assert ended(team, step, signal.SIGTERM) == 128 + signal.SIGTERM
    assert team.objects() == {}
    assert parts(team) == []
    assert list(team.temporary.iterdir()) == []


def test_a_signal_once_it_is_stored_is_heard_when_both_names_are_there(team: Team) -> None:
    assert ended(team, "stored", signal.SIGTERM) == 0
    dated, latest = sorted(team.objects())
    assert latest == LATEST
    assert team.objects()[dated] == team.objects()[latest]


@pytest.mark.parametrize("step", ["a scratch database", "cleaned", "stored"])
def test_a_job_that_is_killed_leaves_nothing_or_a_whole_object_and_the_next_succeeds(team: Team, step: str) -> None:
    with_script(team, "DELETE FROM note WHERE id > 500")
    assert ended(team, step, signal.SIGKILL) == -signal.SIGKILL
    objects = team.objects()
    assert LATEST not in objects
    assert len(objects) == (1 if step == "stored" else 0)
    code, said = team.clean()
    assert code == 0, said
    assert gzip.decompress(team.objects()[LATEST]).count(b"\tcanary ") == 500
    assert team.refresh()[0] == 0
    assert list(team.temporary.iterdir()) == []
