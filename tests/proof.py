"""What must hold of every run of the command, whatever went wrong, and what came of it for the table of faults."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from dmrefresh.errors import acts
from dmrefresh.keys.private import memory_backed_storage
from tests.jobs.scene import Ended, Scene, state_of

CANARIES = ("canary", "hunter2")
"""In every personal value of small dumps, and in no name, file or setting of a test."""

_SECRETS = re.compile("PRIVATE KEY|AGE-SECRET-KEY")
_OF_THIS_RUN = re.compile(r"/(?:[\w.-]+/)+|\b[st][0-9a-f]{12}\b|\b127\.0\.0\.1:\d+\b")
"""Folders, names of stages and ports, which are others each time."""
_LEFT_IN_THE_SERVER = """
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'dmrefresh\\_%'
UNION ALL SELECT 'database ' || datname FROM pg_database WHERE starts_with(datname, current_database() || '_dmrefresh')
UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity
    WHERE application_name LIKE 'dmrefresh%' AND usename = current_user
"""


@dataclass
class Proof:
    """Holds runs of the command to what every row of the table promises; the fixture `proof` makes one.

    Args:
        node: the test, which gets what happened for the table that `make faults` writes.
    """

    node: pytest.Item
    canaries: Sequence[str] = field(default=CANARIES)
    """What stands in personal values, and must be in nothing that is said."""

    def refused(self, scene: Scene, code: int, *arguments: str, says: str = "") -> Ended:
        """Run a refresh that must end with this code and leave everything as it was.

        Args:
            scene: what it runs on.
            code: the exit code.
            arguments: of the command.
            says: a pattern for what it says.
        """
        before = state_of(scene.target_url)
        ended = scene.refresh(*arguments)
        self.unchanged(scene, ended, before, code, says=says)
        return ended

    def unchanged(
        self, scene: Scene, ended: Ended, before: list[tuple[Any, ...]], code: int, *, says: str = ""
    ) -> None:
        """See that a run has ended with this code and left everything as it was.

        Args:
            scene: what it ran on.
            ended: how it ended.
            before: what the target held before it, by `state_of`.
            code: the exit code that it must have; minus the number of a signal that killed it.
            says: a pattern for what it says.
        """
        assert ended.code == code, ended.output
        assert state_of(scene.target_url) == before
        if 0 < code < 128:
            assert "The target is as it was" in ended.output, ended.output
        assert re.search(says, " ".join(ended.output.split()), re.DOTALL), ended.output
        self.happened(ended)
        if code >= 0:
            self.nothing_left(scene, ended)

    def published(self, scene: Scene, *arguments: str, says: str = "") -> Ended:
        """Run a refresh that must succeed: the target is wholly new."""
        before = state_of(scene.target_url)
        ended = scene.refresh(*arguments)
        self.renewed(scene, ended, before, says=says)
        return ended

    def renewed(self, scene: Scene, ended: Ended, before: list[tuple[Any, ...]], *, says: str = "") -> None:
        """See that a run has published wholly new relations, and left nothing else."""
        assert ended.code == 0, ended.output
        assert not set(before) & {one for one in state_of(scene.target_url) if isinstance(one[0], int)}
        assert re.search(says, " ".join(ended.output.split()), re.DOTALL), ended.output
        self.happened(ended)
        self.nothing_left(scene, ended)

    def nothing_left(self, scene: Scene, ended: Ended) -> None:
        """See that nothing of ours is left, and that nothing secret or personal was said."""
        assert ended.code != 1, ended.output  # a fault of our own
        self.says_nothing(scene, ended.output, str(ended.report))
        assert _soon_nothing(lambda: running(scene)) == []
        assert left_in_folders(scene) == []
        with suppress(psycopg.OperationalError):  # the server may be what went wrong
            assert _soon_nothing(lambda: left_in_the_server(scene.target_url)) == []

    def says_nothing(self, scene: Scene, *texts: str) -> None:
        """See that no text holds a secret or an original value."""
        secret = [scene.credentials.passphrase, scene.store.jobs.secret_key]
        password = urlsplit(scene.target_url).password
        secret += [password] if password else []
        for text in texts:
            assert not _SECRETS.search(text), text
            assert not [one for one in secret if one in text], text
            assert not [one for one in self.canaries if one in text], text

    def happened(self, ended: Ended | str) -> None:
        """Note what came of it, for the table: a sentence, or how a run ended; one that failed says how to go on."""
        if isinstance(ended, Ended) and 0 < ended.code < 128:
            advice = ended.output.rpartition("\nhint: ")[2]
            assert acts(advice), ended.output
        said = _OF_THIS_RUN.sub("…", ended if isinstance(ended, str) else _told(ended))
        if said not in (value for name, value in self.node.user_properties if name == "happened"):
            self.node.user_properties.append(("happened", said))


def running(scene: Scene) -> list[str]:
    """Processes that a run of the scene has started and that are still there, gpg's agents among them."""
    ours = {"TMPDIR": str(scene.folder / "tmp")}
    agent = f"{memory_backed_storage()}/dmrefresh-"
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.status() == psutil.STATUS_ZOMBIE:
                continue
            arguments = one.cmdline()
            of_ours = any(argument.startswith(agent) for argument in arguments)
            with suppress(psutil.AccessDenied):
                of_ours = of_ours or ours.items() <= one.environ().items()
            if of_ours:
                found.append(" ".join(arguments)[:100])
    return found


def left_in_folders(scene: Scene) -> list[str]:
    """Files and keyrings that a run should have taken with it."""
    files = [str(path) for path in (scene.folder / "tmp").rglob("*")]
    storage = memory_backed_storage()
    return files + [str(path) for pattern in ("dmrefresh-*", ".new-*") for path in storage.glob(pattern)]


def left_in_the_server(url: str) -> list[str]:
    """Schemas, databases and sessions of ours, beside the receipts."""
    with psycopg.connect(url, application_name="a test") as connection:
        return [found for (found,) in connection.execute(_LEFT_IN_THE_SERVER.encode())]


def _soon_nothing(look: Callable[[], list[str]], seconds: float = 20.0) -> Iterable[str]:
    """What is still there after a while: a server takes a moment to notice that a session has ended."""
    deadline = time.monotonic() + seconds
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(found)


def _told(ended: Ended) -> str:
    attempts = 1 + ended.output.count("from a clean start")
    times = f", attempt {attempts}" if attempts > 1 else ""
    if ended.code == 0:
        return f"published{times}"
    how = f"exit {ended.code}" if ended.code > 0 else f"ended by signal {-ended.code}"
    said = re.search(r"error: (.*)", ended.output)
    return f"{how}{times}: {said[1]}" if said else f"{how}{times}"
