from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dmrefresh.machine import lasting as module
from dmrefresh.machine import process
from dmrefresh.machine.lasting import lasting

PYTHON = sys.executable


def test_a_lasting_child_and_its_own_children_end_with_the_block() -> None:
    code = "import os, time; os.fork(); time.sleep(600)"
    with lasting([PYTHON, "-c", code], env=process.environment()) as child:
        assert child.wait(0) is None
        while len(in_group(child.pid)) < 2:
            assert child.wait(0.02) is None
        members = in_group(child.pid)
    wait_until_ended(members)


def test_a_lasting_child_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.2)
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    with lasting([PYTHON, "-c", code], env=process.environment()) as child:
        while signal.SIGTERM not in ignored_by(child.pid):
            assert child.wait(0.02) is None
    assert not psutil.pid_exists(child.pid)


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)])
@pytest.mark.parametrize("platform", ["linux", "macOS"])
def test_how_a_lasting_child_ended_by_itself_is_known(
    code: str, status: int, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform == "macOS":  # whose Python has no waitid before 3.13
        monkeypatch.delattr(os, "waitid")
    with lasting([PYTHON, "-c", code], env=process.environment()) as child:
        assert child.wait(60) == status
        assert child.wait(0) == status


def test_a_lasting_child_that_chatters_does_not_stand_still() -> None:
    code = "import sys; sys.stdout.write('x' * 10_000_000); sys.stderr.write('x' * 10_000_000); raise SystemExit(3)"
    with lasting([PYTHON, "-c", code], env=process.environment()) as child:
        assert child.wait(60) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has gone")
def test_a_lasting_child_ends_when_we_are_killed() -> None:
    code = (
        "import sys, time\n"
        "from dmrefresh.machine import process\n"
        "from dmrefresh.machine.lasting import lasting\n"
        "with lasting(['sleep', '600'], env=process.environment()) as child:\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        while child.name() != "sleep":
            time.sleep(0.02)
        parent.kill()
    wait_until_ended([child])


def test_a_lasting_child_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(FileNotFoundError), lasting(["no-such-program"], env=process.environment()):
        pass


def wait_until_ended(processes: list[psutil.Process], within: float = 30.0) -> None:
    """Wait for processes that are not ours; who they are left to need not reap them."""
    deadline = time.monotonic() + within
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            while one.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, one
                time.sleep(0.02)


def in_group(leader: int) -> list[psutil.Process]:
    """The processes of a group."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(OSError):
            if os.getpgid(one.pid) == leader:
                found.append(one)
    return found


def ignored_by(pid: int) -> set[int]:
    """The signals that a process ignores (proc(5), SigIgn)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = int(next(line.split()[1] for line in lines if line.startswith("SigIgn")), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}
