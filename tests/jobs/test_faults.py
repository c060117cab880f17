"""What is damaged, missing or refused ends with its own exit code, and the target keeps its very relations."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from dmrefresh.keys.private import memory_backed_storage
from fixtures.parts.secrets import make_credentials, sops_encrypt
from tests.jobs.scene import Production, Scene, state_of
from tests.proxy import Proxy


def flipped(production: Production, part: float) -> bytes:
    ciphertext = bytearray(production.ciphertext.read_bytes())
    ciphertext[int(len(ciphertext) * part)] ^= 8
    return bytes(ciphertext)


def cut_at_a_row(production: Production) -> bytes:
    """The dump's text up to the end of a row in the middle of a table."""
    text = production.text.read_bytes()
    begin = text.index(b"\nCOPY public.users ")
    end = text.index(b"\n\\.\n", begin)
    return text[: text.rindex(b"\n", begin, begin + (end - begin) // 2) + 1]


def unchanged(scene: Scene, code: int, *arguments: str) -> str:
    """Run a refresh that must fail with this code and leave everything as it was; returns what it printed."""
    before = state_of(scene.target_url)
    ended = scene.refresh(*arguments)
    assert ended.code == code, ended.output
    assert state_of(scene.target_url) == before
    assert "The target is as it was" in ended.output
    assert left_behind(scene) == []
    return ended.output


def left_behind(scene: Scene) -> list[str]:
    """Files, keyrings and agents that a run should have taken with it."""
    files = [str(path) for path in (scene.folder / "tmp").rglob("*")]
    storage = memory_backed_storage()
    keyrings = [str(path) for path in storage.glob("dmrefresh-*")]
    of_ours = f"gpg-agent.*{storage}/dmrefresh-"
    agents = subprocess.run(["pgrep", "-fa", of_ours], capture_output=True, text=True, check=False)
    return files + keyrings + agents.stdout.splitlines()


def test_a_refresh_that_goes_well_says_so_and_leaves_nothing_behind(scene: Scene, production: Production) -> None:
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert "local is refreshed" in ended.output
    assert left_behind(scene) == []
    with psycopg.connect(scene.target_url) as connection:
        for table, rows in production.rows.items():
            found = connection.execute(f'SELECT count(*) FROM "{table}"'.encode()).fetchone()
            assert found is not None
            assert (found[0] == 0) is (table == "audit_events"), table
            assert found[0] <= rows, table
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (production.users_left(),)
    assert ended.report["attempts"] == 1
    assert {table["name"] for table in ended.report["tables"]} == set(production.rows)


@pytest.mark.parametrize("part", [0.0005, 0.01, 0.5, 0.9999])
def test_a_bit_flipped_in_the_object_is_damage_found_twice(scene: Scene, production: Production, part: float) -> None:
    scene.put(flipped(production, part))
    output = unchanged(scene, 13)
    assert output.count("attempt 2 of 3, from a clean start") == 1


@pytest.mark.parametrize("part", [0.5, 0.99999])
def test_an_object_cut_short_is_damage(scene: Scene, production: Production, part: float) -> None:
    ciphertext = production.ciphertext.read_bytes()
    scene.put(ciphertext[: int(len(ciphertext) * part)])
    unchanged(scene, 13)


def test_a_dump_cut_at_a_row_boundary_is_damage(scene: Scene, production: Production) -> None:
    scene.put(scene.encrypt(cut_at_a_row(production)))
    assert "users" in unchanged(scene, 13)


def test_a_dump_without_its_end_marker_is_damage(scene: Scene, production: Production) -> None:
    text = production.text.read_bytes()
    scene.put(scene.encrypt(text[: text.rindex(b"-- PostgreSQL database dump complete")]))
    unchanged(scene, 13)


def test_what_is_encrypted_but_not_compressed_is_damage(scene: Scene, production: Production) -> None:
    scene.put(scene.encrypt(production.text.read_bytes(), compress=False))
    unchanged(scene, 13)


def test_an_object_that_was_never_encrypted_is_damage(scene: Scene, production: Production) -> None:
    scene.put(production.text.read_bytes())
    unchanged(scene, 13)


def test_a_dump_for_another_key_is_told_from_damage_and_not_tried_again(
    scene: Scene, production: Production, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_credentials(tmp_path_factory.mktemp("other"), bits=2048)
    scene.put(scene.encrypt(production.text.read_bytes(), recipient=other.public_key))
    assert "attempt 2" not in unchanged(scene, 12)


def test_a_wrong_passphrase_a_missing_key_and_a_missing_age_key_are_matters_of_the_key(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient = scene.credentials.age_key_file.read_text().split("public key: ")[1].split()[0]
    wrong = tmp_path / "wrong.enc"
    wrong.write_bytes(sops_encrypt(b"another passphrase", recipient))
    with monkeypatch.context() as patch:
        patch.setenv("DMREFRESH_KEYS_PASSPHRASE", str(wrong))
        unchanged(scene, 12)
    with monkeypatch.context() as patch:
        patch.setenv("DMREFRESH_KEYS_SECRET_KEY", str(tmp_path / "absent.enc"))
        unchanged(scene, 12)
    scene.credentials = replace(scene.credentials, age_key_file=scene.folder / "absent.txt")
    assert "sops" in unchanged(scene, 12)


@pytest.mark.fault("64a")
def test_a_stage_or_name_without_a_dump_is_said(scene: Scene) -> None:
    unchanged(scene, 10, "--stage", "nowhere")
    unchanged(scene, 10, "--dump", f"{scene.stage}-200001010000.sql.gz.gpg")


def test_an_older_dump_can_be_asked_for_by_name(scene: Scene, production: Production) -> None:
    older = scene.put(production.ciphertext.read_bytes())
    scene.put(b"a newer one, damaged")
    ended = scene.refresh("--dump", older)
    assert ended.code == 0, ended.output
    assert ended.report["dump"]["name"] == older


def test_a_column_that_nobody_classified_stops_the_run_with_the_lines_to_paste(
    scene: Scene, production: Production
) -> None:
    text = production.text.read_bytes()
    changed = text.replace(b"CREATE TABLE public.users (\n", b"CREATE TABLE public.users (\n    shoe_size text,\n", 1)
    assert changed != text
    scene.put(scene.encrypt(changed))
    assert "shoe_size:" in unchanged(scene, 14)


def test_a_statement_that_is_never_executed_stops_the_run(scene: Scene, production: Production) -> None:
    text = production.text.read_bytes()
    danger = text.replace(
        b"CREATE TABLE public.users (", b"ALTER SYSTEM SET work_mem = '1GB';\nCREATE TABLE public.users (", 1
    )
    scene.put(scene.encrypt(danger))
    unchanged(scene, 17)


def test_a_ruleset_with_a_mistake_is_named_with_its_line_before_anything_is_fetched(
    scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("ruleset: 1\ntables:\n  users:\n    columns:\n      name: person.nme\n")
    assert "mine.yaml:5" in unchanged(scene, 2, "--ruleset", str(file))


def test_a_target_that_is_not_there_may_heal(scene: Scene, production: Production) -> None:
    scene.target_url = "postgresql://nobody@127.0.0.1:9/nowhere"
    ended = scene.refresh()
    assert (ended.code, left_behind(scene)) == (21, [])


def test_a_download_damaged_once_heals_by_itself(scene: Scene, production: Production) -> None:
    port = urlsplit(scene.store.endpoint_url).port
    assert port is not None
    damaged: list[int] = []

    def once(connection: int, offset: int, block: bytes) -> bytes:
        if not damaged and offset > 300_000:
            damaged.append(connection)
            return bytes([*block[:-1], block[-1] ^ 1])
        return block

    with Proxy(port) as proxy:
        proxy.answer = once
        scene.endpoint_url = f"http://127.0.0.1:{proxy.port}"
        ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert damaged
    assert ended.report["attempts"] == 2


def test_s3_that_hangs_up_in_the_middle_is_resumed(scene: Scene) -> None:
    port = urlsplit(scene.store.endpoint_url).port
    assert port is not None
    cut: list[int] = []

    def once(connection: int, offset: int, block: bytes) -> bytes | None:
        if not cut and offset > 300_000:
            cut.append(connection)
            return None
        return block

    with Proxy(port) as proxy:
        proxy.answer = once
        scene.endpoint_url = f"http://127.0.0.1:{proxy.port}"
        ended = scene.refresh()
    assert (ended.code, ended.report.get("attempts"), len(cut)) == (0, 1, 1), ended.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_in_the_middle_of_the_load_rolls_back_in_order(scene: Scene, number: signal.Signals) -> None:
    interrupted(scene, "publishing transaction is open", lambda child: child.send_signal(number), 128 + number)


def test_a_killed_run_leaves_the_old_data_and_the_next_one_cleans_up(scene: Scene) -> None:
    interrupted(scene, "publishing transaction is open", lambda child: child.kill(), -signal.SIGKILL)
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert left_behind(scene) == []


def trickling(connection: int, offset: int, block: bytes) -> bytes:
    """The download slows down, so that the load cannot be over before the deed is done."""
    if offset > 500_000:
        time.sleep(0.5)
    return block


def interrupted(scene: Scene, line: str, deed: Callable[[subprocess.Popen[str]], None], code: int) -> None:
    """Start a refresh whose download stands still, do something to it at a line, and see how it ended."""
    port = urlsplit(scene.store.endpoint_url).port
    assert port is not None
    before = state_of(scene.target_url)
    with Proxy(port) as proxy:
        proxy.answer = trickling
        scene.endpoint_url = f"http://127.0.0.1:{proxy.port}"
        with scene.start() as child:
            assert child.stdout is not None
            for said in child.stdout:
                if line in said:
                    deed(child)
                    break
            else:
                pytest.fail("it ended before")
            ended = scene.ended(child)
    scene.endpoint_url = None
    assert ended.code == code, ended.output
    deadline = time.monotonic() + 60
    while state_of(scene.target_url) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert state_of(scene.target_url) == before
    if code > 0:
        assert "rolled back, the target is as it was" in ended.output
        assert left_behind(scene) == []


@pytest.mark.fault("83")
def test_a_reader_that_goes_away_does_not_end_the_refresh(scene: Scene) -> None:
    with scene.start() as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()  # as `| head -n 1` does
        assert child.wait(240) == 0
    assert state_of(scene.target_url)


def test_a_report_that_cannot_be_written_is_found_before_anything_is_done(scene: Scene) -> None:
    assert "report" in unchanged(scene, 2, "--report", "/nowhere/report.json")


def test_a_library_never_says_what_the_server_said(scene: Scene, production: Production) -> None:
    """The server refuses a row, then the stream breaks: psycopg would log the server's own sentence."""
    text = production.text.read_bytes()
    begin = text.index(b"\nCOPY public.direct_award_project_users ")
    first = text.index(b"\n", begin + 1) + 1
    last = text.index(b"\n\\.\n", begin)
    scene.put(scene.encrypt(text[:first] + b"7\t1\tjane.canary@real.example\n" * 3 + text[first:last]))
    ended = scene.refresh()
    assert ended.code in (13, 22), ended.output
    assert "jane.canary" not in ended.output
    assert "error ignored" not in ended.output
    assert "retry_scheduled" not in ended.output


def test_random_damage_anywhere_never_publishes(scene: Scene, production: Production) -> None:
    before = state_of(scene.target_url)
    chance = random.Random(os.environ.get("PYTEST_RANDOMLY_SEED"))
    whole = production.ciphertext.read_bytes()
    for _ in range(3):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chance.randrange(600, len(whole))] ^= 1 << chance.randrange(8)
        scene.put(bytes(damaged))
        assert scene.refresh().code == 13
    assert state_of(scene.target_url) == before
