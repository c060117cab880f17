from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dmrefresh.errors import ProgramFailed
from dmrefresh.machine import process, signals
from dmrefresh.machine.lasting import lasting
from dmrefresh.machine.pipes import Feeder
from tests.children import children

PYTHON = sys.executable
SECRET = "AKIA-not-for-children"


def no_end(returncode: int) -> None:
    assert returncode == 0


def through(code: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
    return process.filter_through([PYTHON, "-c", code], blocks, env=process.environment(), on_end=no_end)


COPY = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


def test_what_goes_in_comes_out() -> None:
    blocks = [bytes([n % 256]) * 100_000 for n in range(50)]
    assert b"".join(through(COPY, iter(blocks))) == b"".join(blocks)


def test_a_write_that_ends_early_loses_nothing() -> None:
    class Reluctant:
        taken = b""

        def write(self, data: memoryview) -> int:
            self.taken += bytes(data[:3])
            return min(3, len(data))

        def close(self) -> None: ...

    class Child:
        stdin = Reluctant()

    Feeder(Child(), [b"0123456789", b"", b"ab"]).run()  # type: ignore[arg-type]
    assert Child.stdin.taken == b"0123456789ab"


def test_a_child_that_floods_standard_error_does_not_stand_still() -> None:
    flood = "import sys; sys.stderr.write('x' * 10_000_000); sys.stderr.flush(); " + COPY
    assert b"".join(through(flood, iter([b"through"]))) == b"through"


def test_what_a_child_complains_of_is_kept_up_to_its_end_where_somebody_asks() -> None:
    said = bytearray()
    code = "import sys; sys.stderr.write('x' * 100_000 + 'the end'); " + COPY
    seen = []
    for _ in process.filter_through(
        [PYTHON, "-c", code],
        iter([b"through"]),
        env=process.environment(),
        on_end=lambda returncode: seen.append((returncode, bytes(said))),
        said=said,
    ):
        pass
    assert seen == [(0, b"x" * (65536 - 7) + b"the end")]


def test_a_pipe_that_broke_above_is_told_and_not_taken_for_the_childs() -> None:
    def broken() -> Iterator[bytes]:
        yield b"begun"
        raise BrokenPipeError("of somebody else")

    with pytest.raises(BrokenPipeError, match="of somebody else"):
        list(through(COPY, broken()))


def test_a_child_that_ends_before_its_input_is_judged_by_its_exit_status() -> None:
    ended: list[int] = []
    argv = [PYTHON, "-c", "import os; os._exit(3)"]
    blocks = (bytes(1 << 20) for _ in range(50))
    assert list(process.filter_through(argv, blocks, env=process.environment(), on_end=ended.append)) == []
    assert ended == [3]


def test_a_failure_in_the_input_kills_the_child_and_is_raised() -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        list(through("import sys, time; sys.stdin.buffer.read(); time.sleep(60)", broken()))
    assert not process._living


def test_a_consumer_that_stops_leaves_no_child_and_no_thread() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    output = through(COPY, endless())
    next(output)
    output.close()  # type: ignore[attr-defined]
    assert not process._living
    assert not [thread for thread in threading.enumerate() if thread.name == "dmrefresh-feeder"]


@pytest.mark.fault("L2")
def test_a_child_sees_nothing_of_the_environment_but_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "/keys")
    code = "import os; print(sorted(os.environ))"
    plain = process.run([PYTHON, "-c", code], env=process.environment()).stdout
    assert b"AWS_" not in plain
    assert b"SOPS_" not in plain
    assert b"'PATH'" in plain
    assert b"SOPS_AGE_KEY_FILE" in process.run([PYTHON, "-c", code], env=process.environment("SOPS_")).stdout


def test_a_child_that_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.run([PYTHON, "-c", "import time; time.sleep(60)"], env=process.environment(), timeout=0.2)
    assert not process._living


def test_a_child_that_was_killed_is_told_as_that() -> None:
    with pytest.raises(ProgramFailed, match=r"python.* was ended by SIGKILL before it was done") as caught:
        process.run([PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"], env=process.environment())
    assert caught.value.retry


STOPPED = "import os, signal, sys; {} os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.mark.parametrize("first", ["", "sys.stdin.buffer.read(3 << 20);", "sys.stdin.buffer.read();"])
@pytest.mark.fault("14f")
def test_a_filter_that_stands_still_is_ended(first: str) -> None:
    blocks = (bytes(1 << 20) for _ in range(8))
    code = STOPPED.format(first)
    with pytest.raises(ProgramFailed, match=r"stands still: .* nothing for 2 seconds"):
        list(process.filter_through([PYTHON, "-c", code], blocks, env=process.environment(), on_end=no_end, patience=2))
    assert not process._living


def test_a_filter_that_waits_for_what_comes_slowly_or_for_whoever_takes_it_does_not_stand_still() -> None:
    def slowly() -> Iterator[bytes]:
        yield b"a"
        time.sleep(3.5)
        yield b"b" * (4 << 20)

    argv = [PYTHON, "-c", COPY]
    output = process.filter_through(argv, slowly(), env=process.environment(), on_end=no_end, patience=2)
    size = 0
    for block in output:
        if not size:
            time.sleep(3.5)
        size += len(block)
    assert size == 1 + (4 << 20)


def run_sleep() -> None:
    process.run(["sleep", "601"], env=process.environment())


def relay_sleep() -> None:
    process.relay(["sleep", "601"], env=process.environment(), on_line=print, timeout=60)


def last_as_sleep() -> None:
    with lasting(["sleep", "601"], env=process.environment()):
        time.sleep(60)


@pytest.mark.parametrize("start", [run_sleep, relay_sleep, last_as_sleep])
def test_a_signal_in_the_moment_in_which_a_child_is_started_leaves_none_running(start: Callable[[], None]) -> None:
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in ending}

    def end_me(frame: object, event: str, argument: object) -> None:
        if event == "c_return" and getattr(argument, "__name__", "") == "fork_exec":
            os.kill(os.getpid(), signal.SIGTERM)

    signals.install()
    sys.setprofile(end_me)
    try:
        with pytest.raises(signals.Interrupted):
            start()
    finally:
        sys.setprofile(None)
        for number, handler in before.items():
            signal.signal(number, handler)
    left = [child for child, _, arguments in children(recursive=True) if "601" in arguments]
    for child in left:
        child.kill()
    assert left == []
