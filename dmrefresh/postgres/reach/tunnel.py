"""A tunnel: a command that makes a distant server answer at a port of this machine."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence

from dmrefresh.errors import CommitInDoubt, TargetUnreachable, UsageFailure
from dmrefresh.machine import process
from dmrefresh.machine.lasting import lasting
from dmrefresh.postgres.reach.vcap import ENVIRONMENT

PATIENCE = 60.0
"""Seconds in which PostgreSQL must answer through a new tunnel."""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""Every server answers it with S or N, and asks nobody who they are before.
https://www.postgresql.org/docs/current/protocol-message-formats.html"""

_AGAIN = 1.0
"""Seconds until a tunnel that has ended is opened again."""


@contextlib.contextmanager
def opened(argv: Sequence[str], whose: str, patience: float = PATIENCE) -> Iterator[int]:
    """Keep a tunnel open for the length of the block; yields the port of 127.0.0.1 at which PostgreSQL answers.

    A tunnel that ends on its way is opened again at the same port: a connection through it is lost all the same,
    but what became of a commit can be asked for on a new one. It is ended with the block, on every way out.

    Args:
        argv: the command; {port} in it is replaced.
        whose: what it leads to in messages, such as target `staging`.
        patience: seconds to wait for an answer.

    Raises:
        UsageFailure: the command cannot be run.
        TargetUnreachable: it ended early, or no PostgreSQL answered; or, with the exit status, what the block raised.
    """
    port = _free_port()
    keeper = _Keeper([argument.replace("{port}", str(port)) for argument in argv])
    try:
        keeper.start()
        _wait(keeper, port, whose, patience)
        try:
            yield port
        except (TargetUnreachable, CommitInDoubt) as failure:
            if keeper.has_ended(within=_AGAIN):
                failure.what += f" The tunnel to it had ended {keeper.ending}."
            raise
    finally:
        keeper.unwanted.set()
        if keeper.ident is not None:
            keeper.join()


class _Keeper(threading.Thread):
    """Runs the command, again and again once PostgreSQL has answered through it.

    It is a thread, so that a signal to us cannot come between the start of the command and the care for it.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(name="dmrefresh-tunnel", daemon=True)
        self.argv = argv
        self.unwanted = threading.Event()
        self.answered = threading.Event()
        self.status: int | None = None
        self.unusable = False

    @property
    def ending(self) -> str:
        """How the tunnel ended last, as the end of a sentence."""
        status = self.status or 0
        return f"with exit status {status}" if status >= 0 else f"by signal {-status}"

    def has_ended(self, within: float) -> bool:
        """Whether it has ended since PostgreSQL answered, or does so in a moment: sockets are closed first."""
        deadline = time.monotonic() + within
        while self.status is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.status is not None

    def run(self) -> None:
        """Run the command until it is unwanted; called by the thread."""
        try:
            while not self.unwanted.is_set():
                status = self._once()
                self.status = self.status if status is None else status
                if not self.answered.is_set():
                    return
                self.unwanted.wait(_AGAIN)
        except (OSError, ValueError):  # ValueError: a null byte in an argument
            self.unusable = True

    def _once(self) -> int | None:
        """Run the command until it ends or is unwanted; its exit status, if it ended by itself."""
        with lasting(self.argv, env=process.environment(*ENVIRONMENT)) as child:
            while not self.unwanted.is_set():
                status = child.wait(0.1)
                if status is not None:
                    return status
        return None


def _wait(keeper: _Keeper, port: int, whose: str, patience: float) -> None:
    """Return once PostgreSQL answers."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if _answers(port):
            keeper.answered.set()
            return
        if not keeper.is_alive():
            if keeper.unusable:
                raise UsageFailure(f"The tunnel of the {whose} cannot be run: is its command installed?")
            raise TargetUnreachable(
                f"The tunnel of the {whose} ended {keeper.ending} before PostgreSQL answered through it.",
                hint="run its command by hand to see why; nobody can type a password or accept a host key here",
            )
        time.sleep(0.1)
    raise TargetUnreachable(
        f"No PostgreSQL answered through the tunnel of the {whose} within {patience:.0f} s.",
        hint="does its command lead from {port} to {host} and {hostport}, and is the server up?",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Whether a PostgreSQL is at the other end, and not only something that listens."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
        probe.sendall(_SSL_REQUEST)
        return probe.recv(1) in (b"S", b"N")
    return False
