"""The Containerfile without a builder of containers: what it copies is there, and what it runs in its build works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dmrefresh import __version__
from tests.packaging.conftest import CHECKOUT, run_alone

LINES = re.sub(r"(?m)^#.*\n", "", (CHECKOUT / "Containerfile").read_text()).replace("\\\n", "")
STEPS = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in LINES.splitlines() if line)]
SENT = [line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The steps of each stage."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in STEPS:
        if word == "FROM":
            found[rest.split(" AS ")[1]] = []
        else:
            found[list(found)[-1]].append((word, rest))
    return found


def copied(rest: str) -> tuple[list[str], str]:
    """What a COPY takes from the checkout, and where to."""
    *sources, to = rest.split()
    return sources, to


def test_what_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    sources = [one for word, rest in STEPS if word == "COPY" and "--from" not in rest for one in copied(rest)[0]]
    assert set(sources) == set(SENT)
    assert [one for one in sources if not (CHECKOUT / one).exists()] == []


def test_the_image_that_is_made_without_saying_which_is_the_worker() -> None:
    assert list(stages())[-1] == "worker"
    assert ("CMD", '["backup-production", "--worker"]') in stages()["worker"]


def test_no_image_runs_as_root_or_has_the_builders_tools() -> None:
    for name in ("refresh", "worker"):
        words = [word for word, _ in stages()[name]]
        assert words.index("USER") > max(place for place, word in enumerate(words) if word in {"RUN", "COPY"})
        assert [rest for word, rest in stages()[name] if word == "RUN" and "pip" in rest] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_commands_of_its_build_make_what_the_images_run(tmp_path: Path) -> None:
    checkout, opt = tmp_path / "checkout", tmp_path / "opt"
    checkout.mkdir()
    for word, rest in [*stages()["build"], *stages()["build-with-sops"]]:
        if word == "COPY":
            sources, to = copied(rest)
            (checkout / to).mkdir(parents=True, exist_ok=True)
            for one in sources:
                if (CHECKOUT / one).is_dir():
                    shutil.copytree(CHECKOUT / one, checkout / to, dirs_exist_ok=True)
                else:
                    shutil.copy(CHECKOUT / one, checkout / to)
        elif word == "RUN":
            command = rest.replace("/opt/dmrefresh", str(opt)).replace("python -m venv", "python3 -m venv")
            done = subprocess.run(
                ["/bin/sh", "-ec", command], cwd=checkout, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    said = run_alone([str(opt / "bin" / "dmrefresh"), "--version"], tmp_path)
    assert __version__.encode() in said.stdout, said.stderr
    sops = run_alone([str(opt / "bin" / "sops"), "--version", "--disable-version-check"], tmp_path)
    assert sops.stdout.startswith(b"sops "), sops.stderr
    assert not list((opt / "bin").glob("uv*"))
