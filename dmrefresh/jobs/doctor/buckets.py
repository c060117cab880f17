"""How a bucket of dumps is set up: where, versioned, kept for so long, copied elsewhere, closed to the public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from dmrefresh.bucket.store import SourceRefused, Store, translated
from dmrefresh.errors import NoSuchDump, TargetUnfit, UsageFailure
from dmrefresh.jobs.buckets import no_bucket
from dmrefresh.jobs.doctor import rules_of_buckets as meaning
from dmrefresh.jobs.doctor.asking import asked
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadBucketOutputTypeDef

_APART = timedelta(minutes=5)
"""S3 refuses what is signed a quarter of an hour off."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a bucket should be set up.

    Attributes:
        name: what its checks are called after.
        stage: whose dumps it keeps.
        keep: for how long.
        copied_to: the bucket it is replicated to, where the settings say one.
        is_copy: it is that bucket, so it is neither written to nor replicated.
        may_lack: whether the settings may name none, since there are cleaned dumps to refresh from.
    """

    name: str
    stage: str
    keep: timedelta
    copied_to: str | None = None
    is_copy: bool = False
    may_lack: bool = False


class Bucket:
    """A bucket, as S3 describes it.

    Args:
        store: the bucket.
        wanted: how it should be.
    """

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._key = f"{wanted.stage}-202611220300.sql.gz.gpg"
        self.there = Once(wanted.name, self._head)
        self._rules = Once(f"{wanted.name}.lifecycle", self._lifecycle)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        name = self._wanted.name
        of_both = [
            Check(name, self._says_there),
            Check(f"{name}.region", self._says_region),
            Check(f"{name}.versioning", self._says_versioning),
            Check(f"{name}.lifecycle", self._says_lifecycle),
            Check(f"{name}.tls", self._says_tls),
            Check(f"{name}.public", self._says_public),
        ]
        if self._wanted.is_copy:
            return of_both
        return [
            *of_both,
            Check(f"{name}.parts", self._says_parts),
            Check(f"{name}.replication", self._says_replication),
        ]

    def _head(self) -> HeadBucketOutputTypeDef:
        if not self._store.bucket:
            if self._wanted.may_lack:
                raise Needs("bucket under [dumps], to refresh from it or to back up to it")
            raise no_bucket()
        what, client = f"bucket {self._store.bucket}", self._store.client
        try:
            with translated(what):
                return client.head_bucket(Bucket=self._store.bucket)
        except NoSuchDump:
            where = "replica_bucket under [doctor]" if self._wanted.is_copy else "bucket under [dumps]"
            raise NoSuchDump(f"There is no {what}.", hint=f"is its name right? It is {where}") from None
        except SourceRefused:
            if self._wanted.is_copy:  # a job has no business there
                raise Needs(f"s3:ListBucket on {self._store.bucket}") from None
            raise

    def _says_there(self) -> Said:
        headers = self.there()["ResponseMetadata"]["HTTPHeaders"]
        said = f"{self._store.bucket} answers"
        if "date" in headers:
            apart = abs(datetime.now(UTC) - parsedate_to_datetime(headers["date"]))
            if apart > _APART:
                return Said(
                    f"{said}, and its clock and this machine's are {apart.total_seconds() / 60:.0f} minutes apart",
                    next="set this machine's clock: dumps are named by it, and what S3 is asked expires by it",
                )
        return Said(said)

    def _says_region(self) -> Said:
        found = self.there()["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        region = self._store.region
        if found is None:
            raise Needs("a store that says its region")
        if region is not None and region != found:
            raise UsageFailure(
                f"The bucket {self._store.bucket} is in {found}, and the settings say {region}.",
                hint=f'{"replica_region" if self._wanted.is_copy else "region"} = "{found}"'
                f" under {'[doctor]' if self._wanted.is_copy else '[dumps]'}",
            )
        return Said(f"it is in {found}")

    def _says_versioning(self) -> Said:
        client = self._ready()
        found = asked(
            self._store, "s3:GetBucketVersioning", lambda: client.get_bucket_versioning(Bucket=self._store.bucket)
        )
        status = found.get("Status", "off") if found else "off"
        if status != "Enabled":
            raise TargetUnfit(
                f"Versioning of {self._store.bucket} is {status.lower()}: whoever may put can replace a dump.",
                hint=f"aws s3api put-bucket-versioning --bucket {self._store.bucket} "
                "--versioning-configuration Status=Enabled",
            )
        return Said("every version of a dump is kept")

    def _lifecycle(self) -> Sequence[meaning.Rule]:
        client = self._ready()
        found = asked(
            self._store,
            "s3:GetLifecycleConfiguration",
            lambda: client.get_bucket_lifecycle_configuration(Bucket=self._store.bucket),
        )
        return meaning.applying(found["Rules"] if found else (), self._key)

    def _says_lifecycle(self) -> Said:
        rules, keep = self._rules(), -(-self._wanted.keep // timedelta(days=1))  # a rule knows whole days
        days = meaning.removed_after(rules)
        hint = f"give it a lifecycle rule with Expiration and NoncurrentVersionExpiration that come to {keep} days, "
        hint += f"or say otherwise: {'replica_keep' if self._wanted.is_copy else 'keep'} under [doctor]"
        if days is None:
            raise TargetUnfit(
                f"Nothing removes the dumps of {self._wanted.stage} from {self._store.bucket}; "
                f"they are to be kept for {keep} days.",
                hint=hint,
            )
        if days != keep:
            raise TargetUnfit(
                f"Dumps are removed from {self._store.bucket} after {days} days, and not after {keep}.",
                hint=hint,
            )
        later = meaning.old_versions_removed_after(rules)
        if later is None:
            return Said(
                f"dumps are hidden after {days} days, and never gone: earlier versions are kept for ever",
                next="add NoncurrentVersionExpiration to the lifecycle rule",
            )
        return Said(f"dumps are removed after {days} days, and are gone for good {later} days later")

    def _says_parts(self) -> Said:
        days = meaning.parts_removed_after(self._rules())
        if days is None:
            return Said(
                "nothing removes the parts of an upload that was killed, which nobody sees and somebody pays for",
                next="add AbortIncompleteMultipartUpload to the lifecycle rule",
            )
        return Said(f"parts of an upload that was killed are removed after {days} days")

    def _says_replication(self) -> Said:
        client, wanted = self._ready(), self._wanted.copied_to
        found = asked(
            self._store,
            "s3:GetReplicationConfiguration",
            lambda: client.get_bucket_replication(Bucket=self._store.bucket)["ReplicationConfiguration"],
        )
        places = meaning.destinations(meaning.applying(found["Rules"] if found else (), self._key))
        hint = "aws s3api put-bucket-replication, with a rule that holds for all dumps"
        if wanted is not None and wanted not in places:
            instead = f"; it goes to {', '.join(places)}" if places else ""
            raise TargetUnfit(f"{self._store.bucket} is not replicated to {wanted}{instead}.", hint=hint)
        if not places:
            return Said(
                "there is no copy of the dumps in another region",
                next=f"{hint}; then say replica_bucket under [doctor], so that it is watched",
            )
        return Said(f"dumps are replicated to {', '.join(places)}")

    def _says_tls(self) -> Said:
        client = self._ready()
        found = asked(
            self._store, "s3:GetBucketPolicy", lambda: client.get_bucket_policy(Bucket=self._store.bucket)["Policy"]
        )
        if not meaning.refuses_plain_http(found or "", self._store.bucket):
            raise TargetUnfit(
                f"The policy of {self._store.bucket} lets requests without TLS in.",
                hint='add a statement: Deny, Principal "*", Action "s3:*", on the bucket and on all in it, where '
                'Bool aws:SecureTransport is "false"',
            )
        return Said("requests without TLS are refused")

    def _says_public(self) -> Said:
        client = self._ready()
        found = asked(
            self._store,
            "s3:GetBucketPublicAccessBlock",
            lambda: client.get_public_access_block(Bucket=self._store.bucket)["PublicAccessBlockConfiguration"],
        )
        blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        missing = [block for block in blocks if found is None or not found.get(block)]
        if missing:
            raise TargetUnfit(
                f"Nothing keeps {self._store.bucket} from being made public: {', '.join(missing)} not set.",
                hint=f"aws s3api put-public-access-block --bucket {self._store.bucket} "
                f"--public-access-block-configuration {','.join(f'{block}=true' for block in blocks)}",
            )
        return Said("it cannot be made public")

    def _ready(self) -> S3Client:
        """The client, once the bucket has answered."""
        self.there()
        return self._store.client
