"""A deadline ends a run as a signal does, and is held off where signals are."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from dmrefresh.errors import ChecksFailed, CommitInDoubt, DeadlinePassed, Failure
from dmrefresh.machine import signals

SOON = timedelta(seconds=0.2)
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _HANDLED}
    signals.install()
    yield
    signals._State.held = False
    signals.go_on()
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def end_me() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)


def fail_held(failure: Failure, deed: Callable[[], None]) -> None:
    """Fail while signals are held, longer than the deadline, and do something on the way out."""
    try:
        with signals.held_from_here():
            time.sleep(0.4)
            raise failure
    finally:
        deed()


def end_me_later() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1.5)


def test_a_deadline_ends_what_waits_for_ever() -> None:
    with pytest.raises(DeadlinePassed, match="deadline"), signals.deadline(SOON):
        queue.Queue[int]().get()


def test_a_deadline_that_is_kept_leaves_no_alarm_behind() -> None:
    with signals.deadline(timedelta(hours=1)):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_signal_within_a_deadline_is_told_as_the_signal() -> None:
    with pytest.raises(signals.Interrupted) as caught, signals.deadline(timedelta(hours=1)):
        end_me()
    assert caught.value.number == signal.SIGTERM


def test_a_deadline_that_comes_while_signals_are_held_changes_nothing_if_the_work_is_done() -> None:
    with signals.deadline(SOON):
        with signals.held_from_here():
            time.sleep(0.4)
        time.sleep(1.2)  # it comes again, and is held still


def test_a_deadline_that_came_while_signals_were_held_ends_the_run_once_the_work_has_failed() -> None:
    with pytest.raises(DeadlinePassed), signals.deadline(SOON):
        fail_held(ChecksFailed("refused at the commit"), lambda: time.sleep(10))


def test_a_signal_that_came_while_they_were_held_ends_the_run_once_the_work_has_failed() -> None:
    def fail() -> None:
        with signals.held_from_here():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ChecksFailed("refused at the commit")

    with pytest.raises(signals.Interrupted) as caught:
        fail()
    assert caught.value.number == signal.SIGTERM


def test_a_signal_held_off_from_work_that_was_done_ends_nothing_that_fails_later() -> None:
    with signals.held_from_here():
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(ChecksFailed), signals.held_from_here():
        raise ChecksFailed("another one")


@pytest.mark.parametrize("ending", ["deadline", "signal"])
def test_nothing_takes_the_place_of_an_outcome_that_is_not_known(ending: str) -> None:
    with pytest.raises(CommitInDoubt), signals.deadline(SOON if ending == "deadline" else timedelta(hours=1)):
        fail_held(CommitInDoubt("lost during the commit"), end_me_later)


def test_signals_are_heard_again_where_work_may_be_broken_off() -> None:
    with signals.held_from_here():
        pass
    with pytest.raises(signals.Interrupted), signals.heard_again():
        end_me()
    os.kill(os.getpid(), signal.SIGTERM)  # and held again behind it


def test_a_signal_that_came_while_they_were_held_is_heard_again_only_where_that_is_wanted() -> None:
    with signals.held_from_here():
        os.kill(os.getpid(), signal.SIGTERM)
    with signals.heard_again():
        pass
    with pytest.raises(signals.Interrupted), signals.heard_again(missed=True):
        raise AssertionError("it was not heard")


def test_in_another_thread_there_is_no_deadline() -> None:
    done: list[bool] = []

    def work() -> None:
        with signals.deadline(timedelta(seconds=0.01)):
            time.sleep(0.1)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_signal_that_comes_while_they_are_held_for_a_moment_ends_the_run_after_it() -> None:
    done: list[str] = []

    def hold() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            done.append("what must not be broken off")
        done.append("never")

    with pytest.raises(signals.Interrupted) as caught:
        hold()
    assert caught.value.number == signal.SIGTERM
    assert done == ["what must not be broken off"]


def test_within_a_block_that_holds_them_for_good_a_shorter_one_lets_none_through() -> None:
    with signals.held_from_here():
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
        time.sleep(0.1)
    signals._State.missed = None


def on_the_way_out(deed: Callable[[], None]) -> None:
    try:
        end_me()
    finally:
        deed()


def test_on_the_way_out_no_second_exception_comes_and_only_a_second_interrupt_hurries() -> None:
    cut: list[str] = []

    def way_out() -> None:
        with signals.cut_short_by(lambda: cut.append("short")):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGHUP)
            assert (signals.hurried(), cut) == (False, [])
            os.kill(os.getpid(), signal.SIGINT)
            assert (signals.hurried(), cut) == (True, ["short"])
        os.kill(os.getpid(), signal.SIGINT)  # what is over is not cut short any more
        assert cut == ["short"]

    with pytest.raises(signals.Interrupted) as caught:
        on_the_way_out(way_out)
    assert caught.value.number == signal.SIGTERM


def test_a_way_out_that_takes_too_long_is_hurried_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_PATIENCE", 0.2)
    over = threading.Event()
    waiting = threading.Thread(target=over.wait, daemon=True)
    waiting.start()
    with pytest.raises(signals.Interrupted):
        on_the_way_out(lambda: signals.join(waiting, 600))
    over.set()


def test_what_must_not_be_broken_off_on_the_way_out_is_not_hurried_either() -> None:
    def way_out() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGINT)
            assert not signals.hurried()
        assert signals.hurried()

    with pytest.raises(signals.Interrupted):
        on_the_way_out(way_out)


def test_two_interrupts_change_nothing_of_what_is_done() -> None:
    with signals.held_from_here():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    assert not signals.hurried()
    assert not signals.ended()


def test_once_it_is_known_how_a_run_ended_no_signal_changes_it() -> None:
    signals.over()
    os.kill(os.getpid(), signal.SIGTERM)
    assert not signals.ended()


def test_what_fails_because_it_was_cut_short_does_not_hide_the_signal() -> None:
    signals.tell_ending()  # nothing has ended as yet
    with pytest.raises(signals.Interrupted) as caught:
        on_the_way_out(signals.tell_ending)
    assert caught.value.number == signal.SIGTERM


def test_where_only_a_part_was_ended_signals_mean_what_they_meant_before() -> None:
    with pytest.raises(DeadlinePassed), signals.deadline(SOON):
        time.sleep(10)
    assert signals.ended()
    signals.go_on()
    with pytest.raises(signals.Interrupted):
        end_me()


def test_the_next_run_of_a_process_has_its_deadline_too() -> None:
    """Neither a run that was done, from which on signals were held, nor one that was ended changes it for the next."""
    with signals.deadline(timedelta(hours=1)), signals.held_from_here():
        pass
    for _ in range(2):
        with pytest.raises(DeadlinePassed), signals.deadline(SOON):
            queue.Queue[int]().get(timeout=20)
    with signals.deadline(timedelta(hours=1)):
        assert not signals.hurried()
        assert not signals.ended()


def test_how_a_child_ended_is_known_where_whoever_started_us_does_not_want_to_know_of_theirs() -> None:
    code = (
        "import signal, subprocess\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "from dmrefresh.machine import signals\n"
        "signals.install()\n"
        "print(subprocess.run(['false'], check=False).returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
