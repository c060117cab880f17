"""Rules for arrays, composites and hstores made into edits: `each`, `fields` and `entries`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.assumed import Assumed
from sanitisers.columns import is_hstore
from sanitisers.engine.boxes import BoxEdit, Inner
from sanitisers.engine.hstore_text import HstoreForm
from sanitisers.engine.record_text import RecordForm
from sanitisers.making.box_forms import array_form, shape_of
from sanitisers.making.fitting import Misfit
from sanitisers.making.uniqueness import Unique
from sanitisers.ruleset.rules import Bcrypt, Chosen, Each, Entries, Fake, Fields, Keep, Pattern, Template
from sanitisers.ruleset.words import TemplateField

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.edits import Edit
    from sanitisers.ruleset.rules import ColumnRule

    MakeEdit = Callable[[ColumnLike, ColumnRule, Unique | None], Edit]
    """Makes the edit for what is inside, given as a column that has its path for a name. Raises Misfit."""


class _MisfitInside(Misfit):
    """A rule cannot fit what is inside; the message begins with the path of that."""


def _inside(column: ColumnLike, path: str) -> Assumed:
    """What is inside of a value, as a column that has its path for a name: `tags[]`, `address.city`."""
    return Assumed.like(column, name=path)


def each_edit(column: ColumnLike, rule: Each, make: MakeEdit, unique: Unique | None = None) -> BoxEdit:
    """The edit for every element of an array. Raises Misfit."""
    if column.element is None:
        raise Misfit(f"`each` does not fit type {column.type}, which is no array")
    inner = _inner(_inside(column.element, f"{column.name}[]"), rule.each, make, unique)
    return BoxEdit(column.name, array_form(column.element), "an array", [inner])


def fields_edit(column: ColumnLike, rule: Fields, make: MakeEdit, unique: Unique | None = None) -> BoxEdit:
    """The edit for the fields of a composite value. Raises Misfit."""
    if not column.fields:
        raise Misfit(f"`fields` does not fit type {column.type}, which is no composite type of the dump")
    there = {field.name: field for field in column.fields}
    if unnamed := [name for name in there if name not in rule.fields]:
        raise Misfit(f"no rule for {_listed(unnamed)} of type {column.type}; `fields` names every one")
    if gone := [name for name in rule.fields if name not in there]:
        raise Misfit(f"type {column.type} has no {_listed(gone)}")
    inside = {name: _inside(field, f"{column.name}.{name}") for name, field in there.items()}
    if any(isinstance(of_field, Keep) for of_field in rule.fields.values()):
        unique = None  # what is kept may well be what tells two values apart
    tells_apart = {name: isinstance(of_field, Fake | Pattern | Each | Fields) for name, of_field in rule.fields.items()}
    inners = [
        _inner(field, rule.fields[name], make, unique if tells_apart[name] else None) for name, field in inside.items()
    ]
    return BoxEdit(column.name, RecordForm(len(inners)), f"a composite value of {len(inners)} fields", inners)


def entries_edit(column: ColumnLike, rule: Entries, make: MakeEdit, unique: Unique | None = None) -> BoxEdit:
    """The edit for the entries of an hstore. Raises Misfit."""
    if not is_hstore(column):
        raise Misfit(f"`entries` does not fit type {column.type}, which is no hstore")
    rules = dict(rule.entries)
    if rule.rest is not None:
        if "*" in rules:
            raise Misfit("`rest` and `*` say the same thing twice; leave one out")
        rules["*"] = rule.rest
    inners = [_inner(Assumed(f"{column.name}.{key}"), of_key, make, unique) for key, of_key in rules.items()]
    slots = {key.encode(): slot for slot, key in enumerate(rules)}
    others = slots.pop(b"*", None)
    return BoxEdit(column.name, HstoreForm(slots, others), "an hstore", inners)


def _inner(column: Assumed, rule: ColumnRule, make: MakeEdit, unique: Unique | None) -> Inner:
    if isinstance(rule, Keep):
        return Inner(column.name, None, shape_of(column))
    try:
        if others := _others(rule):
            raise Misfit(f"what is inside a value cannot look at columns of its row ({_listed(others)})")
        if unique is None and getattr(rule, "unique", False):
            unique = Unique()
        edit = make(column, rule, unique)
        if not edit.spares_null:
            raise Misfit("what is NULL inside a value stays so, and `nulls: replace` cannot be")
        return Inner(column.name, edit, shape_of(column))
    except _MisfitInside:
        raise
    except Misfit as misfit:
        raise _MisfitInside(f"{column.name}: {misfit}") from None


def _others(rule: ColumnRule) -> Sequence[str]:
    """What a rule says that is about other columns of the row."""
    match rule:
        case Chosen(by=by):
            return by
        case Template(parts=parts):
            return [part.column for part in parts if isinstance(part, TemplateField)]
        case Bcrypt(locked=str(predicate)):
            return [predicate]
        case _:
            return ()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
