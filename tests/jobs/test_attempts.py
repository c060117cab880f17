"""The loop around a run: what is tried again, how often, after which waits, and what is kept of it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import signal
import time
from collections.abc import Iterator

import pytest
import stamina

import dmrefresh
from dmrefresh.errors import DumpDamaged, Failure, TargetUnreachable
from dmrefresh.jobs.attempts import Patience, attempts
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Job

HEALS = {
    "DumpDamaged",
    "Gone",
    "ProgramFailed",
    "Replaced",
    "SourceUnreachable",
    "TargetUnreachable",
}
"""The kinds that begin again by themselves; a new one has to be thought about here."""


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Waits are said, and not waited."""
    with stamina.set_testing(True, attempts=100):
        yield


class Said(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)

    warn = note


def kinds(of: type[Failure]) -> Iterator[type[Failure]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def every_kind() -> list[type[Failure]]:
    for module in pkgutil.walk_packages(dmrefresh.__path__, "dmrefresh."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted({Failure, *kinds(Failure)}, key=lambda kind: kind.__name__)


def tried(*failures: BaseException, patience: Patience | None = None, observer: Observer | None = None) -> Patience:
    """Have attempts end with these, one after the other, and succeed after the last; raises what is raised."""
    coming = iter(failures)
    patience = patience or Patience()

    def attempt(_: int) -> None:
        failure = next(coming, None)
        if failure is not None:
            raise failure

    attempts(attempt, observer or Observer(), patience, doing="refresh", dump=lambda: "a dump")
    return patience


@pytest.mark.fault("R6")
def test_each_kind_of_failure_that_does_not_heal_is_tried_once_and_each_other_as_often_as_is_said() -> None:
    healing = set()
    for kind in every_kind():
        patience = Patience(most=4)
        failure = kind.__new__(kind)
        Failure.__init__(failure, "It went wrong.")
        with pytest.raises(kind):
            tried(*[failure] * 9, patience=patience)
        assert len(patience.tries) == (4 if kind.retry else 1), kind
        if kind.retry:
            healing.add(kind.__name__)
    assert healing == HEALS


def test_a_fault_of_our_own_and_a_signal_end_it_at_once() -> None:
    for error, code in ((KeyError("canary"), 1), (Interrupted(signal.SIGTERM), 143), (Interrupted(signal.SIGALRM), 26)):
        patience = Patience()
        with pytest.raises(type(error)):
            tried(error, patience=patience)
        (one,) = patience.tries
        assert one.exit_code == code
        assert "canary" not in str(one.what)


@pytest.mark.fault("R4")
def test_each_wait_is_four_times_as_long_up_to_five_minutes_and_never_quite_the_same() -> None:
    told = [Said(), Said()]
    for said in told:
        with pytest.raises(TargetUnreachable):
            tried(*[TargetUnreachable("It is gone.")] * 8, patience=Patience(most=8, first_wait=5), observer=said)
    waits = [[float(wait) for wait in re.findall(r"The next begins in ([\d.]+) s", str(said.lines))] for said in told]
    assert waits[0] != waits[1]
    for wait, about in zip(waits[0], (5, 20, 80, 300, 300, 300, 300), strict=True):
        assert 0.74 * about <= wait <= 1.26 * about


@pytest.mark.fault("R4")
def test_no_wait_goes_past_the_deadline() -> None:
    patience = Patience(most=3, first_wait=5, until=time.monotonic() + 15)  # the second one takes 15 seconds at least
    failures = [TargetUnreachable("It is gone.") for _ in range(3)]
    with pytest.raises(TargetUnreachable) as caught:
        tried(*failures, patience=patience)
    assert caught.value is failures[1]
    assert caught.value.what == "It is gone. The deadline leaves no time for another attempt."
    assert [one.what for one in patience.tries] == ["It is gone.", caught.value.what]


def test_a_run_has_the_time_and_the_attempts_that_the_settings_give() -> None:
    job = Job.model_validate({"attempts": 7, "first_wait": "2 minutes", "deadline": "1 hour"})
    patience = Patience.of(job)
    assert (patience.most, patience.first_wait) == (7, 120)
    assert patience.until is not None
    assert 3590 < patience.until - time.monotonic() <= 3600
    assert Patience.of(job, endless=True).until is None


def damage(received: str | None) -> DumpDamaged:
    failure = DumpDamaged("It is damaged.")
    failure.received = received
    return failure


@pytest.mark.parametrize(
    ("received", "tries", "says", "retry"),
    [
        pytest.param(
            ["a", "a", "a"], 2, "the object itself", False, marks=pytest.mark.fault("R1"), id="the same twice"
        ),
        pytest.param(["a", "b", "a"], 3, "the object itself", False, id="the same again after another"),
        pytest.param(["a", None, "a"], 3, "the object itself", False, id="the same, and once not to its end"),
        pytest.param(["a", "b", "c"], 3, "it is the way", True, marks=pytest.mark.fault("R2"), id="different"),
        pytest.param([None, None, None], 3, "It is damaged.", False, id="never to its end"),
    ],
)
def test_damage_is_laid_to_the_object_or_to_the_way(
    received: list[str | None], tries: int, says: str, retry: bool
) -> None:
    patience = Patience()
    with pytest.raises(DumpDamaged) as caught:
        tried(*map(damage, received), patience=patience)
    assert len(patience.tries) == tries
    assert says in caught.value.what
    assert caught.value.retry is retry


def test_each_attempt_is_a_line_and_is_kept_and_their_numbers_go_on() -> None:
    said, patience = Said(), Patience()
    tried(TargetUnreachable("It is gone."), patience=patience, observer=said)
    lines = [re.sub(r"[\d.]+ s\b", "N s", line) for line in said.lines]
    assert lines == [
        "attempt 1 of 3 failed after N s: It is gone. The next begins in N s.",
        "attempt 2 of 3, from a clean start",
        "attempt 2 of 3 succeeded after N s",
    ]
    tried(patience=patience, observer=said)
    assert len(said.lines) == 3  # a first attempt that succeeds needs none
    assert [(one.number, one.doing, one.dump, one.exit_code, one.what) for one in patience.tries] == [
        (1, "refresh", "a dump", 21, "It is gone."),
        (2, "refresh", "a dump", 0, None),
        (3, "refresh", "a dump", 0, None),
    ]
