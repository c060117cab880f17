"""docs/how-to/films.md, typed from its first command to its last into the shell of `make films`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COUNT = "psql -XAtc 'SELECT count(*), count(DISTINCT card_number) FROM member' $COPY\n"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_command_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "how-to" / "films.md").read_text()
    commands = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(commands) > 8
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.films.playground", "--rows", "2000", "--folder", str(tmp_path / "films")],
        input="\n".join([*commands, COUNT]),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "90|90"
    assert "CREATE VIEW overdue" in done.stdout
    assert "review.body: " in done.stderr
    users = tmp_path / "films" / ".user"
    assert list((users / "state" / "dmrefresh" / "runs").iterdir())
    assert (users / "cache" / "dmrefresh" / "names.json").is_file()
