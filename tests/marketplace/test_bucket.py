"""What the job stores for everybody is what is published too, but that nobody logs in as an administrator."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from fixtures.production.filling import TABLES
from tests.jobs.scene import Production
from tests.jobs.test_cleaned import LATEST, Team, made_team
from tests.marketplace.conftest import Published
from tests.marketplace.test_responses import MADE_UP


@pytest.fixture(scope="module")
def team(
    marketplace: Production,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Team]:
    """A developer's database, refreshed from what the job has stored."""
    with tempfile.TemporaryDirectory(prefix="dmr-", dir="/tmp") as temporary:
        Path(temporary).chmod(0o711)
        made = made_team(cluster_for, object_store, credentials, tmp_path_factory.mktemp("team"), Path(temporary))
        made.scene.ruleset = "digitalmarketplace"
        made.scene.settings()
        made.scene.put(marketplace.ciphertext.read_bytes())
        for code, said in (made.clean(), made.refresh()):
            assert code == 0, said
        yield made


@pytest.fixture
def developers(team: Team) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(team.scene.target_url) as connection:
        yield connection


def test_a_cleaned_dump_brings_the_rows_that_are_published_directly(
    developers: psycopg.Connection[Any], publish: Callable[[str], Published]
) -> None:
    direct = publish("schema")
    for table in TABLES:
        count = f"SELECT count(*) FROM {table}"
        assert developers.execute(count.encode()).fetchall() == direct.after(count), table
    made_up = f"{MADE_UP} ORDER BY id"
    assert developers.execute(made_up.encode()).fetchall() == direct.after(made_up)


def test_nobody_is_in_a_cleaned_dump(team: Team, marketplace: Production) -> None:
    text = gzip.decompress(team.objects()[LATEST])
    assert b"CREATE TABLE public.users" in text
    assert find(io.BytesIO(text), marketplace.canaries) == []
    assert b"reassign_owned" not in text


def test_what_leaves_the_machine_has_the_known_password_for_buyers_and_suppliers_only(
    developers: psycopg.Connection[Any],
) -> None:
    hashes: dict[str, set[str]] = {}
    for role, password in developers.execute("SELECT DISTINCT role::text, password FROM users"):
        hashes.setdefault("trade" if role in ("buyer", "supplier") else "administration", set()).add(password)
    (known,) = hashes["trade"]
    assert bcrypt.checkpw(b"Password1234", known.encode())
    for unknown in hashes["administration"]:
        assert unknown.startswith("$2b$12$")
        assert not bcrypt.checkpw(b"Password1234", unknown.encode())
