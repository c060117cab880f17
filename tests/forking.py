"""Runs the command many times without starting Python each time: a process that has everything imported forks itself.

with Forks() as forks:
    done = forks.run(["plan", "--target", "x"], folder)
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_PATIENCE = 60.0
"""Seconds that a run may take; one that takes longer is ended, and its code is that of SIGKILL."""


@dataclass(frozen=True)
class Done:
    """How a run ended: its exit code, minus the number of a signal that killed it, and what it said."""

    code: int
    out: str
    err: str


class Forks:
    """The process that forks."""

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate("")

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        stdin: Path | None = None,
    ) -> Done:
        """Run the command once.

        Args:
            arguments: without the program's name.
            folder: where.
            environment: beside what this process has.
            stdin: what it reads; nothing if None.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        order = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment or {}),
            "stdin": str(stdin or os.devnull),
        }
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()
        return Done(**json.loads(self._child.stdout.readline()))


def main() -> None:
    """Fork for each order that is read."""
    import boto3
    import faker
    import sqlglot  # noqa: F401

    import dmrefresh
    import sanitisers

    for package in (dmrefresh, sanitisers):  # once for all of them, before the first fork
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    faker.Faker("en_GB").name()
    boto3.session.Session()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(json.loads(line))) + "\n")
        sys.stdout.flush()


def _run(order: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _be_the_command(order, out.fileno(), err.fileno())
        code = _waited_for(child)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="backslashreplace"))
    return {"code": code, "out": texts[0], "err": texts[1]}


def _be_the_command(order: dict[str, Any], out: int, err: int) -> None:
    from dmrefresh import cli

    try:
        os.setpgid(0, 0)
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        for number, to in ((os.open(order["stdin"], os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(number, to)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - until the process ends
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
        sys.argv = ["dmrefresh", *order["arguments"]]
        cli.main()
    finally:
        os._exit(99)  # main() ends the process itself: what comes here has raised


def _waited_for(child: int) -> int:
    handle = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([handle], [], [], _PATIENCE)
        if not ended:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
