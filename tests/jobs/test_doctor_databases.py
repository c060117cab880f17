"""doctor: what is wrong with a database that is backed up, with a target, or with the newest dump is seen."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest

from dmrefresh.dump.note import Note, write_note
from dmrefresh.jobs.doctor import sources
from dmrefresh.postgres import receipt
from dmrefresh.postgres.receipt import Receipt
from fixtures.parts.dumping import dump_sql, make_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import BUCKET
from tests.jobs.hospital import SECRET, Hospital, assert_fails, assert_passes, assert_skips, assert_warns
from tests.jobs.small import RULES, TABLE, tunnelled
from tests.jobs.test_dumps import encrypt

SOURCE = ("source.",)
TARGET = ("target.local", "target.local.")
DUMP = ("ruleset", "dump.", "disk")


@dataclass
class Furnished:
    """A hospital with a source, a target and a dump; `name` is the target's role and database, `reader` the source's
    role."""

    hospital: Hospital
    cluster: Cluster
    name: str
    reader: str
    ciphertext: bytes

    def at(self, database: str, *statements: str) -> None:
        """As a superuser."""
        with psycopg.connect(self.cluster.url(database), autocommit=True) as connection:
            for one in statements:
                connection.execute(one.encode())

    @property
    def source(self) -> str:
        """The source's database."""
        return f"{self.name}_source"


@pytest.fixture
def furnished(hospital: Hospital, cluster_for: Callable[[int], Cluster]) -> Furnished:
    cluster, name = cluster_for(16), f"d{uuid4().hex[:10]}"
    made = Furnished(hospital, cluster, name, f"{name}_reader", b"")
    cluster.create_role_and_database(name, name)
    made.at(
        "postgres",
        f"CREATE DATABASE {made.source}",
        f"CREATE ROLE {made.reader} LOGIN PASSWORD '{SECRET}'",
        f"GRANT pg_read_all_data TO {made.reader}",
    )
    made.at(made.source, TABLE, "CREATE SEQUENCE counter", "INSERT INTO note VALUES (1, 'x', '{}')")
    file = hospital.folder / "dump.gpg"
    make_dump(cluster, made.source, hospital.credentials, file, level=1)
    made.ciphertext = file.read_bytes()
    hospital.put(made.ciphertext)
    rules = hospital.folder / "rules.yaml"
    rules.write_text(RULES)
    url = cluster.url(made.source, made.reader).replace("@", f":{SECRET}@")
    hospital.sections |= {
        "ruleset": f'path = "{rules}"',
        "production": f'databases = ["{made.source}"]',
        f"sources.{hospital.stage}": f'url = "{url}"',
        "targets.local": f'url = "{cluster.url(name, name)}"',
    }
    return made


def test_what_is_as_it_should_be_is_green_in_both_modes_and_nothing_secret_is_said(furnished: Furnished) -> None:
    text, told = furnished.hospital.run(), furnished.hospital.run("--json")
    assert (text.returncode, told.returncode) == (0, 0), text.stdout + text.stderr
    found = json.loads(told.stdout)
    assert (found["version"], found["ok"], found["exit_code"], found["fail"], found["warn"]) == (1, True, 0, 0, 0)
    assert found["pass"] == len(found["checks"])
    lines = text.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == [one["name"] for one in found["checks"]]
    assert lines[-2:] == [f"{found['pass']} in order", "next: dmrefresh plan --target cleaned"]
    assert SECRET not in text.stdout + text.stderr + told.stdout + told.stderr


def test_what_fails_is_told_first_and_gives_the_exit_code_in_both_modes(furnished: Furnished) -> None:
    hospital = furnished.hospital
    hospital.versioning("Suspended")  # 15
    hospital.keys.joinpath("secret.key.enc").unlink()  # 12
    hospital.sections["targets.gone"] = 'url = "postgresql://me:hunter2@127.0.0.1:1/x"'  # 21
    text, told = hospital.run(), hospital.run("--json")
    found = json.loads(told.stdout)
    assert (text.returncode, told.returncode, found["exit_code"], found["ok"]) == (12, 12, 12, False)
    failed = ["sops.secret_key", "bucket.versioning", "target.gone"]
    assert [one["name"] for one in found["checks"]][:3] == failed
    assert [line.split()[1] for line in text.stdout.splitlines() if line.startswith("FAIL")] == failed
    assert re.search(r"^3 failed, .*in order$", text.stdout, re.MULTILINE)
    assert "next: mend what failed" in text.stdout
    assert SECRET not in text.stdout + text.stderr + told.stdout + told.stderr
    assert "Traceback" not in text.stderr + told.stderr


def test_settings_that_are_not_right_fail_like_everything_else(hospital: Hospital) -> None:
    hospital.sections["dumps"] += "\nbukket = 'x'"
    text, told = hospital.run(), hospital.run("--json")
    found = json.loads(told.stdout)
    assert (text.returncode, told.returncode, found["exit_code"]) == (2, 2, 2)
    assert found["checks"][0]["name"] == "settings"
    assert found["checks"][0]["next"] == "did you mean `dumps.bucket`?"
    assert text.stdout.startswith("FAIL  settings")
    assert "ok    gpg" in text.stdout


def test_a_source_that_is_as_it_should_be_passes(furnished: Furnished) -> None:
    found = furnished.hospital.examined(*SOURCE)
    assert {one.status for one in found.found} == {"pass"}, found.text(110)
    assert len(found.found) == 5


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE secret (id integer)", "public.secret"),
        ("CREATE SEQUENCE hidden", "public.hidden"),
        ("CREATE SCHEMA inner_room; GRANT SELECT ON ALL TABLES IN SCHEMA inner_room TO {reader}; "
         "CREATE TABLE inner_room.t (id integer); GRANT SELECT ON inner_room.t TO {reader}", "inner_room.t"),
        ("CREATE TABLE rows (id integer); ALTER TABLE rows ENABLE ROW LEVEL SECURITY; "
         "GRANT SELECT ON rows TO {reader}", "public.rows"),
    ],
    ids=["a table", "a sequence", "a schema", "row security"],
)  # fmt: skip
def test_what_the_source_s_role_may_not_read_is_named(furnished: Furnished, statement: str, named: str) -> None:
    name = f"source.{furnished.hospital.stage}.rights"
    furnished.at(
        furnished.source,
        f"REVOKE pg_read_all_data FROM {furnished.reader}",
        f"GRANT SELECT ON note TO {furnished.reader}",
        f"GRANT SELECT ON counter TO {furnished.reader}",
    )
    assert_passes(furnished.hospital.examined(*SOURCE), name)
    furnished.at(furnished.source, statement.format(reader=furnished.reader))
    found = furnished.hospital.examined(*SOURCE)
    assert_fails(found, name, 16, f"to be backed up: {named}.")


def test_what_is_not_backed_up_need_not_be_read(furnished: Furnished) -> None:
    furnished.at(
        furnished.source,
        f"REVOKE pg_read_all_data FROM {furnished.reader}",
        f"GRANT SELECT ON note, counter TO {furnished.reader}",
        "CREATE SCHEMA dmrefresh",
        "CREATE TABLE dmrefresh.receipt (id integer)",
        "CREATE VIEW v AS SELECT 1",
    )
    assert_passes(furnished.hospital.examined(*SOURCE), f"source.{furnished.hospital.stage}.rights")


def test_a_superuser_is_more_than_a_backup_needs(furnished: Furnished) -> None:
    hospital = furnished.hospital
    hospital.sections[f"sources.{hospital.stage}"] = f'url = "{furnished.cluster.url(furnished.source)}"'
    assert_warns(hospital.examined(*SOURCE), f"source.{hospital.stage}.rights", "superuser")


def test_a_source_that_does_not_answer_fails_and_its_other_checks_are_skipped(furnished: Furnished) -> None:
    hospital = furnished.hospital
    hospital.sections[f"sources.{hospital.stage}"] = f'url = "postgresql://me:{SECRET}@127.0.0.1:1/x"'
    found = hospital.examined(*SOURCE)
    assert_fails(found, f"source.{hospital.stage}", 21, f"source `{hospital.stage}`", "does not answer")
    assert {one.status for one in found.found[1:]} == {"skip"}
    assert SECRET not in found.text(110) + found.json()


def test_without_a_pg_dump_of_the_servers_version_it_fails(furnished: Furnished) -> None:
    name = f"source.{furnished.hospital.stage}.pg_dump"
    furnished.hospital.sections["programs"] = 'pg_dump = "/absent/pg_dump"'
    assert_fails(furnished.hospital.examined(*SOURCE), name, 2, "PostgreSQL 16 or newer", "there is none")
    old = furnished.hospital.folder / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.2'\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    furnished.hospital.sections["programs"] = f'pg_dump = "{old}"'
    assert_fails(furnished.hospital.examined(*SOURCE), name, 2, "there is 13")


def test_production_without_anything_that_tells_it_is_warned_of(furnished: Furnished) -> None:
    name = f"source.{furnished.hospital.stage}.mark"
    del furnished.hospital.sections["production"]
    assert_warns(furnished.hospital.examined(*SOURCE), name, "has no mark")
    furnished.at(furnished.source, "CREATE PUBLICATION dmrefresh_protected")
    assert_passes(furnished.hospital.examined(*SOURCE), name, "carries the mark")


def test_a_large_database_is_told_of_the_limit_of_a_presigned_post(
    furnished: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"source.{furnished.hospital.stage}.size"
    assert_passes(furnished.hospital.examined(*SOURCE), name, "5.4 GB")
    monkeypatch.setattr(sources, "SHRINKS", 0)
    assert_warns(furnished.hospital.examined(*SOURCE), name, "5.4 GB")


def test_another_stage_has_another_source_and_other_dumps(furnished: Furnished) -> None:
    found = furnished.hospital.examined("source.", "dump.newest", "dump.opens", stage="elsewhere")
    assert_fails(found, "dump.newest", 10, "no dump of elsewhere")
    assert_skips(found, "source.elsewhere", "[sources.elsewhere] in the settings, to back it up")
    assert len(found.found) == 3


def test_a_target_that_is_as_it_should_be_passes(furnished: Furnished) -> None:
    found = furnished.hospital.examined(*TARGET)
    assert {one.status for one in found.found} == {"pass"}, found.text(110)
    assert_passes(found, "target.local.strategy", "the newest dump could be published by `schema`")


def superuser(one: Furnished) -> None:
    one.hospital.sections["targets.local"] = f'url = "{one.cluster.url(one.name)}"'


def marked(one: Furnished) -> None:
    one.at(one.name, "CREATE PUBLICATION dmrefresh_protected")


def by_name(one: Furnished) -> None:
    one.hospital.sections["production"] = f'databases = ["{one.name}"]'


def of_others(one: Furnished) -> None:
    one.at(one.name, "CREATE TABLE public.theirs (id integer)")


def depended_on(one: Furnished) -> None:
    one.at(one.name, "CREATE TABLE public.note (id integer)", f"ALTER TABLE public.note OWNER TO {one.name}")
    one.at(one.name, "CREATE SCHEMA other", "CREATE VIEW other.v AS SELECT id FROM public.note")


def without_createdb(one: Furnished) -> None:
    one.hospital.sections["targets.local"] += '\nstrategy = "database"'


def without_create(one: Furnished) -> None:
    one.at("postgres", f"ALTER DATABASE {one.name} OWNER TO postgres")


def without_a_dump(hospital: Hospital) -> None:
    """Let the doctor look for dumps where there are none."""
    hospital.sections["dumps"] = hospital.sections["dumps"].replace(hospital.stage, "nothing-of-it")


@pytest.mark.parametrize(
    ("fault", "name", "code"),
    [
        (superuser, "target.local.guards", 16),
        (marked, "target.local.guards", 15),
        (by_name, "target.local.guards", 15),
        (of_others, "target.local.strategy", 16),
        (depended_on, "target.local.strategy", 15),
        (without_createdb, "target.local.strategy", 16),
        (without_create, "target.local.strategy", 16),
    ],
)
def test_a_target_that_would_be_refused_fails_without_a_dump_already(
    furnished: Furnished, fault: Callable[[Furnished], None], name: str, code: int
) -> None:
    without_a_dump(furnished.hospital)
    assert_passes(furnished.hospital.examined(*TARGET), name)
    fault(furnished)
    assert_fails(furnished.hospital.examined(*TARGET), name, code)


def test_without_a_dump_a_target_is_looked_at_for_the_schemas_that_were_refreshed_last(furnished: Furnished) -> None:
    role = furnished.name
    furnished.at(role, f"CREATE SCHEMA billing AUTHORIZATION {role}", "CREATE TABLE public.note (id integer)")
    furnished.at(role, "CREATE VIEW billing.notes AS SELECT id FROM public.note")
    furnished.at(role, f"ALTER TABLE public.note OWNER TO {role}", f"ALTER VIEW billing.notes OWNER TO {role}")
    without_a_dump(furnished.hospital)
    assert_fails(furnished.hospital.examined(*TARGET), "target.local.strategy", 15, "depend on what is inside")
    with psycopg.connect(furnished.cluster.url(role, role)) as connection:
        receipt.write(connection, Receipt("run", "a-dump", "r", "0"), 1, ("public", "billing"))
    assert_passes(furnished.hospital.examined(*TARGET), "target.local.strategy", "without a dump")


def test_a_target_whose_receipts_may_not_be_read_is_looked_at_all_the_same(furnished: Furnished) -> None:
    role = furnished.name
    furnished.at(role, "CREATE SCHEMA dmrefresh", "CREATE TABLE dmrefresh.receipts (run text)")
    without_a_dump(furnished.hospital)
    found = furnished.hospital.examined(*TARGET)
    assert_passes(found, "target.local.guards")
    assert "The check itself broke" not in found.text(110)


def test_a_superuser_whom_the_settings_allow_is_called_one(furnished: Furnished) -> None:
    superuser(furnished)
    furnished.hospital.sections["targets.local"] += "\nallow_superuser = true"
    found = furnished.hospital.examined(*TARGET)
    assert_warns(found, "target.local.guards", "its role is a superuser")
    assert "no superuser" not in found.text(110)


def test_what_a_dump_brings_that_a_target_cannot_take_fails(furnished: Furnished) -> None:
    furnished.at(furnished.source, "CREATE SCHEMA dmrefresh", "CREATE TABLE dmrefresh.receipt (id integer)")
    file = furnished.hospital.folder / "dump.gpg"
    make_dump(furnished.cluster, furnished.source, furnished.hospital.credentials, file, level=1)
    furnished.hospital.put(file.read_bytes(), age=timedelta(hours=1))
    assert_fails(furnished.hospital.examined(*TARGET), "target.local.strategy", 17, "schema dmrefresh")


def test_a_host_of_production_is_not_even_connected_to(furnished: Furnished) -> None:
    furnished.hospital.sections["production"] = 'hosts = ["127.0.0.1"]'
    without_a_dump(furnished.hospital)
    found = furnished.hospital.examined(*TARGET)
    assert_fails(found, "target.local", 15, "one of production's")
    assert_skips(found, "target.local.strategy", "target.local")


def test_a_tunnel_is_opened_and_one_that_ends_is_told(furnished: Furnished) -> None:
    without_a_dump(furnished.hospital)
    sections = furnished.hospital.sections
    plain = sections["targets.local"]
    sections["targets.local"] = f"{plain}\n{tunnelled(furnished.hospital.folder)}"
    assert_passes(furnished.hospital.examined(*TARGET), "target.local")
    sections["targets.local"] = f'{plain}\ntunnel = ["false", "{{port}}"]'
    assert_fails(furnished.hospital.examined(*TARGET), "target.local", 21, "tunnel", "exit status 1")


def test_a_target_may_be_named_or_be_a_url_and_another_is_told(furnished: Furnished) -> None:
    hospital = furnished.hospital
    without_a_dump(hospital)
    url = furnished.cluster.url(furnished.name, furnished.name)
    found = hospital.examined("target.", "target.url", targets=[url])
    assert [one.name for one in found.found] == ["target.url", "target.url.guards", "target.url.strategy"]
    assert {one.status for one in found.found} == {"pass"}, found.text(110)
    assert_fails(hospital.examined("target.other", targets=["other"]), "target.other", 2, "no target `other`")
    del hospital.sections["targets.local"], hospital.sections["targets.cleaned"]
    assert_warns(hospital.examined("target"), "target", "name no target")


def test_a_bucket_whose_ruleset_needs_a_server_has_one_or_fails(furnished: Furnished) -> None:
    rules, cleaned = furnished.hospital.folder / "rules.yaml", furnished.hospital.sections["targets.cleaned"]
    scratch = furnished.cluster.url("postgres", furnished.name)
    furnished.hospital.sections["targets.cleaned"] = f'{cleaned}\nscratch = "{scratch}"'
    rules.write_text(RULES + "after_load: after.sql\n")
    rules.with_name("after.sql").write_text("UPDATE note SET body = 'x';\n")
    assert_fails(furnished.hospital.examined("target.cleaned.scratch"), "target.cleaned.scratch", 16)
    furnished.at("postgres", f"ALTER ROLE {furnished.name} CREATEDB")
    found = furnished.hospital.examined("target.cleaned.scratch")
    assert_passes(found, "target.cleaned.scratch", "PostgreSQL 16, on a server")


def test_a_newest_dump_that_is_as_it_should_be_passes(furnished: Furnished) -> None:
    found = furnished.hospital.examined(*DUMP)
    assert {one.status for one in found.found} == {"pass"}, found.text(110)
    assert len(found.found) == 6


def test_no_dump_at_all_fails_and_what_needs_one_is_skipped(furnished: Furnished) -> None:
    hospital = furnished.hospital
    for one in hospital.admin.list_objects_v2(Bucket=BUCKET, Prefix=hospital.stage)["Contents"]:
        hospital.admin.put_object(Bucket=BUCKET, Key=one["Key"], Body=b"")
    found = hospital.examined(*DUMP)
    assert_fails(found, "dump.newest", 10, "There is no dump")
    assert_skips(found, "dump.opens", "dump.newest")


@pytest.mark.parametrize("doubtful", ["refuse", "warn"])
def test_a_dump_that_is_too_old_or_too_small_is_doubtful(furnished: Furnished, doubtful: str) -> None:
    hospital = furnished.hospital
    hospital.sections["dumps"] += f'\nmax_age = "2 hours"\ndoubtful = "{doubtful}"'
    for days in (2, 3, 4):
        hospital.put(b"x" * 3 * len(furnished.ciphertext), age=timedelta(days=days))
    found = hospital.examined("dump.newest", "dump.taken")
    if doubtful == "warn":
        assert_warns(found, "dump.taken", "is too old", "where those before it have")
    else:
        assert_fails(found, "dump.taken", 10, "is too old")


def test_a_dump_that_was_not_read_back_is_warned_of_or_refused_as_a_refresh_would(furnished: Furnished) -> None:
    hospital = furnished.hospital
    key = hospital.put(furnished.ciphertext, age=timedelta(hours=1), verified=False)
    assert_warns(hospital.examined("dump.taken"), "dump.taken", key, "is newer and was never read back")
    hospital.sections["dumps"] += '\nunverified = "refuse"'
    assert_warns(hospital.examined("dump.taken"), "dump.taken", key)
    for one in hospital.admin.list_objects_v2(Bucket=BUCKET, Prefix=hospital.stage)["Contents"]:
        if one["Key"].endswith(".json"):
            hospital.admin.delete_object(Bucket=BUCKET, Key=one["Key"])
    assert_fails(hospital.examined("dump.taken"), "dump.taken", 10, "was ever read back")


def test_a_dump_that_does_not_open_or_is_none_fails(furnished: Furnished) -> None:
    furnished.hospital.put(b"SELECT 1;\n" * 100, age=timedelta(hours=1))
    found = furnished.hospital.examined(*DUMP)
    assert_fails(found, "dump.opens", 13)
    assert_skips(found, "dump.ruleset", "dump.opens")


def test_a_dump_that_a_refresh_refuses_since_it_must_be_signed_is_not_green(furnished: Furnished) -> None:
    hospital = furnished.hospital
    hospital.sections["dumps"] += "\nsigned = true"
    assert_warns(hospital.examined(*DUMP), "dump.taken", "must be signed")
    sql = hospital.folder / "dump.sql"
    dump_sql(furnished.cluster, furnished.source, sql)
    text = write_note(Note(name="another-202611220300.sql.gz.gpg")) + sql.read_bytes()
    hospital.put(encrypt(gzip.compress(text), "--encrypt", keys=(hospital.credentials.public_key,)))
    assert_fails(hospital.examined(*DUMP), "dump.ruleset", 13, "another backup under a new name")


def test_a_ruleset_that_is_wrong_or_does_not_cover_the_dump_fails(furnished: Furnished) -> None:
    rules = furnished.hospital.folder / "rules.yaml"
    rules.write_text(RULES.replace("body: keep (as it is)", ""))
    assert_fails(furnished.hospital.examined(*DUMP), "dump.ruleset", 14, "body")
    rules.write_text(RULES.replace("body:", "gone: keep (it was)\n      body:"))
    assert_warns(furnished.hospital.examined(*DUMP), "dump.ruleset", "gone")
    rules.write_text("nonsense: 1\n")
    found = furnished.hospital.examined(*DUMP)
    assert_fails(found, "ruleset", 2, "rules.yaml")
    assert_skips(found, "dump.ruleset", "ruleset")
    assert_passes(found, "dump.opens")


def test_a_disk_that_is_too_small_for_the_dump_fails(furnished: Furnished, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 1

    def usage(path: str) -> SimpleNamespace:
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert_fails(furnished.hospital.examined("dump.newest", "disk"), "disk", 2, "1 B are free")
    free = len(furnished.ciphertext) * 3 // 2
    assert_warns(furnished.hospital.examined("dump.newest", "disk"), "disk", "twice that")


def test_who_is_told_is_looked_at_and_nobody_is_told(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_passes(hospital.examined("notify"), "notify", "slack_url can be told")
    found = hospital.examined("notify")
    assert SECRET not in found.text(110) + found.json()
    monkeypatch.delenv("DMREFRESH_NOTIFY_SLACK_URL")
    del hospital.variables["DMREFRESH_NOTIFY_SLACK_URL"]
    assert_skips(hospital.examined("notify"), "notify", "notify.slack_url or notify.webhook_url, to tell anybody")
