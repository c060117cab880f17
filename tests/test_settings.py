from __future__ import annotations

import json
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

from dmrefresh import settings
from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.show_settings import as_json, as_lines, shown

HUNTER = "hunter2"
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
        ("[targets.local]\n", "targets.local"),
        ("[targets.local]\nurl = 'postgresql:///x'\nservice = 'y'\n", "exactly one of url, service and vcap"),
        ("[targets.local]\nurl = 'postgresql:///x'\ntunnel = ['ssh', 'far']\n", "holds {port}"),
        ("[dumps\n", "not valid TOML"),
        ("dumps = 3\n", "dumps"),
        ("targets = 3\n", "targets"),
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


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[dumps]\nbukket = 'x'\n", "did you mean `dumps.bucket`?"),
        ("[dump]\nbucket = 'x'\n", "did you mean `dumps`?"),
        (TARGET + "keep_previus = '7 days'\n", "did you mean `targets.local.keep_previous`?"),
        ("[ruleset]\nzzz = 1\n", "known there: path"),
    ],
)
def test_an_unknown_setting_is_met_with_the_one_that_may_have_been_meant(tmp_path: Path, text: str, hint: str) -> None:
    write(tmp_path / "dmrefresh.toml", text)
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={}, folder=tmp_path)
    assert "is no setting" in caught.value.what
    assert caught.value.hint == hint


def test_a_mistake_is_named_with_the_one_file_or_variable_that_makes_it(tmp_path: Path) -> None:
    users = write(tmp_path / "config/dmrefresh/dmrefresh.toml", "[limits]\nrow_mib = 'much'\n")
    write(tmp_path / "dmrefresh.toml", TARGET)
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={}, folder=tmp_path)
    assert caught.value.what.startswith(f"{users}: `limits.row_mib`:")
    with pytest.raises(UsageFailure, match=r"^DMREFRESH_LIMITS_ROW_MIB: `limits.row_mib`:"):
        settings.load(environ={"DMREFRESH_LIMITS_ROW_MIB": "little"}, folder=tmp_path)


def test_the_environment_cannot_say_what_a_target_is_nor_what_production_is(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", TARGET + '[production]\nhosts = ["db.example.org"]\n')
    environ = {
        "DMREFRESH_PRODUCTION_HOSTS": "elsewhere",
        "DMREFRESH_TARGETS_LOCAL_URL": "postgresql:///elsewhere",
        "DMREFRESH_TARGETS_LOCAL_NOT_PRODUCTION": "because",
    }
    assert settings.load(environ=environ, folder=tmp_path) == settings.load(environ={}, folder=tmp_path)


def test_it_is_known_who_says_what(tmp_path: Path) -> None:
    users = write(tmp_path / "config/dmrefresh/dmrefresh.toml", '[dumps]\nbucket = "a"\nregion = "a"\nstage = "a"\n')
    project = write(tmp_path / "dmrefresh.toml", f'{TARGET}[dumps]\nregion = "b"\nstage = "b"\n')
    found = settings.loaded(environ={"DMREFRESH_DUMPS_STAGE": "c"}, folder=tmp_path)
    origins = {one.key: (one.value, one.origin) for one in shown(found)}
    assert origins["dumps.bucket"] == ("a", str(users))
    assert origins["dumps.region"] == ("b", str(project))
    assert origins["dumps.stage"] == ("c", "DMREFRESH_DUMPS_STAGE")
    assert origins["dumps.endpoint_url"] == (None, "default")
    assert origins["targets.local.url"] == ("postgresql://app@/app", str(project))
    assert found.gathered.files == [users, project]


SECRETS = f"""
[dumps]
endpoint_url = "https://me:{HUNTER}@s3.example.org/"
[targets.url]
url = "postgresql://app:{HUNTER}@db.example.org:6543/app?sslmode=require&sslpassword={HUNTER}"
[targets.crooked]
url = "postgresql://app:{HUNTER}@[x/app"
[targets.odd]
url = "postgresql://app:a%40{HUNTER}@[::1]/app"
[targets.words]
url = "host=/run/postgresql password='a {HUNTER}' dbname=app"
[targets.several]
url = "postgresql://app:{HUNTER}@one,two/app"
tunnel = ["tunnel", "http://me:p@s/{HUNTER}@proxy", "{{port}}"]
"""


def test_what_is_shown_holds_no_password_and_is_toml_and_json(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", SECRETS)
    found = settings.loaded(environ={}, folder=tmp_path)
    lines, whole = as_lines(found), json.loads(as_json(found))
    assert HUNTER not in lines + as_json(found)
    targets = tomllib.loads(lines)["targets"]
    assert {name: target["url"] for name, target in targets.items()} == {
        "url": "postgresql://app:***@db.example.org:6543/app?sslmode=require&sslpassword=***",
        "crooked": "***",
        "odd": "postgresql://app:***@[::1]/app",
        "words": "password=*** dbname=app host=/run/postgresql",
        "several": "user=app password=*** dbname=app host=one,two port=,",
    }
    assert targets["several"]["tunnel"] == ["tunnel", "http://me:***@proxy", "{port}"]
    assert whole["version"] == 1
    assert whole["files"] == [str(tmp_path / "dmrefresh.toml")]
    values = {one["key"]: one["value"] for one in whole["settings"]}
    assert values["targets.odd.url"] == targets["odd"]["url"]
    assert values["job.deadline"] == "6 hours"


def test_config_show_prints_the_settings_and_takes_the_programs_options(tmp_path: Path) -> None:
    file = write(tmp_path / "other.toml", SECRETS)
    argv = [str(Path(sysconfig.get_path("scripts")) / "dmrefresh"), "--config", str(file), "config", "show"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    assert HUNTER not in done.stdout
    assert str(file) in done.stdout
    done = subprocess.run([*argv, "--json"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert {one["origin"] for one in json.loads(done.stdout)["settings"]} == {"default", str(file)}
    file.write_text("[dumps]\nbukket = 'x'\n")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: did you mean `dumps.bucket`?" in done.stderr
