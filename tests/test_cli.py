from __future__ import annotations

import json
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


def ended_by(error: str, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A refresh in whose midst this is raised."""
    code = (
        "from dmrefresh import cli, settings\n"
        "from dmrefresh.machine.signals import Interrupted\n"
        f"def broken(*a, **k):\n    error = {error}\n    error.state, error.hint = 'It lies there.', 'look at it'\n"
        "    raise error\n"
        "settings.load = broken\n"
        "cli.main()"
    )
    argv = [sys.executable, "-c", code, "clean-and-apply", "--target", "x", *arguments]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd=folder, env=os.environ | {"GITHUB_ACTIONS": ""} | environ
    )


def test_an_output_that_nobody_reads_is_no_success_for_a_machine(tmp_path: Path) -> None:
    done = ended_by("BrokenPipeError()", tmp_path, "--json")
    last = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 141
    assert (last["event"], last["status"], last["exit_code"]) == ("error", "failed", 141)
    assert last["next"].startswith("`dmrefresh status --target x`")


def test_who_was_ended_by_a_signal_and_knows_what_there_is_says_that_everywhere(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    done = ended_by("Interrupted(15)", tmp_path, **actions)
    assert done.returncode == 143
    assert "ended by SIGTERM; It lies there.\nhint: look at it\n" in done.stderr
    assert "It lies there.%0Ahint: look at it" in done.stderr
    assert "Next: look at it" in page.read_text()
    last = json.loads(ended_by("Interrupted(15)", tmp_path, "--json").stdout.splitlines()[-1])
    assert (last["state"], last["next"]) == ("It lies there.", "look at it")


def test_without_a_standard_error_a_filter_writes_nothing_else_on_standard_output(tmp_path: Path) -> None:
    line = f"exec {DMREFRESH} sanitise --ruleset absent < /dev/null 2>&-"
    done = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


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
