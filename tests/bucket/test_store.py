"""What is in a bucket, which of it is taken, and who is told what S3 refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from dmrefresh.bucket.store import NoCredentials, SourceRefused, Store, taken_at
from dmrefresh.errors import NoSuchDump, SourceUnreachable
from dmrefresh.stages.s3 import fetch
from fixtures.parts.seaweedfs import ObjectStore
from tests.answers import anything
from tests.front import Front

STAGES = iter(f"stage{number}" for number in range(1000))


@pytest.fixture
def admin(object_store: ObjectStore) -> S3Client:
    return object_store.client(object_store.admin)


@pytest.fixture
def stage() -> str:
    """A stage of its own for each test, so that they can share a bucket."""
    return next(STAGES)


@pytest.fixture(autouse=True)
def _as_the_job(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.jobs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.jobs.secret_key)


@pytest.fixture
def store(object_store: ObjectStore) -> Store:
    return Store(object_store.bucket, "eu-west-1", object_store.endpoint_url)


def name(stage: str, when: datetime) -> str:
    return f"{stage}-{when:%Y%m%d%H%M}.sql.gz.gpg"


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.fault("64c")
def test_the_newest_is_told_by_the_name_over_any_number_of_pages(store: Store, admin: S3Client, stage: str) -> None:
    # The newest is stored first and a thousand older ones after it: neither the order nor the first page decides.
    newest = name(stage, NEW_YEAR + timedelta(days=400))
    admin.put_object(Bucket=store.bucket, Key=newest, Body=b"newest")
    for minutes in range(1005):
        admin.put_object(Bucket=store.bucket, Key=name(stage, NEW_YEAR + timedelta(minutes=minutes)), Body=b"x")
    found = store.listed(stage)[0]
    assert (found.key, found.size, found.taken) == (newest, 6, NEW_YEAR + timedelta(days=400))


@pytest.mark.parametrize(
    "other",
    [
        "{stage}-old-202701010300.sql.gz.gpg",
        "{stage}-202701010300.sql.gz.gpg.part",
        "{stage}-202701010300.sql.gz",
        "{stage}-209913990300.sql.gz.gpg",
        "{stage}-20270101.sql.gz.gpg",
        "x{stage}-202701010300.sql.gz.gpg",
    ],
)
def test_what_only_looks_like_a_dump_of_the_stage_is_passed_over(
    store: Store, admin: S3Client, stage: str, other: str
) -> None:
    admin.put_object(Bucket=store.bucket, Key=name(stage, NEW_YEAR), Body=b"dump")
    admin.put_object(Bucket=store.bucket, Key=other.format(stage=stage), Body=b"no dump")
    assert [one.key for one in store.listed(stage)] == [name(stage, NEW_YEAR)]


@pytest.mark.fault("64e")
def test_of_two_that_were_stored_under_one_name_the_later_is_found(store: Store, admin: S3Client, stage: str) -> None:
    for content in (b"the first of this minute", b"the second"):
        admin.put_object(Bucket=store.bucket, Key=name(stage, NEW_YEAR), Body=content)
    (found,) = store.listed(stage)
    assert b"".join(fetch(store, store.named(found.key))) == b"the second"


def test_a_name_that_is_not_there_is_said_and_a_stage_without_dumps_has_an_empty_list(store: Store, stage: str) -> None:
    assert store.listed(stage) == []
    with pytest.raises(NoSuchDump, match="absent"):
        store.named("absent")


def test_a_missing_bucket_and_a_refusal_are_no_matter_of_trying_again(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", object_store.admin.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", object_store.admin.secret_key)
        with pytest.raises(NoSuchDump):
            Store("no-such-bucket", "eu-west-1", object_store.endpoint_url).named("x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(SourceRefused) as caught:
        Store(object_store.bucket, "eu-west-1", object_store.endpoint_url).listed("production")
    assert (caught.value.exit_code, caught.value.retry) == (20, False)


def test_a_store_that_is_not_there_may_heal() -> None:
    with pytest.raises(SourceUnreachable) as caught:
        Store("bucket", "eu-west-1", "http://127.0.0.1:9").named("x")
    assert caught.value.retry


def test_the_jobs_identity_can_delete_nothing(object_store: ObjectStore, admin: S3Client, stage: str) -> None:
    key = name(stage, NEW_YEAR)
    admin.put_object(Bucket=object_store.bucket, Key=key, Body=b"kept")
    with pytest.raises(ClientError):
        object_store.client(object_store.jobs).delete_object(Bucket=object_store.bucket, Key=key)
    assert admin.get_object(Bucket=object_store.bucket, Key=key)["Body"].read() == b"kept"


def test_a_name_tells_stage_and_time() -> None:
    assert taken_at("production-202611220300.sql.gz.gpg") == datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert taken_at("production-202611220300.sql.gz.gpg", "staging") is None
    assert taken_at("production-202613220300.sql.gz.gpg") is None


def test_credentials_that_have_expired_are_told_as_such(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z")
    with pytest.raises(SourceRefused, match="have expired") as caught:
        store.listed("production")
    assert caught.value.hint == "log in again"


def test_what_does_not_speak_like_s3_is_told_and_never_quoted(object_store: ObjectStore, store: Store) -> None:
    with Front(object_store) as front:
        front.always(anything().says(200, b"<html><p>Log in to the network, jane.canary@real.example"))
        there = Store(store.bucket, store.region, front.url)
        with pytest.raises(SourceUnreachable, match="does not speak like S3"):
            there.named("production-202611220300.sql.gz.gpg")
        with pytest.raises(SourceUnreachable) as caught:
            there.listed("production")
    assert "canary" not in f"{caught.value.what} {caught.value.hint}"


LOGGED_OUT = """
[profile sso]
sso_start_url = https://example.invalid/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = reader
[profile session]
sso_session = ours
sso_account_id = 123456789012
sso_role_name = reader
[sso-session ours]
sso_start_url = https://example.invalid/start
sso_region = eu-west-1
[profile source]
source_profile = nobody
role_arn = arn:aws:iam::123456789012:role/reader
"""


@pytest.mark.parametrize("profile", ["sso", "session", "source"])
def test_whoever_has_to_log_in_first_is_told_so_and_nothing_is_tried_again(
    store: Store, stage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    _with_profile(monkeypatch, tmp_path, profile, LOGGED_OUT)
    with pytest.raises(NoCredentials, match="credentials") as caught:
        store.listed(stage)
    assert not caught.value.retry
    assert "log in" in str(caught.value.hint)


def test_a_program_that_gives_no_credentials_is_not_told_as_a_network_that_is_down(
    store: Store, stage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _with_profile(monkeypatch, tmp_path, "program", "[profile program]\ncredential_process = false\n")
    with pytest.raises(SourceUnreachable, match="credentials") as caught:
        store.listed(stage)
    assert "network" not in f"{caught.value.what} {caught.value.hint}"


def _with_profile(monkeypatch: pytest.MonkeyPatch, folder: Path, profile: str, config: str) -> None:
    """Credentials are to be had by this profile alone."""
    (folder / "config").write_text(config)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_PROFILE", profile)
    monkeypatch.setenv("HOME", str(folder))
