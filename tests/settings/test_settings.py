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
    assert (found.dumps.bucket, found.dumps.stage) == (None, "production")
    assert found.ruleset.path == "digitalmarketplace"


def test_the_nearest_file_upwards_holds_over_the_users_and_the_environment_over_both(tmp_path: Path) -> None:
    write(
        tmp_path / "config/dmrefresh/dmrefresh.toml", '[dumps]\nbucket = "users"\nregion = "users"\nstage = "users"\n'
    )
    write(tmp_path / "project/dmrefresh.toml", '[dumps]\nbucket = "projects"\nregion = "projects"\n')
    (tmp_path / "project/deep/deeper").mkdir(parents=True)
    found = settings.load(environ={"DMREFRESH_DUMPS_BUCKET": "environments"}, folder=tmp_path / "project/deep/deeper")
    assert (found.dumps.bucket, found.dumps.region, found.dumps.stage) == ("environments", "projects", "users")


@pytest.mark.parametrize(("said", "works"), [("1", True), ("8", True), ("0", False), ("9", False), ('"two"', False)])
def test_a_target_is_loaded_over_one_to_eight_connections(tmp_path: Path, said: str, works: bool) -> None:
    write(tmp_path / "dmrefresh.toml", f"{TARGET}connections = {said}\n")
    if works:
        assert settings.load(environ={}, folder=tmp_path).target("local").connections == int(said)
    else:
        with pytest.raises(UsageFailure, match=r"targets\.local\.connections"):
            settings.load(environ={}, folder=tmp_path)


@pytest.mark.parametrize(("said", "works"), [("lz4", True), ("pglz", True), ("zstd", False), ("", False)])
def test_a_target_says_how_its_long_values_are_compressed(tmp_path: Path, said: str, works: bool) -> None:
    write(tmp_path / "dmrefresh.toml", f'{TARGET}toast_compression = "{said}"\n')
    if works:
        assert settings.load(environ={}, folder=tmp_path).target("local").toast_compression == said
    else:
        with pytest.raises(UsageFailure, match=r"targets\.local\.toast_compression"):
            settings.load(environ={}, folder=tmp_path)


def test_a_bucket_compresses_nothing_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", '[targets.b]\ns3 = "cleaned"\ntoast_compression = "lz4"\n')
    with pytest.raises(UsageFailure, match="toast_compression means nothing for a bucket"):
        settings.load(environ={}, folder=tmp_path)


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
    write(
        tmp_path / "dmrefresh.toml",
        '[keys]\ncredentials_repo = "../secrets"\n[ruleset]\npath = "rules/mine.yaml"\n'
        '[programs]\npg_dump = "bin/pg_dump"\n',
    )
    (tmp_path / "deep").mkdir()
    found = settings.load(environ={}, folder=tmp_path / "deep")
    assert found.keys.files().secret_key.parent.resolve() == tmp_path.parent / "secrets/gpg/database-backups"
    assert found.ruleset.path == str(tmp_path / "rules/mine.yaml")
    assert found.programs.pg_dump == tmp_path / "bin/pg_dump"


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
        ("[targets.local]\nurl = 'postgresql:///x'\nservice = 'y'\n", "exactly one of url, service, vcap and s3"),
        ("[targets.local]\nurl = 'postgresql:///x'\ntunnel = ['ssh', 'far']\n", "holds {port}"),
        ("[targets.c]\ns3 = 'b'\nstrategy = 'auto'\n", "strategy means nothing for a bucket"),
        ("[targets.c]\nurl = 'postgresql:///x'\nscratch = 'embedded'\n", "scratch means nothing for a database"),
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
    assert "config show" not in caught.value.advice, "that reads the same file"


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
        ("[ruleset]\nzzz = 1\n", "known there: path; `dmrefresh help environment` lists the settings"),
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


def users_and_projects(tmp_path: Path, users: str, projects: str) -> tuple[Path, Path]:
    return write(tmp_path / "config/dmrefresh/dmrefresh.toml", users), write(tmp_path / "dmrefresh.toml", projects)


def test_a_projects_file_adds_to_what_the_users_says_of_production_and_takes_nothing_away(tmp_path: Path) -> None:
    users, project = users_and_projects(
        tmp_path,
        '[production]\nhosts = ["a", "b"]\ndatabases = ["x"]\nsystem_identifier = 1\ndatabase = "x"\n',
        '[production]\nhosts = ["b", "c"]\ndatabases = []\n',
    )
    found = settings.loaded(environ={}, folder=tmp_path)
    production = found.settings.production
    assert (production.hosts, production.databases, production.system_identifier) == (("a", "b", "c"), ("x",), 1)
    assert {one.key: one.origin for one in shown(found)}["production.hosts"] == f"{users} and {project}"


def test_files_that_contradict_each_other_about_production_are_refused(tmp_path: Path) -> None:
    users_and_projects(
        tmp_path,
        '[production]\nsystem_identifier = 1\ndatabase = "x"\n',
        '[production]\nsystem_identifier = 2\ndatabase = "x"\n',
    )
    with pytest.raises(UsageFailure, match=r"`production\.system_identifier` differs"):
        settings.load(environ={}, folder=tmp_path)


def test_what_the_user_says_of_production_counts_also_where_a_file_is_named_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    users, other = users_and_projects(tmp_path, f'{TARGET}[production]\nhosts = ["a"]\n', "")
    found = settings.load(other, environ={}, folder=tmp_path)
    assert (found.production.hosts, found.targets) == (("a",), {})
    assert settings.loaded(users, environ={}, folder=tmp_path).gathered.files == [users]


REASON = 'not_production = "a copy"\n'


@pytest.mark.parametrize("projects", ['url = "postgresql:///other"\n', 'tunnel = ["ssh", "{port}"]\n'])
def test_a_reason_is_not_carried_over_to_a_place_that_another_file_leads_to(tmp_path: Path, projects: str) -> None:
    users_and_projects(tmp_path, TARGET + REASON, "[targets.local]\n" + projects)
    found = settings.loaded(environ={}, folder=tmp_path)
    assert found.settings.target("local").not_production is None
    assert {one.key: one.origin for one in shown(found)}["targets.local.not_production"] == "default"


def test_a_reason_stays_with_the_place_of_its_own_file(tmp_path: Path) -> None:
    users_and_projects(tmp_path, TARGET + REASON, "[targets.local]\nverify_first = true\n")
    target = settings.load(environ={}, folder=tmp_path).target("local")
    assert (target.not_production, target.verify_first) == ("a copy", True)


@pytest.mark.parametrize("reasoning", [0, 1])
def test_a_reason_without_a_place_in_its_own_file_is_refused(tmp_path: Path, reasoning: int) -> None:
    texts = [TARGET, TARGET]
    texts[reasoning] = "[targets.local]\n" + REASON
    files = users_and_projects(tmp_path, *texts)
    with pytest.raises(UsageFailure, match="is about no place") as caught:
        settings.load(environ={}, folder=tmp_path)
    assert caught.value.what.startswith(str(files[reasoning]))


@pytest.mark.parametrize(
    "host",
    ["db.example.org:5432", "[::1]:5432", "postgresql://db.example.org/app", "10.0.0.0/99", "a,b", "me@db", "", "a b"],
)
def test_a_host_of_production_that_nothing_could_match_is_refused(tmp_path: Path, host: str) -> None:
    write(tmp_path / "dmrefresh.toml", f'[production]\nhosts = ["good", "{host}"]\n')
    with pytest.raises(UsageFailure, match=r"production\.hosts\.1.*no port, no URL"):
        settings.load(environ={}, folder=tmp_path)


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
before = [["announce", "--token={HUNTER}"], ["alone"]]
after = [["sh", "-c", "curl -H {HUNTER}"]]
[targets.bound]
vcap = "*"
vcap_command = ["env", "-u", "{HUNTER}"]
[targets.unescaped]
url = "postgresql://app:pa@{HUNTER}@127.0.0.1:1/app"
[targets.unescaped_too]
url = "postgresql://app:{HUNTER}/ret@127.0.0.1:1/app"
[targets.bucket]
s3 = "cleaned"
scratch = "host=db.example.org password='a {HUNTER}'"
endpoint_url = "https://me:{HUNTER}@s3.example.org/"
[targets.doubled]
url = "dbname=postgresql://app:{HUNTER}@db.example.org/app"
"""


def test_what_is_shown_holds_no_password_and_is_toml_and_json(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", SECRETS)
    found = settings.loaded(environ={}, folder=tmp_path)
    lines, whole = as_lines(found), json.loads(as_json(found))
    assert HUNTER not in lines + as_json(found)
    targets = tomllib.loads(lines)["targets"]
    assert {name: target["url"] for name, target in targets.items() if "url" in target} == {
        "url": "postgresql://app:***@db.example.org:6543/app?sslmode=require&sslpassword=***",
        "crooked": "***",
        "odd": "postgresql://app:***@[::1]/app",
        "words": "password=*** dbname=app host=/run/postgresql",
        "several": "user=app password=*** dbname=app host=one,two port=,",
        "unescaped": "***",
        "unescaped_too": "***",
        "doubled": "***",
    }
    assert targets["several"]["tunnel"] == ["tunnel", "and 2 arguments"]
    assert targets["several"]["before"] == [["announce", "and 1 argument"], ["alone"]]
    assert targets["several"]["after"] == [["sh", "and 2 arguments"]]
    assert targets["bound"]["vcap_command"] == ["env", "and 2 arguments"]
    assert targets["bucket"]["scratch"] == "password=*** host=db.example.org"
    assert targets["url"]["scratch"] == "embedded"
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


def test_a_source_is_somewhere_and_its_stage_is_its_name(tmp_path: Path) -> None:
    write(tmp_path / "dmrefresh.toml", '[sources.staging]\nvcap = "*"\n')
    found = settings.load(environ={}, folder=tmp_path)
    assert found.source("staging").vcap == "*"
    with pytest.raises(UsageFailure, match=r"no source `production` \(known: staging\)"):
        found.source("production")
    for text in ("", 'url = "postgresql:///a"\nservice = "b"', 's3 = "bucket"', 'vcap = "*"\ntunnel = ["ssh"]'):
        write(tmp_path / "dmrefresh.toml", f"[sources.production]\n{text}\n")
        with pytest.raises(UsageFailure, match=r"dmrefresh\.toml: `sources\.production"):
            settings.load(environ={}, folder=tmp_path)


def test_where_messages_go_and_what_leads_to_a_source_is_never_shown(tmp_path: Path) -> None:
    secret = "T0-s3cret"
    notified = (
        f'[notify]\nslack_url = "https://hooks.example/{secret}"\nwebhook_url = "https://hooks.example/{secret}"\n'
    )
    source = (
        f'[sources.production]\nurl = "postgresql://app:{secret}@db/app"\ntunnel = ["ssh", "{{port}}", "{secret}"]\n'
    )
    write(tmp_path / "dmrefresh.toml", notified + source)
    loaded = settings.loaded(environ={"DMREFRESH_NOTIFY_CHANNEL": "#releases"}, folder=tmp_path)
    assert (loaded.settings.notify.channel, secret in str(loaded.settings.notify.slack_url)) == ("#releases", True)
    for text in (as_lines(loaded), as_json(loaded), repr(loaded.settings)):
        assert "notify" in text
        assert secret not in text.replace(repr(loaded.settings.source("production").tunnel), "")


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("TOKEN=hunter2 dmrefresh backup-production --worker", "TOKEN=*** and 3 more words"),
        ("./back-up --token hunter2", "./back-up and 2 more words"),
        ("back-up", "back-up"),
        ("dmrefresh backup-production --worker", "dmrefresh backup-production --worker"),
    ],
)
def test_of_the_workers_command_the_program_alone_is_shown_unless_it_is_ours(
    tmp_path: Path, command: str, seen: str
) -> None:
    write(tmp_path / "dmrefresh.toml", f'[cloud_foundry]\ncommand = "{command}"\n')
    found = {one.key: one.value for one in shown(settings.loaded(environ={}, folder=tmp_path))}
    assert found["cloud_foundry.command"] == seen


def test_a_misspelt_target_or_stage_is_answered_with_the_one_that_may_be_meant() -> None:
    known = {"url": "postgresql://a@127.0.0.1:9/b"}
    said = settings.Settings.model_validate({"targets": {"local": known}, "sources": {"production": known}})
    with pytest.raises(UsageFailure) as target:
        said.target("loca")
    assert target.value.advice.startswith("did you mean local? Else add [targets.loca] with a url")
    with pytest.raises(UsageFailure) as source:
        said.source("producton")
    assert source.value.advice.startswith("did you mean production? Else add [sources.producton]")
    with pytest.raises(UsageFailure) as other:
        said.target("staging")
    assert other.value.advice.startswith("add [targets.staging]")
