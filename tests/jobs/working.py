"""A worker with all that it is told, and what became of it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dmrefresh.jobs.backup.presign import presign
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import DMREFRESH

SECRET = "s3cr3t-w0rd"
"""The password of every database that a worker is told."""


@dataclass
class Worked:
    """How a worker ended: its exit code, what it printed as JSON, and all it wrote to standard error."""

    code: int
    said: dict[str, Any]
    output: str


@dataclass
class Worker:
    """What a worker is told; `more` goes over it, and None takes a variable away."""

    folder: Path
    store: ObjectStore
    credentials: Credentials
    database_url: str
    name: str
    more: dict[str, str | None] = field(default_factory=dict)

    def sign(self, *, seconds: int = 600, largest: int = 5 << 30, **fields: str) -> dict[str, Any]:
        """Sign for the object; `fields` are put over those of the form."""
        settings = Settings(dumps=Dumps(bucket=self.store.bucket, endpoint_url=self.store.endpoint_url))
        before = dict(os.environ)
        os.environ["AWS_ACCESS_KEY_ID"] = self.store.jobs.access_key
        os.environ["AWS_SECRET_ACCESS_KEY"] = self.store.jobs.secret_key
        try:
            signed = presign(settings, self.name, timedelta(seconds=seconds), largest=largest)
        finally:
            os.environ.clear()
            os.environ.update(before)
        said: dict[str, Any] = json.loads(signed.text)
        said["fields"] |= fields
        return said

    def environment(self, form: dict[str, Any] | None = None) -> dict[str, str]:
        """Its environment: nothing of S3's credentials and nothing of the private key."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SOPS_", "DM"))}
        told: dict[str, str | None] = {
            "DUMP_FILE_NAME": self.name,
            "S3_POST_URL_DATA": json.dumps(form or self.sign()),
            "PUBKEY": self.credentials.public_key.read_text(),
            "DATABASE_URL": self.database_url,
            "TMPDIR": str(temporary),
            **self.more,
        }
        return {name: value for name, value in (kept | told).items() if value is not None}

    def start(self, form: dict[str, Any] | None = None) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [DMREFRESH, "backup-production", "--worker", "--debug"],
            env=self.environment(form),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, form: dict[str, Any] | None = None) -> Worked:
        """Run it to its end; nothing of what it was told stands in what it says, and nothing of it stays here."""
        form = form or self.sign()
        with self.start(form) as child:
            printed, output = child.communicate()
        for secret in (SECRET, form["fields"]["x-amz-signature"], form["fields"]["policy"], *self._key()):
            assert secret not in printed + output
        assert list((self.folder / "tmp").iterdir()) == []
        return Worked(child.returncode, json.loads(printed) if printed else {}, output)

    def _key(self) -> list[str]:
        return [line for line in self.credentials.public_key.read_text().splitlines() if len(line) == 64][:3]

    def stored(self) -> list[bytes]:
        """Every version of the object."""
        client = self.store.client(self.store.admin)
        found = client.list_object_versions(Bucket=self.store.bucket, Prefix=self.name).get("Versions", [])
        place = {"Bucket": self.store.bucket, "Key": self.name}
        return [client.get_object(**place, VersionId=one["VersionId"])["Body"].read() for one in found]  # type: ignore[arg-type]


_MINUTES = iter(range(1_000_000))


def a_name(stage: str) -> str:
    """The name of a backup that no other test makes."""
    when = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=next(_MINUTES))
    return f"{stage}-{when:%Y%m%d%H%M}.sql.gz.gpg"
