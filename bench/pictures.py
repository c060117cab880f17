"""Makes the pictures of the terminal, of a real refresh: `python -m bench.pictures` writes them into docs/pictures."""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType
from rich.text import Text

from bench.ground import prepared
from bench.part import Setting
from bench.production import dump
from dmrefresh.console.live import Live
from dmrefresh.jobs.dumps import check_dump
from dmrefresh.jobs.refresh import clean_and_apply
from dmrefresh.machine import signals
from dmrefresh.settings import model as settings
from fixtures.parts.dumping import put_dump

_CHECKOUT = Path(__file__).resolve().parents[1]
_FOLDER = _CHECKOUT / "docs" / "pictures"
_WIDTH = 100
_MOMENT = 0.7
"""The part of the load after which the run is pictured."""
_COMMAND = "dmrefresh clean-and-apply --target local"
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""What would be fetched from another server when somebody looks at the picture."""
_MADE_BY = re.compile(r"<!-- Generated .*? -->")


class Filmed(Live):
    """Keeps what it would draw: all of it, and how it looked in one moment."""

    def __init__(self, about: str) -> None:
        console = Console(file=StringIO(), width=_WIDTH, force_terminal=True, highlight=False, markup=False)
        super().__init__(about, console=console)
        self.said: list[RenderableType] = []
        self.moment: list[RenderableType] = []

    def _draw(self, what: RenderableType) -> None:
        self.said.append(what)

    def _start(self) -> None:
        threading.Thread(target=self._film, daemon=True).start()

    def _film(self) -> None:
        while not self._over.wait(0.25):
            picture = self._picture()
            pace = self._meter.read() if self._meter is not None else None
            if pace is not None and pace.loading and (pace.share or 0) >= _MOMENT and not self.moment:
                self.moment = [*self.said, picture]


def svg(name: str, parts: Sequence[RenderableType]) -> str:
    """A picture of a terminal in which the command has written these."""
    console = Console(
        file=StringIO(),
        record=True,
        width=_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
    )
    console.print(Text("$ ", style="green").append(_COMMAND, style="bold default"))
    for part in (*parts, Text("")):  # the last line would lose its underscores
        console.print(part)
    form = _FONTS.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code,", "ui-monospace, Menlo, Consolas,")
    text = console.export_svg(title="", code_format=form, unique_id=f"dmrefresh-{name}")
    text = _MADE_BY.sub("", text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Refresh a database from a dump of the fake production, and write the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.pictures", description=__doc__)
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
    signals.install()
    loaded = dump(setting, options.megabytes)
    with prepared(setting) as ground:
        put_dump(ground.store, ground.store.bucket, "production", datetime.now(UTC), loaded.file)
        ground.make_database("local")
        os.environ.update(ground.variables())
        file = ground.settings("local")
        check_dump.run(check_dump.prepare(settings.load(file)), record=True)  # as a nightly backup does
        for _ in range(2):  # the first fills what the second replaces
            voice = Filmed("clean-and-apply to local")
            plan = clean_and_apply.prepare(settings.load(file), "local", ruleset="digitalmarketplace", observer=voice)
            voice.summary(clean_and_apply.run(plan, voice))
        voice.close()
    if not voice.moment:
        setting.say("the load was over before it could be pictured: take more --megabytes")
        return 1
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / "terminal.svg").write_text(svg("terminal", voice.moment), encoding="utf-8")
    (_FOLDER / "terminal-closing.svg").write_text(svg("closing", voice.said), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
