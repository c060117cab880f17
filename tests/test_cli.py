from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import typer.main

from dmrefresh import __version__, errors
from dmrefresh.cli import app
from dmrefresh.cli.app import GROUPS

DMREFRESH = str(Path(sysconfig.get_path("scripts")) / "dmrefresh")
HEAVY = {"boto3", "botocore", "psycopg", "faker", "numpy", "pyarrow", "pydantic", "sqlglot", "rich.progress", "gnupg"}


def dmrefresh(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DMREFRESH, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_help_names_the_command_and_its_options() -> None:
    assert "clean-and-apply" in dmrefresh("--help").stdout
    done = dmrefresh("clean-and-apply", "--help")
    assert done.returncode == 0
    for option in ("--target", "--dump", "--stage", "--ruleset", "--report", "--debug"):
        assert option in done.stdout


@pytest.mark.parametrize("arguments", [[], ["sanitisers"], ["config"]], ids=str)
def test_help_lists_every_command_once_with_its_whole_sentence(arguments: list[str]) -> None:
    here = typer.main.get_command(app)
    for name in arguments:
        here = here.commands[name]  # type: ignore[attr-defined]
    said = dmrefresh(*arguments, "--help").stdout
    assert "..." not in said.partition("COMMAND [ARGS]...")[2]
    words = " ".join(said.split())
    for name, command in here.commands.items():  # type: ignore[attr-defined]
        sentence = " ".join(command.help.split()).rstrip(".").split(". ")[0]
        assert words.count(f" {name} {sentence}") == 1, name


def test_each_group_of_help_has_only_commands_that_there_are() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['dmrefresh', '--help']\n"
        "from dmrefresh.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "dmrefresh.cli" in done.stderr.split()
    assert set(done.stderr.split()) & HEAVY == set()


def test_the_version_is_said() -> None:
    assert dmrefresh("--version").stdout == f"dmrefresh {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["clean-and-apply"],
        ["clean-and-apply", "--target", "local", "--nonsense"],
        ["no-such-command"],
        ["clean-and-apply", "--target", "absent"],
        ["--config", "absent.toml", "clean-and-apply", "--target", "local"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2_and_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    done = dmrefresh(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert re.search(r"error", done.stderr, re.IGNORECASE)


def test_an_unknown_target_says_what_to_write_where(tmp_path: Path) -> None:
    (tmp_path / "dmrefresh.toml").write_text('[targets.one]\nurl = "postgresql:///x"\n')
    done = dmrefresh("clean-and-apply", "--target", "two", folder=tmp_path)
    assert "known: one" in done.stderr
    assert "hint: add [targets.two]" in done.stderr


@pytest.mark.fault("L5")
def test_a_fault_of_our_own_is_a_sentence_and_never_shows_a_value(tmp_path: Path) -> None:
    code = (
        "from dmrefresh import cli\n"
        "from dmrefresh import settings\n"
        "def broken(*a, **k): raise KeyError('jo@example.org')\n"
        "settings.load = broken\n"
        "cli.main()"
    )
    argv = [sys.executable, "-c", code, "clean-and-apply", "--target", "x"]
    for more in ([], ["--debug"]):
        done = subprocess.run([*argv, *more], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert "fault of dmrefresh's own (KeyError)" in done.stderr
        assert "jo@example.org" not in done.stderr
        assert ("in broken" in done.stderr or "broken" in done.stderr) is bool(more)


def test_an_exit_code_belongs_to_one_kind_of_failure_and_the_reference_names_each() -> None:
    kinds = {kind.exit_code: kind for kind in errors.Failure.__subclasses__()}
    assert len(kinds) == len(errors.Failure.__subclasses__())
    page = (Path(__file__).parents[1] / "docs" / "reference" / "exit-codes.md").read_text()
    for code in kinds:
        assert re.search(rf"^\| {code} \|", page, re.MULTILINE), code


@pytest.mark.fault("L13")
def test_core_dumps_are_forbidden(tmp_path: Path) -> None:
    code = (
        "import resource\n"
        "from dmrefresh import cli\n"
        "from dmrefresh import settings\n"
        "def look(*a, **k): print(resource.getrlimit(resource.RLIMIT_CORE)[0]); raise SystemExit\n"
        "settings.load = look\n"
        "cli.main()"
    )
    argv = [sys.executable, "-c", code, "clean-and-apply", "--target", "x"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=dict(os.environ))
    assert done.stdout in ("0\n", "1\n")  # of one byte nothing is written, and no program is asked (core(5))
