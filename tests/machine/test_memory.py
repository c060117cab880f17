"""How a process takes memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

_THREADS_TAKE = """
import ctypes, sys, threading
from dmrefresh.machine import memory
if sys.argv[1] == "settled":
    memory.settle()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
here, over = threading.Barrier(9), threading.Event()
def take():
    assert libc.malloc(100_000)
    here.wait()
    over.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
here.wait()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
over.set()
"""
_ARROW = (
    "from dmrefresh.machine import memory; memory.settle(); "
    "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
)


def _said(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_info is GNU's")
def test_what_one_thread_lets_go_of_another_can_use() -> None:
    assert _said(_THREADS_TAKE, "settled").count("<heap nr=") == 1
    assert _said(_THREADS_TAKE, "not").count("<heap nr=") > 1


def test_pyarrow_takes_memory_from_where_everything_does() -> None:
    assert _said(_ARROW).strip() == "system"
