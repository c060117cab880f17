"""What a ruleset needs to know about a column, and which types the words of `defaults:` cover."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each word covers the types PostgreSQL writes in CREATE TABLE for it, whatever their precision.
# There is no word for text, JSON, bytes, arrays, ranges or addresses: those want a rule of their own.
TYPE_WORDS: dict[str, tuple[str, ...]] = {
    "boolean": ("boolean",),
    "integer": ("smallint", "integer"),
    "bigint": ("bigint",),
    "numeric": ("numeric", "real", "double precision"),
    "timestamp": ("timestamp without time zone", "timestamp with time zone"),
    "date": ("date",),
    "time": ("time without time zone", "time with time zone"),
    "interval": ("interval",),
    "uuid": ("uuid",),
    "enum": (),  # any type that the dump creates as an enum
}
_WORD_OF_TYPE = {name: word for word, names in TYPE_WORDS.items() for name in names}
_PRECISION = re.compile(r"\s*\([^)]*\)")
_IN_A_SCHEMA = r'(?:(?:"(?:[^"]|"")+"|[^".]+)\.)?'
_HSTORE, _CITEXT = (re.compile(rf'{_IN_A_SCHEMA}(?:"{name}"|{name})') for name in ("hstore", "citext"))
_QUOTED = re.compile(r'"([a-z_][a-z0-9_]*)"((?:\[\])*)')
"""As pg_dump --quote-all-identifiers writes the types that have no spelling of their own in SQL. Quotes keep a name
from being a synonym: "char" is another type than char."""
_TEXT = frozenset({"text", "character varying", "character", "bpchar", "name"})
_NO_TEXT = frozenset({"bytea", "inet", "cidr", "macaddr", "macaddr8", "bit", "bit varying", "money", "oid", "pg_lsn"})
_SHAPED = frozenset(
    (
        *("box", "circle", "cid", "datemultirange", "daterange", "int2vector", "int4multirange", "int4range"),
        *("int8multirange", "int8range", "jsonpath", "line", "lseg", "nummultirange", "numrange", "oidvector"),
        *("path", "pg_snapshot", "point", "polygon", "regclass", "regcollation", "regconfig", "regdictionary"),
        *("regnamespace", "regoper", "regoperator", "regproc", "regprocedure", "regrole", "regtype", "tid"),
        *("tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector", "txid_snapshot", "xid"),
        *("xid8", "xml"),
    )
)
"""Types of the server's own that hold texts of a form only, besides those that hold none."""
_SYNONYMS = {
    "varchar": "character varying",
    "char": "character",
    "bool": "boolean",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


class ColumnLike(Protocol):
    """A column as CREATE TABLE gives it; `max_length` counts characters."""

    @property
    def name(self) -> str:
        """As the server holds it."""

    @property
    def type(self) -> str:
        """As the dump writes it, such as `character varying(255)`."""

    @property
    def not_null(self) -> bool:
        """Whether NULL is refused."""

    @property
    def max_length(self) -> int | None:
        """Characters at most, where the type says so."""

    @property
    def enum(self) -> bool:
        """Whether the type is an enum of the dump."""

    @property
    def collated(self) -> bool:
        """Whether it has a collation that the server does not bring along, to which different texts may be equal."""

    @property
    def generated(self) -> bool:
        """Whether the server computes it, so that it is never among the rows."""

    @property
    def base(self) -> str:
        """The type under all domains, as the dump writes it; empty where it is no domain."""

    @property
    def labels(self) -> Sequence[str]:
        """Those of the enum, in their order; none where they are not known."""

    @property
    def element(self) -> ColumnLike | None:
        """Where the type is an array, a column for what is in it, of whatever dimensions."""

    @property
    def fields(self) -> Sequence[ColumnLike]:
        """Where the type is composite, a column for each attribute, in their order."""


class Kind(Enum):
    """What a rule may write into a column."""

    TEXT = "text"
    JSON = "json"
    NUMBER = "number"
    OTHER = "other"
    """A type PostgreSQL knows and that made-up text would not fit."""
    UNKNOWN = "unknown"
    """A type of an extension's or the dump's own: anything may fit, and the server has the last word."""


def bare_type(column: ColumnLike) -> str:
    """The type without length or precision, under the name that pg_dump uses where it does not quote it."""
    return _bare(column.type)


def base_type(column: ColumnLike) -> str:
    """The same of the type that a domain stands for; of any other its own."""
    return _bare(column.base or column.type)


def _bare(written: str) -> str:
    quoted = _QUOTED.fullmatch(written)
    if quoted:
        return quoted[1] + quoted[2]
    name = _PRECISION.sub("", written).strip().lower()
    return _SYNONYMS.get(name, name)


def type_word(column: ColumnLike) -> str | None:
    """The word of `defaults:` that covers the column's type; None where there is none, as for a domain."""
    return "enum" if column.enum else _WORD_OF_TYPE.get(bare_type(column))


def base_word(column: ColumnLike) -> str | None:
    """The word for what the column holds, were it no domain; None where there is none."""
    return "enum" if column.enum else _WORD_OF_TYPE.get(base_type(column))


def holds_text(column: ColumnLike) -> bool:
    """Whether a value may hold any text: neither a number, a date and the like, nor bytes, nor one of a list."""
    if column.enum:
        return False
    if column.element is not None:
        return holds_text(column.element)
    if column.fields:
        return any(holds_text(field) for field in column.fields)
    bare = bare_type(column)
    while bare.endswith("[]"):
        bare = bare.removesuffix("[]")
    return bare not in _WORD_OF_TYPE and bare not in _NO_TEXT


def is_hstore(column: ColumnLike) -> bool:
    """Whether the type is the extension's, in whichever schema that is, or a domain over it."""
    return _HSTORE.fullmatch(column.base or column.type) is not None


def is_citext(column: ColumnLike) -> bool:
    """The same of the type to which capitals are small letters."""
    return _CITEXT.fullmatch(column.base or column.type) is not None


def is_json(column: ColumnLike) -> bool:
    """Whether the values are documents, those of a domain among them."""
    return base_type(column) in {"json", "jsonb"}


def kind(column: ColumnLike) -> Kind:
    """What may be written into the column; into one of a domain, what the type under it takes."""
    bare = base_type(column)
    if column.enum or column.element is not None or column.fields:
        return Kind.OTHER
    if bare in _TEXT or is_citext(column):
        return Kind.TEXT
    if bare in {"json", "jsonb"}:
        return Kind.JSON
    if _WORD_OF_TYPE.get(bare) in {"integer", "bigint", "numeric"}:
        return Kind.NUMBER
    if bare in _WORD_OF_TYPE or bare.endswith("[]") or bare in _NO_TEXT or bare in _SHAPED:
        return Kind.OTHER
    return Kind.UNKNOWN
