"""A real browser without a window, spoken to over two pipes as its developers' tools do (Chrome DevTools Protocol)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"
"""What Jenkins serves archived pages with: https://www.jenkins.io/doc/book/security/configuring-content-security-policy/"""

_KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}

_LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""It reads from its descriptor 3, and writes to 4."""

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Browser:
    """A browser with one page.

    Attributes:
        events: what it has told since the last page was opened.
    """

    _write: int
    _read: int
    _session: str | None = None
    _number: int = 0
    _rest: bytes = b""
    _root: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something, and wait for the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = os.read(self._read, 1 << 16)
            assert block, "the browser has gone"
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def attach(self) -> None:
        """Take a new page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "DOM", "CSS", "Log", "Accessibility", "Network"):
            self.ask(f"{domain}.enable")

    def open(self, url: str, *, width: int, dark: bool = False, height: int = 900) -> None:
        """Open a page in a window of so many pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        self._root = self.ask("DOM.getDocument")["root"]["nodeId"]

    def told(self, method: str) -> list[dict[str, Any]]:
        """What it has told of this kind since the page was opened."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def nodes(self, selector: str) -> list[int]:
        """The elements that a selector finds."""
        return list(self.ask("DOM.querySelectorAll", nodeId=self._root, selector=selector)["nodeIds"])

    def style(self, selector: str) -> dict[str, str]:
        """How the first of these elements really looks."""
        found = self.ask("CSS.getComputedStyleForNode", nodeId=self.nodes(selector)[0])["computedStyle"]
        return {one["name"]: one["value"] for one in found}

    def press(self, key: str = "Tab") -> None:
        """Press a key."""
        number, text = _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=number, text=text)

    def top(self, node: int) -> float:
        """How far below the top of the page an element begins."""
        seen = self.ask("Page.getLayoutMetrics")["cssLayoutViewport"]["pageY"]
        return float(self.ask("DOM.getBoxModel", nodeId=node)["model"]["border"][1] + seen)

    def size(self) -> tuple[int, int]:
        """Width and height of all of the page."""
        found = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return int(found["width"]), int(found["height"])

    def roles(self) -> list[tuple[str, str]]:
        """What a screen reader is told: role and name of each thing, in their order."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [
            (one["role"]["value"], one.get("name", {}).get("value", ""))
            for one in nodes
            if not one.get("ignored", False)
        ]

    def picture(self, height: int | None = None) -> bytes:
        """All of the page, or as much of it from the top, as PNG."""
        width, whole = self.size()
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that is gone after the block."""
    assert PROGRAM is not None
    theirs, ours = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="dmr-browser-", ignore_cleanup_errors=True) as profile:
        argv = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        argv += ["--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        child = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(theirs[0]), str(ours[1]), *argv],
            pass_fds=(theirs[0], ours[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs[0])
        os.close(ours[1])
        made = Browser(theirs[1], ours[0])
        try:
            made.attach()
            yield made
            made._session = None
            made.ask("Browser.close")
            child.wait(20)
        finally:
            child.kill()
            child.wait()
            os.close(theirs[1])
            os.close(ours[0])


class _AsJenkins(SimpleHTTPRequestHandler):
    """Serves files with Jenkins' policy."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", JENKINS)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder as Jenkins would serve it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_AsJenkins, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
