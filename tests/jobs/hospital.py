"""Everything in order, so that a test can put one thing out of it and see what the doctor says."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from dmrefresh import settings
from dmrefresh.bucket.verified import SUFFIX, Verified, as_json
from dmrefresh.jobs.doctor import everything, probe
from dmrefresh.jobs.doctor.checking import made
from dmrefresh.jobs.doctor.finding import Finding, Findings
from fixtures.parts.processes import free_ports
from fixtures.parts.seaweedfs import BUCKET, CLEANED_BUCKET, REGION, ObjectStore
from fixtures.parts.seaweedfs import Credentials as S3Credentials
from fixtures.parts.secrets import Credentials
from tests.jobs.gateway import Gateway, blocking, replicated_to
from tests.jobs.scene import DMREFRESH
from tests.postgres.certificates import self_signed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPLICA = "digitalmarketplace-cleaned-db-dumps-elsewhere"
"""A bucket that the jobs may look at."""
JOBS = {"AWS": "arn:aws:iam::000000000000:user/jobs"}
SLACK = "https://hooks.example.org/services/T0/B0/hunter2"
SECRET = "hunter2"


class TlsStore(ObjectStore):
    """A store that listens with TLS as well.

    Args:
        certificate, key: of `localhost`.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__()
        self.certificate = certificate
        self._key = key
        (self.tls_port,) = free_ports(1)

    def _options(self, data: Path, configuration: Path) -> list[str]:
        more = [f"-s3.port.https={self.tls_port}", f"-s3.cert.file={self.certificate}", f"-s3.key.file={self._key}"]
        return [*super()._options(data, configuration), *more]

    def with_tls(self, credentials: S3Credentials) -> S3Client:
        """A client that comes with TLS, which a bucket's policy may ask for."""
        return boto3.client(
            "s3",
            endpoint_url=f"https://localhost:{self.tls_port}",
            region_name=REGION,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            verify=str(self.certificate),
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={}),
        )


@contextmanager
def ward() -> Iterator[tuple[TlsStore, Gateway]]:
    """A store with TLS, with a replica, and the gateway before it."""
    with self_signed("localhost") as (certificate, key), TlsStore(certificate, Path(key["ssl_key_file"])) as store:
        store.make_bucket(REPLICA)
        with Gateway(store.tls_port, certificate) as gateway:
            yield store, gateway


def statement(effect: str, who: object, *actions: str, bucket: str = BUCKET, **more: object) -> dict[str, object]:
    """One of a bucket's policy."""
    places = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    return {"Effect": effect, "Principal": who, "Action": list(actions), "Resource": places, **more}


def only_tls(bucket: str = BUCKET, who: object = "*") -> dict[str, object]:
    """Refuses what comes without TLS."""
    return statement("Deny", who, "s3:*", bucket=bucket, Condition={"Bool": {"aws:SecureTransport": "false"}})


def no_deletes(*rights: str) -> dict[str, object]:
    """Denies the jobs these, by default every delete."""
    return statement("Deny", JOBS, *(rights or ("s3:DeleteObject", "s3:DeleteObjectVersion")))


def rule(days: int | None = 180, **more: Any) -> dict[str, Any]:
    """A rule of a lifecycle that is as it should be, unless said otherwise; None leaves an action out."""
    said = {
        "ID": "all",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": days} if days is not None else None,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        **more,
    }
    return {key: value for key, value in said.items() if value is not None}


@dataclass
class Hospital:
    """The parts, and the settings that name them; `ward` gives the store and the gateway.

    `sections` are written as they are; a test may change or remove one.
    """

    folder: Path
    store: TlsStore
    gateway: Gateway
    credentials: Credentials
    stage: str
    sections: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.admin = self.store.with_tls(self.store.admin)
        self.repository = self.folder / "credentials"
        shutil.copytree(self.credentials.repository, self.repository)
        temporary = self.folder / "tmp"
        temporary.mkdir()
        self.variables = {
            "AWS_ACCESS_KEY_ID": self.store.jobs.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.jobs.secret_key,
            "SOPS_AGE_KEY_FILE": str(self.credentials.age_key_file),
            "TMPDIR": str(temporary),
            "DMREFRESH_NOTIFY_SLACK_URL": SLACK,
        }
        self.sections = {
            "dumps": f'bucket = "{BUCKET}"\nendpoint_url = "{self.gateway.url}"\nstage = "{self.stage}"',
            "keys": f'credentials_repo = "{self.repository}"',
            "doctor": f'replica_bucket = "{REPLICA}"\nreplica_region = "{REGION}"',
            "production": 'databases = ["marketplace"]',
            "targets.cleaned": f's3 = "{CLEANED_BUCKET}"\nendpoint_url = "{self.gateway.url}"\nregion = "{REGION}"',
        }
        self.set_right()

    @property
    def keys(self) -> Path:
        """Where the key files are."""
        return self.repository / "gpg" / "database-backups"

    def set_right(self) -> None:
        """Set the buckets up as they should be, with nothing in them of the doctor's."""
        self.gateway.answers = {
            "replication": (200, replicated_to(REPLICA)),
            "publicAccessBlock": (200, blocking()),
        }
        self.gateway.region = REGION
        self.policy(only_tls(), no_deletes())
        self.policy(only_tls(REPLICA), bucket=REPLICA)
        self.lifecycle(rule())
        self.lifecycle(rule(7), bucket=REPLICA)
        self.versioning("Enabled")
        for one in self.probes():
            self.admin.delete_object(Bucket=BUCKET, Key=probe.NAME, VersionId=one)

    def probes(self) -> list[str]:
        """The versions of the doctor's own object, also those that only say that it was deleted."""
        listed = self.admin.list_object_versions(Bucket=BUCKET, Prefix=probe.NAME)
        return [one["VersionId"] for one in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))]

    def policy(self, *statements: dict[str, object], bucket: str = BUCKET) -> None:
        """Give a bucket a policy."""
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        self.admin.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def lifecycle(self, *rules: Any, bucket: str = BUCKET) -> None:
        """Give a bucket a lifecycle; without rules, none."""
        if rules:
            self.admin.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})
        else:
            self.admin.delete_bucket_lifecycle(Bucket=bucket)

    def versioning(self, status: Any) -> None:
        """Switch the bucket's versioning."""
        self.admin.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})

    def put(self, ciphertext: bytes, *, age: timedelta = timedelta(hours=3), verified: bool = True) -> str:
        """Store a dump of this age; returns its name."""
        taken = datetime.now(UTC) - age
        client = self.store.with_tls(self.store.jobs)
        key = f"{self.stage}-{taken:%Y%m%d%H%M}.sql.gz.gpg"
        client.upload_fileobj(BytesIO(ciphertext), BUCKET, key)
        if verified:
            version = client.head_object(Bucket=BUCKET, Key=key).get("VersionId")
            noted = Verified(key, len(ciphertext), hashlib.sha256(ciphertext).hexdigest(), version)
            client.put_object(Bucket=BUCKET, Key=key + SUFFIX, Body=as_json(noted))
        return key

    def settings(self) -> Path:
        """The settings file."""
        file = self.folder / "dmrefresh.toml"
        file.write_text("\n".join(f"[{name}]\n{text}" for name, text in self.sections.items()))
        return file

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command to its end."""
        return subprocess.run(
            [DMREFRESH, "--config", str(self.settings()), "doctor", *arguments],
            env=os.environ | self.variables,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def examined(self, *names: str, targets: Sequence[str] | None = None, stage: str | None = None) -> Findings:
        """What the checks of these names find; a name that ends in a dot stands for all that begin so."""
        loaded = settings.loaded(self.settings(), os.environ | self.variables)
        wanted = list(loaded.settings.targets) if targets is None else list(targets)
        found: list[Finding] = []
        with ExitStack() as stack:
            for check in everything.checks_for(loaded, wanted, stack, stage):
                if any(check.name == name or (name.endswith(".") and check.name.startswith(name)) for name in names):
                    found.append(made(check))
        assert found
        return Findings(found, wanted)


def status_of(found: Findings, name: str) -> Finding:
    """The finding of this name, which the text and the JSON tell alike."""
    one = next(one for one in found.found if one.name == name)
    word = {"fail": "FAIL", "warn": "warn", "skip": "skip", "pass": "ok"}[one.status]
    assert re.search(rf"^{word:<4}  {re.escape(name)} ", found.text(110), re.MULTILINE), found.text(110)
    (told,) = [told for told in json.loads(found.json())["checks"] if told["name"] == name]
    assert (told["status"], told["detail"], told["next"]) == (one.status, one.detail, one.next)
    return one


def assert_fails(found: Findings, name: str, code: int, *words: str) -> None:
    """A check has failed, is told in both modes, says so and what mends it, and the exit code is this one."""
    one = status_of(found, name)
    assert one.status == "fail", one
    assert one.next
    for word in words:
        assert word in one.detail, one
    told = json.loads(found.json())
    assert (found.exit_code, told["exit_code"], told["ok"]) == (code, code, False)


def assert_warns(found: Findings, name: str, *words: str) -> None:
    """A check warns, and says what mends it."""
    one = status_of(found, name)
    assert (one.status, one.exit_code) == ("warn", 0), one
    assert one.next
    for word in words:
        assert word in one.detail, one


def assert_skips(found: Findings, name: str, needs: str) -> None:
    """A check was skipped for the want of this."""
    one = status_of(found, name)
    assert (one.status, one.detail, one.exit_code) == ("skip", needs, 0), one


def assert_passes(found: Findings, name: str, *words: str) -> None:
    """A check has nothing to say against what it looked at."""
    one = status_of(found, name)
    assert (one.status, one.next) == ("pass", None), one
    for word in words:
        assert word in one.detail, one
