"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from dmrefresh import __version__
from fixtures.parts.gnupg import gpg
from fixtures.parts.processes import environment


def surroundings(server: str | None = None) -> dict[str, str]:
    """Everything that figures depend on, by name, in sentences.

    Args:
        server: the database server in a sentence, where there is one.
    """
    told = {"machine": hardware(), "programs": programs()}
    return told if server is None else {**told, "server": server}


def hardware() -> str:
    """Cores, processor, memory, kernel, and how busy it was before."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    kernel = f"{platform.system()} {platform.release()}"
    return f"{cores} cores, {_processor()}, {memory:.0f} GB, {kernel}, load {os.getloadavg()[0]:.1f} at the start"


def programs() -> str:
    """The clients' versions, as they say them."""
    return ", ".join(
        (f"dmrefresh {__version__}", f"Python {platform.python_version()}", _version(gpg()), _version("gzip"))
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, env=environment(), check=True)
    return done.stdout.splitlines()[0]
