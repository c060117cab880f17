"""What docs/how-to/backups.md, the manifest and the Containerfile say is what there is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from dmrefresh import errors
from dmrefresh.cli import app
from dmrefresh.jobs.backup import worker
from dmrefresh.settings.model import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "backups.md").read_text()
CONTAINERFILE = (ROOT / "Containerfile").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(
        (ROOT / "docs" / "how-to" / "kubernetes" / "backup-job.yaml").read_text()
    )
    return found


def test_the_manifest_tells_the_worker_its_contract(manifest: dict[str, Any]) -> None:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    told = {one["name"] for one in container["env"]}
    assert told == {"HOME", worker.NAME, worker.FORM, worker.KEY, worker.RECIPIENT, worker.URL}
    assert container["args"] == ["backup-production", "--worker"]
    assert manifest["spec"]["template"]["spec"]["restartPolicy"] == "Never", "a failure policy takes no other"


def test_the_manifest_tries_again_what_may_heal_and_nothing_else(manifest: dict[str, Any]) -> None:
    (rule,) = manifest["spec"]["podFailurePolicy"]["rules"]
    kinds: list[type[errors.Failure]] = [errors.Failure, *errors.Failure.__subclasses__()]
    assert rule["onExitCodes"]["values"] == sorted(kind.exit_code for kind in kinds if kind.exit_code < 20)


def test_each_command_of_the_page_is_one_that_there_is() -> None:
    group = typer.main.get_command(app)
    said = [line for text in blocks("sh") + blocks("groovy") for line in re.findall(r"dmrefresh [a-z][^\n')>|]*", text)]
    assert len(said) >= 7
    for line in said:
        _, name, *rest = line.split()
        command = group.commands[name]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line


def test_the_settings_of_the_page_are_settings_with_their_defaults() -> None:
    for text in blocks("toml"):
        Settings.model_validate(tomllib.loads(text))
        if "[cloud_foundry]" not in text:
            continue
        named = tomllib.loads(re.sub(r"(?m)^# (\w+ = \"[^\"]*\").*$", r"\1", text))
        without = Settings.model_validate(tomllib.loads(text))
        assert Settings.model_validate(named) == without


def test_the_rights_of_the_page_let_nobody_delete() -> None:
    (text,) = blocks("json")
    allowed = {action for one in json.loads(text)["Statement"] if one["Effect"] == "Allow" for action in one["Action"]}
    assert {"s3:PutObject", "s3:PutObjectAcl", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"} <= allowed
    assert not any("*" in action or "Delete" in action or "Tagging" in action for action in allowed)


def test_the_containerfile_takes_nothing_that_is_not_pinned_and_is_nobody_of_note() -> None:
    installs = [line for line in CONTAINERFILE.replace("\\\n", " ").splitlines() if "pip install" in line]
    assert installs
    for line in installs:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation" in line
    assert re.findall(r"^USER (\S+)$", CONTAINERFILE, re.MULTILINE) == ["dmrefresh", "dmbackup"]
    assert "index-url" not in CONTAINERFILE
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    assert all((ROOT / one).exists() for line in copied for one in line.split())


def test_what_builds_the_project_is_where_the_containerfile_looks_for_it() -> None:
    pinned = (ROOT / "requirements" / "demo.txt").read_text().splitlines()
    start = next(number for number, line in enumerate(pinned) if line.startswith("uv-build=="))
    end = next(number for number, line in enumerate(pinned[start:], start) if line.strip().startswith("# via"))
    assert all("--hash=sha256:" in line for line in pinned[start + 1 : end])
