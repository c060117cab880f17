"""Whatever goes wrong, no sentence of ours, of the server's or of a library's has a value in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.dump.writing import USERS, a_dump
from tests.jobs.scene import DMREFRESH
from tests.proof import Proof

ROOT = Path(__file__).parents[2]

CHATTY = """
import logging, threading, warnings

def unclosed(value):
    try:
        yield value
    finally:
        raise LookupError(value)

def quote(value, chance):
    logging.getLogger("a library").error("cannot read %s", value)
    warnings.warn(f"cannot read {value}")
    thread = threading.Thread(target=lambda: int(value))
    thread.start()
    thread.join()
    next(unclosed(value))
    return "made up"

def fail(value, chance):
    quoted = value
    raise ValueError(quoted)
"""
ROWS = b"COPY public.users (id, email) FROM stdin;\n1\tjane.canary@gov.uk\n\\.\n"


@pytest.mark.fault("L5")
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize(("function", "code"), [("quote", 0), ("fail", 14)])
def test_what_threads_generators_warnings_and_logs_quote_is_not_shown(
    tmp_path: Path, proof: Proof, function: str, code: int, debug: tuple[str, ...]
) -> None:
    (tmp_path / "ours.py").write_text(CHATTY)
    ruleset = tmp_path / "rules.yaml"
    ruleset.write_text(
        f"ruleset: 1\ntables:\n  users:\n    columns:\n      id: keep\n      email: {{function: ours.{function}}}\n"
    )
    argv = [DMREFRESH, "sanitise", "--ruleset", str(ruleset), *debug]
    done = subprocess.run(argv, input=a_dump(USERS, ROWS), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert b"canary" not in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    if function == "quote":
        assert done.stdout.count(b"made up") == 1
        assert done.stderr.count(b"a fault of dmrefresh's own, beside what it was doing") == 2
        assert (b"in unclosed" in done.stderr or b" unclosed\n" in done.stderr) is bool(debug)
    proof.happened("what went wrong is named by its kind alone")
