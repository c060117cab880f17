"""doctor: what is wrong with a bucket is seen, by what S3 itself says and does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dmrefresh.jobs.doctor.rules_of_buckets import applying, refuses_plain_http, removed_after
from fixtures.parts.seaweedfs import BUCKET, CLEANED_BUCKET, REGION
from tests.jobs.gateway import blocking, error, replicated_to
from tests.jobs.hospital import (
    JOBS,
    REPLICA,
    Hospital,
    assert_fails,
    assert_passes,
    assert_skips,
    assert_warns,
    no_deletes,
    only_tls,
    rule,
    statement,
)

CONFIGURED = ("bucket", "bucket.", "replica", "replica.")


def test_buckets_that_are_as_they_should_be_pass_every_check_and_hold_one_probe_however_often(
    hospital: Hospital,
) -> None:
    for _ in range(3):
        found = hospital.examined(*CONFIGURED)
        assert {one.status for one in found.found} == {"pass"}, found.text(110)
        assert found.exit_code == 0
    assert len(found.found) == 17
    assert len(hospital.probes()) == 1


TAGGED = {"And": {"Prefix": "", "Tags": [{"Key": "a", "Value": "b"}]}}
FAULTS: list[tuple[str, Callable[[Hospital], object], str, str]] = [
    ("versioning suspended", lambda h: h.versioning("Suspended"), "bucket.versioning", "suspended"),
    ("no lifecycle", lambda h: h.lifecycle(), "bucket.lifecycle", "Nothing removes"),
    ("kept too short", lambda h: h.lifecycle(rule(30)), "bucket.lifecycle", "after 30 days"),
    ("kept too long", lambda h: h.lifecycle(rule(365)), "bucket.lifecycle", "after 365 days"),
    ("a rule that is off", lambda h: h.lifecycle(rule(Status="Disabled")), "bucket.lifecycle", "Nothing removes"),
    (
        "a rule for others",
        lambda h: h.lifecycle(rule(Filter={"Prefix": "others-"})),
        "bucket.lifecycle",
        "Nothing removes",
    ),
    (
        "the replica keeps too long",
        lambda h: h.lifecycle(rule(180), bucket=REPLICA),
        "replica.lifecycle",
        "after 180 days, and not after 7",
    ),
    ("no policy about TLS", lambda h: h.policy(no_deletes()), "bucket.tls", "without TLS"),
    ("TLS for one role", lambda h: h.policy(no_deletes(), only_tls(who=JOBS)), "bucket.tls", "without TLS"),
    (
        "no policy at the replica",
        lambda h: h.admin.delete_bucket_policy(Bucket=REPLICA),
        "replica.tls",
        "without TLS",
    ),
    (
        "not replicated",
        lambda h: h.gateway.answers.update(replication=(404, error("ReplicationConfigurationNotFoundError"))),
        "bucket.replication",
        f"not replicated to {REPLICA}",
    ),
    (
        "replicated elsewhere",
        lambda h: h.gateway.answers.update(replication=(200, replicated_to("elsewhere"))),
        "bucket.replication",
        "it goes to elsewhere",
    ),
    (
        "replication is off",
        lambda h: h.gateway.answers.update(replication=(200, replicated_to(REPLICA, status="Disabled"))),
        "bucket.replication",
        f"not replicated to {REPLICA}",
    ),
    (
        "open to the public",
        lambda h: h.gateway.answers.update(publicAccessBlock=(404, error("NoSuchPublicAccessBlockConfiguration"))),
        "bucket.public",
        "BlockPublicAcls",
    ),
    (
        "half open",
        lambda h: h.gateway.answers.update(publicAccessBlock=(200, blocking("BlockPublicAcls", "IgnorePublicAcls"))),
        "bucket.public",
        "BlockPublicPolicy, RestrictPublicBuckets",
    ),
    ("it can delete", lambda h: h.policy(only_tls()), "bucket.delete", "s3:DeleteObject and s3:DeleteObjectVersion"),
    (
        "it can delete versions",
        lambda h: h.policy(only_tls(), no_deletes("s3:DeleteObject")),
        "bucket.delete",
        "by its s3:DeleteObjectVersion",
    ),
    (
        "it can hide objects",
        lambda h: h.policy(only_tls(), no_deletes("s3:DeleteObjectVersion")),
        "bucket.delete",
        "by its s3:DeleteObject",
    ),
]


@pytest.mark.parametrize(("fault", "name", "words"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_fault_of_a_bucket_is_red_in_both_modes(
    hospital: Hospital, fault: Callable[[Hospital], object], name: str, words: str
) -> None:
    fault(hospital)
    found = hospital.examined(*CONFIGURED)
    assert_fails(found, name, 15, words)
    # The gateway says the same of the replica; nothing else is wrong.
    assert {one.name.partition(".")[2] for one in found.found if one.status == "fail"} == {name.partition(".")[2]}


def test_what_is_not_wrong_but_wants_a_look_is_a_warning(hospital: Hospital) -> None:
    hospital.lifecycle(rule(NoncurrentVersionExpiration=None, AbortIncompleteMultipartUpload=None))
    hospital.sections.pop("doctor")
    hospital.gateway.answers["replication"] = (404, error("ReplicationConfigurationNotFoundError"))
    found = hospital.examined("bucket.")
    assert_warns(found, "bucket.lifecycle", "kept for ever")
    assert_warns(found, "bucket.parts", "killed")
    assert_warns(found, "bucket.replication", "no copy")
    assert found.exit_code == 0


def test_less_than_a_day_is_told_as_the_day_that_a_rule_can_say(hospital: Hospital) -> None:
    hospital.sections["doctor"] += '\nkeep = "12 hours"'
    assert_fails(hospital.examined("bucket.lifecycle"), "bucket.lifecycle", 15, "after 180 days, and not after 1.")
    hospital.lifecycle(rule(1))
    assert_passes(hospital.examined("bucket.lifecycle"), "bucket.lifecycle")


def test_what_the_identity_may_not_ask_is_skipped_by_the_name_of_the_right(hospital: Hospital) -> None:
    rights = ("s3:GetLifecycleConfiguration", "s3:GetBucketVersioning", "s3:GetBucketPolicy")
    hospital.policy(only_tls(), no_deletes(), statement("Deny", JOBS, *rights))
    hospital.gateway.answers["replication"] = (403, error("AccessDenied"))
    hospital.gateway.answers["publicAccessBlock"] = (501, error("NotImplemented"))
    hospital.gateway.region = None
    found = hospital.examined("bucket", "bucket.")
    assert_skips(found, "bucket.lifecycle", "s3:GetLifecycleConfiguration")
    assert_skips(found, "bucket.parts", "s3:GetLifecycleConfiguration")
    assert_skips(found, "bucket.versioning", "s3:GetBucketVersioning")
    assert_skips(found, "bucket.tls", "s3:GetBucketPolicy")
    assert_skips(found, "bucket.replication", "s3:GetReplicationConfiguration")
    assert_skips(found, "bucket.public", "a store that knows of such a thing")
    assert_skips(found, "bucket.region", "a store that says its region")
    assert_passes(found, "bucket.delete")
    assert found.exit_code == 0


def test_the_replica_may_be_closed_to_the_job(hospital: Hospital) -> None:
    hospital.policy(only_tls(REPLICA), statement("Deny", JOBS, "s3:ListBucket", bucket=REPLICA), bucket=REPLICA)
    found = hospital.examined("replica", "replica.")
    assert_skips(found, "replica", f"s3:ListBucket on {REPLICA}")
    assert {one.status for one in found.found} == {"skip"}


def test_a_right_that_a_backup_needs_is_missed(hospital: Hospital) -> None:
    hospital.sections["sources.production"] = 'url = "postgresql:///nobody"'
    hospital.policy(only_tls(), no_deletes(), statement("Deny", JOBS, "s3:PutObject"))
    found = hospital.examined("bucket", "bucket.")
    assert_fails(found, "bucket.put", 16, "may not put")
    assert_skips(found, "bucket.delete", "bucket.put")
    hospital.policy(only_tls(), no_deletes(), statement("Deny", JOBS, "s3:GetObject"))
    found = hospital.examined("bucket", "bucket.")
    assert_fails(found, "bucket.get", 16, "may not get")
    assert_skips(found, "bucket.delete", "bucket.get")


def test_where_nothing_is_backed_up_an_identity_need_not_put(hospital: Hospital) -> None:
    hospital.policy(only_tls(), no_deletes(), statement("Deny", JOBS, "s3:PutObject"))
    found = hospital.examined("bucket", "bucket.")
    assert_warns(found, "bucket.put", "enough to refresh")
    assert found.exit_code == 0


def test_no_object_but_the_probe_is_ever_touched(hospital: Hospital) -> None:
    hospital.policy(only_tls())
    key = hospital.put(b"a dump")
    assert_fails(hospital.examined("bucket", "bucket."), "bucket.delete", 15)
    listed = hospital.admin.list_object_versions(Bucket=BUCKET, Prefix=hospital.stage)
    assert {one["Key"] for one in listed["Versions"]} == {key, f"{key}.verified.json"}
    assert listed.get("DeleteMarkers", []) == []
    assert hospital.probes() == []


def test_where_no_versions_are_kept_no_right_to_delete_one_is_claimed(hospital: Hospital) -> None:
    plain = "digitalmarketplace-cleaned-db-dumps-without-versions"
    hospital.admin.create_bucket(Bucket=plain)
    hospital.sections["dumps"] = f'bucket = "{plain}"\nendpoint_url = "{hospital.gateway.url}"'
    assert_fails(hospital.examined("bucket.delete"), "bucket.delete", 15, "is gone by its s3:DeleteObject.")


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        (
            'bucket = "digitalmarketplace-cleaned-absent"\nendpoint_url = "{url}"',
            10,
            "There is no bucket digitalmarketplace-cleaned-absent",
        ),
        ('bucket = "b"\nendpoint_url = "http://127.0.0.1:1"', 20, "does not answer"),
        ('bucket = "other"\nendpoint_url = "{url}"\nregion = "x y"', 2, "no valid request"),
    ],
    ids=["absent", "unreachable", "senseless"],
)
def test_a_bucket_that_is_not_there_fails_once_and_the_rest_is_skipped(
    hospital: Hospital, settings: str, code: int, words: str
) -> None:
    hospital.sections["dumps"] = settings.format(url=hospital.gateway.url)
    found = hospital.examined("bucket", "bucket.", "dump.newest", "disk")
    assert_fails(found, "bucket", code, words)
    assert {one.status for one in found.found if one.name not in ("bucket",)} == {"skip"}


def test_without_credentials_it_says_so(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    hospital.variables = {}
    assert_fails(hospital.examined("bucket"), "bucket", 20, "no AWS credentials")


def test_a_bucket_in_another_region_than_the_settings_say_is_told(hospital: Hospital) -> None:
    hospital.gateway.region = "eu-west-2"
    found = hospital.examined("bucket", "bucket.region")
    assert_fails(found, "bucket.region", 2, "is in eu-west-2", "say eu-west-1")


def test_a_bucket_for_cleaned_dumps_is_looked_at(hospital: Hospital) -> None:
    found = hospital.examined("target.cleaned", "target.cleaned.put", "target.cleaned.get")
    assert {one.status for one in found.found} == {"pass"}
    hospital.policy(statement("Deny", JOBS, "s3:PutObject", bucket=CLEANED_BUCKET), bucket=CLEANED_BUCKET)
    try:
        found = hospital.examined("target.cleaned", "target.cleaned.put")
        assert_fails(found, "target.cleaned.put", 16, "may not put")
    finally:
        hospital.admin.delete_bucket_policy(Bucket=CLEANED_BUCKET)
    hospital.sections["targets.cleaned"] = (
        f's3 = "digitalmarketplace-cleaned-absent"\nendpoint_url = "{hospital.gateway.url}"\nregion = "{REGION}"'
    )
    assert_fails(
        hospital.examined("target.cleaned"), "target.cleaned", 15, "no bucket digitalmarketplace-cleaned-absent"
    )


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ([rule(3, Filter={"And": {"Prefix": "production-", "Tags": []}})], None),
        ([rule(3, Filter={"Tag": {"Key": "a", "Value": "b"}})], None),
        ([rule(3, Filter={"ObjectSizeGreaterThan": 1})], None),
        ([rule(3, Filter={"And": {"Prefix": "production-"}})], 3),
        ([rule(3, Filter=None, Prefix="production-")], 3),
        ([rule(3, Filter=None, Prefix="staging-")], None),
        ([rule(3), rule(180)], 3),
        ([rule(None, Expiration={"ExpiredObjectDeleteMarker": True})], None),
        ([], None),
    ],
)
def test_a_rule_counts_where_it_holds_for_every_dump(rules: list[dict[str, Any]], days: int | None) -> None:
    assert removed_after(applying(rules, "production-202611220300.sql.gz.gpg")) == days


def policy(**more: object) -> str:
    """A policy that refuses everybody without TLS, unless it is changed; None leaves a part out."""
    said: dict[str, object] = {**only_tls("b"), **more}
    return json.dumps({"Statement": [{key: value for key, value in said.items() if value is not None}]})


FURTHER = {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:username": "x"}}


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        (policy(), True),
        (policy(Principal={"AWS": "*"}), True),
        (policy(Action="*"), True),
        (policy(Resource="arn:aws-cn:s3:::b*"), True),
        (policy(Condition={"BoolIfExists": {"AWS:SecureTransport": [False]}}), True),
        (policy(Effect="Allow"), False),
        (policy(Action="s3:GetObject"), False),
        (policy(Action=None, NotAction="s3:GetObject"), False),
        (policy(Resource="arn:aws:s3:::b/*"), False),
        (policy(Resource="arn:aws:s3:::b"), False),
        (policy(Resource="arn:aws:s3:::other*"), False),
        (policy(Condition=None), False),
        (policy(Condition=FURTHER), False),
        (policy(Condition={"Bool": {"aws:SecureTransport": "true"}}), False),
        (policy(Principal=None, NotPrincipal={"AWS": "x"}), False),
        (policy(Principal={"AWS": ["x", "y"]}), False),
        ('{"Statement": ["nonsense"]}', False),
    ],
)
def test_a_policy_counts_where_it_refuses_everybody_without_tls(text: str, refuses: bool) -> None:
    assert refuses_plain_http(text, "b") is refuses


def test_what_is_no_policy_refuses_nothing() -> None:
    assert not any(refuses_plain_http(text, "b") for text in ("", "[]", "3", "{}", "{"))
