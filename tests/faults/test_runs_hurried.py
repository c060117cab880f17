"""What a way out waits for is cut short: by a second SIGINT, and by itself after a while."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fixtures.parts.postgres import Cluster
from tests.proof import Proof
from tests.proxy import Proxy

AT_A_SERVER = """
import sys
from dmrefresh.machine import signals
from dmrefresh.postgres.reach import connect
signals.install()
signals._PATIENCE = float(sys.argv[2])
try:
    with connect.session(sys.argv[1]) as connection:
        print("there", flush=True)
        connection.execute("SELECT pg_sleep(3600)")
except signals.Interrupted as interrupted:
    sys.exit(128 + interrupted.number)
"""

WITH_A_TUNNEL = """
import sys, time
from dmrefresh.machine import process, signals
from dmrefresh.machine import lasting as lasting_module
from dmrefresh.machine.lasting import lasting
signals.install()
signals._PATIENCE = float(sys.argv[2])
lasting_module._GRACE = 3600
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(3600)"
try:
    with lasting([sys.executable, "-c", deaf], env=process.environment()) as child:
        print("there", flush=True)
        time.sleep(3600)
except signals.Interrupted as interrupted:
    sys.exit(128 + interrupted.number)
"""

WITH_A_FEEDER = """
import sys, time
from dmrefresh.machine import process, signals
signals.install()
signals._PATIENCE = float(sys.argv[2])
process._FAREWELL = 3600
def silent():
    print("there", flush=True)
    time.sleep(3600)
    yield b""
try:
    for _ in process.filter_through(["cat"], silent(), env=process.environment(), on_end=print):
        pass
except signals.Interrupted as interrupted:
    sys.exit(128 + interrupted.number)
"""

HURRIED = {"by a second SIGINT": (3600, [signal.SIGINT, signal.SIGINT]), "by itself": (0.5, [signal.SIGTERM])}


@pytest.mark.parametrize("how", HURRIED)
@pytest.mark.parametrize("script", [AT_A_SERVER, WITH_A_TUNNEL, WITH_A_FEEDER], ids=["server", "tunnel", "feeder"])
@pytest.mark.fault("80i")
def test_what_never_answers_is_not_waited_for(
    script: str, how: str, cluster_for: Callable[[int], Cluster], proof: Proof
) -> None:
    """Each of them would be waited for for an hour: the server, that it cancels; the others, that they end."""
    patience, numbers = HURRIED[how]
    silent = False

    def unheard(connection: int, offset: int, block: bytes) -> bytes:
        while silent:
            time.sleep(0.05)
        return block

    with Proxy(cluster_for(18).port) as proxy:
        proxy.question = unheard
        argv = [sys.executable, "-c", script, f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres", str(patience)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
            try:
                assert child.stdout is not None
                assert child.stdout.readline() == "there\n"
                time.sleep(0.5)  # for what it says there to be on its way
                silent = True
                ours = psutil.Process(child.pid).children()
                for number in numbers:
                    os.kill(child.pid, number)
                    time.sleep(1)  # two that come at once are one
                assert child.wait(60) == 128 + numbers[-1]
            finally:
                child.kill()
        silent = False
    assert not [one for one in ours if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    proof.happened("ended at once, by the signal")


@pytest.mark.fault("L13")
def test_a_child_can_write_no_core_and_nobody_can_read_our_memory(tmp_path: Path) -> None:
    script = """
import ctypes, os, subprocess, sys
from dmrefresh.cli.app import _keep_memory_to_ourselves
from dmrefresh.machine import process
_keep_memory_to_ourselves()
limits = process.run(["sh", "-c", "ulimit -Sc; ulimit -Hc"], env=process.environment()).stdout
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
print(limits.decode().split(), dumpable, os.listdir("/proc/self/fd") != [])
sys.stdout.flush()
os.abort()
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout == "['0', '0'] 0 True\n", ended.stderr
    assert ended.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []
