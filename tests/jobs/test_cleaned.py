"""A cleaned dump goes to a bucket whole and signed, and comes back without any secret; nothing else passes for one."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from dmrefresh.bucket.store import Store
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import DumpDamaged
from dmrefresh.jobs.refresh.cleaned import Cleaned
from dmrefresh.jobs.refresh.source import Attempt
from dmrefresh.observer import Observer
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from sanitisers.ruleset.loading import parse_ruleset
from tests.jobs.scene import DMREFRESH
from tests.jobs.small import RULES, bodies, small_scene
from tests.jobs.test_leaks import leaking

LATEST = "cleaned-db-dump.sql.gz"
MARK = b"-- dmrefresh mark 1\n"


@dataclass
class Team:
    """A bucket for cleaned dumps, the jobs that fill it, and a developer who has no secret at all."""

    folder: Path
    store: ObjectStore
    bucket: str
    settings: Path
    jobs: dict[str, str]
    developer: dict[str, str]
    text: bytes
    scene: Any
    temporary: Path
    """The folder for temporary files, of a short name, which a server's account may enter."""

    def run(self, env: dict[str, str], *arguments: str) -> tuple[int, str]:
        argv = [DMREFRESH, "--config", str(self.settings), *arguments, "--debug"]
        done = subprocess.run(
            argv, env=env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def clean(self, *arguments: str) -> tuple[int, str]:
        """Fill the bucket, as the job does."""
        return self.run(self.jobs, "clean-and-apply", "--target", "cleaned", "--confirm", "cleaned", *arguments)

    def refresh(self, *arguments: str) -> tuple[int, str]:
        """Refresh the local database from the bucket, as a developer does."""
        return self.run(self.developer, "clean-and-apply", "--from", "cleaned", "--target", "local", *arguments)

    def objects(self) -> dict[str, bytes]:
        client = self.store.client(self.store.admin)
        names = [one["Key"] for one in client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        return {name: client.get_object(Bucket=self.bucket, Key=name)["Body"].read() for name in names}

    def put(self, name: str, content: bytes) -> None:
        self.store.client(self.store.admin).put_object(Bucket=self.bucket, Key=name, Body=content)


@pytest.fixture
def team(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Iterator[Team]:
    with tempfile.TemporaryDirectory(prefix="dmr-", dir="/tmp") as temporary:
        Path(temporary).chmod(0o711)
        yield made_team(cluster_for, object_store, credentials, tmp_path, Path(temporary))


def made_team(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    temporary: Path,
) -> Team:
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    bucket = f"digitalmarketplace-cleaned-{uuid4().hex[:12]}"
    object_store.make_bucket(bucket)
    scene.more = f"""
        [targets.cleaned]
        s3 = "{bucket}"
        endpoint_url = "{object_store.endpoint_url}"
        [programs]
        postgres = "{cluster_for(16).bin("postgres")}"
    """
    settings, jobs = scene.settings(), scene.environment() | {"TMPDIR": str(temporary)}
    # A developer's copy of the credentials repository opens nothing: the public key lies in it in clear.
    public = tmp_path / "developer" / "gpg" / "database-backups"
    public.mkdir(parents=True)
    shutil.copy(credentials.public_key, public / "public.key")
    developer = {k: v for k, v in jobs.items() if not k.startswith("SOPS")} | {
        "AWS_ACCESS_KEY_ID": object_store.developers.access_key,
        "AWS_SECRET_ACCESS_KEY": object_store.developers.secret_key,
        "DM_CREDENTIALS_REPO": str(tmp_path / "developer"),
        "DMREFRESH_KEYS_CREDENTIALS_REPO": str(tmp_path / "developer"),
    }
    return Team(tmp_path, object_store, bucket, settings, jobs, developer, text, scene, temporary)


def with_script(team: Team, sql: str, checks: str = "") -> None:
    """Give the ruleset something to do after the load."""
    (team.folder / "small.after_load.sql").write_text(sql)
    Path(team.scene.ruleset).write_text(f"{RULES}after_load: small.after_load.sql\n{checks}")


def test_a_cleaned_dump_is_stored_under_both_names_signed_and_free_of_originals(team: Team) -> None:
    code, said = team.clean("--report", str(team.folder / "report.json"))
    assert code == 0, said
    objects = team.objects()
    dated, latest = sorted(objects)
    assert (latest, len(dated)) == (LATEST, len("cleaned-db-dump-202611220300.sql.gz"))
    assert objects[dated] == objects[latest]
    text = gzip.decompress(objects[dated])
    assert b'"Jo"' not in text
    assert b"canary" in text  # the ruleset keeps it
    assert text.count(MARK) == 1
    report = json.loads((team.folder / "report.json").read_text())
    assert report["stored"] == [dated, LATEST]
    assert (report["rows"], report["strategy"]) == (2000, "s3")
    client = team.store.client(team.store.admin)
    head = client.head_object(Bucket=team.bucket, Key=LATEST)
    assert head["Metadata"]["source"].endswith(".sql.gz.gpg")
    assert client.list_multipart_uploads(Bucket=team.bucket).get("Uploads", []) == []


@pytest.mark.fault("105")
def test_a_bucket_gets_nothing_where_an_original_stands_in_what_is_kept(team: Team) -> None:
    spoiled, canary = leaking(team.scene, team.text)
    team.scene.put(team.scene.encrypt(spoiled))
    code, said = team.clean()
    assert code == 14, said
    assert "note.body: 1 e-mail address of note.details.name, once" in said
    assert canary.decode() not in said.lower()
    assert team.objects() == {}
    client = team.store.client(team.store.admin)
    assert client.list_multipart_uploads(Bucket=team.bucket).get("Uploads", []) == []


def test_a_developer_without_any_secret_is_refreshed_from_it_and_told_what_it_is(team: Team) -> None:
    assert team.clean()[0] == 0
    code, said = team.refresh("--report", str(team.folder / "report.json"))
    assert code == 0, said
    assert bodies(team.scene) == {"canary"}
    report = json.loads((team.folder / "report.json").read_text())
    assert (report["cleaned_from"], report["rows"]) == (next(iter_dumps(team)), 2000)
    code, said = team.run(team.developer, "status", "--target", "local", "--json")
    status = json.loads(said)
    assert status["dump"] == report["cleaned_from"]
    assert status["cleaned"] == report["dump"]["name"]
    assert status["ruleset"] == report["ruleset"]


def iter_dumps(team: Team) -> Iterator[str]:
    client = team.store.client(team.store.admin)
    yield from (
        one["Key"] for one in client.list_objects_v2(Bucket=team.store.bucket, Prefix=team.scene.stage)["Contents"]
    )


def test_what_the_ruleset_does_after_the_load_is_done_in_a_scratch_database_before_it_is_stored(team: Team) -> None:
    with_script(
        team,
        "DELETE FROM note WHERE id > 500; INSERT INTO note VALUES (0, 'made', NULL)",
        "checks:\n  as many: SELECT count(*) = 501 FROM note\n",
    )
    code, said = team.clean("--report", str(team.folder / "report.json"))
    assert code == 0, said
    report = json.loads((team.folder / "report.json").read_text())
    assert report["after_load"] == [["small.after_load.sql:1", 1500], ["small.after_load.sql:1", 1]]
    assert report["rows"] == 501
    text = gzip.decompress(team.objects()[LATEST])
    assert b'"Jo"' not in text
    assert b"dmrefresh.receipts" not in text
    code, said = team.refresh()
    assert code == 0, said
    assert bodies(team.scene) == {"canary", "made"}
    with psycopg.connect(team.scene.target_url) as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchall() == [(501,)]
    assert list(team.temporary.iterdir()) == []


def test_of_the_scratch_database_too_no_more_is_held_in_memory_than_the_settings_allow(team: Team) -> None:
    with_script(team, "UPDATE note SET body = repeat('x', 2000000) WHERE id = 1")
    team.scene.more += "\n[limits]\nrow_mib = 1\n"
    team.scene.settings()
    code, said = team.clean()
    assert code == 17, said
    assert "row_mib under [limits]" in said
    assert team.objects() == {}


def test_a_named_server_serves_as_well_and_keeps_nothing(team: Team, cluster_for: Callable[[int], Cluster]) -> None:
    with_script(team, "DELETE FROM note WHERE id > 500")
    role = f"s{uuid4().hex[:12]}"
    cluster = cluster_for(18)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    more = team.scene.more.replace("[programs]", f'scratch = "{cluster.url("postgres", role)}"\n[programs]')
    team.scene.more = more
    team.scene.settings()
    code, said = team.clean()
    assert code == 16, said
    assert f"ALTER ROLE {role} CREATEDB" in said
    assert team.objects() == {}
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {role} CREATEDB".encode())
        connection.execute(f"SET ROLE {role}".encode())
        connection.execute(b"CREATE DATABASE dmrefresh_scratch_20260101000000_dead")
        connection.execute(
            "COMMENT ON DATABASE dmrefresh_scratch_20260101000000_dead IS "
            "'dmrefresh: sanitised rows for a moment, dropped by the next run if it was broken off'"
        )
    code, said = team.clean()
    assert code == 0, said
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'dmrefresh_scratch%'").fetchall()
    assert left == []
    assert team.refresh()[0] == 0


BROKEN = {
    "a statement after the load that fails": ("SELECT 1 / (count(*) - 2000) FROM note", "", 22, "22012"),
    "a check that is false": ("SELECT 1", "checks:\n  few: SELECT count(*) < 5 FROM note\n", 22, "checks.few"),
    "a table that is not in the dump": ("DELETE FROM notes", "", 14, "did you mean note"),
    "what is no statement": ("DELET FROM note", "", 2, "not understood"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_fails_on_the_way_stores_nothing(team: Team, what: str) -> None:
    sql, checks, expected, says = BROKEN[what]
    with_script(team, sql, checks)
    code, said = team.clean()
    assert code == expected, said
    assert says in said
    assert team.objects() == {}


def test_a_damaged_dump_is_never_cleaned(team: Team) -> None:
    whole = team.scene.encrypt(team.text)
    team.scene.put(whole[:-2000] + bytes([whole[-2000] ^ 1]) + whole[-1999:])
    code, said = team.clean()
    assert code == 13, said
    assert team.objects() == {}


def cleaned(team: Team) -> bytes:
    assert team.clean()[0] == 0
    return team.objects()[LATEST]


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        assert text.count(old) >= 1
        return text.replace(old, new)

    return change


FORGED: dict[str, Callable[[bytes], bytes]] = {
    "a raw dump": lambda text: text[: text.index(MARK)],
    "another row": replaced(b"\tcanary ", b"\tCanary "),
    "a row less": lambda text: text[: text.index(b"\n1000\t")] + text[text.index(b"\n1001\t") :],
    "another digest": replaced(b'"sha256": "', b'"sha256": "0'),
    "another ruleset": replaced(b'"ruleset": "', b'"ruleset": "0'),
    "another signature": replaced(b"BEGIN PGP SIGNATURE-----\n", b"BEGIN PGP SIGNATURE-----\n-- dmrefresh AAAA"),
    "a mark without its signature": lambda text: text[: text.index(b"-- dmrefresh -----BEGIN")],
    "a statement among the mark's lines": replaced(
        b"-- dmrefresh -----END PGP", b"DROP TABLE note;\n-- dmrefresh -----END PGP"
    ),
    "a statement hidden in the mark's lines": replaced(
        b"-- dmrefresh -----END PGP", b"-- dmrefresh \rDROP TABLE note;\n-- dmrefresh -----END PGP"
    ),
    "a statement behind the mark": lambda text: text + b"DROP TABLE note;\n",
    "a comment behind the mark": lambda text: text + b"-- dmrefresh more\n",
    "two marks": lambda text: text + text[text.index(MARK) :],
    "nothing but the mark": lambda text: text[text.index(MARK) :],
}


@pytest.mark.fault("107")
@pytest.mark.parametrize("what", FORGED)
def test_an_object_without_a_true_mark_is_refused_before_anything_of_it_is_read(
    object_store: ObjectStore,
    credentials: Credentials,
    signed: tuple[bytes, str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    bucket, (text, name) = f"digitalmarketplace-cleaned-{uuid4().hex[:12]}", signed
    object_store.make_bucket(bucket)
    packed = gzip.compress(FORGED[what](text))
    object_store.client(object_store.admin).put_object(Bucket=bucket, Key=name, Body=packed)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.developers.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.developers.secret_key)
    store = Store(bucket, endpoint_url=object_store.endpoint_url)
    rules = parse_ruleset(RULES, "small.yaml")
    source = Cleaned(store, store.named(store.listed_cleaned()[0].key), credentials.public_key, rules, Limits())
    with pytest.raises(DumpDamaged), source.opened(Attempt(1), Observer(), verify_first=False):
        pytest.fail("it was taken for whole")


@pytest.fixture(scope="module")
def signed(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[bytes, str]:
    """The text of a cleaned dump, and its dated name."""
    folder = tmp_path_factory.mktemp("signed")
    made = made_team(cluster_for, object_store, credentials, folder, folder)
    content = cleaned(made)
    return gzip.decompress(content), min(made.objects())


@pytest.mark.fault("107")
def test_a_raw_dump_under_its_name_is_refused(team: Team, signed: tuple[bytes, str]) -> None:
    _, name = signed
    team.put(name, gzip.compress(team.text))
    code, said = team.refresh()
    assert (code, "no mark" in said) == (13, True), said
    assert bodies(team.scene) == {"old"}


@pytest.mark.fault("107")
def test_an_older_one_under_a_newer_name_is_refused(team: Team, signed: tuple[bytes, str]) -> None:
    text, name = signed
    team.put("cleaned-db-dump-299911220300.sql.gz", gzip.compress(text))
    code, said = team.refresh()
    assert code == 13, said
    assert f"under another name, {name}" in said
    team.put(LATEST, gzip.compress(text))
    code, said = team.refresh("--dump", LATEST)
    assert code == 0, said


@pytest.mark.fault("107")
def test_one_signed_by_another_key_is_refused(
    team: Team, signed: tuple[bytes, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from fixtures.parts.secrets import make_credentials

    other = make_credentials(tmp_path_factory.mktemp("other"), bits=2048)
    text, name = signed
    team.put(name, gzip.compress(text))
    shutil.copy(other.public_key, team.folder / "developer" / "gpg" / "database-backups" / "public.key")
    code, said = team.refresh()
    assert code == 13, said
    assert "not that of the key in public.key" in said
    assert bodies(team.scene) == {"old"}


def test_a_literal_that_looks_personal_is_found_though_the_mark_is_true(team: Team) -> None:
    file = Path(team.scene.ruleset)
    rules = file.read_text()
    marker = b"--\n-- PostgreSQL database dump complete"
    comment = b"COMMENT ON TABLE public.note IS 'ask jo.bloggs@suppliers.co.uk';\n\n"
    team.scene.put(team.scene.encrypt(team.text.replace(marker, comment + marker)))
    file.write_text(rules + "literals:\n  note: keep (who made the dump thought so)\n")
    assert team.clean()[0] == 0
    file.write_text(rules)
    code, said = team.refresh()
    assert code == 14, said
    assert "bloggs" not in said
    assert bodies(team.scene) == {"old"}


def test_the_old_way_of_loading_it_with_psql_goes_on_working(team: Team, cluster_for: Callable[[int], Cluster]) -> None:
    text = gzip.decompress(cleaned(team))
    cluster, name = cluster_for(16), f"t{uuid4().hex[:12]}"
    cluster.create_role_and_database(name, name)
    argv = [str(cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", cluster.url(name, name)]
    subprocess.run(argv, input=text, capture_output=True, check=True)
    with psycopg.connect(cluster.url(name, name)) as connection:
        assert connection.execute("SELECT count(*) FROM note").fetchall() == [(2000,)]


def test_a_bucket_wants_its_name_as_any_other_machine_does(team: Team) -> None:
    code, said = team.run(team.jobs, "clean-and-apply", "--target", "cleaned")
    assert (code, "--confirm cleaned" in said) == (2, True), said
    assert team.objects() == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "local", "--target", "local"), "is no bucket"),
        (("--from", "cleaned", "--target", "cleaned", "--confirm", "cleaned"), "not refreshed from another"),
        (("--from", "nowhere", "--target", "local"), "no target `nowhere`"),
        (("--from", "cleaned", "--target", "local", "--stage", "preview"), "exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_a_matter_of_the_command_line(
    team: Team, arguments: tuple[str, ...], says: str
) -> None:
    code, said = team.run(team.jobs, "clean-and-apply", *arguments)
    assert (code, says in said) == (2, True), said


def test_an_empty_bucket_says_what_fills_it(team: Team) -> None:
    code, said = team.refresh()
    assert code == 10, said
    assert "no cleaned dump" in said


def test_whoever_may_not_write_is_told_which_rights_are_missing(team: Team) -> None:
    env = team.jobs | {
        "AWS_ACCESS_KEY_ID": team.store.developers.access_key,
        "AWS_SECRET_ACCESS_KEY": team.store.developers.secret_key,
    }
    # The dump is read with these credentials too; so let it lie where they can read it.
    team.put(next(iter_dumps(team)), team.scene.encrypt(team.text))
    env |= {"DMREFRESH_DUMPS_BUCKET": team.bucket}
    code, said = team.run(env, "clean-and-apply", "--target", "cleaned", "--confirm", "cleaned")
    assert code == 16, said
    assert "PutObjectAcl" in said
    assert len(team.objects()) == 1


def test_plan_says_what_would_be_made_and_what_refuses(team: Team) -> None:
    with_script(team, "DELETE FROM note WHERE id > 500")
    code, said = team.run(team.jobs, "plan", "--target", "cleaned", "--exit-code")
    assert code == 0, said
    assert "cleaned: clear to go" in said
    assert "a scratch database of PostgreSQL 16" in said
    assert team.objects() == {}
    with_script(team, "DELETE FROM note WHERE bodi IS NULL")
    code, said = team.run(team.jobs, "plan", "--target", "cleaned", "--exit-code", "--json")
    assert code == 3, said
    assert "did you mean body" in json.loads(said)["refusals"][0]["what"]


def test_plan_and_dumps_of_a_developer_need_no_secret_either(team: Team) -> None:
    assert team.clean()[0] == 0
    code, said = team.run(team.developer, "plan", "--from", "cleaned", "--target", "local")
    assert code == 0, said
    assert "local: clear to go by `schema`" in said
    assert "its mark is true" in said
    team.put("cleaned-db-dump-299911220300.sql.gz", gzip.compress(team.text))
    code, said = team.run(team.developer, "plan", "--from", "cleaned", "--target", "local")
    assert code == 13, said
    team.store.client(team.store.admin).delete_object(Bucket=team.bucket, Key="cleaned-db-dump-299911220300.sql.gz")
    code, said = team.run(team.developer, "dumps", "--from", "cleaned", "--json")
    assert code == 0, said
    (one,) = json.loads(said)["dumps"]
    assert one["source"] == next(iter_dumps(team))


def test_status_of_a_bucket_says_what_was_stored_last(team: Team) -> None:
    code, said = team.run(team.developer, "status", "--target", "cleaned")
    assert (code, "was never refreshed" in said) == (0, True), said
    assert team.clean()[0] == 0
    code, said = team.run(team.developer, "status", "--target", "cleaned", "--json")
    assert code == 0, said
    status = json.loads(said)
    assert (status["dump"], status["rows"]) == (next(iter_dumps(team)), 2000)
    code, said = team.run(team.developer, "rollback", "--target", "cleaned")
    assert (code, "--dump" in said) == (2, True), said


def test_status_of_a_bucket_passes_over_what_is_empty(team: Team) -> None:
    empty = "cleaned-db-dump-299911220300.sql.gz"
    team.put(empty, b"")
    code, said = team.run(team.developer, "status", "--target", "cleaned")
    assert (code, "was never refreshed" in said) == (0, True), said
    assert team.clean()[0] == 0
    code, said = team.run(team.developer, "status", "--target", "cleaned", "--json")
    assert code == 0, said
    assert json.loads(said)["cleaned"] in set(team.objects()) - {empty, LATEST}


def test_status_goes_on_where_a_bucket_may_only_be_listed(team: Team) -> None:
    name, client = "cleaned-db-dump-199911220300.sql.gz", team.store.client(team.store.admin)
    client.put_object(Bucket=team.store.bucket, Key=name, Body=b"something")
    team.scene.more = team.scene.more.replace(team.bucket, team.store.bucket)
    team.scene.settings()
    env = team.developer | {
        "AWS_ACCESS_KEY_ID": team.store.listers.access_key,
        "AWS_SECRET_ACCESS_KEY": team.store.listers.secret_key,
    }
    try:
        code, said = team.run(env, "status", "--target", "cleaned", "--json")
    finally:
        client.delete_object(Bucket=team.store.bucket, Key=name)
    assert code == 0, said
    assert (json.loads(said)["cleaned"], json.loads(said)["dump"]) == (name, None)
