"""Nobody's dumps are anybody's default: where no bucket is named, that is what every command says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.jobs.scene import DMREFRESH

NAME = "production-202611220300.sql.gz.gpg"
COMMANDS = (
    ["plan", "--target", "local"],
    ["clean-and-apply", "--target", "local"],
    ["dumps"],
    ["backup-production"],
    ["presign", NAME],
    ["check-dump", NAME],
    ["doctor"],
)
HINT = "bucket under [dumps] in dmrefresh.toml, or DMREFRESH_DUMPS_BUCKET"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_that_needs_a_bucket_says_where_to_name_it(tmp_path: Path, command: list[str]) -> None:
    url = "postgresql://nobody@127.0.0.1:9/nowhere"
    (tmp_path / "dmrefresh.toml").write_text(f'[targets.local]\nurl = "{url}"\n[sources.production]\nurl = "{url}"\n')
    done = subprocess.run(
        [DMREFRESH, *command],
        cwd=tmp_path,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "300"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert "No bucket is named for the dumps." in said
    assert HINT in said
