"""Questions to a person at a terminal, on standard error; the answers are read from standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from dmrefresh.errors import UsageFailure

T = TypeVar("T")


class Asker:
    """Asks, checks the answer at once, and asks again where it cannot be."""

    def say(self, text: str = "") -> None:
        """A line that wants no answer."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def ask(self, question: str, check: Callable[[str], T], default: str | None = None) -> T:
        """An answer that holds.

        Args:
            question: what is asked.
            check: makes of an answer what is wanted; it raises UsageFailure where that cannot be.
            default: what is taken where somebody only presses return; where it is None, something must be said.

        Raises:
            UsageFailure: nobody answers any more.
        """
        while True:
            said = self._read(f"{question}{f' [{default}]' if default else ''}: ") or default
            try:
                if said is not None:
                    return check(said)
                self.say("   something must be said here")
            except UsageFailure as failure:
                self.say(f"   {failure.what}" + (f" hint: {failure.hint}" if failure.hint else ""))

    def ask_if_any(self, question: str, check: Callable[[str], T], default: str | None = None) -> T | None:
        """An answer that holds, or None where somebody only presses return or says `-`.

        Args:
            question: what is asked.
            check: as of `ask`.
            default: what is taken where somebody only presses return.
        """
        return self.ask(question, lambda said: None if said in ("", "-") else check(said), default or "")

    def choose(self, ways: Sequence[str]) -> int:
        """Which of some ways is gone: its place in `ways`, from 0 on; the first if somebody only presses return."""
        for number, way in enumerate(ways, 1):
            self.say(f"   {number}  {way}")

        def check(said: str) -> int:
            if said not in map(str, range(1, len(ways) + 1)):
                raise UsageFailure(f"That is none of 1 to {len(ways)}.")
            return int(said) - 1

        return self.ask("   Which", check, "1")

    def _read(self, prompt: str) -> str:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.buffer.readline()
        if not line:
            self.say()
            raise UsageFailure(
                "The questions were broken off, and nothing is written.",
                hint="run dmrefresh init again, or give the answers as options: dmrefresh init --help",
            )
        return line.decode(errors="replace").strip()
