"""Which types hold other values, and how PostgreSQL writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.columns import base_type, holds_text, is_hstore, is_json
from sanitisers.engine.array_text import ArrayForm
from sanitisers.engine.hstore_text import HstoreForm
from sanitisers.engine.record_text import RecordForm
from sanitisers.engine.shapes import Box, Plain, Shape

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike

ANY_HSTORE = HstoreForm({}, 0)
"""With everything in one slot."""


def array_form(element: ColumnLike) -> ArrayForm:
    """How arrays of a type are written: `box` is the one type of PostgreSQL's own whose values have commas."""
    return ArrayForm(b";" if base_type(element) == "box" else b",")


def shape_of(column: ColumnLike) -> Shape:
    """What the values of a column are made of."""
    if column.element is not None:
        return Box(array_form(column.element), (shape_of(column.element),))
    if column.fields:
        return Box(RecordForm(len(column.fields)), tuple(shape_of(field) for field in column.fields))
    if is_hstore(column):
        return Box(ANY_HSTORE, (Plain.TEXT,))
    if is_json(column):
        return Plain.DOCUMENT
    return Plain.TEXT if holds_text(column) else Plain.OTHER
