"""What the pages tell people to type is what there is: commands, settings, rulesets; and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

from dmrefresh import errors, settings
from dmrefresh.cli import app
from dmrefresh.settings.model import Job
from sanitisers.ruleset.loading import parse_ruleset

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md") if (ROOT / name).is_file()]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(dmrefresh [^`\n]+)`")
LINK = re.compile(r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")
PLACEHOLDER = re.compile(r"[A-Z]+$|….*|\.\.\.")


@cache
def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> Iterator[str]:
    for indent, named, text in FENCE.findall(read(page)):
        if named == language:
            yield re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)


def of(language: str) -> list[tuple[str, str]]:
    """All blocks of a language, with where they are."""
    return [
        (f"{page.relative_to(ROOT)}-{number}", text)
        for page in PAGES
        for number, text in enumerate(blocks(page, language), 1)
    ]


def spoken_to_dmrefresh(script: str) -> Iterator[list[str]]:
    """The arguments of each `dmrefresh` in a shell's lines."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
        words.whitespace_split = True
        found = list(words)
        for at, word in enumerate(found):
            if Path(word).name == "dmrefresh" and (
                at == 0 or found[at - 1] in ("|", "&&", "||", ";", "(", "exec", "if")
            ):
                rest = found[at + 1 :]
                end = next((n for n, one in enumerate(rest) if re.fullmatch(r"[|&;()<>]+", one)), len(rest))
                yield rest[:end]


def command_of(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that is meant, and what it is given."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        if rest[:1] == ["--config"]:
            rest = rest[2:]
        assert rest, arguments
        assert rest[0] in command.commands, f"there is no {' '.join(arguments)}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def takes(command: Any, rest: list[str]) -> None:
    """Raises where the command takes no such options or arguments."""
    if "--help" not in rest:
        command.make_context(command.name, list(rest))


IN_BLOCKS = [(name, line) for name, text in of("sh") for line in spoken_to_dmrefresh(text)]


@pytest.mark.parametrize(("name", "line"), [(name, shlex.join(line)) for name, line in IN_BLOCKS])
def test_a_command_that_a_page_shows_is_taken_by_dmrefresh(name: str, line: str) -> None:
    if not shlex.split(line)[0].startswith("--"):
        takes(*command_of(shlex.split(line)))


def test_commands_are_found_in_pages_and_wrong_ones_are_noticed() -> None:
    assert len(IN_BLOCKS) > 40
    assert list(
        spoken_to_dmrefresh("pg_dump x | dmrefresh sanitise --ruleset 'a b' > out && exec dmrefresh plan # no")
    ) == [
        ["sanitise", "--ruleset", "a b"],
        ["plan"],
    ]
    for wrong in (["plan", "--tarjet", "x"], ["plan"], ["dumps", "x"], ["sanitisers", "explain"]):
        with pytest.raises(Exception, match=r"(?i)option|argument|parameter"):
            takes(*command_of(wrong))
    with pytest.raises(AssertionError):
        command_of(["clean-and-aply"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_within_a_sentence_is_one_with_options_that_there_are(page: Path) -> None:
    for text in INLINE.findall(FENCE.sub("", read(page))):
        words = [word for word in re.split(r"\s+", text)[1:] if not re.fullmatch(r"[A-Z]{2,}.*|….*|\[.*", word)]
        if not words or words[0].startswith("-"):
            continue
        command: Any = typer.main.get_command(app)
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, text
            command, words = command.commands[words[0]], words[1:]
        options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, text


@pytest.mark.parametrize(("name", "text"), of("toml"))
def test_settings_that_a_page_shows_can_be_set(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "dmrefresh.toml"
    file.write_text(text)
    found = settings.load(file, environ={}, folder=tmp_path)
    assert found.model_fields_set


@pytest.mark.parametrize(("name", "text"), of("yaml"))
def test_a_ruleset_that_a_page_shows_is_one(name: str, text: str, tmp_path: Path) -> None:
    if re.search(r"^ruleset: 1$", text, re.MULTILINE):
        assert parse_ruleset(text, "page.yaml").tables
    else:
        assert YAML(typ="safe").load(text)


def anchors(page: Path) -> set[str]:
    """Where a link can lead within a page: headings as mkdocs names them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
        found.add(name if name not in found else f"{name}_1")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", read(page))):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(there), f"{link} leads to no heading"


def test_every_page_is_in_the_order_of_the_site_and_every_file_of_it_is_there() -> None:
    ordered = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2])
    assert len(ordered) == len(set(ordered))
    assert sorted(ordered) == sorted(str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md"))


def test_the_cronjob_runs_a_command_of_ours_and_tries_again_what_may_heal_and_nothing_else() -> None:
    manifest = YAML(typ="safe").load((ROOT / "docs/how-to/kubernetes/refresh-cronjob.yaml").read_text())
    job = manifest["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    takes(*command_of(container["args"]))
    (rule,) = job["podFailurePolicy"]["rules"]
    kinds: list[type[errors.Failure]] = [errors.Failure, *errors.Failure.__subclasses__()]
    codes = {kind.exit_code for kind in kinds if not 20 <= kind.exit_code < 30}
    assert rule["onExitCodes"]["values"] == sorted(codes)
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert job["template"]["spec"]["restartPolicy"] == "Never", "a failure policy takes no other"
    assert job["activeDeadlineSeconds"] > Job().deadline.total_seconds()


def test_the_workflow_runs_a_command_of_ours_in_the_shells_place_and_outlasts_it() -> None:
    workflow = YAML(typ="safe").load((ROOT / "docs/how-to/github-actions/refresh.yml").read_text())
    (job,) = workflow["jobs"].values()
    (line,) = [step["run"] for step in job["steps"] if "dmrefresh " in step.get("run", "") and "pip" not in step["run"]]
    assert line.startswith("exec dmrefresh "), "a signal to the shell would not reach it"
    (arguments,) = spoken_to_dmrefresh(line)
    takes(*command_of(arguments))
    assert "${{" not in line, "what is put together by GitHub is not quoted for the shell"
    assert job["timeout-minutes"] * 60 > Job().deadline.total_seconds()
    assert workflow["concurrency"]["cancel-in-progress"] is False
