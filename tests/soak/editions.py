"""What production holds in each round: an edition, with a number in every row and a checksum over all of them.

Whoever reads can tell one whole edition from anything else: a mixture, a part, rows of before, originals.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import psycopg

TABLES = """
CREATE TABLE edition (version integer PRIMARY KEY, items integer NOT NULL, checksum text NOT NULL);
CREATE TABLE item (
    id integer PRIMARY KEY,
    version integer NOT NULL REFERENCES edition,
    payload text NOT NULL,
    email text NOT NULL,
    touched timestamptz
);
CREATE TABLE visit (id integer PRIMARY KEY, version integer NOT NULL, item_id integer NOT NULL REFERENCES item);
CREATE INDEX visit_item ON visit (item_id)
"""

RULES = """
ruleset: 1
tables:
  edition:
    columns:
      version: keep (a number)
      items: keep (a number)
      checksum: keep (a digest of made-up text)
  item:
    columns:
      id: keep (a number)
      version: keep (a number)
      payload: keep (made-up text)
      email: person.email
      touched: keep (when)
  visit:
    columns:
      id: keep (a number)
      version: keep (a number)
      item_id: keep (a number)
"""

_FILL = """
INSERT INTO edition VALUES (%(version)s, %(items)s, '');
INSERT INTO item SELECT n, %(version)s,
    (SELECT string_agg(md5(%(version)s || '/' || n || '/' || m), '') FROM generate_series(1, 12) m),
    %(who)s || n || '@example.gov.uk', NULL FROM generate_series(1, %(items)s) n;
INSERT INTO visit SELECT n, %(version)s, n FROM generate_series(1, %(items)s) n;
UPDATE edition SET checksum = (SELECT md5(string_agg(id || ':' || payload, ',' ORDER BY id)) FROM item)
"""

LOOK = """
SELECT e.version, e.items, e.checksum, i.number, i.lowest, i.highest, i.checksum, i.originals,
       v.number, v.lowest, v.highest
FROM edition e,
     (SELECT count(*) AS number, min(version) AS lowest, max(version) AS highest,
             md5(string_agg(id || ':' || payload, ',' ORDER BY id)) AS checksum,
             count(*) FILTER (WHERE email LIKE '%canary%') AS originals FROM item) i,
     (SELECT count(*) AS number, min(v.version) AS lowest, max(v.version) AS highest
      FROM visit v JOIN item ON item.id = v.item_id) v
"""
"""One statement that sees all there is."""

ORIGINAL = "canary"
"""What every personal value of production begins with, and no fake holds."""

_EDITION = re.compile(rb"^COPY public\.edition [^;]*;\n(\d+)\t(\d+)\t(\w+)\n\\\.$", re.MULTILINE)
_ITEMS = re.compile(rb"^COPY public\.item [^;]*;\n(.*?)^\\\.$", re.MULTILINE | re.DOTALL)
_END = b"-- PostgreSQL database dump complete"


class NotWhole(Exception):
    """What was looked at is not one whole edition; the text says what it is, without a value."""


def items_of(version: int) -> int:
    """How many rows the greater tables of an edition have: in each another number."""
    return 700 + version * 37 % 500


def fill(connection: psycopg.Connection[Any], version: int, *, who: str = ORIGINAL) -> None:
    """Replace what is there by an edition, in one transaction."""
    with connection.transaction():
        connection.execute("DELETE FROM visit; DELETE FROM item; DELETE FROM edition")
        for statement in _FILL.split(";\n"):
            connection.execute(statement.encode(), {"version": version, "items": items_of(version), "who": who})


def version_of(rows: Sequence[tuple[Any, ...]]) -> int:
    """Which edition was seen by `LOOK`.

    Raises:
        NotWhole: it was not one, or one with originals.
    """
    if len(rows) != 1:
        raise NotWhole(f"{len(rows)} editions at once")
    version, items, checksum, *more = rows[0]
    expected = [items, version, version, checksum, 0, items, version, version]
    if items != items_of(version) or more != expected:
        wrong = [n for n, pair in enumerate(zip(more, expected, strict=True)) if pair[0] != pair[1]]
        raise NotWhole(f"edition {version} of {items} rows, with {more[:3]} rows of items and {more[5:]}; at {wrong}")
    return int(version)


def version_in(text: bytes) -> int:
    """Which edition a dump holds, original values and all.

    Raises:
        NotWhole: it is not the whole of one.
    """
    said, there = _EDITION.search(text), _ITEMS.search(text)
    if said is None or there is None or _END not in text[-200:]:
        raise NotWhole("a dump without its tables, or without its end")
    version, items, checksum = int(said[1]), int(said[2]), said[3].decode()
    rows = [line.split(b"\t") for line in there[1].splitlines()]
    rows.sort(key=lambda row: int(row[0]))
    digest = hashlib.md5(b",".join(row[0] + b":" + row[2] for row in rows)).hexdigest()
    if (len(rows), digest, {row[1] for row in rows}) != (items, checksum, {said[1]}):
        raise NotWhole(f"a dump of edition {version} with {len(rows)} of {items} rows")
    return version
