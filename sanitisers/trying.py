"""Whether a rule fits a column, which is found out by compiling it; nothing is sanitised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.compiling import compile_ruleset
from sanitisers.errors import SanitiserError
from sanitisers.making.hashing import HASH_LENGTH
from sanitisers.making.uniqueness import Known
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.quoting import key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sanitisers.columns import ColumnLike


def fits(column: ColumnLike, columns: Sequence[ColumnLike], rule: str, unique: Collection[str]) -> bool:
    """Whether the rule, as a ruleset writes it, fits the column.

    Args:
        column: which it is for.
        columns: all of the table; the rule may have others in a template.
        rule: as it stands behind the column's name.
        unique: columns of the table in which no value may come twice.
    """
    others = [other for other in columns if other.name != column.name and f"{{{other.name}" in rule]
    if rule.startswith("{bcrypt") and (column.max_length or HASH_LENGTH) >= HASH_LENGTH:
        rule = "{value: x}"  # hashing takes a while
    lines = [f"      {key_of(column.name)}: {rule}", *(f"      {key_of(one.name)}: keep (a key)" for one in others)]
    text = "\n".join(["ruleset: 1", "tables:", "  t:", "    columns:", *lines])
    try:
        known = Known(unique={"t": unique})
        compile_ruleset(parse_ruleset(text, "suggested"), {"t": [column, *others]}, bytes(32), known=known)
    except SanitiserError:
        return False
    return True
