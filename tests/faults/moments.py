"""A refresh by the real command that stands still at a chosen moment, so that something can be done to it there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from tests.jobs.scene import Scene
from tests.jobs.small import RULES
from tests.proxy import Proxy

BEFORE_THE_COMMIT = ("key", "download", "decrypt", "rows", "constraints", "verify")
FROM_THE_COMMIT_ON = ("mid-swap", "after the swap")
"""From the moment on in which the server has been asked to commit."""
MOMENTS = (*BEFORE_THE_COMMIT, *FROM_THE_COMMIT_ON)

_HOLD = 1.5
"""Seconds for which the server's question is held back, where the run is to go on after that."""
_SLOWLY = b"""CREATE FUNCTION public.slowly(integer) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT 1 FROM pg_sleep(600) $$;
"""
_TABLE, _KEY = b"CREATE TABLE public.note (\n", b"ALTER TABLE ONLY public.note\n    ADD CONSTRAINT"


@dataclass
class Halting:
    """What makes a refresh of the scene stand still; `halting` makes it.

    Attributes:
        scene: what to refresh.
        reached: whether the refresh is there.
    """

    scene: Scene
    reached: Callable[[], bool]

    @contextmanager
    def refreshing(self) -> Iterator[subprocess.Popen[str]]:
        """A refresh that stands still there; whatever is left of it is ended."""
        with self.scene.start() as child:
            try:
                deadline = time.monotonic() + 180
                while not self.reached():
                    assert child.poll() is None, child.stdout and child.stdout.read()
                    assert time.monotonic() < deadline, "it never came there"
                    time.sleep(0.02)
                yield child
            finally:
                if child.returncode is None:
                    child.kill()


@contextmanager
def halting(scene: Scene, text: bytes, moment: str, *, pause: str = "kill -STOP $$") -> Iterator[Halting]:
    """Have a refresh of the scene stand still at one of `MOMENTS`.

    Args:
        scene: a small one.
        text: of its dump.
        moment: where.
        pause: how a program on PATH stands still, in the words of sh.
    """
    if moment in ("key", "decrypt"):
        with _program("sops" if moment == "key" else "gpg", moment, pause, scene) as halted:
            yield halted
    elif moment == "download":
        with _silent_store(scene) as halted:
            yield halted
    elif moment in FROM_THE_COMMIT_ON:
        with _held_at(scene, b"COMMIT" if moment == "mid-swap" else b"DROP SCHEMA") as halted:
            yield halted
    else:
        with _slow_server(scene, text, moment) as halted:
            yield halted


@contextmanager
def programs(folder: Path, **scripts: str) -> Iterator[None]:
    """Programs in front of the others on PATH; in their text, for sh, `$real` is the one that is replaced."""
    place, path = folder / "programs", os.environ["PATH"]
    place.mkdir(exist_ok=True)
    for name, script in scripts.items():
        (place / name).write_text(f'#!/bin/sh\nreal={shutil.which(name)}\n{script}\nexec $real "$@"\n')
        (place / name).chmod(0o755)
    os.environ["PATH"] = f"{place}{os.pathsep}{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path


def end_stopped(folder: Path) -> None:
    """End what a killed run has left stopped: nobody else can."""
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.status() == psutil.STATUS_STOPPED and one.environ().get("TMPDIR") == str(folder / "tmp"):
                one.send_signal(signal.SIGKILL)


@contextmanager
def _program(name: str, moment: str, pause: str, scene: Scene) -> Iterator[Halting]:
    there = scene.folder / "there"
    there.unlink(missing_ok=True)
    when = "*" if moment == "key" else "*--decrypt*"
    halt = f'case "$*" in {when}) : > {there}; {pause};; esac'
    with programs(scene.folder, **{name: halt}):
        try:
            yield Halting(scene, there.exists)
        finally:
            end_stopped(scene.folder)
            (scene.folder / "programs" / name).unlink()


@contextmanager
def _silent_store(scene: Scene) -> Iterator[Halting]:
    """S3 begins to say the dump, and says no more of it until the end of the block."""
    there, over = threading.Event(), threading.Event()

    def answer(connection: int, offset: int, block: bytes) -> bytes:
        if offset + len(block) > 20_000:
            there.set()
            over.wait()
        return block

    port = urlsplit(scene.store.endpoint_url).port
    assert port is not None
    with Proxy(port) as proxy:
        proxy.answer = answer
        try:
            yield Halting(replace(scene, endpoint_url=f"http://127.0.0.1:{proxy.port}"), there.is_set)
        finally:
            over.set()


@contextmanager
def _held_at(scene: Scene, words: bytes) -> Iterator[Halting]:
    """What the server is asked in these words gets to it a moment later."""
    there = threading.Event()

    def question(connection: int, offset: int, block: bytes) -> bytes:
        if words in block and not there.is_set():
            there.set()
            time.sleep(_HOLD)
        return block

    with through_a_proxy(scene) as (proxy, beyond):
        proxy.question = question
        yield Halting(beyond, there.is_set)


@contextmanager
def through_a_proxy(scene: Scene) -> Iterator[tuple[Proxy, Scene]]:
    """The scene, with its target behind a proxy."""
    there = urlsplit(scene.target_url)
    assert there.port is not None
    with Proxy(there.port) as proxy:
        url = there._replace(netloc=f"{there.username}@127.0.0.1:{proxy.port}").geturl()
        yield proxy, replace(scene, target_url=url)


@contextmanager
def _slow_server(scene: Scene, text: bytes, moment: str) -> Iterator[Halting]:
    """A dump, or a check, at which the server sits for ten minutes."""
    assert _TABLE in text
    assert _KEY in text
    ruleset = Path(scene.ruleset)
    if moment == "rows":
        text = text.replace(_TABLE, _SLOWLY + _TABLE + b"    CONSTRAINT slow CHECK (public.slowly(1) = 1),\n")
    elif moment == "constraints":
        text = text.replace(_KEY, _SLOWLY + b"CREATE INDEX slow ON public.note (public.slowly(id));\n" + _KEY)
    else:
        ruleset.write_text(f"{RULES}checks:\n  slow: SELECT count(*) > 0 FROM note, pg_sleep(600)\n")
    newest = scene.store.client(scene.store.admin)
    name = scene.put(scene.encrypt(text))
    role = urlsplit(scene.target_url).username

    def reached() -> bool:
        with psycopg.connect(scene.target_url) as connection:
            found = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = %s"
            return connection.execute(found, (role,)).fetchone() != (0,)

    try:
        yield Halting(scene, reached)
    finally:
        newest.delete_object(Bucket=scene.store.bucket, Key=name)
        ruleset.write_text(RULES)
