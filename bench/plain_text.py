"""The plain text of a kept dump, and what a dump's text holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.production import Dump
from dmrefresh.dump.events import TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.keys.private import Keyring
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip

_BLOCK = 1 << 20


def blocks_of(file: Path) -> Iterator[bytes]:
    """What a file holds, a MiB at a time."""
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block


def plain_text(dump: Dump, keyring: Keyring) -> Path:
    """The dump in clear, beside the encrypted one; made once. Nobody in it is real.

    Args:
        dump: the kept dump.
        keyring: what opens it.
    """
    file = dump.file.with_name("dump.sql")
    if not file.exists():
        unfinished = file.with_name(f"{file.name}.unfinished")
        with unfinished.open("wb") as out:
            out.writelines(gunzip(decrypt(blocks_of(dump.file), keyring)))
        unfinished.replace(file)
    return file


@dataclass(frozen=True)
class Text:
    """What a dump's text holds: the rows of each table, and the values of one table's columns by their row's key."""

    rows: dict[str, int]
    values: dict[bytes, tuple[bytes, ...]]


def text_of(file: Path, table: str, key: str, columns: tuple[str, ...]) -> Text:
    """Read a dump, as any pg_dump writes it.

    Args:
        file: the dump, plain.
        table: of which values are wanted.
        key: the column that tells its rows apart.
        columns: those that are wanted.

    Raises:
        Failure: it is no whole dump.
    """
    rows: dict[str, int] = {}
    values: dict[bytes, tuple[bytes, ...]] = {}
    for event in read_dump(blocks_of(file)):
        if not isinstance(event, TableData):
            continue
        name = str(event.table)
        rows[name] = rows.get(name, 0) + event.count
        if name == table:
            places = [event.columns.index(column) for column in (key, *columns)]
            for line in bytes(event.rows).splitlines():
                fields = line.split(b"\t")
                first, *others = (fields[place] for place in places)
                values[first] = tuple(others)
    return Text(rows, values)
