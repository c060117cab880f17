"""Every bucket is reached with the patience that the settings have with S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from dmrefresh import settings
from dmrefresh.jobs.backup import planning
from dmrefresh.jobs.buckets import bucket_of, cleaned_store, store_at, store_of
from dmrefresh.settings.model import Settings

MORE = """
[dumps]
bucket = "dumps"
silence = "7 seconds"
[sources.production]
url = "postgresql:///production"
[targets.cleaned]
s3 = "cleaned"
region = "eu-west-2"
"""


@pytest.fixture
def said(tmp_path: Path) -> Settings:
    key = tmp_path / "gpg" / "database-backups" / "public.key"
    key.parent.mkdir(parents=True)
    key.write_text("a key")
    (tmp_path / "dmrefresh.toml").write_text(f'{MORE}[keys]\ncredentials_repo = "{tmp_path}"\n')
    return settings.load(environ={}, folder=tmp_path)


def test_the_settings_say_how_long_each_may_say_nothing(said: Settings) -> None:
    cleaned = bucket_of(said, said.targets["cleaned"])
    assert (cleaned.bucket, cleaned.region) == ("cleaned", "eu-west-2")
    for store in (
        store_of(said),
        cleaned,
        cleaned_store(said, "cleaned"),
        store_at(said, "reports", None, None),
        planning.prepare(said).store,
    ):
        assert store.silence == 7
        assert store.client.meta.config.read_timeout == 7  # type: ignore[attr-defined]
