"""Whatever is typed, set or written into a file: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmrefresh.cli import app
from dmrefresh.errors import acts
from dmrefresh.settings import model
from sanitisers.families import FAMILIES
from tests.forking import Done, Forks
from tests.jobs.test_init import DUMP

PROGRAM: Any = typer.main.get_command(app)
CODES = {0, 2, 3, *range(10, 18), *range(20, 27), 30, 31}
ALONE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "DMREFRESH_JOB_ATTEMPTS": "1",
    "PGHOST": "127.0.0.1",
    "PGPORT": "1",
}
"""Nobody is asked, and nobody would answer."""
untimed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as there:
        yield there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dump.sql").write_text(DUMP)
    (tmp_path / "dmrefresh.toml").write_text('[targets.local]\nurl = "postgresql://me@127.0.0.1:1/copy"\n')
    return tmp_path


def told(done: Done) -> None:
    """See that a run ended as one may."""
    assert done.code in CODES, done
    for said in (done.out, done.err):
        assert "Traceback" not in said, done
        assert "fault of dmrefresh's own" not in said, done
    if done.code in (0, 3):
        return
    if done.err.startswith("Usage: "):  # what the command line itself could not be
        assert "--help' for help" in done.err and "Error: " in done.err  # noqa: PT018
        return
    assert "error" in done.err or done.out, done  # what a command looks at and finds wrong is its result
    if "hint: " in done.err:
        assert acts(done.err.rpartition("hint: ")[2]), done


words = st.one_of(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [
            "",
            "-",
            "--",
            ".",
            "/",
            "~",
            "~nobody/x",
            "dump.sql",
            "dmrefresh.toml",
            "/dev/null",
            "/proc/self/mem",
            "a" * 300,
            "a/" * 2500,
            "local",
            "0",
            "-1",
            "1e9",
            "99999999999999999999",
            "postgresql://",
            "postgresql://x",
            "x://y",
            "postgresql://me@127.0.0.1:1/x",
            "postgresql://[::1",
            "host=127.0.0.1 port=1",
            "service=none",
            "digitalmarketplace",
            "users.name",
            "production-202611220300.sql.gz.gpg",
            "production-999999999999.sql.gz.gpg",
            "10 minutes",
            "\u202e",
            "\x1b[2J",
            "{",
            "%s",
            "%(x)s",
            "$(id)",
            "\udcff",
        ]
    ),
)


def _commands(group: Any = PROGRAM, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*above, name))
        else:
            yield (*above, name), command


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command line: mostly options that there are, with anything as their values."""
    name, command = draw(st.sampled_from(sorted(_commands(), key=lambda one: one[0])))
    line = [*draw(st.sampled_from([[], [], [], ["--debug"], ["--config", draw(words)]])), *name]
    for param in draw(st.lists(st.sampled_from(command.params), max_size=5)):
        if param.param_type_name == "argument":
            line.append(draw(words))
        else:
            line += [param.opts[0]] if param.is_flag else [param.opts[0], draw(words)]
    return line + draw(st.lists(words, max_size=1))


@pytest.mark.timeout(600)
@untimed
@given(lines())
def test_any_command_line_ends_in_a_sentence(forks: Forks, folder: Path, line: list[str]) -> None:
    told(forks.run(line, folder, ALONE))


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), words.filter(lambda said: "\udcff" not in said)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)
sections = st.sampled_from([*model.Settings.model_fields, "nonsense"])
keys = st.sampled_from(
    sorted({key for names in model.overridable().values() for key in names} | {"local", "url", "s3"})
)


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=True) if isinstance(value, str) else json.dumps(value)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A settings file: any bytes, or sections with anything in them."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=60))
    text = ""
    for section, held in draw(st.dictionaries(sections, st.dictionaries(keys, values, max_size=3), max_size=3)).items():
        text += f"[{section}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in held.items())
    return text.encode(errors="replace")


@untimed
@given(
    files(),
    st.sampled_from([["config", "show"], ["plan", "--target", "local"], ["sanitisers", "check", "--file", "dump.sql"]]),
)
def test_any_settings_file_ends_in_a_sentence(forks: Forks, folder: Path, text: bytes, line: list[str]) -> None:
    (folder / "dmrefresh.toml").write_bytes(text)
    told(forks.run(line, folder, ALONE))


variables = st.sampled_from(
    [f"DMREFRESH_{section}_{key}".upper() for section, held in model.overridable().items() for key in held]
    + [
        "DM_CREDENTIALS_REPO",
        "DMREFRESH_SLACK_URL",
        "DMREFRESH_PROGRESS",
        "NO_COLOR",
        "TERM",
        "COLUMNS",
        "LINES",
        "LANG",
        "TMPDIR",
    ]
    + [
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
        "HOME",
        "DATABASE_URL",
        "PGSERVICE",
        "PGPORT",
    ]
    + ["BUILD_URL", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI", "AWS_REGION", "VCAP_SERVICES", "HTTPS_PROXY"]
)


@pytest.mark.timeout(600)
@untimed
@given(
    st.dictionaries(variables, words, min_size=1, max_size=3),
    st.sampled_from(
        [
            ["config", "show"],
            ["clean-and-apply", "--target", "local"],
            ["dumps"],
            ["cache"],
            ["report", "--list"],
            ["init", "--ruleset", "digitalmarketplace", "--force"],
            ["sanitisers", "check", "--file", "dump.sql"],
        ]
    ),
)
def test_any_environment_ends_in_a_sentence(
    forks: Forks, folder: Path, environment: dict[str, str], line: list[str]
) -> None:
    told(forks.run(line, folder, ALONE | environment))


rules: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [*FAMILIES, "keep", "keep (why)", "null", "empty", "date.shift 30 days", "number.noise 1 %", "text.redact"]
    ),
    st.sampled_from(["person.email at {id}@x.org", "{id}", "person.name as p by id", "keep (", "date.shift"]),
    st.dictionaries(
        st.sampled_from(
            [
                "value",
                "json",
                "each",
                "template",
                "pattern",
                "one_of",
                "bcrypt",
                "fields",
                "entries",
                "unique",
                "nulls",
                "rule",
                "a",
            ]
        ),
        values,
        max_size=2,
    ),
    values,
)
tables = st.one_of(
    st.just("empty"),
    values,
    st.fixed_dictionaries(
        {"columns": st.dictionaries(st.sampled_from(["id", "full_name", "contact_email", "gone"]), rules, max_size=3)},
        optional={
            "rows": st.one_of(words, st.sampled_from(["id > 1", "full_name is null and (", "nope = 3"])),
            "unique": values,
        },
    ),
)


@st.composite
def rulesets(draw: st.DrawFn) -> bytes:
    """A ruleset: any text, or the shape of one with anything in it. JSON is YAML."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.one_of(st.binary(max_size=60), st.text(string.printable, max_size=80).map(str.encode)))
    held: dict[str, Any] = {"ruleset": draw(st.sampled_from([1, 1, 1, 2, "1", None]))}
    held["tables"] = draw(st.dictionaries(st.sampled_from(["customer", "gone", "a, b"]), tables, max_size=2))
    more = ["defaults", "literals", "leaks", "checks", "after_load", "leak_check", "detectors", "locale", "nonsense"]
    held |= draw(st.dictionaries(st.sampled_from(more), values, max_size=2))
    return json.dumps(held).encode()


@untimed
@example(b"ruleset: 1\ntables: {customer: {columns: &a {id: *a}}}\n", ["sanitisers", "check", "--file", "dump.sql"])
@example(b"&a [*a]", ["sanitise"])
@given(
    rulesets(),
    st.sampled_from(
        [
            ["sanitisers", "check", "--file", "dump.sql"],
            ["sanitisers", "preview", "--file", "dump.sql"],
            ["sanitisers", "explain", "customer.full_name", "--file", "dump.sql"],
            ["sanitise"],
        ]
    ),
)
def test_any_ruleset_ends_in_a_sentence(forks: Forks, folder: Path, text: bytes, line: list[str]) -> None:
    (folder / "mine.yaml").write_bytes(text)
    told(forks.run([*line, "--ruleset", "mine.yaml"], folder, ALONE, folder / "dump.sql"))


def _answers() -> list[Callable[[str], object]]:
    from dmrefresh.jobs.init import answers

    return [
        answers.bucket,
        answers.word,
        answers.endpoint,
        answers.stage,
        answers.called,
        answers.folder,
        answers.dump_file,
        answers.place,
        answers.ruleset,
        answers.recipient,
    ]


@given(words, st.sampled_from(_answers()))
def test_any_answer_to_a_question_is_taken_or_refused_with_a_sentence(
    said: str, check: Callable[[str], object]
) -> None:
    from dmrefresh.errors import UsageFailure

    try:
        check(said)
    except UsageFailure as failure:
        assert failure.what.endswith((".", "`"))  # noqa: PT017 - it need not be raised
