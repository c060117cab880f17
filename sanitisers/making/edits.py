"""A rule made into an edit for one column, if it fits the column at all."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from sanitisers.columns import Kind, base_word, is_citext, is_hstore, kind
from sanitisers.engine.choosing import Choosing
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_fakes import (
    DocumentDates,
    DocumentFakes,
    DocumentNumbers,
    LeafFakes,
)
from sanitisers.engine.documents import DocumentEdit
from sanitisers.engine.edits import ConstantEdit, Edit, FakeEdit, TemplateEdit
from sanitisers.engine.fakes import Fakes
from sanitisers.engine.locking import HashEdit, LockingEdit
from sanitisers.engine.prf import ColumnCmac, derive_key
from sanitisers.engine.redacting import DocumentRedaction, Own, RedactEdit
from sanitisers.engine.remaking import FunctionEdit, NoiseEdit, ShiftEdit
from sanitisers.families import FAMILIES, Form, Letters, Pick
from sanitisers.making.boxes import each_edit, entries_edit, fields_edit
from sanitisers.making.documents import Tree
from sanitisers.making.fitting import (
    Misfit,
    constant_text,
    largest,
    want_family,
    want_label,
    want_room,
    want_size,
    want_text,
)
from sanitisers.making.functions import load_function
from sanitisers.making.grouping import space
from sanitisers.making.hashing import HASH_LENGTH, PasswordHashes
from sanitisers.making.uniqueness import Unique, unique_form
from sanitisers.near import did_you_mean
from sanitisers.ruleset.patterns import parse_pattern
from sanitisers.ruleset.rules import (
    Bcrypt,
    Chosen,
    Constant,
    Each,
    Entries,
    Fake,
    Fields,
    Function,
    Json,
    Keep,
    Noise,
    Null,
    OneOf,
    Pattern,
    Redact,
    Shift,
    Template,
)
from sanitisers.ruleset.words import TemplateField

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.deciding import Condition
    from sanitisers.pools import Pools
    from sanitisers.ruleset.rules import ColumnRule

_DAYS = frozenset({"date", "timestamp"})


class EditMaking:
    """Makes edits that share pools, keys and password hashes."""

    def __init__(self, pools: Pools, key: bytes, folder: str = "") -> None:
        """Take the pools, the secret key of the run, and where the ruleset lies, whose functions may lie beside it."""
        self.pools = pools
        self.constants: list[str] = []
        """The texts that rules write everywhere."""
        self._key = key
        self._folder = folder
        self._cmacs: dict[str, ColumnCmac] = {}
        self._hashes = PasswordHashes(key)
        self._fakes: dict[Form, Fakes] = {}
        self._leaf_fakes: dict[tuple[Chosen, str], LeafFakes] = {}

    def edit(
        self,
        column: ColumnLike,
        rule: ColumnRule,
        table: Mapping[str, ColumnLike],
        kept: Mapping[str, ColumnLike],
        unique: Unique | None = None,
        own: tuple[Own, ...] = (),
    ) -> Edit:
        """The edit for a column of a table.

        `kept` are those of its columns that stay as they are, `own` those whose originals are taken out of what is
        redacted; `unique` is given where no value may come twice in this one. Raises Misfit.
        """
        if unique is not None:
            unique.refuse_the_same(rule)
        match rule:
            case Null() | Constant(value=None):
                return _null(column)
            case Constant(value=value):
                text = constant_text(column, value)
                self.constants.append(text)
                return ConstantEdit.of(text, spares_null=rule.nulls == "stay")
            case Template():
                self.constants += [part for part in rule.parts if isinstance(part, str)]
                return _template(column, rule, kept, unique)
            case Bcrypt(password=password):
                want_text(column, "a password hash")
                want_room(column, HASH_LENGTH)
                return HashEdit(self._hashes.of(password).text)
            case Json():
                return self._documents(column, rule, own)
            case Redact():
                want_text(column, "`text.redact`")
                return RedactEdit(column.name, own, column.max_length)
            case Chosen():
                return self._chosen(column, rule, table, unique)
            case Each():
                return each_edit(column, rule, partial(self._inside, own=own), unique)
            case Fields():
                return fields_edit(column, rule, partial(self._inside, own=own), unique)
            case Entries():
                return entries_edit(column, rule, partial(self._inside, own=own), unique)
            case Keep():
                raise AssertionError("what is kept needs no edit")
            case _:
                raise Misfit("this rule does not fit here")

    def locking(self, rule: Bcrypt, condition: Condition) -> Edit:
        """The edit for passwords of which some nobody may know: those of rows that the condition is not false for."""
        return LockingEdit(self._hashes.of(rule.password).text, self._hashes.nobodys().text, condition)

    def _inside(self, column: ColumnLike, rule: ColumnRule, unique: Unique | None, own: tuple[Own, ...]) -> Edit:
        return self.edit(column, rule, {}, {}, unique, own)

    def texts(self) -> Iterator[str]:
        """What may be written: the entries of all pools in use, and constants."""
        yield from self.constants
        yield from self.pools.entries()

    def _chosen(self, column: ColumnLike, rule: Chosen, table: Mapping[str, ColumnLike], unique: Unique | None) -> Edit:
        for name in rule.by:
            if name not in table:
                raise Misfit(f"the table has no column `{name}` to decide by{did_you_mean(name, table)}")
            if table[name].generated:
                raise Misfit(f"the server computes `{name}`, so it is not in the dump and decides nothing")
        folded = any(is_citext(table.get(name, column)) for name in rule.by or (column.name,))
        if unique is not None:
            unique.want_deciding(column.name, rule.by)
        choosing = Choosing(self._cmac(space(rule)), rule.by, folded)
        spares_null = rule.nulls == "stay"
        match rule:
            case Fake(family=family):
                want_family(column, family)
                form = self.pools.form(family)
                if kind(column) is Kind.NUMBER:
                    want_size(column, form.keyed - 1)
                fakes = self._column_fakes(column, form, unique, cut=FAMILIES[family].cut)
                return FakeEdit(fakes, choosing, FAMILIES[family].common, spares_null)
            case Pattern(pattern=pattern):
                self._want_pattern(column, pattern)
                form = Form((Letters(parse_pattern(pattern)),))
                return FakeEdit(self._column_fakes(column, form, unique), choosing, spares_null=spares_null)
            case OneOf(values=values):
                entries = tuple(constant_text(column, _typed(column, value)) for value in values)
                self.constants += entries
                fakes = self._column_fakes(column, Form((Pick(entries),)), unique)
                return FakeEdit(fakes, choosing, spares_null=spares_null)
            case Shift(days=days):
                if base_word(column) not in _DAYS:
                    want_text(column, "`date.shift`")
                return ShiftEdit(column.name, choosing, days, spares_null)
            case Noise(percent=percent):
                if kind(column) is not Kind.NUMBER:
                    raise Misfit(f"`number.noise` does not fit type {column.type}")
                return NoiseEdit(column.name, choosing, percent, largest(column), spares_null)
            case Function(path=path):
                if kind(column) is Kind.JSON:
                    want_text(column, "a function")
                call = load_function(path, self._folder)
                return FunctionEdit(column.name, choosing, call, column.not_null, column.max_length, spares_null)
        raise AssertionError("there is no other rule")

    def _want_pattern(self, column: ColumnLike, pattern: str) -> None:
        places = parse_pattern(pattern)
        digits = all(letters.isascii() and letters.isdigit() for letters in places)
        limit = largest(column)
        if kind(column) is Kind.NUMBER and digits and (limit is None or 10 ** len(places) <= limit + 1):
            return
        want_text(column, "a pattern") if not column.enum else want_label(column, pattern)

    def _cmac(self, space: str) -> ColumnCmac:
        if space not in self._cmacs:
            self._cmacs[space] = ColumnCmac(derive_key(self._key, space))
        return self._cmacs[space]

    def _column_fakes(self, column: ColumnLike, form: Form, unique: Unique | None, *, cut: bool = False) -> Fakes:
        """The fakes of a form, cut to the column's width where they may be cut, and each a single one if they must."""
        limit = column.max_length
        if unique is not None:
            form = unique_form(form, column, unique, cut=cut)
        if limit is not None and form.longest > limit:
            if not cut:
                want_room(column, form.longest)
            want_room(column, form.shortest)
            form = form.cut(limit)
        if form not in self._fakes:
            self._fakes[form] = _fakes_of(form)
        return self._fakes[form]

    def _documents(self, column: ColumnLike, rule: Json, own: tuple[Own, ...]) -> DocumentEdit:
        if is_hstore(column) or kind(column) not in {Kind.JSON, Kind.TEXT, Kind.UNKNOWN}:
            raise Misfit(f"a column of type {column.type} holds no documents")
        tree = Tree(lambda password: self._hashes.of(password).text(), self.constants)
        root = tree.branch(rule.document, column.name)
        if rule.rest is not None:
            if root.others is not None:
                raise Misfit("`rest` and `*` say the same thing twice; leave one out")
            root.others = tree.keep(f"{column.name}.*")
        makers = [self._leaf_maker(*of) for of in tree.makers]
        return DocumentEdit(column.name, root, tree.leaves, makers, tree.kept, rule.only_with, own)

    def _leaf_maker(self, rule: Chosen | Redact, space: str) -> LeafFakes:
        if isinstance(rule, Redact):
            return DocumentRedaction()
        if (rule, space) not in self._leaf_fakes:
            self._leaf_fakes[rule, space] = self._make_leaf_maker(rule, self._cmac(space))
        return self._leaf_fakes[rule, space]

    def _make_leaf_maker(self, rule: Chosen, cmac: ColumnCmac) -> LeafFakes:
        match rule:
            case Fake(family=family):
                return DocumentFakes(self.pools.form(family), cmac)
            case Pattern(pattern=pattern):
                return DocumentFakes(Form((Letters(parse_pattern(pattern)),)), cmac)
            case OneOf(values=values):
                self.constants += values
                return DocumentFakes(Form((Pick(values),)), cmac)
            case Shift(days=days):
                return DocumentDates(cmac, days)
            case Noise(percent=percent):
                return DocumentNumbers(cmac, percent)
        raise AssertionError("there is no other rule")


@lru_cache(maxsize=64)
def _fakes_of(form: Form) -> Fakes:
    return Fakes(form, copy_escape)


def copy_escape(text: str) -> bytes:
    """A text as COPY writes it."""
    return encode(text.encode())


def _null(column: ColumnLike) -> Edit:
    if column.not_null:
        raise Misfit("the column refuses NULL")
    return ConstantEdit.of(None)


def _typed(column: ColumnLike, value: str) -> object:
    """A value of a list as YAML would have read it for the column."""
    if base_word(column) == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _template(
    column: ColumnLike, rule: Template, kept: Mapping[str, ColumnLike], unique: Unique | None
) -> TemplateEdit:
    want_text(column, "a template")
    fields = [part for part in rule.parts if isinstance(part, TemplateField)]
    for part in fields:
        other = kept.get(part.column)
        if other is None:
            # A masked column would carry its original into the fake.
            raise Misfit(f"`{{{part.column}}}` is not a column of this table that is kept")
        if not other.not_null:
            raise Misfit(f"`{{{part.column}}}` may be NULL, and then there would be no value to write")
    if unique is not None:
        unique.want_one_of(part.column for part in fields)
    want_room(column, sum(len(part) if isinstance(part, str) else max(part.width, 1) for part in rule.parts))
    return TemplateEdit(column.name, rule.parts, spares_null=rule.nulls == "stay")
