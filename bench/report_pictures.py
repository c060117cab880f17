"""Makes the pictures of a report, of real refreshes: `python -m bench.report_pictures` writes docs/pictures/report*."""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.ground import Ground, prepared
from bench.part import Setting
from bench.production import dump
from fixtures.parts.browser import browser
from fixtures.parts.dumping import put_dump

_CHECKOUT = Path(__file__).resolve().parents[1]
_FOLDER = _CHECKOUT / "docs" / "pictures"
_PHONE, _LAPTOP = 390, 1280
_PICTURES = {
    "report.png": ("done", _LAPTOP, "header", 1500, False),
    "report-dark.png": ("done", _LAPTOP, "header", 1500, True),
    "report-phone.png": ("done", _PHONE, "header", 1700, False),
    "report-tables.png": ("done", _LAPTOP, "#tables", 1400, False),
    "report-failed.png": ("failed", _LAPTOP, "header", 900, False),
}
"""By its file: of which run, how wide the window is, from what on, how much of the page (pixels), and whether dark."""
_ABOVE = 40
"""Pixels above the element that a picture begins with."""


def main(arguments: list[str] | None = None) -> int:
    """Refresh a database from a dump of the fake production, and write the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.report_pictures", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="about how large the plain dump is [200]")
    parser.add_argument("--major", type=int, default=16, help="PostgreSQL's version [16]")
    parser.add_argument("--keep", type=Path, default=_CHECKOUT / ".bench", help="where dumps and keys stay [.bench]")
    options = parser.parse_args(arguments)
    setting = Setting(
        keep=options.keep,
        say=lambda text: print(text, file=sys.stderr, flush=True),
        megabytes=options.megabytes,
        rounds=1,
        sizes=None,
        major=options.major,
        fsync=False,
    )
    loaded = dump(setting, options.megabytes)
    with prepared(setting) as ground:
        put_dump(ground.store, ground.store.bucket, "production", datetime.now(UTC), loaded.file)
        ground.make_database("local")
        _run(ground, "check-dump", "--record")  # as a nightly backup does
        for _ in range(2):  # the first fills what the second replaces
            _run(ground, "clean-and-apply", "--target", "local", "--run-dir", str(ground.folder / "done"))
        rules = _without_a_rule(ground.folder)
        failing = ("--ruleset", str(rules), "--run-dir", str(ground.folder / "failed"))
        _run(ground, "clean-and-apply", "--target", "local", *failing, ends_with=14)
        take(ground.folder)
    return 0


def take(folder: Path) -> None:
    """Take the pictures of the runs in a folder."""
    _FOLDER.mkdir(exist_ok=True)
    with browser() as window:
        for file, (run, width, begin, height, dark) in _PICTURES.items():
            window.open((folder / run / "report.html").as_uri(), width=width, dark=dark)
            top = max(window.top(window.nodes(begin)[0]) - _ABOVE, 0)
            (_FOLDER / file).write_bytes(window.picture(height, top))


def _run(ground: Ground, *arguments: str, ends_with: int = 0) -> None:
    argv = ["dmrefresh", "--config", str(ground.settings("local")), *arguments]
    done = subprocess.run(argv, env=ground.variables(), capture_output=True, text=True, check=False)
    if done.returncode != ends_with:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")


def _without_a_rule(folder: Path) -> Path:
    """A ruleset that has forgotten a column."""
    import sanitisers

    ships = Path(sanitisers.__file__).parent / "digitalmarketplace.yaml"
    lines = [line for line in ships.read_text(encoding="utf-8").splitlines() if not line.startswith("after_load:")]
    lines.remove(next(line for line in lines if line.startswith("      phone_number: ")))
    made = folder / "forgetful.dmrefresh.yaml"
    made.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made


if __name__ == "__main__":
    sys.exit(main())
