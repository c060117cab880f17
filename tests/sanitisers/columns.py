"""Columns for the tests, and those of the fake production, read from its schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import fixtures.production

SCHEMA = Path(fixtures.production.__file__).with_name("schema.sql")
_SPELLINGS = {
    "serial": "integer",
    "bigserial": "bigint",
    "timestamp": "timestamp without time zone",
    "varchar": "character varying",
}


@dataclass(frozen=True)
class Column:
    name: str
    type: str = "text"
    not_null: bool = False
    max_length: int | None = None
    enum: bool = False
    generated: bool = False
    base: str = ""
    labels: tuple[str, ...] = ()
    element: Column | None = None
    fields: tuple[Column, ...] = ()
    collated: bool = False


def production_schema() -> Mapping[str, Sequence[Column]]:
    """Each table's columns as pg_dump would write them."""
    text = re.sub(r"--.*", "", SCHEMA.read_text())
    enums = set(re.findall(r"CREATE TYPE (\w+) AS ENUM", text))
    found = {}
    for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", text, re.DOTALL):
        lines = re.findall(r'^    ("?\w+"?) (\w+)(?:\(([\d, ]+)\))?(.*)$', body, re.MULTILINE)
        found[table] = tuple(
            Column(
                name.strip('"'),
                _SPELLINGS.get(kind, kind),
                not_null="NOT NULL" in rest or "PRIMARY KEY" in rest or kind in {"serial", "bigserial"},
                max_length=int(size) if size and kind == "varchar" else None,
                enum=kind in enums,
            )
            for name, kind, size, rest in lines
            if name not in {"CONSTRAINT", "PRIMARY"}
        )
    return found
