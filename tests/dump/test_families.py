"""Tables that are made of others, and tables that are made twice."""

from __future__ import annotations

import pytest

from dmrefresh.errors import DumpRefused
from tests.dump.writing import a_dump, read


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TABLE public.leaf (a integer);"
        b"ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES FROM (1) TO (2);",
        b"CREATE TABLE public.leaf (a integer)\nINHERITS (public.root);",
        b"CREATE TABLE public.leaf PARTITION OF public.root DEFAULT;",
    ],
)
def test_a_dump_of_some_tables_alone_is_told_so(statement: bytes) -> None:
    with pytest.raises(DumpRefused, match=r"a table that it does not make, at line \d+, byte \d+\.$") as caught:
        _read(statement)
    assert "--table" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("root", "leaf"),
    [
        (b"id integer, secret integer", b"id integer, secret text"),
        (b"id integer, secret text", b"id integer"),
        (b"id integer", b"id integer, secret text"),
        (b"id integer, secret text GENERATED ALWAYS AS ('x') STORED", b"id integer, secret text"),
    ],
)
def test_a_partition_with_other_columns_than_its_table_is_refused(root: bytes, leaf: bytes) -> None:
    with pytest.raises(DumpRefused, match=r"^The columns of leaf, a partition from line \d+, byte \d+ on, are not"):
        _read(
            b"CREATE TABLE public.root (" + root + b") PARTITION BY RANGE (id);",
            b"CREATE TABLE public.leaf (" + leaf + b");",
            b"ALTER TABLE ONLY public.root ATTACH PARTITION public.leaf FOR VALUES FROM (1) TO (100);",
        )


@pytest.mark.parametrize("circle", [b"a", b"ab", b"abc"], ids=bytes.decode)
def test_tables_that_are_partitions_of_each_other_are_refused(circle: bytes) -> None:
    names = [bytes([one]) for one in circle]
    made = [b"CREATE TABLE public.%b (id integer) PARTITION BY RANGE (id);" % one for one in names]
    attached = [
        b"ALTER TABLE ONLY public.%b ATTACH PARTITION public.%b FOR VALUES FROM (1) TO (9);" % pair
        for pair in zip(names, names[1:] + names[:1], strict=True)
    ]
    with pytest.raises(DumpRefused, match="a partition of itself"):
        _read(*made, *attached)


@pytest.mark.parametrize(
    "twice",
    [
        (b"CREATE TABLE public.t (secret text);", b"CREATE TABLE public.t (secret integer);"),
        (b"CREATE DOMAIN public.t AS text;", b"CREATE TYPE public.t AS ENUM ('a');"),
        (b"CREATE TYPE public.t AS ENUM ('a');", b"CREATE TYPE public.t AS ENUM ('b');"),
        (b"CREATE TABLE public.t (a text);", b"CREATE TYPE public.t AS (a integer);"),
    ],
)
def test_a_table_or_type_that_is_created_twice_is_refused(twice: tuple[bytes, bytes]) -> None:
    with pytest.raises(DumpRefused, match=r"^The dump creates t a second time at line \d+, byte \d+\.$"):
        _read(*twice)


def _read(*statements: bytes) -> None:
    read(a_dump(*statements))
