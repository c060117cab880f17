"""A rule made into an edit for one column, if it fits the column at all."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING

import bcrypt
import msgspec

from sanitisers.columns import Kind, kind, type_word
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_rules import Branch, Kept, Leaf, Node, Stay
from sanitisers.engine.documents import DocumentEdit, DocumentFakes
from sanitisers.engine.edits import ConstantEdit, Edit, FakeEdit, TemplateEdit
from sanitisers.engine.fakes import Fakes
from sanitisers.engine.prf import ColumnCmac, derive_key
from sanitisers.families import FAMILIES, Form
from sanitisers.ruleset.rules import Bcrypt, Constant, Fake, Json, JsonObject, Keep, Null, Template
from sanitisers.ruleset.words import TemplateField

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sanitisers.columns import ColumnLike
    from sanitisers.pools import Pools
    from sanitisers.ruleset.rules import ColumnRule, JsonRule

BCRYPT_COST = 12
_BCRYPT_LENGTH = 60
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT64 = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Misfit(Exception):
    """A rule cannot fit its column."""


class EditMaking:
    """Makes edits that share pools, keys and password hashes."""

    def __init__(self, pools: Pools, key: bytes) -> None:
        """Take the pools and the secret key of the run."""
        self.pools = pools
        self.constants: list[str] = []
        """The texts that rules write everywhere."""
        self._key = key
        self._cmacs: dict[str, ColumnCmac] = {}
        self._hashes: dict[str, str] = {}
        self._fakes: dict[tuple[str, int], Fakes] = {}
        self._document_fakes: dict[str, DocumentFakes] = {}

    def edit(self, column: ColumnLike, rule: ColumnRule, kept: Mapping[str, ColumnLike]) -> Edit:
        """The edit for a column; `kept` are the columns of its table that stay as they are. Raises Misfit."""
        match rule:
            case Null() | Constant(value=None):
                return _null(column)
            case Constant(value=value):
                text = _constant_text(column, value)
                self.constants.append(text)
                return ConstantEdit.of(text)
            case Fake(family=family):
                fakes = self._column_fakes(column, family)
                return FakeEdit(fakes, self._cmac(family), common=FAMILIES[family].common)
            case Template():
                return _template(column, rule.parts, kept)
            case Bcrypt(password=password):
                _want_text(column, "a password hash")
                _want_room(column, _BCRYPT_LENGTH)
                return ConstantEdit.of(self._hash(password))
            case Json():
                return self._documents(column, rule)
            case Keep():
                raise AssertionError("what is kept needs no edit")
            case _:
                raise Misfit("this rule does not fit here")

    def texts(self) -> Iterator[str]:
        """What may be written: the entries of all pools in use, and constants."""
        yield from self.constants
        yield from self.pools.entries()

    def _cmac(self, family: str) -> ColumnCmac:
        if family not in self._cmacs:
            self._cmacs[family] = ColumnCmac(derive_key(self._key, family))
        return self._cmacs[family]

    def _column_fakes(self, column: ColumnLike, family: str) -> Fakes:
        form = self._fitting(column, family)
        shared = family, form.longest
        if shared not in self._fakes:
            self._fakes[shared] = Fakes(form, copy_escape)
        return self._fakes[shared]

    def _json_fakes(self, family: str) -> DocumentFakes:
        if family not in self._document_fakes:
            self._document_fakes[family] = DocumentFakes(self.pools.form(family), self._cmac(family))
        return self._document_fakes[family]

    def _fitting(self, column: ColumnLike, family: str) -> Form:
        """The form of a family, cut to the column's width where its fakes may be cut."""
        if not (FAMILIES[family].digits and kind(column) is Kind.NUMBER):
            _want_text(column, f"`{family}`")
        form = self.pools.form(family)
        if column.max_length is None or form.longest <= column.max_length:
            return form
        if not FAMILIES[family].cut:
            _want_room(column, form.longest)
        _want_room(column, form.shortest)
        return form.cut(column.max_length)

    def _hash(self, password: str) -> str:
        """The bcrypt hash of a password; its salt comes from the key, so that the same run gives the same."""
        if password not in self._hashes:
            salt = base64.b64encode(derive_key(self._key, f"bcrypt {password}")[:16]).translate(
                bytes.maketrans(_BASE64, _BCRYPT64)
            )[:22]
            try:
                hashed = bcrypt.hashpw(password.encode(), b"$2b$%d$%b" % (BCRYPT_COST, salt))
            except ValueError:
                raise Misfit("bcrypt takes passwords of at most 72 bytes") from None
            self._hashes[password] = hashed.decode()
        return self._hashes[password]

    def _documents(self, column: ColumnLike, rule: Json) -> DocumentEdit:
        if kind(column) not in {Kind.JSON, Kind.TEXT, Kind.UNKNOWN}:
            raise Misfit(f"a column of type {column.type} holds no documents")
        tree = _Tree(self._hash, self.constants)
        root = tree.branch(rule.document, column.name)
        if rule.rest is not None:
            if root.others is not None:
                raise Misfit("`rest` and `*` say the same thing twice; leave one out")
            root.others = tree.keep(f"{column.name}.*")
        families = [self._json_fakes(family) for family in tree.families]
        return DocumentEdit(column.name, root, tree.leaves, families, tree.kept, rule.only_with)


class _Tree:
    """A document's rules as the engine wants them, with every leaf, family and kept path numbered."""

    def __init__(self, hash_of: Callable[[str], str], constants: list[str]) -> None:
        self.leaves: list[Leaf] = []
        self.kept: list[str] = []
        self.families: dict[str, int] = {}
        self._hash_of = hash_of
        self.constants = constants

    def branch(self, document: JsonObject, path: str) -> Branch:
        nodes = {name: self._node(rule, f"{path}.{name}") for name, rule in document.keys.items()}
        others = nodes.pop("*", None)
        return Branch(nodes, others)

    def keep(self, path: str) -> Kept:
        self.kept.append(path)
        return Kept(len(self.kept) - 1, path)

    def _node(self, rule: JsonRule, path: str) -> Node:
        match rule:
            case Keep():
                return self.keep(path)
            case Null() | Constant(value=None):
                return Stay.NULL
            case Constant(value=value):
                self.constants.append(str(value))
                return self._leaf(path, None, msgspec.json.encode(value))
            case Bcrypt(password=password):
                return self._leaf(path, None, msgspec.json.encode(self._hash_of(password)))
            case Fake(family=family):
                number = self.families.setdefault(family, len(self.families))
                return self._leaf(path, number, common=FAMILIES[family].common)
            case JsonObject():
                return self.branch(rule, path)
            case _:
                raise Misfit("this rule does not fit here")

    def _leaf(self, path: str, family: int | None, constant: bytes = b"", *, common: bool = False) -> Leaf:
        leaf = Leaf(len(self.leaves), path, family, constant, common)
        self.leaves.append(leaf)
        return leaf


def copy_escape(text: str) -> bytes:
    """A text as COPY writes it."""
    return encode(text.encode())


def _null(column: ColumnLike) -> Edit:
    if column.not_null:
        raise Misfit("the column refuses NULL")
    return ConstantEdit.of(None)


def _want_text(column: ColumnLike, what: str) -> None:
    match kind(column):
        case Kind.JSON:
            raise Misfit(f"{what} does not fit type {column.type}: say what becomes of each key, with `json:`")
        case Kind.NUMBER | Kind.OTHER:
            raise Misfit(f"{what} does not fit type {column.type}")


def _want_room(column: ColumnLike, length: int) -> None:
    if column.max_length is not None and column.max_length < length:
        raise Misfit(f"it needs {length} characters, and {column.type} has {column.max_length}")


def _constant_text(column: ColumnLike, value: object) -> str:
    """A constant as the server reads it; raises Misfit where it would refuse it."""
    if kind(column) is Kind.JSON:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | dict):
        raise Misfit(f"a map or a list does not fit type {column.type}")
    if type_word(column) == "boolean" and not isinstance(value, bool):
        raise Misfit(f"the value does not fit type {column.type}: it is neither true nor false")
    if kind(column) is Kind.NUMBER and (isinstance(value, bool) or not _is_number(value)):
        raise Misfit(f"the value does not fit type {column.type}: it is no number")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    _want_room(column, len(text))
    return text


def _is_number(value: object) -> bool:
    try:
        return math.isfinite(float(str(value)))
    except ValueError:
        return False


def _template(
    column: ColumnLike, parts: tuple[str | TemplateField, ...], kept: Mapping[str, ColumnLike]
) -> TemplateEdit:
    _want_text(column, "a template")
    for part in parts:
        if isinstance(part, str):
            continue
        other = kept.get(part.column)
        if other is None:
            # A masked column would carry its original into the fake.
            raise Misfit(f"`{{{part.column}}}` is not a column of this table that is kept")
        if not other.not_null:
            raise Misfit(f"`{{{part.column}}}` may be NULL, and then there would be no value to write")
    _want_room(column, sum(len(part) if isinstance(part, str) else max(part.width, 1) for part in parts))
    return TemplateEdit(parts)
