"""Cloud Foundry, through its command line program `cf` (version 8): an application that runs one task and is deleted.

Arguments can be read by anybody on a machine, and what is told to the application is a secret. So it is handed to `cf`
in a private file in memory, which is gone again at once. https://v3-apidocs.cloudfoundry.org
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dmrefresh.errors import NOT_STORED, BackupNotStored, Busy, ProgramFailed, UsageFailure
from dmrefresh.machine import process
from dmrefresh.machine.folders import MEMORY, in_memory, private_folder, sweep
from dmrefresh.settings.cloud_foundry import CloudFoundry

_PREFIX = "dmrefresh-told-"
_OF_CF = ("CF_", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_")
_GUID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NONE = re.compile(r"App '.*' not found")
"""What `cf app` writes where there is none of that name; its exit status is 1 then, as of every failure."""
_UNDER_WAY = {"PENDING", "RUNNING", "CANCELING"}
_MINUTE, _PUSH = 60.0, 1800.0
"""Seconds that `cf` may take for a request, and for pushing an application, which includes its staging."""


@dataclass(slots=True)
class Task:
    """A task as the foundation has it.

    Attributes:
        guid: its identifier.
        state: PENDING, RUNNING, CANCELING, SUCCEEDED or FAILED.
        reason: why it failed, in the foundation's words.
    """

    guid: str
    state: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.state not in _UNDER_WAY


@dataclass(slots=True)
class Application:
    """The worker's application.

    Args:
        settings: of it.
        on_line: is given the lines that `cf` writes while it pushes.
    """

    settings: CloudFoundry
    on_line: Callable[[str], None] = field(repr=False)
    guid: str = ""

    def push(self) -> None:
        """Push it, without a start or a route, and bind the database to it.

        Raises:
            BackupNotStored: the foundation does not take it.
        """
        said = self.settings
        quotas = ["-m", said.memory, "-k", said.disk]
        what = ["--docker-image", str(said.image)] if said.path is None else ["-p", str(said.path)]
        manifest = ["--no-manifest"] if said.manifest is None else ["-f", str(said.manifest)]
        status = _relayed(["push", said.app, "--task", *quotas, *what, *manifest], self.on_line)
        if status:
            raise _failed(f"`cf push` of {said.app} ended with exit status {status}.")
        if said.service is not None:
            _cf("bind-service", said.app, said.service, "--wait")
        self.guid = self.find() or ""
        if not self.guid:
            raise _failed(f"`cf` knows no {said.app} after it has pushed it.")

    def find(self) -> str | None:
        """Its identifier; None where there is none of its name.

        Raises:
            BackupNotStored: the foundation does not say.
        """
        lines: list[str] = []
        status = _relayed(["app", self.settings.app, "--guid"], lines.append, _MINUTE)
        found = [line.strip() for line in lines if _GUID.fullmatch(line.strip())]
        if status == 0 and len(found) == 1:
            return found[0]
        if status and any(_NONE.search(line) for line in lines):
            return None
        # Taken for none, it would be pushed over, and deleted with the backup that it may be making.
        raise _failed(f"The foundation does not say whether there is a {self.settings.app}.")

    def clear(self) -> bool:
        """Delete what a run that was killed has left; returns whether there was anything.

        Raises:
            Busy: a task of it is still running.
        """
        guid = self.find()
        if guid is None:
            return False
        for one in _curl(f"/v3/apps/{guid}/tasks?states=PENDING,RUNNING").get("resources", []):
            began = _moment(one.get("created_at"))
            if began is None or datetime.now(UTC) - began < self.settings.timeout:
                since = f" since {began:%H:%M} UTC" if began is not None else ""
                raise Busy(
                    f"Another backup is under way{since}: a task of {self.settings.app} is running.",
                    hint=f"wait for it; `cf delete {self.settings.app} -f` ends it",
                    state=NOT_STORED,
                )
        self.delete()
        return True

    def tell(self, variables: Mapping[str, str]) -> None:
        """Set variables of its environment; they stand in no argument.

        Raises:
            BackupNotStored: the foundation does not take them.
        """
        self._send(f"/v3/apps/{self.guid}/environment_variables", "PATCH", {"var": dict(variables)})

    def start(self) -> Task:
        """Start the task.

        Raises:
            BackupNotStored: the foundation does not take it.
        """
        said = self.settings
        body = {"name": "backup", "command": said.command}
        quotas = {"memory_in_mb": _mebibytes(said.memory), "disk_in_mb": _mebibytes(said.disk)}
        return _task(self._send(f"/v3/apps/{self.guid}/tasks", "POST", {**body, **quotas}))

    def look(self, task: Task) -> Task:
        """The task as it is now.

        Raises:
            BackupNotStored: the foundation does not say.
        """
        return _task(_curl(f"/v3/tasks/{quote(task.guid)}"))

    def logs(self) -> list[str]:
        """What it wrote lately, as far as the foundation still has it."""
        lines: list[str] = []
        with contextlib.suppress(BackupNotStored):
            _relayed(["logs", self.settings.app, "--recent"], lines.append, _MINUTE)
        return lines

    def delete(self) -> None:
        """Delete it and what runs in it; that it is not there is as good.

        Raises:
            BackupNotStored: the foundation does not, three times.
        """
        for last in (False, False, True):
            try:
                _cf("delete", self.settings.app, "-f")
            except BackupNotStored:
                if last:
                    raise
                time.sleep(1)
            else:
                return

    def _send(self, path: str, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with _kept_in_memory(json.dumps(body)) as file:
            return _curl(path, "-X", method, "-d", f"@{file}")


@contextlib.contextmanager
def _kept_in_memory(text: str) -> Iterator[Path]:
    """A file that only we may read, in memory, for as long as the block runs."""
    storage = in_memory()
    if storage is None:
        raise UsageFailure(
            f"This machine has no memory-backed storage for what Cloud Foundry is told ({MEMORY}).",
            hint="run this where there is one; what lets the worker store is never written to a disk",
        )
    sweep(storage, _PREFIX)
    with private_folder(storage, _PREFIX) as folder:
        file = folder / "body.json"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        yield file


def _curl(path: str, *more: str) -> dict[str, Any]:
    """What the foundation's interface answers."""
    done = _cf("curl", path, *more)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise _failed(f"`cf curl {path.partition('?')[0]}` gave no JSON.") from None
    if not isinstance(said, dict) or "errors" in said:
        raise _failed(f"`cf curl {path.partition('?')[0]}` was refused{_titles(said)}.")
    return said


def _titles(said: Any) -> str:
    """The kinds of the errors in an answer; their details may repeat what was sent."""
    errors = said.get("errors") if isinstance(said, dict) else None
    found = [str(one.get("title")) for one in errors or () if isinstance(one, dict)]
    return "".join(f" ({one})" for one in found if re.fullmatch(r"[A-Za-z-]{1,60}", one))


def _cf(*arguments: str) -> process.Completed:
    done = _run(arguments)
    if done.returncode:
        command = " ".join(arguments[:2]).partition("?")[0]
        raise _failed(f"`cf {command}` ended with exit status {done.returncode}.")
    return done


def _run(arguments: Sequence[str]) -> process.Completed:
    try:
        return process.run(["cf", *arguments], env=_environment(), timeout=_MINUTE)
    except subprocess.TimeoutExpired:
        raise _failed(f"`cf {arguments[0]}` did not end within a minute.") from None
    except ProgramFailed as failure:
        raise _failed(failure.what) from None
    except OSError:
        raise _missing() from None


def _relayed(arguments: Sequence[str], on_line: Callable[[str], None], timeout: float = _PUSH) -> int:
    try:
        return process.relay(["cf", *arguments], env=_environment(), on_line=on_line, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise _failed(f"`cf {arguments[0]}` did not end within {timeout / 60:.0f} minutes.") from None
    except OSError:
        raise _missing() from None


def _environment() -> dict[str, str]:
    """A trace would hold what is sent."""
    return process.environment(*_OF_CF) | {"CF_TRACE": "false", "CF_COLOR": "false"}


def refuse_traces() -> None:
    """Refuse a `cf` that is set to write all it sends into a file, which no variable can forbid.

    Raises:
        UsageFailure: it is.
    """
    home = os.environ.get("CF_HOME") or os.environ.get("HOME") or "/"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        trace = json.loads((Path(home) / ".cf" / "config.json").read_text(encoding="utf-8")).get("Trace")
        if str(trace or "false").lower() not in ("false", "true", "0", "1"):
            raise UsageFailure(
                "`cf` is set to write all that it sends into a file.", hint="forbid it: cf config --trace false"
            )


def _task(said: Mapping[str, Any]) -> Task:
    guid, state, result = str(said.get("guid")), str(said.get("state")), said.get("result")
    if not _GUID.fullmatch(guid):
        raise _failed("The foundation's answer holds no task.")
    reason = result.get("failure_reason") if isinstance(result, dict) else None
    return Task(guid, state, str(reason or "")[:200])


def _moment(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said))
    except ValueError:
        return None


def _mebibytes(quota: str) -> int:
    return int(quota[:-1]) * (1024 if quota.endswith("G") else 1)


def _failed(what: str) -> BackupNotStored:
    return BackupNotStored(what, hint="run it by hand to see why: is somebody logged in (cf login, cf target)?")


def _missing() -> UsageFailure:
    return UsageFailure("There is no `cf` on PATH.", hint="install the Cloud Foundry command line interface, version 8")
