"""What is given to others: the source distribution, the wheel made from it, and a venv with that wheel alone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """The files."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """A venv with the wheel, what it needs, and no more."""

    bin: Path
    folder: Path

    def run(self, *arguments: str | Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run one of its programs in an empty folder; of the tests' own venv it sees nothing."""
        program, *rest = map(str, arguments)
        return run_alone([str(self.bin / program), *rest], self.folder, text)


def run_alone(argv: list[str], folder: Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program in a folder with the system's programs on the PATH, and with nothing of ours."""
    ours = {sysconfig.get_path("scripts")}
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part not in ours)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(argv, cwd=folder, input=text, env=kept | {"PATH": path}, capture_output=True, check=False)


def pip(*arguments: str | Path, python: str = sys.executable, cwd: Path | None = None) -> None:
    """Run pip, which must succeed."""
    argv = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built as for a release: the source distribution from the checkout, the wheel from the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    made = subprocess.run(
        [sys.executable, "-c", "import sys, uv_build; print(uv_build.build_sdist(sys.argv[1]))", str(folder)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    sdist = folder / made.stdout.split()[-1]
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """What `pipx install` makes: a new venv, the wheel, and what it asks for without extras."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=True)
    pip("install", built.wheel, python=str(folder / "venv" / "bin" / "python"))
    (folder / "empty").mkdir()
    return Installed(folder / "venv" / "bin", folder / "empty")
