"""Coverage-guided fuzzing of the reader of dumps: python -m tests.fuzz --seconds 3600."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dmrefresh.dump"]):
    from tests.fuzz.cases import case_of
    from tests.fuzz.properties import check_all
    from tests.fuzz.seeds import dictionary, seeds

_LONGEST = 4096
"""Bytes of an input: the seeds are shorter, and what takes more than this does not depend on its length."""


def main() -> None:
    """Fuzz until the time is over or something is found, which is then in a file `crash-…`, `timeout-…` or `oom-…`."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=main.__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="for the corpus and what is found")
    parser.add_argument("found", nargs="*", help="try only these files")
    given = parser.parse_args()
    atheris.Setup([sys.argv[0], *(given.found or _options(given.folder, given.seconds))], _try)
    atheris.Fuzz()


def _try(data: bytes) -> None:
    check_all(case_of(data))


def _options(folder: Path, seconds: int) -> list[str]:
    """What libFuzzer is told, once the files it wants are there."""
    corpus, found, words = folder / "corpus", folder / "found", folder / "words.dict"
    for needed in (corpus, found):
        needed.mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    words.write_text(dictionary())
    return [
        *(f"-max_total_time={seconds}", f"-max_len={_LONGEST}", f"-dict={words}", f"-artifact_prefix={found}/"),
        *("-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", "-reload=0", str(corpus)),
    ]


if __name__ == "__main__":
    main()
