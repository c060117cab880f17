"""What to paste into a ruleset for the columns that it does not cover."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sanitisers.errors import NAMED
from sanitisers.ruleset.quoting import in_comment, key_of
from sanitisers.ruleset.words import SAY_WHY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.errors import Standing
    from sanitisers.suggesting.judgement import Judgement

_KEEP = re.compile(r"\bkeep \([^)]*\)")


def propose(column: ColumnLike) -> Judgement:
    """A rule that gives nothing away, for somebody to look at, and why."""
    from sanitisers.suggesting.columns import judge_column

    return unread(judge_column(column))


def unread(judged: Judgement) -> Judgement:
    """The same, but that what would be kept wants a reason of somebody's who has looked at it."""
    return judged.but(_KEEP.sub(f"keep ({SAY_WHY})", judged.rule), judged.confidence, judged.reason)


def lines_to_paste(columns: Iterable[tuple[str, ColumnLike]]) -> str:
    """The lines, as they stand in a ruleset, a comment with the type behind each."""
    tables: dict[str, list[ColumnLike]] = {}
    for table, column in columns:
        tables.setdefault(table, []).append(column)
    lines = ["tables:"]
    for table, found in tables.items():
        lines += [f"  {key_of(table)}:", "    columns:"]
        lines += [
            f"      {key_of(column.name)}: {propose(column).rule}  # {in_comment(column.type)}" for column in found
        ]
    return "\n".join(lines)


def literals_to_paste(objects: Iterable[str]) -> str:
    """The lines that allow what was found in the definitions of these objects, once somebody has said why."""
    return "\n".join(["literals:", *(f"  {key_of(name)}: keep ({SAY_WHY})" for name in objects)])


def leaks_to_paste(found: Sequence[Standing]) -> str:
    """The lines that allow what one message names of this in its columns and paths, once somebody has said why."""
    places = dict.fromkeys(one.where for one in found[:NAMED])
    return "\n".join(["leaks:", *(f"  {key_of(name)}: keep ({SAY_WHY})" for name in places)])
