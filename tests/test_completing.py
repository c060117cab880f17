"""What a shell proposes: names out of files, quickly, and nothing that a shell could evaluate."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmrefresh.bucket.store import Store
from dmrefresh.cli.completing import keys_of
from dmrefresh.jobs.dumps import seen
from fixtures.parts.seaweedfs import ObjectStore
from sanitisers import load_ruleset, ships
from tests.jobs.scene import DMREFRESH
from tests.test_cli import HEAVY

SETTINGS = """
[dumps]
bucket = "shop-backups"
stage = "live"
[ruleset]
path = "shop.dmrefresh.yaml"
[sources.live]
url = "postgresql://me@localhost/shop"
[targets.local]
url = "postgresql://me@localhost/copy"
[targets.cleaned]
s3 = "shop-cleaned"
[targets."$(touch evil)"]
url = "postgresql://me@localhost/copy"
[targets."`touch evil`"]
url = "postgresql://me@localhost/copy"
[targets."lo;touch evil"]
url = "postgresql://me@localhost/copy"
"""
RULESET = """\
ruleset: 1
defaults:
  id: keep
tables:
  customer:
    rows: id > 1
    columns:
      full_name, "nick name": person.name   # a remark: with a colon
      address:
        json:
          town: address.city
  audit_events: empty
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("20261122T030000Z-1", "20261123T030000Z-2"):
        run = tmp_path / "state" / "dmrefresh" / "runs" / name
        run.mkdir(parents=True)
        (run / "report.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    Path("dmrefresh.toml").write_text(SETTINGS)
    Path("shop.dmrefresh.yaml").write_text(RULESET)
    return tmp_path


def proposed(line: str) -> list[str]:
    """What bash proposes at the end of a line, by the script that the program prints for it."""
    words = line.split(" ")
    script = f"""
        eval "$({shlex.quote(DMREFRESH)} --show-completion bash)"
        COMP_WORDS=({" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}
        _dmrefresh_completion {shlex.quote(DMREFRESH)}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("dmrefresh clean-and-a", ["clean-and-apply"]),
        ("dmrefresh plan --target ", ["local", "cleaned"]),
        ("dmrefresh plan --target lo", ["local"]),
        ("dmrefresh clean-and-apply --from ", ["cleaned"]),
        ("dmrefresh sanitisers check --database ", ["local", "cleaned", "live"]),
        ("dmrefresh sanitisers suggest --from-database li", ["live"]),
        ("dmrefresh backup-production --stage ", ["live"]),
        ("dmrefresh sanitisers preview ", ["customer", "audit_events"]),
        ("dmrefresh sanitisers explain cus", ["customer."]),
        ("dmrefresh sanitisers explain customer.", ["customer.full_name", "customer.address"]),
        ("dmrefresh sanitise --ruleset s", ["shop.dmrefresh.yaml"]),
        ("dmrefresh sanitise --ruleset d", ["digitalmarketplace"]),
        ("dmrefresh help exit", ["exit-codes"]),
        ("dmrefresh runbook ", ["restore-production"]),
        ("dmrefresh report ", ["20261123T030000Z-2", "20261122T030000Z-1"]),
        ("dmrefresh clean-and-apply --fall", ["--fall-back"]),
        ("dmrefresh --config nowhere.toml plan --target ", []),
    ],
)  # fmt: skip
def test_bash_proposes_what_can_stand_there_and_nothing_to_evaluate(folder: Path, line: str, names: list[str]) -> None:
    assert proposed(line) == names
    assert not (folder / "evil").exists()


def test_broken_files_propose_nothing_and_say_nothing(folder: Path) -> None:
    (folder / "dmrefresh.toml").write_text("[targets\n")
    assert proposed("dmrefresh plan --target ") == []
    (folder / "dmrefresh.toml").write_text("targets = 3\nruleset = 4\n")
    assert proposed("dmrefresh plan --target ") == []
    assert proposed("dmrefresh sanitisers preview ") == []


def test_what_proposes_imports_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys\nfrom dmrefresh.cli import app\n"
        "try: app(prog_name='dmrefresh')\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    for line in ("dmrefresh plan --target ", "dmrefresh sanitisers explain customer.f", "dmrefresh check-dump "):
        for shell, more in (
            ("bash", {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}),
            ("zsh", {"_TYPER_COMPLETE_ARGS": line}),
            ("fish", {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
        ):
            environment = os.environ | more | {"_DMREFRESH_COMPLETE": f"complete_{shell}"}
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            modules = set(done.stderr.split())
            assert "dmrefresh.cli" in modules
            assert modules & (HEAVY | {"rich", "ruamel.yaml", "sanitisers"}) == set(), (line, shell)


def test_the_dumps_that_were_listed_are_proposed_without_asking_s3(folder: Path, object_store: ObjectStore) -> None:
    names = [f"seen-20261122{hour:02}00.sql.gz.gpg" for hour in range(3)]
    client = object_store.client(object_store.admin)
    for name in names:
        client.put_object(Bucket=object_store.bucket, Key=name, Body=b"x")
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": object_store.jobs.access_key,
        "AWS_SECRET_ACCESS_KEY": object_store.jobs.secret_key,
    }
    said = f'[dumps]\nbucket = "{object_store.bucket}"\nstage = "seen"\n'
    (folder / "dmrefresh.toml").write_text(f'{said}endpoint_url = "{object_store.endpoint_url}"\n')
    assert proposed("dmrefresh check-dump ") == []
    done = subprocess.run([DMREFRESH, "dumps"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert proposed("dmrefresh check-dump ") == names[::-1]
    assert proposed("dmrefresh plan --dump seen-2026112202") == names[2:]
    assert proposed("dmrefresh dumps --stage ") == ["seen"]
    file = folder / "cache" / "dmrefresh" / "names.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (folder / "dmrefresh.toml").write_text(said)
    assert proposed("dmrefresh check-dump ") == [], "another store has a bucket of that name"


def test_stages_are_remembered_beside_each_other_and_odd_names_are_not(folder: Path) -> None:
    shop = Store("shop", endpoint_url="https://me:hunter2@s3.example.org:8333")
    seen.remember(shop, ["a-202611220300.sql.gz.gpg", "$(touch evil)"])
    seen.remember(shop, ["b-202611220300.sql.gz.gpg"])
    seen.remember(Store("other"), ["c-202611220300.sql.gz.gpg"])
    seen.remember(Store("shop"), ["d-202611220300.sql.gz.gpg"])
    assert seen.seen("shop", shop.endpoint_url) == ["b-202611220300.sql.gz.gpg", "a-202611220300.sql.gz.gpg"]
    assert seen.seen("shop", None) == ["d-202611220300.sql.gz.gpg"]
    seen.remember(shop, [f"a-2026112203{n % 60:02}{n}.sql.gz.gpg" for n in range(500)])
    assert len(seen.seen("shop", shop.endpoint_url)) <= 100
    assert seen.seen("absent", None) == []
    assert "hunter2" not in (folder / "cache" / "dmrefresh" / "names.json").read_text()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode))
)
def test_a_note_that_is_none_proposes_nothing(folder: Path, text: bytes) -> None:
    file = folder / "cache" / "dmrefresh" / "names.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)
    assert seen.seen("shop", None) == []


def test_a_ruleset_is_read_off_its_lines_as_a_parser_reads_it() -> None:
    path = ships("digitalmarketplace")
    assert path is not None
    ruleset = load_ruleset(path)
    parsed = {table: list(getattr(rule, "columns", {})) for table, rule in ruleset.tables.items()}
    assert {table: sorted(names) for table, names in keys_of(path.read_text()).items()} == {
        table: sorted(names) for table, names in parsed.items()
    }


def test_a_name_in_quotes_is_one_whatever_is_in_it() -> None:
    text = 'tables:\n  "a, b":\n    columns:\n      "City, State": keep\n      c, d: keep\n'
    assert keys_of(text) == {"a, b": ["City, State", "c", "d"]}


@given(st.text())
def test_whatever_a_ruleset_is_reading_it_off_ends(text: str) -> None:
    keys_of(text)
    keys_of(f"tables:\n  {text}")
