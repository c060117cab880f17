"""A backup and a refresh with all that they may need, while everything that others can see of them is looked at."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from dmrefresh.machine.postgres_programs import find_pg_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, sops_encrypt
from tests.faults.watching import Watched, notes, put_in_front, watching
from tests.jobs.backing_up import Backup, make_backup
from tests.jobs.scene import Ended
from tests.jobs.small import bodies, tunnelled
from tests.proof import Proof
from tests.telling.webhook import SECRET as WEBHOOK
from tests.telling.webhook import Webhook, webhook

SOURCE, TARGET, PLANTED, KEY = (
    "s0urce-hunter2",
    "t4rget-hunter2",
    "pl4nted-hunter2",
    "k3y-of-fakes-hunter2-hunter2-hunter2",
)
"""Passwords of two databases, what stands in variables that are nobody's business, and the sanitiser's key."""
BASE = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CONFIG_HOME"}
WATCHED = ("gpg", "gpgconf", "sops")

pytestmark = pytest.mark.slow  # what is looked at is made once for all


@dataclass
class Seen:
    """A backup, and then a refresh from it through a tunnel, with hooks; and what was seen of both."""

    scene: Backup
    backed_up: Ended
    refreshed: Ended
    watched: Watched
    told: Webhook
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def seen(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("seen")
    scene = make_backup(cluster_for(16), cluster_for(18), object_store, credentials, folder)
    with (
        locked(cluster_for(16), scene.stage, SOURCE),
        locked(cluster_for(18), scene.stage, TARGET),
        webhook(200) as told,
    ):
        scene.source_url = with_password(scene.source_url, SOURCE)
        scene.target_url = with_password(scene.target_url, TARGET)
        scene.source_more = settings(scene, folder, told)
        (folder / "front").mkdir()
        path = put_in_front(folder / "front", WATCHED, os.environ["PATH"])
        put_in_front(folder / "front", ["pg_dump"], str(find_pg_dump(16).path.parent))
        scene.environ = dict.fromkeys(("VCAP_SERVICES", "PGPASSWORD", "S3_POST_URL_DATA"), PLANTED)
        scene.environ |= {"PATH": path, "DMREFRESH_KEYS_SANITISER_KEY": str(folder / "sanitiser.enc")}
        secrets = {
            "the source's password": SOURCE,
            "the target's password": TARGET,
            "the variables of others": PLANTED,
            "the sanitiser's key": KEY,
            "the webhook": WEBHOOK,
            "the passphrase": credentials.passphrase,
            "S3's key": object_store.jobs.secret_key,
            "the age key": credentials.age_key_file.read_text().strip().rpartition("\n")[2],
            "the private key": private_key(credentials).splitlines()[10],
        }
        watched = Watched(tuple(one.encode() for one in (*secrets.values(), "canary ")))
        with scene._start("backup-production", "--stage", scene.stage) as child, watching(child.pid, watched):
            backed_up = scene.ended(child)
        with scene.start("--target", "far", "--confirm", "far") as child, watching(child.pid, watched):
            refreshed = scene.ended(child)
        watched.started = notes(folder / "front")
        yield Seen(scene, backed_up, refreshed, watched, told, secrets)


@contextmanager
def locked(cluster: Cluster, role: str, password: str) -> Iterator[None]:
    """Let a role in by its password alone."""
    rules = cluster.data_directory / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{before}")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'".encode())
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        rules.write_text(before)


def with_password(url: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    role, _, rest = rest.partition("@")
    return f"{scheme}://{role}:{password}@{rest}"


def settings(scene: Backup, folder: Path, told: Webhook) -> str:
    """A target behind a tunnel, with commands before and after; whom to tell; the key of the fakes."""
    recipient = scene.credentials.age_key_file.read_text().split("public key: ")[1].split()[0]
    (folder / "sanitiser.enc").write_bytes(sops_encrypt(KEY.encode(), recipient))
    (folder / "hook").write_text(f"#!/bin/sh\ncat /proc/self/environ > {folder}/$1.environ\n")
    (folder / "hook").chmod(0o755)
    return f"""
        [targets.far]
        url = "{scene.target_url}"
        before = [["{folder}/hook", "before"]]
        after = [["{folder}/hook", "after"]]
        {tunnelled(folder)}
        [programs]
        pg_dump = "{folder}/front/pg_dump"
        [notify]
        slack_url = "{told.url}"
        on = ["started", "succeeded", "failed"]
    """


def private_key(credentials: Credentials) -> str:
    """In clear, to be looked for."""
    file = credentials.repository / "gpg" / "database-backups" / "secret.key.enc"
    argv = ["sops", "decrypt", "--input-type", "binary", "--output-type", "binary", str(file)]
    environment = os.environ | {"SOPS_AGE_KEY_FILE": str(credentials.age_key_file)}
    return subprocess.run(argv, env=environment, capture_output=True, check=True, text=True).stdout


def test_both_went_well_and_all_of_it_was_looked_at(seen: Seen) -> None:
    assert seen.backed_up.code == 0, seen.backed_up.output
    assert seen.refreshed.code == 0, seen.refreshed.output
    assert bodies(seen.scene) == {"canary"}
    assert {program for program, _, _ in seen.watched.started} == {*WATCHED, "pg_dump"}
    assert len(seen.watched.environments("sops")) >= 5
    assert any("forward.py" in " ".join(one) for one in seen.watched.arguments)
    assert any("gpg-agent" in one[0] for one in seen.watched.arguments if one)
    assert any(" (deleted)" in name or "/#" in name for name in seen.watched.files)  # the ciphertext's nameless file


@pytest.mark.fault("L1")
def test_no_argument_of_any_process_is_a_secret(seen: Seen, proof: Proof) -> None:
    everything = [*map(" ".join, seen.watched.arguments), *(" ".join(argv) for _, argv, _ in seen.watched.started)]
    for name, secret in seen.secrets.items():
        assert not [one for one in everything if secret in one], name
    assert not [one for one in everything if "canary" in one]
    proof.happened(f"{len(everything)} command lines, and no secret in one")


ALSO = {
    "gpg": ("GNUPGHOME",),
    "gpgconf": ("GNUPGHOME",),
    "sops": ("SOPS_", "AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_", "VAULT_", "XDG_"),
    "pg_dump": ("PGSERVICEFILE",),
}
"""Beginnings of the variables that a program gets beside the few that all get."""


@pytest.mark.fault("L2")
@pytest.mark.parametrize("program", ALSO)
def test_a_program_gets_the_variables_that_it_needs_and_no_other(program: str, seen: Seen, proof: Proof) -> None:
    environments = seen.watched.environments(program)
    assert environments
    for environment in environments:
        assert {name for name in environment if name not in BASE and not name.startswith(ALSO[program])} == set()
        for name, secret in seen.secrets.items():
            if not (program == "sops" and name == "S3's key"):  # a key of KMS is reached with the same
                assert secret not in json.dumps(environment), name
    proof.happened(f"{sorted(set().union(*environments) - BASE)} beside the usual")


@pytest.mark.fault("L2")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_targets_commands_get_no_secret(when: str, seen: Seen) -> None:
    given = (seen.scene.folder / f"{when}.environ").read_text()
    assert "DMREFRESH_TARGET=far" in given
    for name, secret in seen.secrets.items():
        assert secret not in given, name
    assert "AWS_" not in given


@pytest.mark.fault("L13")
def test_nothing_in_clear_and_no_secret_lies_in_a_file_on_a_disk(seen: Seen, proof: Proof) -> None:
    # What the test itself has put there: the settings, the key that SOPS finds, and notes of environments.
    given = [seen.scene.folder / "dmrefresh.toml", seen.scene.credentials.age_key_file, seen.scene.folder / "front"]
    assert [one for one in seen.watched.found if not one.startswith(tuple(map(str, given)))] == []
    proof.happened(f"{len(seen.watched.files)} open files on disks, and nothing in clear in one")


@pytest.mark.fault("L14")
def test_what_is_printed_reported_and_told_to_others_has_neither_secret_nor_value(seen: Seen, proof: Proof) -> None:
    assert len(seen.told.received) == 4
    said = [seen.backed_up.output, str(seen.backed_up.report), seen.refreshed.output, str(seen.refreshed.report)]
    said.append(json.dumps(seen.told.received))
    for text in said:
        for name, secret in seen.secrets.items():
            assert secret not in text, name
        assert "canary" not in text
        assert "postgresql://" not in text
    proof.happened("nothing of it in the output, the reports and the messages")


@pytest.mark.fault("L12")
def test_the_key_of_the_fakes_is_in_nothing_that_is_published(seen: Seen) -> None:
    with psycopg.connect(seen.scene.target_url) as connection:
        receipts = connection.execute("SELECT r::text FROM dmrefresh.receipts r").fetchall()
    assert receipts
    assert KEY not in str(receipts)
