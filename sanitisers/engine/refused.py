"""How an edit says that a value is not of the kind that its rule was made for."""

from __future__ import annotations


class ValueUnfit(Exception):
    """A value cannot be sanitised by its rule.

    Attributes:
        row: its index in the block, from 0.
        column: its column.
        what: what is wrong, without the value.
    """

    def __init__(self, row: int, column: str, what: str) -> None:
        self.row, self.column, self.what = row, column, what
        super().__init__(what)
