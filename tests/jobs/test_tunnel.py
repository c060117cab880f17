"""A target behind a tunnel is refreshed by the command as any other, and the tunnel is gone afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from tests import sshd
from tests.jobs.scene import Production, Scene, state_of


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    if sshd.PROGRAM is None:
        pytest.skip(sshd.MISSING)
    with sshd.Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def tunnels(ssh: sshd.Sshd) -> list[psutil.Process]:
    """The ssh clients that forward through it."""
    return [
        one
        for one in psutil.process_iter(["cmdline", "status"])
        if str(ssh.folder / "user") in (one.info["cmdline"] or ()) and one.info["status"] != psutil.STATUS_ZOMBIE
    ]


def test_the_command_refreshes_through_ssh(scene: Scene, production: Production, ssh: sshd.Sshd) -> None:
    scene.more = f"tunnel = {json.dumps(ssh.forwarding())}"
    done = scene.refresh("--confirm", "local")
    assert done.code == 0, done.output
    assert "a tunnel leads to 127.0.0.1" in done.output
    assert str(ssh.folder) not in done.output
    with psycopg.connect(scene.target_url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (production.users_left(),)
    assert tunnels(ssh) == []


def test_a_target_behind_a_tunnel_that_ends_at_once_is_left_alone(scene: Scene) -> None:
    before = state_of(scene.target_url)
    scene.more = 'tunnel = ["false", "{port}"]'
    done = scene.refresh("--confirm", "local")
    assert done.code == 21
    assert "The tunnel of the target `local` ended with exit status 1 before" in done.output
    assert "Traceback" not in done.output
    assert state_of(scene.target_url) == before
