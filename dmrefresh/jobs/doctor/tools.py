"""The programs and the storage that opening a dump takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dmrefresh.errors import KeyUnusable, ProgramFailed
from dmrefresh.jobs.doctor.checking import Check, Once, Said
from dmrefresh.keys.private import memory_backed_storage
from dmrefresh.machine import process

_GPG = (2, 2)
_SOPS = (3, 8)
_AGENT = re.compile(rb"^gpg-agent:[^:]*:([^:\n]+)", re.MULTILINE)


class Tools:
    """GnuPG, SOPS, and a place in memory; each is what it says of itself."""

    def __init__(self) -> None:
        self.gpg = Once("gpg", _gnupg)
        self.sops = Once("sops", _sops)
        self.memory = Once("memory-backed storage", memory_backed_storage)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        return [
            Check("gpg", lambda: Said(self.gpg())),
            Check("memory", lambda: Said(f"keyrings go to {self.memory()}, which is in memory")),
            Check("sops", lambda: Said(self.sops())),
        ]


def _gnupg() -> str:
    version = _version(
        "gpg", re.compile(rb"^gpg \(GnuPG[^)]*\) (\d+)\.(\d+)[.\d]*"), "install GnuPG: apt-get install gnupg"
    )
    if version[0] < _GPG:
        raise KeyUnusable(f"gpg is of version {version[1]}.", hint=f"install GnuPG {_dotted(_GPG)} or newer")
    return f"GnuPG {version[1]}, with the agent {_agent()}"


def _agent() -> Path:
    """GnuPG's own word on where its agent is: a private key cannot be used without, and some systems pack it apart."""
    hint = "install the whole of GnuPG: apt-get install gnupg"
    try:
        listed = process.run(["gpgconf", "--list-components"], env=process.environment(), timeout=20)
    except (OSError, subprocess.TimeoutExpired, ProgramFailed):
        raise KeyUnusable("gpg is installed without gpgconf, which belongs to it.", hint=hint) from None
    found = _AGENT.search(listed.stdout)
    agent = Path(found[1].decode(errors="replace")) if found else None
    if agent is None or not agent.is_file():
        raise KeyUnusable("gpg is installed without gpg-agent, which holds private keys.", hint=hint)
    return agent


def _sops() -> str:
    hint = f"install SOPS {_dotted(_SOPS)} or newer"
    version = _version("sops", re.compile(rb"^sops (\d+)\.(\d+)[.\d]*"), hint)
    if version[0] < _SOPS:
        raise KeyUnusable(f"sops is of version {version[1]}.", hint=hint)
    return f"SOPS {version[1]}"


def _version(program: str, form: re.Pattern[bytes], hint: str) -> tuple[tuple[int, int], str]:
    """The version of a program, as two numbers and as it says it.

    Raises:
        KeyUnusable: there is no such program, or it says none.
    """
    # Asked for its version, sops looks on the internet for a newer one unless it is told not to.
    env = {**process.environment(), "SOPS_DISABLE_VERSION_CHECK": "1", "LC_ALL": "C"}
    try:
        said = process.run([program, "--version"], env=env, timeout=20)
    except FileNotFoundError:
        raise KeyUnusable(f"{program} is not installed, or not on PATH.", hint=hint) from None
    except (OSError, subprocess.TimeoutExpired, ProgramFailed):
        raise KeyUnusable(f"{program} cannot be run.", hint=hint) from None
    found = form.search(said.stdout)
    if found is None:
        raise KeyUnusable(f"What is called {program} on PATH does not say a version of its own.", hint=hint)
    return (int(found[1]), int(found[2])), found[0].decode().rpartition(" ")[2]


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
