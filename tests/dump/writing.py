"""Small dumps written by hand, framed as pg_dump frames them."""

from __future__ import annotations

from collections.abc import Iterable

from dmrefresh.dump.events import Event, TableData
from dmrefresh.dump.reader import read_dump

KEY = "a1B2c3"

PREAMBLE = b"""SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
"""

BEGINNING = b"""--
-- PostgreSQL database dump
--

\\restrict a1B2c3

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 16.14

"""

ENDING = b"""
--
-- PostgreSQL database dump complete
--

\\unrestrict a1B2c3

"""

USERS = b"""CREATE TABLE public.users (
    id integer NOT NULL,
    email text
);
"""

ROWS = b"""COPY public.users (id, email) FROM stdin;
1\tada@example.org
2\t\\N
\\.
"""


def a_dump(*parts: bytes, preamble: bytes = PREAMBLE, beginning: bytes = BEGINNING, ending: bytes = ENDING) -> bytes:
    """A whole dump of these parts."""
    return beginning + preamble + b"\n" + b"\n\n".join(parts) + b"\n" + ending


def read(dump: bytes, *, cut: int | None = None) -> list[Event]:
    """All events of a dump, the blocks of each COPY put together, fed in pieces of `cut` bytes."""
    blocks = [dump] if cut is None else [dump[start : start + cut] for start in range(0, len(dump), cut)]
    return merged(read_dump(blocks))


def merged(events: Iterable[Event]) -> list[Event]:
    """The events with the blocks of each COPY put together into one."""
    found: list[Event] = []
    for event in events:
        before = found[-1] if found else None
        if isinstance(event, TableData) and isinstance(before, TableData) and not before.last:
            assert event.table == before.table
            assert event.place.offset == before.place.offset + len(before.rows)
            found[-1] = TableData(
                event.table,
                event.columns,
                bytes(before.rows) + bytes(event.rows),
                before.count + event.count,
                before.place,
                event.last,
                before.lead,
                before.header,
            )
        else:
            found.append(event)
    return found
