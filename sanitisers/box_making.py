"""Rules for arrays, composites and hstores made into edits: `each`, `fields` and `entries`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanitisers.box_forms import array_form, shape_of
from sanitisers.columns import is_hstore
from sanitisers.engine.boxes import BoxEdit, Inner
from sanitisers.engine.hstore_text import HstoreForm
from sanitisers.engine.record_text import RecordForm
from sanitisers.misfit import Misfit
from sanitisers.ruleset.rules import Each, Entries, Fields, Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.edits import Edit
    from sanitisers.ruleset.rules import ColumnRule

    MakeEdit = Callable[[ColumnLike, ColumnRule, str], Edit]
    """Makes the edit for what is inside, given as a column, where it has this path. Raises Misfit."""


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of an entry of an hstore, as a column."""

    name: str
    type: str = "text"
    not_null: bool = False
    max_length: int | None = None
    enum: bool = False
    generated: bool = False
    base: str = ""
    labels: Sequence[str] = ()
    element: ColumnLike | None = None
    fields: Sequence[ColumnLike] = ()


def each_edit(column: ColumnLike, rule: Each, path: str, make: MakeEdit) -> BoxEdit:
    """The edit for every element of an array. Raises Misfit."""
    if column.element is None:
        raise Misfit(f"`each` does not fit type {column.type}, which is no array")
    inner = _inner(column.element, rule.each, f"{path}[]", make)
    return BoxEdit(path, array_form(column.element), "an array", [inner])


def fields_edit(column: ColumnLike, rule: Fields, path: str, make: MakeEdit) -> BoxEdit:
    """The edit for the fields of a composite value. Raises Misfit."""
    if not column.fields:
        raise Misfit(f"`fields` does not fit type {column.type}, which is no composite type of the dump")
    there = {field.name: field for field in column.fields}
    if unnamed := [name for name in there if name not in rule.fields]:
        raise Misfit(f"no rule for {_listed(unnamed)} of type {column.type}; `fields` names every one")
    if gone := [name for name in rule.fields if name not in there]:
        raise Misfit(f"type {column.type} has no {_listed(gone)}")
    inners = [_inner(field, rule.fields[name], f"{path}.{name}", make) for name, field in there.items()]
    return BoxEdit(path, RecordForm(len(inners)), f"a composite value of {len(inners)} fields", inners)


def entries_edit(column: ColumnLike, rule: Entries, path: str, make: MakeEdit) -> BoxEdit:
    """The edit for the entries of an hstore. Raises Misfit."""
    if not is_hstore(column):
        raise Misfit(f"`entries` does not fit type {column.type}, which is no hstore")
    rules = dict(rule.entries)
    if rule.rest is not None:
        if "*" in rules:
            raise Misfit("`rest` and `*` say the same thing twice; leave one out")
        rules["*"] = rule.rest
    inners = [_inner(_Value(key), of_key, f"{path}.{key}", make) for key, of_key in rules.items()]
    slots = {key.encode(): slot for slot, key in enumerate(rules)}
    others = slots.pop(b"*", None)
    return BoxEdit(path, HstoreForm(slots, others), "an hstore", inners)


def _inner(column: ColumnLike, rule: ColumnRule, path: str, make: MakeEdit) -> Inner:
    if isinstance(rule, Keep):
        return Inner(path, None, shape_of(column))
    try:
        edit = make(column, rule, path)
    except Misfit as misfit:
        raise Misfit(f"{path}: {misfit}" if misfit.path is None else str(misfit), path) from None
    if edit.needs:
        raise Misfit(f"{path}: what is inside a value cannot look at other columns ({_listed(edit.needs)})", path)
    return Inner(path, edit, shape_of(column))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
