"""The sanitising stage alone on a dump's text: what it would publish, or why it stops."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from sanitisers import Ruleset, Sanitiser, load_ruleset, ships

KEY = bytes(range(32))
_ROWS = re.compile(rb"^COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n(.*?)^\\\.\n", re.MULTILINE | re.DOTALL)


@cache
def shipped() -> Ruleset:
    path = ships("digitalmarketplace")
    assert path is not None
    return load_ruleset(path)


def drained(text: bytes, ruleset: Ruleset | None = None) -> tuple[Sanitiser, list[str]]:
    """Sanitise a whole dump; gives what was done and what was warned of."""
    made: list[Sanitiser] = []
    warnings: list[str] = []
    blocks = (text[at : at + (1 << 20)] for at in range(0, len(text), 1 << 20))
    for _ in sanitise(read_dump(blocks), ruleset or shipped(), KEY, on_ready=made.append, on_warning=warnings.append):
        pass
    return made[0], warnings


def with_rows(text: bytes, rows: Mapping[str, bytes]) -> bytes:
    """The dump with other rows in these tables, whose columns are in the same order."""

    def one(block: re.Match[bytes]) -> bytes:
        name = block[1].decode()
        if name not in rows:
            return block[0]
        return block[0][: block.start(3) - block.start()] + rows[name] + b"\\.\n"

    return _ROWS.sub(one, text)


def changed(text: bytes, table: str, column: str, change: Callable[[bytes], bytes]) -> bytes:
    """The dump with one value changed: the first of the column that the change makes another one."""
    block = next(found for found in _ROWS.finditer(text) if found[1] == table.encode())
    place = [name.strip(b'" ') for name in block[2].split(b",")].index(column.encode())
    lines = block[3].splitlines(keepends=True)
    for number, line in enumerate(lines):
        values = line[:-1].split(b"\t")
        values[place], before = change(values[place]), values[place]
        if values[place] != before:
            lines[number] = b"\t".join(values) + b"\n"
            return text[: block.start(3)] + b"".join(lines) + text[block.end(3) :]
    raise AssertionError("nothing was changed")


def values(text: bytes, table: str, column: str) -> list[bytes]:
    """The values of a column, as COPY writes them."""
    block = next(found for found in _ROWS.finditer(text) if found[1] == table.encode())
    place = [name.strip(b'" ') for name in block[2].split(b",")].index(column.encode())
    return [line.split(b"\t")[place] for line in block[3].splitlines()]
