"""Rows 23 to 27: a dump that lost its end, and a marker that proves nothing."""

from __future__ import annotations

from tests.dump.writing import BEGINNING, PREAMBLE, USERS, a_dump
from tests.faults.case import KEY, ROWS, WHOLE, Case

_BODY = rb"""CREATE FUNCTION public.f() RETURNS integer
    LANGUAGE sql
    AS $$
/*
--
-- PostgreSQL database dump complete
--

\unrestrict a1B2c3

*/
SELECT 7
$$;
"""
_WITH_FUNCTION = a_dump(USERS, ROWS, _BODY, KEY)
_MARKER = b"--\n-- PostgreSQL database dump complete"

_MANY = """CREATE TABLE users (id integer, email text);
INSERT INTO users SELECT i, 'jane.canary' || i || '@gov.uk' || repeat('x', 1000) FROM generate_series(1, 20000) i"""


def _until(text: bytes, mark: bytes) -> bytes:
    assert mark in text
    return text[: text.index(mark)]


CASES = [
    Case("23", "The dump ends between two rows.", _until(WHOLE, b"2\tjoe"), 13, "inside the rows of users, line 2"),
    Case(
        "24", "The dump ends inside the last field of a row.", _until(WHOLE, b".canary@gov.uk\n2"), 13, "rows of users"
    ),
    Case("25a", "The dump ends between two statements.", _until(WHOLE, b"ALTER TABLE"), 13, "before its end marker"),
    Case("25b", "The dump ends inside a statement.", _until(WHOLE, b"users_pkey"), 13, "inside a statement"),
    Case("25c", "The dump ends right before its marker.", WHOLE[: WHOLE.rindex(_MARKER)], 13, "before its end marker"),
    Case("26a", "pg_dump was killed, but ended the rows.", BEGINNING + PREAMBLE + USERS + ROWS, 13, "end marker"),
    Case("26b", "A server ends pg_dump's session.", lambda world: world.interrupted(_MANY), 13, "The dump ends"),
    Case(
        "27a",
        "The marker stands in a function's body and nowhere else.",
        _WITH_FUNCTION[: _WITH_FUNCTION.rindex(_MARKER)],
        13,
        "before its end marker",
    ),
    Case(
        "27b",
        "The marker stands in a function's body, and at the end.",
        _WITH_FUNCTION,
        holds={"SELECT f()": [(7,)], "SELECT count(*) FROM users": [(3,)]},
    ),
]
