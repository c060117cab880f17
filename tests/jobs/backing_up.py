"""A database of one small table that is backed up, the bucket it goes to, and who can read it back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from botocore.exceptions import ClientError

from dmrefresh import settings
from dmrefresh.bucket.verified import SUFFIX, Verified, from_json
from dmrefresh.jobs.backup.planning import Plan, prepare
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import Ended, Scene
from tests.jobs.small import RULES, TABLE

ROWS = 2000


@dataclass
class Backup(Scene):
    """A source, `source_url`, which the settings know by the scene's stage; the target is another database."""

    source_url: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    """What is different in the environment; of an empty value, that it is not there."""
    source_more: str = ""
    """More settings of the source, and sections after them."""
    attempts: int = 3
    """How often a backup in this process is begun at most."""

    def settings(self) -> Path:
        self.more = f'[sources.{self.stage}]\nurl = "{self.source_url}"\n{self.source_more}'
        return super().settings()

    def environment(self) -> dict[str, str]:
        whole = super().environment() | dict(self.environ)
        return {name: value for name, value in whole.items() if value}

    def back_up(self, *arguments: str) -> Ended:
        """Run backup-production to its end."""
        with self._start("backup-production", "--stage", self.stage, *arguments) as child:
            return self.ended(child)

    def plan(self, **wanted: Any) -> Plan:
        """What a backup in this process does."""
        environ = {"DMREFRESH_JOB_FIRST_WAIT": "1 second", "DMREFRESH_JOB_ATTEMPTS": str(self.attempts)}
        return prepare(settings.load(self.settings(), environ), stage=self.stage, **wanted)

    def grow(self, rows: int = 30_000) -> None:
        """More rows, which nothing can make smaller, for every stage to be at work for a while."""
        with psycopg.connect(self.source_url) as connection:
            connection.execute(
                "INSERT INTO note SELECT n, (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 50) m), "
                "'{}' FROM generate_series(10000, 10000 + %s) n",
                (rows,),
            )

    def objects(self) -> list[str]:
        """Everything of this stage in the bucket."""
        client = self.store.client(self.store.admin)
        found = client.list_objects_v2(Bucket=self.store.bucket, Prefix=f"{self.stage}-")
        return [one["Key"] for one in found.get("Contents", [])]

    def parts(self) -> list[str]:
        """Uploads of this stage that were begun, and neither completed nor thrown away."""
        client = self.store.client(self.store.admin)
        begun = client.list_multipart_uploads(Bucket=self.store.bucket).get("Uploads", [])
        return [one["Key"] for one in begun if one["Key"].startswith(f"{self.stage}-")]

    def noted(self, name: str) -> Verified | None:
        """The note beside a backup."""
        client = self.store.client(self.store.admin)
        with suppress(client.exceptions.NoSuchKey):
            return from_json(client.get_object(Bucket=self.store.bucket, Key=name + SUFFIX)["Body"].read())
        return None

    def content(self, name: str) -> bytes:
        return self.store.client(self.store.admin).get_object(Bucket=self.store.bucket, Key=name)["Body"].read()

    def overwrite(self, name: str, content: bytes) -> None:
        """Put another object in the place of a backup."""
        self.store.client(self.store.admin).put_object(Bucket=self.store.bucket, Key=name, Body=content)

    def may_delete(self, name: str) -> bool:
        """Whether the identity that backups are stored with could delete it; that is tried."""
        client = self.store.client(self.store.jobs)
        try:
            client.delete_object(Bucket=self.store.bucket, Key=name)
        except ClientError as error:
            return error.response["Error"]["Code"] != "AccessDenied"
        return True


def make_backup(source: Cluster, target: Cluster, store: ObjectStore, credentials: Credentials, folder: Path) -> Backup:
    """A source with rows, and an empty target."""
    name = f"t{uuid4().hex[:12]}"
    for cluster in (source, target):
        cluster.create_role_and_database(name, name)
    url = source.url(name, name)
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
        connection.execute(
            "INSERT INTO note SELECT n, 'canary ' || md5(n::text), '{\"name\": \"Jo\"}' FROM generate_series(1, %s) n",
            (ROWS,),
        )
    ruleset = folder / "small.yaml"
    ruleset.write_text(RULES)
    return Backup(folder, store, credentials, target.url(name, name), name, ruleset=str(ruleset), source_url=url)
