from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from dmrefresh import process

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

    process.Feeder(Child(), [b"0123456789", b"", b"ab"]).run()  # type: ignore[arg-type]
    assert Child.stdin.taken == b"0123456789ab"


def test_a_child_that_floods_standard_error_does_not_stand_still() -> None:
    flood = "import sys; sys.stderr.write('x' * 10_000_000); sys.stderr.flush(); " + COPY
    assert b"".join(through(flood, iter([b"through"]))) == b"through"


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
