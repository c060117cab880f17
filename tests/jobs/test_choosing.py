"""Which dump is taken, and what is said of it: by names, by what lies beside, by age and size; in a real bucket."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from mypy_boto3_s3 import S3Client

from dmrefresh.bucket.store import LATEST_CLEANED, DumpRef, cleaned_name
from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.errors import DumpDamaged, Failure, NoSuchDump
from dmrefresh.jobs.dumps.choosing import chosen
from dmrefresh.jobs.dumps.doubts import Doubts, of_a_cleaned_one
from dmrefresh.jobs.dumps.taking import Chosen, choose, introduce
from dmrefresh.observer import Observer
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings
from dmrefresh.stages.s3 import fetch
from fixtures.parts.seaweedfs import ObjectStore
from tests.jobs.scene import note_beside

CONTENT = b"a dump" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Told(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


class Bucket:
    """A stage of its own in the bucket, into which tests put dumps."""

    def __init__(self, store: ObjectStore) -> None:
        self.store, self.stage = store, f"t{uuid4().hex[:12]}"
        self.client: S3Client = store.client(store.jobs)

    def put(self, hours_ago: float, content: bytes = CONTENT, **options: Any) -> str:
        name = f"{self.stage}-{datetime.now(UTC) - timedelta(hours=hours_ago):%Y%m%d%H%M}.sql.gz.gpg"
        self.client.put_object(Bucket=self.store.bucket, Key=name, Body=content, **options)
        return name

    def noted(self, hours_ago: float, content: bytes = CONTENT, /, **changed: object) -> str:
        """Put one that was read back."""
        name = self.put(hours_ago, content)
        note_beside(self.store, name, content, **changed)
        return name

    def settings(self, **more: Any) -> Settings:
        dumps = {"bucket": self.store.bucket, "endpoint_url": self.store.endpoint_url, "stage": self.stage}
        return Settings(dumps=Dumps.model_validate(dumps | more))

    def chosen(self, name: str | None = None, **more: Any) -> Chosen:
        return chosen(self.settings(**more), name, None)


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.jobs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.jobs.secret_key)
    return Bucket(object_store)


def refusal(found: Chosen) -> Failure:
    with pytest.raises(Failure) as caught:
        found.doubts.settle(Observer())
    return caught.value


def silent(found: Chosen) -> bool:
    return not (found.passed_over or found.doubts.warnings or found.doubts.refusals)


def test_the_newest_that_was_read_back_is_taken_with_its_digest_and_nothing_is_said(bucket: Bucket) -> None:
    bucket.noted(30)
    name = bucket.noted(6)
    found = bucket.chosen()
    assert (found.dump.key, found.dump.sha256) == (name, DIGEST)
    assert silent(found)
    assert b"".join(fetch(found.store, found.dump)) == CONTENT


@pytest.mark.fault("111", "S8")
@pytest.mark.fault("64d")
def test_one_that_was_read_back_is_preferred_to_newer_ones_which_are_named(bucket: Bucket) -> None:
    name = bucket.noted(30)
    newer = bucket.put(20)
    found = bucket.chosen()
    assert found.dump.key == name
    assert found.passed_over == (f"{newer} is newer and was never read back; {name} is taken",)
    newest = bucket.put(1)
    assert bucket.chosen().passed_over == (f"{newest} and 1 more are newer and were never read back; {name} is taken",)
    assert not bucket.chosen(unverified="refuse").doubts.refusals


@pytest.mark.fault("111")
def test_where_none_was_read_back_the_newest_is_taken_with_one_warning_or_refused(bucket: Bucket) -> None:
    bucket.put(30)
    newest = bucket.put(2)
    found = bucket.chosen()
    assert (found.dump.key, found.dump.sha256, found.passed_over) == (newest, None, ())
    (warning,) = found.doubts.warnings
    assert warning.startswith(f"no dump of {bucket.stage} was ever read back; {newest} is taken")
    assert not found.doubts.refusals
    refused = refusal(bucket.chosen(unverified="refuse"))
    assert isinstance(refused, NoSuchDump)
    assert f"`dmrefresh check-dump {newest} --record`" in str(refused.hint)


UNTRUE: dict[str, dict[str, Any]] = {
    "of another name": {"name": "production-202611220300.sql.gz.gpg"},
    "of another size": {"size": len(CONTENT) - 1},
    "of another version": {"version_id": "another"},
    "of a form to come": {"dmrefresh": 2},
    "without a digest": {"sha256": None},
    "with half a digest": {"sha256": DIGEST[:32]},
    "with one field more": {"more": 1},
    "with rows that are none": {"rows": [1]},
    "with a signature that is none": {"signed": "yes"},
}


@pytest.mark.fault("91b")
@pytest.mark.parametrize("changed", UNTRUE.values(), ids=UNTRUE)
def test_a_note_that_is_not_about_the_object_as_it_is_does_not_count_and_is_said(
    bucket: Bucket, changed: dict[str, Any]
) -> None:
    older = bucket.noted(30)
    newer = bucket.noted(2, **changed)
    found = bucket.chosen()
    assert found.dump.key == older
    first, second = found.passed_over
    assert first.startswith(f"the note beside {newer} does not count: ")
    assert second == f"{newer} is newer and was never read back; {older} is taken"


@pytest.mark.parametrize("text", [b"", b"{", b"null", b"\xff", b"[" * 99_999, b" " * (8 << 20) + b"{}"])
def test_a_note_that_cannot_be_read_is_no_reason_to_fail(bucket: Bucket, text: bytes) -> None:
    name = bucket.put(2)
    bucket.client.put_object(Bucket=bucket.store.bucket, Key=name + SUFFIX, Body=text)
    found = bucket.chosen()
    assert (found.dump.key, len(found.passed_over), len(found.doubts.warnings)) == (name, 1, 1)
    assert silent(found) is False
    assert bucket.chosen(name).doubts.warnings == [f"{name} was never read back"]


def test_notes_are_looked_at_from_the_newest_on_and_not_for_ever(bucket: Bucket) -> None:
    true = bucket.noted(40)
    for hours in range(1, 11):
        bucket.noted(hours, size=1)
    found = bucket.chosen()
    assert found.dump.key != true
    assert len(found.passed_over) == 10
    assert len(found.doubts.warnings) == 1


@pytest.mark.fault("91b")
def test_an_object_that_was_changed_since_it_was_read_back_is_damaged_where_it_is_fetched(bucket: Bucket) -> None:
    """The version and the size are as noted, as where a bucket keeps no versions: the digest tells."""
    name = bucket.noted(2)
    changed = CONTENT[:-1] + b"!"
    bucket.client.put_object(Bucket=bucket.store.bucket, Key=name, Body=changed)
    note_beside(bucket.store, name, changed, sha256=DIGEST)
    found = bucket.chosen()
    assert found.dump.key == name
    with pytest.raises(DumpDamaged, match="SHA-256"):
        b"".join(fetch(found.store, found.dump))


def test_a_dump_of_which_two_digests_are_noted_is_refused_by_any_way(bucket: Bucket) -> None:
    bucket.noted(30)
    name = bucket.put(2, Metadata={"sha256": DIGEST[::-1]})
    note_beside(bucket.store, name, CONTENT)
    for found in (bucket.chosen(), bucket.chosen(name), bucket.chosen(doubtful="warn", unverified="warn")):
        failure = refusal(found)
        assert (failure.exit_code, failure.retry) == (13, False)
        assert name in failure.what
    agreed = bucket.put(1, Metadata={"sha256": DIGEST.upper()})
    note_beside(bucket.store, agreed, CONTENT)
    assert silent(bucket.chosen())


@pytest.mark.fault("S8")
def test_the_newest_is_too_old_by_its_name_and_refused_or_warned_of_by_setting(bucket: Bucket) -> None:
    name = bucket.noted(47.9)
    assert silent(bucket.chosen())
    old = bucket.chosen(max_age="47 hours")
    refused = refusal(old)
    assert isinstance(refused, NoSuchDump)
    assert refused.what == f"{name} is 47 hours old, and more than 47 hours is too old."
    hint = str(refused.hint)
    assert hint.startswith("is the backup job running? ")
    assert f"--dump {name}" in hint
    assert 'doubtful = "warn"' in hint
    for found in (bucket.chosen(max_age="47 hours", doubtful="warn"), bucket.chosen(name, max_age="47 hours")):
        assert not found.doubts.refusals
        assert found.doubts.warnings == [f"{name} is 47 hours old, and more than 47 hours is too old"]


def test_one_that_was_read_back_too_long_ago_is_refused_though_newer_ones_are_there(bucket: Bucket) -> None:
    name = bucket.noted(50)
    newer = bucket.put(1)
    found = bucket.chosen()
    assert found.dump.key == name
    assert "is too old" in refusal(found).what
    assert f"`dmrefresh check-dump {newer} --record`" in str(refusal(found).hint)
    assert "is newer and was never read back" in found.passed_over[0]


@pytest.mark.fault("64f")
def test_clocks_may_differ_but_not_by_days(bucket: Bucket) -> None:
    bucket.noted(-20)
    assert silent(bucket.chosen())
    name = bucket.noted(-30)
    assert f"{name} is of a time to come" in refusal(bucket.chosen()).what
    assert not bucket.chosen(name).doubts.refusals


def test_one_much_smaller_than_those_before_it_is_refused_once_there_are_three(bucket: Bucket) -> None:
    sizes = [1000, 1_000_000, 900]
    for days, size in enumerate(sizes[:2]):
        bucket.noted(40 - days, b"x" * size)
    small = bucket.noted(20, b"x" * 400)
    assert silent(bucket.chosen())
    bucket.noted(45, b"x" * sizes[2])
    refused = refusal(bucket.chosen())
    assert refused.exit_code == 10
    assert refused.what == f"{small} has 400 B, where those before it have 1.0 kB."
    assert "--dump" in str(refused.hint)
    assert silent(bucket.chosen(smallest=0.4))
    for found in (bucket.chosen(doubtful="warn"), bucket.chosen(small)):
        assert not found.doubts.refusals
        assert len(found.doubts.warnings) == 1


def test_ten_before_it_count_and_empty_ones_do_not(bucket: Bucket) -> None:
    for hours in range(11, 21):
        bucket.put(hours, b"x" * 100)
    for hours in range(21, 40):
        bucket.put(hours, b"x" * 10_000)
    for hours in range(1, 4):
        bucket.put(hours, b"")
    name = bucket.noted(10, b"x" * 60)
    found = bucket.chosen()
    assert found.dump.key == name
    assert not found.doubts.refusals
    assert [said.endswith("is empty and was passed over") for said in found.passed_over] == [True] * 3


def test_a_name_takes_exactly_that_one_and_says_that_nobody_read_it(bucket: Bucket) -> None:
    name = bucket.put(20)
    bucket.noted(10)
    for unverified in ("warn", "refuse"):
        found = bucket.chosen(name, unverified=unverified)
        assert (found.dump.key, found.passed_over, found.doubts.refusals) == (name, (), [])
        assert found.doubts.warnings == [f"{name} was never read back"]
    noted = bucket.noted(21)
    found = bucket.chosen(noted)
    assert (found.dump.sha256, silent(found)) == (DIGEST, True)


def test_an_empty_newest_is_passed_over_and_said_whoever_takes_a_dump(bucket: Bucket) -> None:
    taken, empty = bucket.put(2), bucket.put(1, b"")
    for found in (bucket.chosen(), choose(bucket.settings(), None, None)):
        assert (found.dump.key, found.passed_over) == (taken, (f"{empty} is empty and was passed over",))


def test_what_lies_beside_dumps_is_never_taken_for_one(bucket: Bucket) -> None:
    name = bucket.noted(10)
    for other in (f"{name}.probe", f"{bucket.stage}-doctor-probe", f"{name}{SUFFIX}{SUFFIX}"):
        bucket.client.put_object(Bucket=bucket.store.bucket, Key=other, Body=b"x")
    assert silent(bucket.chosen())
    note = name + SUFFIX
    for take in (partial(bucket.chosen, note), partial(choose, bucket.settings(), note, None)):
        with pytest.raises(NoSuchDump) as caught:
            take()
        assert name in str(caught.value.hint)
    with pytest.raises(NoSuchDump, match="no dump of nowhere"):
        chosen(bucket.settings(), None, "nowhere")


def test_a_cleaned_dump_may_be_a_week_older_and_is_never_refused_for_its_age() -> None:
    def doubts(days: float, **settings: Any) -> Doubts:
        made = datetime.now(UTC) - timedelta(days=days)
        dump = DumpRef("bucket", cleaned_name(made), 7, made, "etag")
        return of_a_cleaned_one(Dumps.model_validate(settings), dump)

    assert doubts(8.9).all == ()
    old = doubts(9.1)
    assert (len(old.warnings), old.refusals) == (1, [])
    assert old.warnings[0].endswith(" is 9 days old, and more than 9 days is too old")
    assert doubts(9.1, max_age="3 days").all == ()
    fixed = DumpRef("bucket", LATEST_CLEANED, 7, datetime(2020, 1, 1, tzinfo=UTC), "etag")
    assert of_a_cleaned_one(Dumps(), fixed).all == ()


@pytest.mark.parametrize("hours", [0.1, 1.5, 30, 95.9])
def test_the_age_that_is_said_first_is_the_one_that_a_refusal_says(bucket: Bucket, hours: float) -> None:
    name = bucket.put(hours)
    found = bucket.chosen(name, max_age="1 second")
    told = Told()
    introduce(found.dump, told)
    (old,) = [one for one in found.doubts.warnings if "is too old" in one]
    age = old.removeprefix(f"{name} is ").partition(" old")[0]
    assert told.notes == [f"dump: {name}, 0.0 MB, {age} old"]


def test_where_signatures_are_demanded_one_that_nobody_has_seen_is_warned_of_before_anything_is_fetched(
    bucket: Bucket,
) -> None:
    name = bucket.noted(2)
    assert silent(bucket.chosen())
    for found in (bucket.chosen(signed=True), bucket.chosen(name, signed=True)):
        assert not found.doubts.refusals
        (warning,) = found.doubts.warnings
        assert warning.startswith(f"{name} must be signed, and whoever read it back does not say that it is")
    bucket.noted(1, signed=True)
    assert silent(bucket.chosen(signed=True))


def test_a_name_that_is_not_there_is_told_with_what_every_command_can_do_about_it(bucket: Bucket) -> None:
    with pytest.raises(NoSuchDump) as caught:
        bucket.chosen(f"{bucket.stage}-202611220300.sql.gz.gpg")
    assert "--dump" not in str(caught.value.hint)  # check-dump has no such option
    assert "dmrefresh dumps" in str(caught.value.hint)
