"""Tests of the tests: whoever takes a defence out of the source is told so by a test of that name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.jobs.scene import DMREFRESH
from tests.mutants import defences
from tests.mutants.defences import Cut, Mutant
from tests.proof import Proof

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
PARTS = ("dmrefresh", "sanitisers", "fixtures", "bench", "tests")
NOTICED = ("AssertionError", "assert ", "Failed: DID NOT RAISE", "dmrefresh.errors.")
"""How the message of a test begins that has noticed something, and does not only stumble over a mutant."""


@dataclass(frozen=True)
class Result:
    """What became of a test: how many passed, the message of each that failed, and all that was written."""

    passed: int
    failures: list[str]
    output: str


@dataclass(frozen=True)
class Project:
    """A copy of the project, which its own tests and its own command are run from."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """The surroundings in which Python takes everything from the copy."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return kept | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the copy."""
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=1100,
        )

    def test(self, *names: str) -> Result:
        """Run the tests of these names, the parameters of each up to the first that fails."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--basetemp", str(self.folder / "t")]
        done = self.run(sys.executable, "-m", "pytest", *options, f"--junitxml={report}", *names)
        assert report.exists(), done.stdout + done.stderr
        (suite,) = ElementTree.parse(report).getroot()
        output = done.stdout + done.stderr
        assert suite.findall(".//error") == [], output
        failures = [failure.get("message", "") for failure in suite.findall(".//failure")]
        skipped = len(suite.findall(".//skipped"))
        assert (done.returncode == 0) is (failures == []), output
        return Result(int(suite.get("tests", 0)) - len(failures) - skipped, failures, output)

    @contextmanager
    def without(self, *cuts: Cut) -> Iterator[None]:
        """The copy without these pieces, while the block lasts."""
        before = {cut.file: (self.folder / cut.file).read_text() for cut in cuts}
        try:
            for cut in cuts:
                path = self.folder / cut.file
                text = path.read_text()
                assert text.count(cut.piece) == 1, f"{cut.file} has {text.count(cut.piece)} times: {cut.piece}"
                path.write_text(text.replace(cut.piece, cut.instead))
            yield
        finally:
            for file, text in before.items():
                (self.folder / file).write_text(text)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy, of which it was seen that Python takes everything from there, and the command as well."""
    made = Project(tmp_path_factory.mktemp("m"))
    for part in PARTS:
        shutil.copytree(ROOT / part, made.folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", made.folder)
    imported = f"import {', '.join(PARTS)}; print(*(one.__file__ for one in ({', '.join(PARTS)})))"
    files = made.run(sys.executable, "-c", imported).stdout.split()
    assert [Path(file).parent for file in files] == [made.folder / part for part in PARTS]
    with made.without(Cut("dmrefresh/__init__.py", '__version__ = "', '__version__ = "copy of ')):
        assert made.run(DMREFRESH, "--version").stdout.startswith("dmrefresh copy of ")
    return made


def test_unmutated_every_named_test_passes(project: Project) -> None:
    result = project.test(*sorted({mutant.test for mutant in defences.EVERY.values()}))
    assert result.failures == [], result.output
    assert result.passed >= len(defences.EVERY)


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(defences.END_MARKER, id="end marker", marks=pytest.mark.fault("M1")),
        pytest.param(defences.END_OF_STREAM, id="end of the stream", marks=pytest.mark.fault("M1")),
        pytest.param(defences.GPG_STATUS, id="gpg status", marks=pytest.mark.fault("M2")),
        pytest.param(defences.GZIP_END, id="gzip end", marks=pytest.mark.fault("M3")),
        pytest.param(defences.ROW_COUNT, id="row count", marks=pytest.mark.fault("M4")),
        pytest.param(defences.ROWS_OF_THE_BACKUP, id="rows of the backup", marks=pytest.mark.fault("M4")),
        pytest.param(defences.ALL_TABLES, id="every table's data", marks=pytest.mark.fault("M4")),
        pytest.param(defences.LEAK_CHECK, id="leak check", marks=pytest.mark.fault("M5")),
        pytest.param(defences.UNLISTED_COLUMNS, id="unlisted columns", marks=pytest.mark.fault("M6")),
        pytest.param(defences.STATEMENT_POLICY, id="statement policy", marks=pytest.mark.fault("M7")),
        pytest.param(defences.PRODUCTIONS_MARK, id="production's mark", marks=pytest.mark.fault("M8")),
        pytest.param(defences.PRODUCTIONS_HOSTS, id="production's hosts", marks=pytest.mark.fault("M8")),
        pytest.param(defences.OBJECTS_DIGEST, id="object's digest", marks=pytest.mark.fault("M9")),
        pytest.param(defences.ONE_OBJECT, id="one object", marks=pytest.mark.fault("M10")),
        pytest.param(defences.KEY_IN_MEMORY, id="key in memory", marks=pytest.mark.fault("M11")),
        pytest.param(defences.CHECKS_BEFORE_THE_COMMIT, id="checks before commit", marks=pytest.mark.fault("M12")),
        pytest.param(defences.PG_DUMPS_STATUS, id="pg_dump's status", marks=pytest.mark.fault("M13")),
        pytest.param(defences.COPYS_DIGEST, id="copy's digest", marks=pytest.mark.fault("M14")),
        pytest.param(defences.COPYS_VERSION, id="copy's version", marks=pytest.mark.fault("M14")),
    ],
)
def test_a_defence_that_is_taken_out_is_missed(mutant: Mutant, project: Project, proof: Proof) -> None:
    with project.without(*mutant.cuts):
        result = project.test(mutant.test)
    assert result.failures, result.output
    assert result.failures[0].startswith(NOTICED), result.output
    proof.happened(f"{mutant.test.split('::')[1]} fails")
