from __future__ import annotations

from pathlib import Path

import pytest

from dmrefresh import settings
from dmrefresh.errors import UsageFailure

TARGET = '[targets.local]\nurl = "postgresql://app@/app"\n'


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_of_the_digital_marketplace_hold(tmp_path: Path) -> None:
    found = settings.load(environ={}, folder=tmp_path)
    assert (found.dumps.bucket, found.dumps.stage) == ("digitalmarketplace-database-backups", "production")
    assert found.ruleset.path == "digitalmarketplace"


def test_the_nearest_file_upwards_holds_over_the_users_and_the_environment_over_both(tmp_path: Path) -> None:
    write(
        tmp_path / "config/dmrefresh/dmrefresh.toml", '[dumps]\nbucket = "users"\nregion = "users"\nstage = "users"\n'
    )
    write(tmp_path / "project/dmrefresh.toml", '[dumps]\nbucket = "projects"\nregion = "projects"\n')
    (tmp_path / "project/deep/deeper").mkdir(parents=True)
    found = settings.load(environ={"DMREFRESH_DUMPS_BUCKET": "environments"}, folder=tmp_path / "project/deep/deeper")
    assert (found.dumps.bucket, found.dumps.region, found.dumps.stage) == ("environments", "projects", "users")


def test_targets_of_both_files_are_known_by_name(tmp_path: Path) -> None:
    write(tmp_path / "config/dmrefresh/dmrefresh.toml", '[targets.mine]\nurl = "postgresql:///mine"\n')
    write(tmp_path / "dmrefresh.toml", TARGET)
    found = settings.load(environ={}, folder=tmp_path)
    assert set(found.targets) == {"mine", "local"}
    with pytest.raises(UsageFailure, match="known: local, mine"):
        found.target("staging")


def test_a_file_that_is_named_is_read_alone(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", TARGET)
    other = write(tmp_path / "other.toml", '[dumps]\nbucket = "other"\n')
    found = settings.load(other, environ={}, folder=tmp_path)
    assert (found.dumps.bucket, found.targets) == ("other", {})


def test_the_credentials_repository_is_found_by_the_variable_teams_have_set_already(tmp_path: Path) -> None:
    found = settings.load(environ={"DM_CREDENTIALS_REPO": "/secrets"}, folder=tmp_path)
    files = found.keys.files()
    assert files.secret_key == Path("/secrets/gpg/database-backups/secret.key.enc")
    assert files.passphrase == Path("/secrets/gpg/database-backups/secret-key-passphrase.txt.enc")


def test_relative_paths_are_relative_to_the_file_that_says_them(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", '[keys]\ncredentials_repo = "../secrets"\n[ruleset]\npath = "rules/mine.yaml"\n')
    (tmp_path / "deep").mkdir()
    found = settings.load(environ={}, folder=tmp_path / "deep")
    assert found.keys.files().secret_key.parent.resolve() == tmp_path.parent / "secrets/gpg/database-backups"
    assert found.ruleset.path == str(tmp_path / "rules/mine.yaml")


def test_without_a_credentials_repository_it_is_said_where_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={}, folder=tmp_path).keys.files()
    assert caught.value.hint is not None
    assert "DM_CREDENTIALS_REPO" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[dumps]\nbukket = 'x'\n", "dumps.bukket"),
        ("[dumps]\nbucket = 7\n", "dumps.bucket"),
        ("[dumps]\nstage = 'Pro duction'\n", "dumps.stage"),
        ("[targets.local]\n", "targets.local.url"),
        ("[dumps\n", "not valid TOML"),
        ("dumps = 3\n", "dumps"),
    ],
)
def test_a_mistake_is_named_with_file_and_setting(tmp_path: Path, text: str, named: str) -> None:
    write(tmp_path / "dmrefresh.toml", text)
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={}, folder=tmp_path)
    assert named in caught.value.what
    assert "dmrefresh.toml" in caught.value.what


def test_a_targets_password_never_shows(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", '[targets.local]\nurl = "postgresql://app:hunter2@/app"\nnonsense = "hunter2"\n')
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={}, folder=tmp_path)
    assert "hunter2" not in caught.value.what
    write(tmp_path / "dmrefresh.toml", '[targets.local]\nurl = "postgresql://app:hunter2@/app"\n')
    assert "hunter2" not in repr(settings.load(environ={}, folder=tmp_path))
