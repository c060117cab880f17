from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import parts, production
from bench.measure import ClientFailedError, run
from bench.part import Part, Setting
from bench.program import between
from fixtures.parts.processes import environment
from fixtures.parts.secrets import Credentials


@pytest.fixture
def setting(credentials: Credentials, tmp_path: Path) -> Setting:
    """The smallest that is worth measuring: 2 MB, one round."""
    keep = tmp_path / "keep"
    shutil.copytree(credentials.age_key_file.parent, keep / production.KEYS)
    return Setting(keep, lambda _: None, megabytes=2, rounds=1)


def again(part: Part) -> Part:
    """As it is read from the file of results."""
    return Part.from_dict(part.as_dict())


def test_each_command_is_run_as_often_as_is_asked_for(setting: Setting) -> None:
    part = again(parts.PARTS["startup"](setting))
    assert {len(side.seconds) for side in part.sides.values()} == {1}
    assert set(part.sides) == {"dmrefresh --help", "dmrefresh --version", "dmrefresh dumps --help", "python"}
    assert part.sides["python"].seconds < part.sides["dmrefresh --help"].seconds
    assert part.figures["dmrefresh --help, median"].value == part.sides["dmrefresh --help"].seconds[0]


def test_a_program_reads_one_file_and_writes_another(tmp_path: Path) -> None:
    read, written = tmp_path / "read it", tmp_path / "write it"
    read.write_text("a 'text'")
    run([between("tr", ["tr", "a-z", "A-Z"], environment(), read=read, written=written)], folder=tmp_path)
    assert written.read_text() == "A 'TEXT'"


def test_a_program_between_files_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("")
    with pytest.raises(ClientFailedError, match=r"^false ended with 1"):
        run([between("false", ["false"], environment(), read=tmp_path / "read")], folder=tmp_path)
