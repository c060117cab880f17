"""A foundation that is none: a program `cf` that keeps its state in a folder, and runs what a task runs.

No Cloud Foundry was ever asked in these tests. What the program knows is what the documentation of `cf` 8 and of the
interface v3 says: https://cli.cloudfoundry.org/en-US/v8, https://v3-apidocs.cloudfoundry.org.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROGRAM = """#!{python}
import datetime, json, os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(os.environ["CF_HOME"])
arguments = sys.argv[1:]
with open(folder / "calls", "a") as calls:
    calls.write(json.dumps({{"arguments": arguments, "environment": dict(os.environ)}}) + "\\n")
file = folder / "state.json"
state = json.loads(file.read_text())

def keep():
    new = file.with_suffix(".new")
    new.write_text(json.dumps(state))
    new.rename(file)

def fails(what):
    left = state["faults"].get(what, 0)
    state["faults"][what] = left - 1
    keep()
    return left > 0

def end(message, code=1):
    print(message)
    sys.exit(code)

def as_task(app):
    task = app.get("task")
    if task is None:
        return None
    rc = folder / "rc"
    code = rc.read_text().strip() if rc.exists() else ""
    reason = None
    if code:
        task["state"] = "SUCCEEDED" if code == "0" else "FAILED"
        reason = None if code == "0" else f"APP/TASK/backup: Exited with status {{code}}"
    return {{**task, "result": {{"failure_reason": reason}}}}

apps = state["apps"]
command = arguments[0]
if fails(command):
    end("FAILED")
if command == "app":
    if arguments[1] not in apps:
        end(f"App '{{arguments[1]}}' not found.")
    print(apps[arguments[1]]["guid"])
elif command == "push":
    name = arguments[1]
    print(f"Pushing app {{name}}...")
    apps[name] = {{"guid": "guid-of-" + name, "pushed": arguments[2:], "variables": {{}}, "services": []}}
    keep()
    time.sleep(state["faults"].get("staging seconds", 0))
elif command == "bind-service":
    apps[arguments[1]]["services"].append(arguments[2])
elif command == "logs":
    log = folder / "log"
    print("Retrieving logs...")
    print(log.read_text() if log.exists() else "")
elif command == "delete":
    app = apps.pop(arguments[1], None)
    if app and (folder / "pid").exists() and not (folder / "rc").exists():
        try:
            os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
        except ProcessLookupError:
            pass
elif command == "curl":
    path = arguments[1].partition("?")[0].split("/")[2:]
    method = arguments[arguments.index("-X") + 1] if "-X" in arguments else "GET"
    body = None
    if "-d" in arguments:
        given = pathlib.Path(arguments[arguments.index("-d") + 1].removeprefix("@"))
        about = given.stat()
        state["files"].append([str(given), about.st_mode & 0o777, given.parent.stat().st_mode & 0o777])
        body = json.loads(given.read_text())
    app = next((one for one in apps.values() if one["guid"] == path[1]), None)
    if path[0] == "tasks":
        app = next((one for one in apps.values() if one.get("task")), None)
        print(json.dumps(as_task(app)) if app else json.dumps({{"errors": [{{"title": "CF-ResourceNotFound"}}]}}))
    elif app is None:
        print(json.dumps({{"errors": [{{"title": "CF-ResourceNotFound", "detail": "App not found"}}]}}))
    elif path[2] == "environment_variables" and method == "PATCH":
        app["variables"].update(body["var"])
        print(json.dumps({{"var": app["variables"]}}))
    elif path[2] == "tasks" and method == "POST":
        for one in ("rc", "pid", "log"):
            (folder / one).unlink(missing_ok=True)
        bound = [
            {{"name": one, "tags": ["postgres"], "credentials": {{"uri": state["services"][one]}}}}
            for one in app["services"]
        ]
        variables = {{**app["variables"], "VCAP_SERVICES": json.dumps({{"postgres": bound}})}}
        variables |= {{"PATH": state["path"], "HOME": str(folder), "TMPDIR": state["temporary"], "LANG": "C.UTF-8"}}
        state["told"], state["asked"] = variables, body
        script = f"cd {{folder}}; ({{body['command']}}) > log 2>&1; echo $? > rc.new; mv rc.new rc"
        child = subprocess.Popen(["sh", "-c", script], env=variables, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (folder / "pid").write_text(str(child.pid))
        began = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        app["task"] = {{"guid": "task-1", "state": "RUNNING", "created_at": began}}
        if fails("answer to start"):
            end("FAILED")
        print(json.dumps(as_task(app)))
    elif path[2] == "tasks":
        task = as_task(app)
        running = [task] if task and task["state"] == "RUNNING" else []
        print(json.dumps({{"resources": running}}))
else:
    end(f"'{{command}}' is not a registered command.")
keep()
"""


@dataclass
class Foundry:
    """A place to be told to push to; the program is in `programs`, and its home is `home`."""

    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir()
        # gpg's homes are made in it, and paths of sockets must be short.
        self.temporary = Path(tempfile.mkdtemp(prefix="dmr-cf-"))
        self.programs = self.home / "programs"
        self.programs.mkdir()
        script = self.programs / "cf"
        script.write_text(PROGRAM.format(python=sys.executable))
        script.chmod(0o755)
        self.change(apps={}, files=[], faults={}, services={}, path=os.environ["PATH"], temporary=str(self.temporary))

    def change(self, **values: Any) -> None:
        """Put values over its state."""
        file = self.home / "state.json"
        state = json.loads(file.read_text()) if file.exists() else {}
        new = file.with_suffix(".changed")
        new.write_text(json.dumps(state | values))
        new.rename(file)

    @property
    def state(self) -> dict[str, Any]:
        """All that it knows."""
        found: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return found

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of every call."""
        return [one["arguments"] for one in self._called()]

    def seen(self) -> str:
        """What anybody may have read: arguments and environments of every call."""
        return json.dumps(self._called())

    def _called(self) -> list[dict[str, Any]]:
        file = self.home / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def close(self) -> None:
        """End what a task still runs, and remove its files."""
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int((self.home / "pid").read_text()), signal.SIGKILL)
        shutil.rmtree(self.temporary, ignore_errors=True)

    def worker_runs(self) -> bool:
        """Whether a process of a task is alive."""
        pid = self.home / "pid"
        if not pid.exists():
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(int(pid.read_text())).status() != psutil.STATUS_ZOMBIE
        return False
