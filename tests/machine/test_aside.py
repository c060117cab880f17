"""Somebody who works aside hears every call whole and in order, answers once, and leaves with whoever called."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
import psutil
import pytest

from dmrefresh.errors import FaultElsewhere, ProgramFailed
from dmrefresh.machine import aside
from dmrefresh.machine.aside import Aside
from dmrefresh.machine.ring import Ring

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="this process is copied on Linux alone"),
    # Nobody needs numpy's and pyarrow's threads here; where there are none is tried in processes of their own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
CANARY = "canary of a value"


class Notes:
    """Keeps what it is given."""

    def __init__(self, *first: object) -> None:
        self.given = list(first)

    def note(self, *things: object) -> None:
        self.given += things

    def again(self, array: object, number: int) -> tuple[object, int]:
        self.given.append(number)
        return array, number

    def all(self) -> list[object]:
        return self.given

    def fail(self, text: str) -> None:
        raise ZeroDivisionError(text)

    def about(self) -> dict[str, object]:
        return {
            "limit": resource.getrlimit(resource.RLIMIT_CORE),
            "files": sorted(Path(f"/proc/self/fd/{one}").readlink().as_posix() for one in _open_files()),
            "session": os.getsid(0),
            "threads": threading.active_count(),
        }

    def sleep(self) -> None:
        time.sleep(60)


def _open_files() -> list[str]:
    return [one.name for one in Path("/proc/self/fd").iterdir() if one.is_symlink() and one.readlink() != Path()]


@contextmanager
def somebody(ring: Ring | None = None, back: Ring | None = None) -> Iterator[Aside]:
    one = Aside(ring, called="Somebody", back=back)
    try:
        yield one
    finally:
        one.end()
        assert not psutil.pid_exists(one.pid)


def failure_of(deed: Callable[[], object]) -> Exception:
    """What it raises."""
    try:
        deed()
    except Exception as error:
        return error
    raise AssertionError("it has raised nothing")


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1 << 20])
def test_calls_come_whole_and_in_order_whatever_the_slots(size: int, count: int) -> None:
    chance = np.random.default_rng(size * count)
    longest = 200 if size < 64 else 300_000
    given: list[object] = ["first"]
    with somebody(Ring(size, count)) as one:
        one.make(Notes, "first")
        for number in range(12):
            arrays = [chance.integers(0, 256, int(chance.integers(0, longest)), np.uint8) for _ in range(2)]
            numbers = chance.integers(0, 1 << 60, number, np.int64)
            flags = chance.integers(0, 2, (number, 2)).astype(np.bool_)
            given += [number, *arrays, numbers, flags]
            one.call("note", number, *arrays, numbers, flags)
        heard = one.ask("all")
    assert len(heard) == len(given)
    for before, after in zip(given, heard, strict=True):
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("size", [7, 64, 1000, 1 << 20])
def test_answers_come_whole_each_to_its_call_whatever_the_slots_and_the_work_goes_on(size: int, count: int) -> None:
    chance = np.random.default_rng(size * count)
    with somebody(Ring(1000, 2), Ring(size, count)) as one:
        one.make(Notes)
        for number in range(12):
            array = chance.integers(0, 256, int(chance.integers(0, 200 if size < 64 else 300_000)), np.uint8)
            again, other = one.call("again", array, number)
            assert (other, again.dtype) == (number, array.dtype)
            assert np.array_equal(again, array)
            assert one.busy
            again[:] = 0  # nobody else's
        assert one.ask("all") == list(range(12))
        assert not one.busy


def test_several_threads_may_call_and_each_gets_its_own_answer() -> None:
    with somebody(Ring(100, 2), Ring(100, 2)) as one:
        one.make(Notes)
        numbers = np.arange(80)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda number: one.call("again", np.full(50, number), int(number)), numbers))
        assert [(int(array[0]), other) for array, other in answers] == [(number, number) for number in range(80)]
        assert sorted(one.ask("all")) == list(range(80))


def test_what_was_given_stays_what_it_was() -> None:
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes)
        for number in range(50):
            one.call("note", np.full(100, number))
        assert [int(array.sum()) for array in one.ask("all")] == [100 * number for number in range(50)]


def test_each_work_begins_with_nothing_of_the_one_before() -> None:
    with somebody() as one:
        one.make(Notes, 1)
        one.call("note", 2)
        assert one.ask("all") == [1, 2]
        one.make(Notes, 3)
        assert one.ask("all") == [3]


def test_who_ended_and_was_heard_of_by_somebody_else_is_gone_and_that_is_no_fault() -> None:
    with somebody() as one:
        os.kill(one.pid, signal.SIGKILL)
        os.waitpid(one.pid, 0)
        assert not one.there
        assert isinstance(failure_of(lambda: begun(one)), ProgramFailed)


def test_where_there_is_no_room_for_another_process_nobody_works_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    monkeypatch.setattr(aside, "alone", lambda: True)
    monkeypatch.setattr(aside, "cores", lambda: 8)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    aside.begin("Somebody")
    assert aside._waiting == []
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_what_is_raised_there_is_raised_here_without_its_text() -> None:
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes)
        failure = failure_of(lambda: one.call("fail", CANARY))
        assert (type(failure).__name__, str(failure), failure.__context__) == ("ZeroDivisionError", "", None)
        assert isinstance(failure, FaultElsewhere)
        assert failure.frames[-1].endswith(" fail")
        assert not any(CANARY in frame for frame in failure.frames)
        assert one.busy


def test_where_the_work_cannot_be_begun_the_next_call_says_so() -> None:
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes.fail, None, CANARY)
        failure = failure_of(lambda: one.call("note", bytes(10_000)))
        assert (type(failure).__name__, str(failure)) == ("ZeroDivisionError", "")


def begun(one: Aside) -> object:
    one.make(Notes, bytes(10_000))
    return one.ask("all")


NEXT: dict[str, Callable[[Aside], object]] = {
    "make": begun,
    "call": lambda one: one.call("note", bytes(10_000)),
    "ask": lambda one: one.ask("all"),
}


@pytest.mark.parametrize("call", NEXT)
def test_who_is_killed_is_told_as_a_program_that_failed(call: str) -> None:
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes)
        if call == "make":
            one.ask("all")
        os.kill(one.pid, signal.SIGKILL)
        with pytest.raises(ProgramFailed, match=r"^Somebody was ended by SIGKILL before it was done\.$") as caught:
            NEXT[call](one)
        assert caught.value.retry
        assert not one.there


@pytest.mark.parametrize("call", NEXT)
def test_who_stands_still_is_not_waited_for_for_ever(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "PATIENCE", 1)
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes)
        if call == "make":
            one.ask("all")
        os.kill(one.pid, signal.SIGSTOP)
        with pytest.raises(ProgramFailed, match=r"^Somebody stands still: it has said nothing for 1 second"):
            NEXT[call](one)


def test_who_waits_for_it_need_not_once_it_is_ended() -> None:
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            one.ask("sleep")
        except ProgramFailed as error:
            failed.append(error)

    with somebody() as one:
        one.make(Notes)
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: one._lock.locked())
        one.end()
        thread.join(10)
    assert len(failed) == 1


def test_after_a_call_that_was_broken_off_nothing_more_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said of it would be taken for the beginning of the next, and its answer for that one's."""
    monkeypatch.setattr(aside, "PATIENCE", 1)
    with somebody(Ring(1 << 10, 2)) as one:
        one.make(Notes)
        os.kill(one.pid, signal.SIGSTOP)
        failure = failure_of(lambda: one.call("again", bytes(10_000), 1))
        assert str(failure).startswith("Somebody stands still")
        os.kill(one.pid, signal.SIGCONT)
        for call in (lambda: one.call("again", b"", 2), lambda: one.ask("all"), lambda: one.make(Notes)):
            assert failure_of(call) is failure


def test_of_several_that_fail_with_it_each_is_told_of_the_fault() -> None:
    with somebody() as one:
        one.make(Notes)
        with ThreadPoolExecutor(4) as pool:
            failures = list(pool.map(lambda _: failure_of(lambda: one.call("fail", CANARY)), range(4)))
        assert {type(failure).__name__ for failure in failures} == {"ZeroDivisionError"}


def test_a_call_that_a_signal_has_broken_off_is_the_last() -> None:
    with somebody() as one:
        one.make(Notes)
        with pytest.raises(KeyboardInterrupt), one._turn():
            raise KeyboardInterrupt
        assert str(failure_of(lambda: one.call("all"))) == "Somebody is no longer spoken to."


def test_who_has_work_is_given_no_other_and_goes_on_with_it() -> None:
    with somebody() as one:
        one.make(Notes, 1)
        assert str(failure_of(lambda: one.make(Notes, 2))) == "Somebody has other work."
        assert one.ask("all") == [1]


def test_who_waits_for_a_turn_is_told_that_it_was_ended() -> None:
    failed: list[BaseException] = []
    with somebody() as one:
        one.make(Notes)
        threads = [threading.Thread(target=lambda: failed.append(failure_of(lambda: one.call("sleep")))) for _ in "12"]
        for thread in threads:
            thread.start()
        until(lambda: one._lock.locked())
        one.end()
        for thread in threads:
            thread.join(10)
    assert [type(failure) for failure in failed] == [ProgramFailed, ProgramFailed]


def test_it_has_nothing_open_and_keeps_what_protects_its_memory() -> None:
    with somebody() as one:
        one.make(Notes)
        about = one.ask("about")
    files = [file for file in about["files"] if not file.startswith("/proc/")]
    assert [file.partition(":")[0] for file in files] == ["/dev/null", "/dev/null", "/dev/null", "socket"]
    assert about["session"] == one.pid
    assert about["threads"] == 1
    assert about["limit"] == resource.getrlimit(resource.RLIMIT_CORE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_the_run_do_not_end_it_before(number: signal.Signals) -> None:
    with somebody() as one:
        one.make(Notes)
        one.ask("all")
        os.kill(one.pid, number)
        one.make(Notes, 1)
        assert one.ask("all") == [1]


_CALLER = """
import os, sys, time
from dmrefresh.machine import aside, memory
memory.settle()
{before}
aside.begin("Somebody", {most})
print(*(one.pid for one in aside._waiting), flush=True)
{after}
"""


def caller(
    before: str = "", *arguments: str, after: str = "time.sleep(60)", most: int = 1
) -> tuple[subprocess.Popen[str], list[int]]:
    """A process in which somebody works aside, and whoever that is."""
    code = _CALLER.format(before=before, after=after, most=most)
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["at rest", "stopped itself"])
def test_it_is_gone_with_whoever_called_even_where_that_one_was_killed(number: signal.Signals) -> None:
    process, (pid,) = caller()
    with process:
        if number is signal.SIGSTOP:
            os.kill(pid, number)
        process.kill()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_nobody_else_may_look_into_its_memory() -> None:
    hidden = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"  # PR_SET_DUMPABLE, as the command does
    process, (pid,) = caller(hidden)
    with process:
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
        if os.getuid() != 0:
            with pytest.raises(PermissionError):
                Path(f"/proc/{pid}/environ").read_bytes()
        process.kill()


def test_nobody_is_left_who_waits_to_be_told_that_an_answer_was_taken() -> None:
    one = Aside(Ring(1000, 2), back=Ring(10, 2))
    one.make(Notes)
    one._send("again", (np.zeros(1000), 1))  # and nobody takes the answer
    time.sleep(0.2)
    assert one.there
    one._copy.link.close()
    until(lambda: not one.there)


CONTAINER = "from pathlib import Path; from dmrefresh.machine import cores; cores._QUOTA = Path(sys.argv[1]); "


@pytest.mark.parametrize(
    "before",
    [
        "import threading; threading.Thread(target=time.sleep, args=(5,), daemon=True).start()",
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})",
        "import pyarrow, threading; assert threading.active_count() == 1",
        CONTAINER + "cores._QUOTA.write_text('100000 100000\\n')",
    ],
    ids=["a thread", "one core", "a thread that is not Python's", "a container with one core"],
)
def test_nobody_works_aside_where_this_process_cannot_be_copied_or_it_would_not_pay(
    before: str, tmp_path: Path
) -> None:
    process, pids = caller(before, str(tmp_path / "cpu.max"), after="")
    with process:
        assert pids == []


@pytest.mark.parametrize("quota", ["max 100000", "200000 100000", "gibberish", None])
def test_a_container_that_has_the_cores_has_somebody_aside(quota: str | None, tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(f"{quota}\n")
    process, pids = caller(CONTAINER, str(file))
    with process:
        process.kill()
    assert len(pids) == (1 if len(os.sched_getaffinity(0)) > 1 else 0)


@pytest.mark.parametrize(("cores", "most", "there"), [(8, 3, 3), (1.5, 3, 3), (1.4, 3, 0), (8, 0, 0)])
def test_there_are_as_many_as_are_wanted_where_there_is_more_than_one_core(cores: float, most: int, there: int) -> None:
    process, pids = caller(f"aside.cores = lambda: {cores}", after="time.sleep(60)", most=most)
    with process:
        process.kill()
    assert len(set(pids)) == there


def test_those_who_are_too_many_go() -> None:
    few = [Aside(called="Somebody") for _ in range(4)]
    aside._waiting += few
    try:
        aside.keep(3)
        assert [psutil.pid_exists(one.pid) for one in few] == [True, True, True, False]
        with aside.at_hand("json", 2) as found:
            assert found == few[:2]
            assert not psutil.pid_exists(few[2].pid)
            for one in found:
                one.make(Notes)
            assert found[0].ask("all") == []
        assert [psutil.pid_exists(one.pid) for one in few] == [True, False, False, False]
    finally:
        aside.end()


def test_who_is_not_done_is_ended_and_who_is_done_is_there_for_the_next() -> None:
    one = Aside(called="Somebody")
    aside._waiting.append(one)
    try:
        for _ in range(2):
            with aside.at_hand("json") as found:
                assert found == [one]
                one.make(Notes)
                assert one.ask("all") == []
        with aside.at_hand("json"):
            one.make(Notes)
        assert not psutil.pid_exists(one.pid)
        with aside.at_hand("json") as found:
            assert found == []
    finally:
        aside.end()


def test_who_was_ended_in_the_midst_of_its_work_is_no_trouble_to_whoever_gave_it() -> None:
    one = Aside(called="Somebody")
    aside._waiting.append(one)
    with aside.at_hand("json"):
        one.make(Notes)
        aside.end()
    assert not psutil.pid_exists(one.pid)


def test_who_was_killed_while_waiting_is_not_given_work() -> None:
    one = Aside(called="Somebody")
    aside._waiting.append(one)
    try:
        os.kill(one.pid, signal.SIGKILL)
        until(lambda: not one.there)
        with aside.at_hand("json") as found:
            assert found == []
    finally:
        aside.end()


def test_a_module_that_cannot_be_loaded_ahead_is_told_with_the_work() -> None:
    with somebody() as one:
        one.make(import_module, "no.such.module")
        one.busy = False
        failure = failure_of(lambda: begun(one))
        assert type(failure).__name__ == "ModuleNotFoundError"
