"""What this identity may do in a bucket, found out with an object of the doctor's own, and no other.

It is put once: from then on S3 is asked to put it only where there is none, and whether it refuses for the want of a
right or because there is one already tells. So a bucket from which nothing can be deleted holds one of them, until its
lifecycle removes it. Whether this identity can delete is asked of this object alone, by its exact name and version.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from dmrefresh.bucket.store import ACL, Store, translated
from dmrefresh.errors import RightsMissing, TargetUnfit
from dmrefresh.jobs.doctor.checking import Check, Once, Said

NAME = "dmrefresh-doctor/probe"
"""The object's."""

_TEXT = b"Put here by `dmrefresh doctor`, to see what it may do. It holds nothing, and can be removed at any time.\n"

_DENIED = ("AccessDenied", "403")
_THERE = ("PreconditionFailed", "412", "ConditionalRequestConflict")
"""S3's answers to one who may put where there is an object already. It looks at rights first."""


class Probe:
    """A bucket that is written to.

    Args:
        store: the bucket.
        name: what its checks are called after.
        there: raises what keeps it from being looked at at all.
        must_put: whether something goes wrong where this identity may not put.
        may_delete: whether nothing is lost where it can delete.
    """

    def __init__(
        self, store: Store, name: str, there: Callable[[], object], *, must_put: bool = True, may_delete: bool = False
    ) -> None:
        self._store = store
        self._name = name
        self._there = there
        self._must_put = must_put
        self._may_delete = may_delete
        self._put = Once(f"{name}.put", self._is_put)
        self._version = Once(f"{name}.get", self._got)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        found = [Check(f"{self._name}.put", self._says_put), Check(f"{self._name}.get", self._says_got)]
        return found if self._may_delete else [*found, Check(f"{self._name}.delete", self._says_deleted)]

    def _says_put(self) -> Said:
        try:
            self._put()
        except RightsMissing as failure:
            if self._must_put:
                raise
            return Said(
                "this identity may not put: enough to refresh from it, and not to back up to it", next=failure.hint
            )
        return Said("this identity may put, with an ACL")

    def _is_put(self) -> bool:
        self._there()
        answer = self._answer(
            lambda: self._store.client.put_object(
                Bucket=self._store.bucket,
                Key=NAME,
                Body=_TEXT,
                ContentType="text/plain",
                ACL=ACL,
                IfNoneMatch="*",
            )
        )
        if answer in _DENIED:
            raise RightsMissing(
                f"This identity may not put {NAME} into {self._store.bucket}.",
                hint=f"grant it s3:PutObject and s3:PutObjectAcl on {self._store.bucket}/*",
            )
        return True

    def _says_got(self) -> Said:
        self._version()
        return Said("this identity may get what is there, by its version")

    def _got(self) -> str | None:
        """The version of the probe that is there; None where the bucket keeps none."""
        self._put()
        client, bucket = self._store.client, self._store.bucket
        version: list[str | None] = []
        same: list[bool] = []

        def get() -> None:
            found = client.head_object(Bucket=bucket, Key=NAME).get("VersionId")
            version.append(found)
            answer = (
                client.get_object(Bucket=bucket, Key=NAME, VersionId=found)
                if found is not None
                else client.get_object(Bucket=bucket, Key=NAME)
            )
            with contextlib.closing(answer["Body"]) as body:
                same.append(body.read() == _TEXT)

        if self._answer(get) is not None:
            raise RightsMissing(
                f"This identity may not get {NAME} from {self._store.bucket}.",
                hint=f"grant it s3:GetObject and s3:GetObjectVersion on {self._store.bucket}/*",
            )
        if not same[0]:
            raise TargetUnfit(
                f"{NAME} in {self._store.bucket} is not what the doctor put there.", hint="remove it, and run it again"
            )
        return version[0]

    def _says_deleted(self) -> Said:
        version = self._version()
        # Where no versions are kept, the second would be the first once more.
        asked = ("s3:DeleteObject", "s3:DeleteObjectVersion")[: 1 if version is None else 2]
        rights = [right for right in asked if self._can(right, version)]
        if rights:
            raise TargetUnfit(
                f"This identity can delete what is in {self._store.bucket}, dumps too; {NAME} is gone by its "
                f"{' and '.join(rights)}.",
                hint="take s3:DeleteObject and s3:DeleteObjectVersion from it, or deny them in the bucket's policy",
            )
        return Said(f"this identity cannot delete; {NAME} stays until the bucket's lifecycle removes it")

    def _can(self, right: str, version: str | None) -> bool:
        """Whether S3 removes the probe when it is asked to, in the way that takes this right."""
        client, bucket = self._store.client, self._store.bucket
        markers: list[str] = []

        def delete() -> None:
            if right.endswith("Version") and version is not None:
                client.delete_object(Bucket=bucket, Key=NAME, VersionId=version)
                return
            answer = client.delete_object(Bucket=bucket, Key=NAME)
            if answer.get("DeleteMarker"):
                markers.append(answer["VersionId"])

        def unhide() -> None:
            for marker in markers:
                client.delete_object(Bucket=bucket, Key=NAME, VersionId=marker)

        if self._answer(delete) is not None:
            return False
        self._answer(unhide)
        return True

    def _answer(self, ask: Callable[[], object]) -> str | None:
        """The code by which S3 refuses what it is asked; None where it does not.

        Raises:
            Failure: it answers something that says nothing of rights, or not at all.
        """
        from botocore.exceptions import ClientError

        with translated(f"{NAME} in the bucket {self._store.bucket}"):
            try:
                ask()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _DENIED or code in _THERE:
                    return code
                raise
        return None
