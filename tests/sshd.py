"""A real sshd on loopback that lets one throw-away key in, and forwards ports."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psutil

from fixtures.parts.processes import Server, free_ports

PROGRAM = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")))
MISSING = "there is no sshd here (Debian and Ubuntu: apt-get install openssh-server)"

_SEPARATED = Path("/run/sshd")
"""Where Debian's sshd locks its unprivileged half in, when root runs it; systemd makes it where it runs."""


class Sshd:
    """Runs as the current user, as a context manager.

    Args:
        folder: for its keys and its log; ours alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        self._after = ExitStack()
        if os.geteuid() == 0 and not _SEPARATED.exists():
            _SEPARATED.mkdir(mode=0o755)
            self._after.callback(_SEPARATED.rmdir)
        for name in ("host", "user"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(argv, check=True, capture_output=True)
        (self.folder / "authorized_keys").write_text((self.folder / "user.pub").read_text())
        known = " ".join((self.folder / "host.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {known}\n")
        (self.folder / "config").write_text(
            f"""
            ListenAddress 127.0.0.1
            Port {self.port}
            HostKey {self.folder}/host
            AuthorizedKeysFile {self.folder}/authorized_keys
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            """
        )
        log = self.folder / "sshd.log"
        argv = [PROGRAM, "-D", "-e", "-f", str(self.folder / "config")]
        self._server = Server(argv, account=None, log=log, last_signal=signal.SIGTERM)
        deadline = time.monotonic() + 30
        while not self._listens():
            if not self._server.running or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"sshd did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        sessions: list[psutil.Process] = []
        with suppress(psutil.Error):
            sessions = psutil.Process(self._server.pid).children(recursive=True)
        self._server.stop(signal.SIGTERM)
        for one in sessions:
            with suppress(psutil.Error):
                one.kill()
        self._after.close()

    def forwarding(self) -> tuple[str, ...]:
        """The tunnel that goes through it, as settings have it."""
        options = ["BatchMode=yes", "ExitOnForwardFailure=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"]
        options.append(f"UserKnownHostsFile={self.folder / 'known_hosts'}")
        argv = ["ssh", "-F", "none", "-N", "-p", str(self.port), "-i", str(self.folder / "user")]
        argv += [word for option in options for word in ("-o", option)]
        return (*argv, "-L", "127.0.0.1:{port}:{host}:{hostport}", f"{getpass.getuser()}@127.0.0.1")

    def _listens(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        return False
