"""What the doctor found: a finding a check, the worst first, as text for people and as JSON for machines."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Literal

from dmrefresh.console.lines import printable
from dmrefresh.lists import listed

Status = Literal["fail", "warn", "skip", "pass"]
_WORST_FIRST: tuple[Status, ...] = ("fail", "warn", "skip", "pass")
_NAMED = {"fail": "FAIL", "warn": "warn", "skip": "skip", "pass": "ok"}
_COUNTED = {"fail": "failed", "warn": "to look at", "skip": "skipped", "pass": "in order"}
_NAMED_AGAIN = 5
_NARROWEST = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        name: the check's, such as `bucket.versioning`; docs/how-to/doctor.md has them all.
        status: `fail` stops a job or leaves a bucket less safe than it should be, `warn` wants a look, `skip` could not
            be looked at.
        detail: what was found, or what a check that was skipped needs; never a secret and never a value of the data.
        next: what mends it, where it did not go well.
        exit_code: of what fails, as any command's; 0 of all others.
    """

    name: str
    status: Status
    detail: str
    next: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found, in the order of the checks, and which targets were looked at."""

    found: Sequence[Finding]
    targets: Sequence[str] = ()

    @property
    def worst_first(self) -> list[Finding]:
        """What fails comes first, and of that, what a person must mend before what may heal."""
        return sorted(self.found, key=lambda one: (_WORST_FIRST.index(one.status), one.exit_code))

    @property
    def exit_code(self) -> int:
        """That of the first that fails, in the order in which they are told; 0 where none does."""
        return self.worst_first[0].exit_code if self.found else 0

    @property
    def counts(self) -> Counter[Status]:
        """How many of each status."""
        return Counter(one.status for one in self.found)

    def json(self) -> str:
        """One object; `checks` is a list of flat ones, in the order of the text."""
        checks = [asdict(one) for one in self.worst_first]
        counts = {status: self.counts[status] for status in _WORST_FIRST}
        return json.dumps(
            {"version": 1, "ok": not self.exit_code, "exit_code": self.exit_code, **counts, "checks": checks}, indent=2
        )

    def text(self, width: int) -> str:
        """Lines for people: a status and a name, what was found, below it what mends it; how many, and what comes next.

        Args:
            width: characters that fit on a line.
        """
        names = max((len(one.name) for one in self.found), default=0)
        width = max(width, _NARROWEST)
        lines: list[str] = []
        for _, alike in groupby(self.worst_first, lambda one: one.status):
            lines += [line for one in alike for line in _lines(one, names, width)]
            lines.append("")
        return "\n".join([*lines, *self._closing(width)])

    def _closing(self, width: int) -> Iterator[str]:
        """How many, and what comes next; what fails once more by its name, since it may have left the screen."""
        counts = self.counts
        counted = [f"{counts[status]} {_COUNTED[status]}" for status in _WORST_FIRST if counts[status]]
        yield from _wrapped(", ".join(counted), width, 0, 2)
        if failed := [one.name for one in self.worst_first if one.status == "fail"]:
            yield from _wrapped(f"failed: {listed(failed, _NAMED_AGAIN)}", width, 0, 8)
        if self.exit_code:
            step = "mend what failed, then run `dmrefresh doctor` again"
        elif self.targets:
            step = f"dmrefresh plan --target {self.targets[0]}"
        else:
            step = "dmrefresh dumps"
        yield from _wrapped(f"next: {step}", width, 0, 6)


def _lines(one: Finding, names: int, width: int) -> Iterator[str]:
    indent = 6 + names + 2
    if width - indent < _NARROWEST // 2:  # names of targets may be long
        indent = 6
    head = f"{_NAMED[one.status]:<4}  {one.name:<{names}}  "
    detail = f"needs {one.detail}" if one.status == "skip" else one.detail
    yield from _wrapped(head + printable(detail), width, 0, indent, keep=len(head))
    if one.next:
        yield from _wrapped(f"mend: {printable(one.next)}", width, indent, indent + 6)


def _wrapped(text: str, width: int, first: int, indent: int, keep: int = 0) -> list[str]:
    """A text in lines; the blanks of its first `keep` characters stay as they are."""
    head, rest = text[:keep], text[keep:]
    lines = textwrap.wrap(
        rest,
        width,
        initial_indent=" " * (first or len(head)),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [" " * len(head)]
    return [head + lines[0][len(head) :], *lines[1:]] if head else lines
