"""Rows that stay and locked accounts, by the command itself: into a database, into a bucket, through a pipe."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import bcrypt
import psycopg

from tests.jobs.scene import DMREFRESH, Scene
from tests.jobs.small import tunnelled
from tests.jobs.test_cleaned import LATEST, Team, team

__all__ = ["team"]

KNOWN = b"Password1234"
RULES = f"""
ruleset: 1
tables:
  note:
    rows: id > 10 AND id <= 1500 OR id IN (3, 7)
    columns:
      id: keep (a number)
      body: {{bcrypt: {KNOWN.decode()}, locked: id >= 1000}}
      details: {{json: {{name: person.name}}}}
"""
STAYS = {3, 7, *range(11, 1501)}
LOCKED = set(range(1000, 1501))
ALL_OPEN = dict.fromkeys(STAYS, True)
SOME_LOCKED = {number: number not in LOCKED for number in STAYS}


def opened(rows: list[tuple[int, str]]) -> dict[int, bool]:
    """By the number of each row whether the password that everybody knows opens its hash."""
    opens = {one: bcrypt.checkpw(KNOWN, one.encode()) for one in {hashed for _, hashed in rows}}
    assert len(opens) <= 2
    return {number: opens[hashed] for number, hashed in rows}


def in_database(scene: Scene) -> dict[int, bool]:
    with psycopg.connect(scene.target_url) as connection:
        return opened(connection.execute("SELECT id, body FROM note").fetchall())


def in_text(text: bytes) -> dict[int, bool]:
    begin = text.index(b"\nCOPY public.note ")
    begin = text.index(b"\n", begin + 1) + 1
    cells = [line.split(b"\t") for line in text[begin : text.index(b"\\.\n", begin)].splitlines()]
    return opened([(int(row[0]), row[1].decode()) for row in cells])


def test_rows_that_stay_and_locked_accounts_are_the_same_wherever_they_go_and_none_is_locked_here(team: Team) -> None:
    scene = team.scene
    Path(scene.ruleset).write_text(RULES)
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert in_database(scene) == ALL_OPEN
    assert ended.report["rows"] == len(STAYS)
    (table,) = ended.report["tables"]
    assert (table["rows_in"], table["rows_out"]) == (2000, len(STAYS))
    code, output = team.clean()
    assert code == 0, output
    assert in_text(gzip.decompress(team.objects()[LATEST])) == SOME_LOCKED
    argv = [DMREFRESH, "sanitise", "--ruleset", scene.ruleset]
    done = subprocess.run(argv, input=team.text, cwd=team.folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"2,000 rows read, {len(STAYS):,} written".encode() in done.stderr
    assert in_text(done.stdout) == SOME_LOCKED
    scene.more = tunnelled(scene.folder)
    ended = scene.refresh("--confirm", "local")
    assert ended.code == 0, ended.output
    assert in_database(scene) == SOME_LOCKED
    assert KNOWN.decode() not in ended.output
