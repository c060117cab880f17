"""However long a statement is, reading it holds a few times its length."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest

from dmrefresh.dump.text.limits import MIB
from dmrefresh.errors import DumpRefused
from tests.dump.writing import a_dump, read


@pytest.mark.parametrize(
    ("before", "unit", "behind"),
    [
        (b"CREATE TABLE public.t (a integer, CONSTRAINT c CHECK ((a = ANY (ARRAY[", b"1, ", b"1]))));"),
        (b"CREATE TABLE public.t (a integer DEFAULT (", b"1+", b"1));"),
        (b"CREATE TABLE public.t (a integer DEFAULT ", b"1+", b"1);"),
        (b"CREATE TABLE public.t (a integer); ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK (a = ", b"1+", b"1);"),
        (b"CREATE TABLE public.t (a integer); ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT ", b"1+", b"1;"),
        (b"CREATE DOMAIN public.d AS integer CHECK (VALUE = ", b"1+", b"1);"),
        (b"CREATE FUNCTION public.f(a integer DEFAULT (", b"1+", b"1)) RETURNS int\n    LANGUAGE sql\n    AS 'x';"),
        (b"CREATE VIEW public.v AS SELECT ", b"1+", b"1;"),
        (b"SELECT * FROM pg_catalog.pg_restore_attribute_stats(", b"1,", b"1);"),
        (b"SELECT pg_catalog.setval('public.s', ", b"1,", b"1);"),
        (b"CREATE POLICY p ON public.t USING (", b"1+", b"1);"),
        (b"COMMENT ON FUNCTION public.f(", b"a, ", b"b) IS 'x';"),
        (b"COPY public.t (", b"a, ", b"b) FROM stdin;\n\\.\n"),
    ],
    ids=lambda part: part[:60].decode(),
)
def test_reading_a_long_statement_takes_no_more_memory_than_a_few_times_its_length(
    before: bytes, unit: bytes, behind: bytes
) -> None:
    statement = before + unit * (MIB // 4 // len(unit)) + behind
    dump = a_dump(statement)
    tracemalloc.start()
    try:
        with suppress(DumpRefused):  # some of these are no pg_dump's
            read(dump)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(statement)
    finally:
        tracemalloc.stop()
