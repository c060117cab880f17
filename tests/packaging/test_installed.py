"""The wheel alone, in an empty environment, as somebody has it who ran `pipx install` or `uvx`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

import fixtures.films
from dmrefresh import __version__
from fixtures.films import create, fill
from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster
from fixtures.production.canaries import find
from tests.packaging.conftest import Built, Installed, run_alone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RULESET = Path(fixtures.films.__file__).with_name("films.dmrefresh.yaml")


@pytest.fixture(scope="module")
def films(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """The dump of a film rental, and every personal value in it."""
    cluster = cluster_for(16)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE films_of_the_wheel")
    found: set[str] = set()
    with psycopg.connect(cluster.url("films_of_the_wheel")) as connection:
        create(connection)
        fill(connection, 1_000, 6, canaries=found.add)
    dump = tmp_path_factory.mktemp("films") / "films.sql"
    dump_sql(cluster, "films_of_the_wheel", dump)
    return dump, [one.encode() for one in found]


def test_it_says_what_it_can_do_and_what_it_is(installed: Installed) -> None:
    for command in (["dmrefresh", "--help"], ["python", "-m", "dmrefresh", "--help"]):
        said = installed.run(*command)
        assert said.returncode == 0, said.stderr
        assert b"clean-and-apply" in said.stdout
    assert __version__.encode() in installed.run("dmrefresh", "--version").stdout


def test_it_finds_nothing_missing(installed: Installed) -> None:
    checked = installed.run("python", "-m", "pip", "check")
    assert checked.returncode == 0, checked.stdout
    every = "import pkgutil, importlib, dmrefresh, sanitisers\n" + (
        "for of in (dmrefresh, sanitisers):\n"
        "    for one in pkgutil.walk_packages(of.__path__, of.__name__ + '.'):\n"
        "        one.name.endswith('__main__') or importlib.import_module(one.name)\n"
    )
    imported = installed.run("python", "-c", every)
    assert imported.returncode == 0, imported.stderr.decode()


def test_it_sanitises(installed: Installed, films: tuple[Path, list[bytes]]) -> None:
    dump, canaries = films
    done = installed.run("dmrefresh", "sanitise", "--ruleset", RULESET, text=dump.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"\nCOPY public.") > 20
    assert find(BytesIO(done.stdout + done.stderr), canaries) == []


def test_it_sets_up_a_first_use(installed: Installed, films: tuple[Path, list[bytes]]) -> None:
    dump, _ = films
    done = installed.run("dmrefresh", "init", "--yes", "--file", dump, "--name", "films")
    assert done.returncode == 0, done.stderr.decode()
    assert b"Next: dmrefresh sanitisers preview" in done.stdout
    with (installed.folder / "films.dmrefresh.yaml").open("a") as ruleset:
        ruleset.write("literals:\n  overdue: keep (the help desk)\n")
    shown = installed.run("dmrefresh", "sanitisers", "preview", "member", "--file", dump)
    assert shown.returncode == 0, shown.stderr.decode()
    assert b"@example.invalid" in shown.stdout


@pytest.mark.parametrize(
    "runner", [["uvx", "--quiet", "--from"], ["pipx", "run", "--quiet", "--spec"]], ids=["uvx", "pipx"]
)
def test_it_runs_without_being_installed(runner: list[str], built: Built, tmp_path: Path) -> None:
    program = shutil.which(runner[0])
    if program is None:
        pytest.skip(f"{runner[0]} is not on the PATH")
    said = run_alone([program, *runner[1:], str(built.wheel), "dmrefresh", "--version"], tmp_path)
    assert said.returncode == 0, said.stderr.decode()
    assert __version__.encode() in said.stdout
