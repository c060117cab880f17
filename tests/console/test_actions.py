"""In GitHub Actions: an annotation for what went wrong, and the page of the run's summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.scene import Scene


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene) -> Path:
    """The file that GitHub shows, with what an earlier step has said."""
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    return file


def test_how_a_refresh_has_ended_is_added_to_the_summary(scene: Scene, page: Path) -> None:
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    said = page.read_text()
    assert said.startswith("before\n")
    assert "### ✅ local is refreshed: 2,000 rows in 1 table, " in said
    assert "| sanitised | 1 column of 1 table, " in said
    assert "Next: `dmrefresh status --target local`" in said
    assert "::error" not in ended.output


def test_what_went_wrong_is_an_annotation_of_one_line_and_on_the_page(scene: Scene, page: Path) -> None:
    Path(scene.ruleset).write_text(Path(scene.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    ended = scene.refresh()
    assert ended.code == 14
    (annotation,) = [line for line in ended.output.splitlines() if line.startswith("::")]
    title, _, message = annotation.removeprefix("::error title=").partition("::")
    assert title == "clean-and-apply%3A exit 14"
    assert "body" in message
    assert "%0AThe target is as it was" in message
    assert "### ❌ clean-and-apply ended with 14" in page.read_text()


def test_a_page_that_cannot_be_written_changes_nothing(
    scene: Scene, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    assert scene.refresh("--json").code == 0
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page / "no folder"))
    ended = scene.refresh("--json")
    assert ended.code == 0
    assert "::" not in ended.output


def test_a_path_that_is_no_text_is_on_the_page_by_its_bytes(tmp_path: Path) -> None:
    from dmrefresh.console.actions import Actions

    file = tmp_path / "summary.md"
    Actions("clean-and-apply", {"GITHUB_STEP_SUMMARY": str(file)}).done("it is in runs/\udcff")
    assert "it is in runs/" in file.read_text()
    assert "udcff" in file.read_text()


def test_what_a_failure_says_is_no_markup_and_no_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import sys

    from dmrefresh.console.actions import Actions
    from dmrefresh.errors import NotSanitised

    file = tmp_path / "summary.md"
    voice = Actions("clean-and-apply", {"GITHUB_STEP_SUMMARY": str(file)}, sys.stderr)
    voice.failed(NotSanitised("table <b>|x|\n::set-env name=A::b 100% \x1b[2J", hint="a: keep"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("::error title=")
    assert "%0A::set-env name=A::b 100%25 \\x1b[2J" in line
    assert "table \\<b\\>\\|x\\| ::set-env" in file.read_text()
