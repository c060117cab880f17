"""Arrays, composites and hstores as real servers write them: taken apart, changed inside, and read by them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from fixtures.parts.postgres import Cluster, installed_majors
from sanitisers.engine.array_text import ArrayForm
from sanitisers.engine.box_text import BoxForm, NotAsWritten, Opened
from sanitisers.engine.hstore_text import HstoreForm
from sanitisers.engine.record_text import RecordForm

texts = st.one_of(
    st.text(st.sampled_from([*"{}[]()\"\\,;=> \t\n\v\f\r\b'xé€🙂NULnul\x85\xa0"]), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(["NULL", "null", "", "\\N", "\\.", "2", "{}", "(,)"]),
)
values = st.one_of(st.none(), texts)
ROUNDS = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@st.composite
def arrays(draw: st.DrawFn, inside: st.SearchStrategy[Any] = values) -> tuple[list[int], list[Any]]:
    """Lengths of the dimensions, and elements as lists in lists."""
    lengths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))

    def level(depth: int) -> list[Any]:
        items = inside if depth == len(lengths) - 1 else st.builds(lambda: level(depth + 1))
        return [draw(items) for _ in range(lengths[depth])]

    return lengths, level(0)


def flat(items: Sequence[Any], depth: int) -> list[Any]:
    return list(items) if depth == 1 else flat(list(chain.from_iterable(items)), depth - 1)


def written(form: BoxForm, opened: Opened, values: Sequence[str | None]) -> str:
    """The same with other values inside."""
    inside = [form.write(None if value is None else value.encode()) for value in values]
    return b"".join(chain.from_iterable(zip(opened.parts, [*inside, b""], strict=True))).decode()


def read(opened: Opened) -> list[str | None]:
    return [None if value is None else value.decode() for value in opened.values]


@pytest.fixture
def server(cluster_for: Callable[[int], Cluster], major: int) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster_for(major).url(), client_encoding="UTF8") as connection:
        connection.execute("CREATE TYPE pg_temp.inner_one AS (n integer, words text[])")
        connection.execute("CREATE TYPE pg_temp.outer_one AS (a text, b pg_temp.inner_one, c text[], d text)")
        connection.execute("CREATE TYPE pg_temp.two AS (a text, b text)")
        yield connection
        connection.rollback()


def ask(server: psycopg.Connection, query: str, *parameters: object) -> Any:
    row = server.execute(sql.SQL(query), parameters).fetchone()
    assert row is not None
    return row if len(row) > 1 else row[0]


@ROUNDS
@given(arrays(), st.none() | st.lists(st.integers(-9, 9), min_size=4, max_size=4), st.data())
def test_an_array_keeps_its_dimensions_and_bounds_and_gets_other_elements(
    server: psycopg.Connection, array: tuple[list[int], list[Any]], bounds: list[int] | None, data: st.DataObject
) -> None:
    lengths, items = array
    prefix = ""
    if bounds:
        pairs = zip(bounds, lengths, strict=False)
        prefix = "".join(f"[{low}:{low + length - 1}]" for low, length in pairs) + "="
    text, dimensions = ask(
        server, "SELECT a::text, array_dims(a) FROM (SELECT (%s || %s::text[]::text)::text[] AS a) AS t", prefix, items
    )
    form = ArrayForm()
    opened = form.open(text.encode())
    assert read(opened) == flat(items, len(lengths))
    assert written(form, opened, read(opened)) == text
    others = [data.draw(values) for _ in opened.values]
    found = ask(
        server,
        "SELECT array_dims(a), ARRAY(SELECT unnest(a)) FROM (SELECT %s::text[] AS a) AS t",
        written(form, opened, others),
    )
    assert found == (dimensions, others)


@ROUNDS
@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=5))
def test_an_array_of_numbers_is_read_as_the_server_writes_it(
    server: psycopg.Connection, items: list[int | None]
) -> None:
    text = ask(server, "SELECT %s::integer[]::text", items)
    opened = ArrayForm().open(text.encode())
    assert read(opened) == [None if item is None else str(item) for item in items]
    assert written(ArrayForm(), opened, read(opened)) == text


def test_boxes_are_apart_by_semicolons(server: psycopg.Connection) -> None:
    text = ask(server, "SELECT ARRAY['(1,2),(0,0)'::box, NULL, '(3,4),(1,1)']::text")
    opened = ArrayForm(b";").open(text.encode())
    assert read(opened) == ["(1,2),(0,0)", None, "(3,4),(1,1)"]
    assert written(ArrayForm(b";"), opened, read(opened)) == text


INNER = "ROW(%s::integer, %s::text[])::pg_temp.inner_one"


@ROUNDS
@given(values, st.none() | st.integers(-9, 9), st.none() | st.lists(values, max_size=3), values, st.data())
def test_a_composite_value_keeps_its_fields_and_what_is_nested_in_them(
    server: psycopg.Connection, a: str | None, n: int | None, words: list[str | None] | None, d: str | None, data: Any
) -> None:
    text = ask(
        server,
        f"SELECT ROW(%s::text, {INNER}, %s::text[], %s::text)::pg_temp.outer_one::text",
        *(a, n, words),
        words,
        d,
    )
    outer, inner, array = RecordForm(4), RecordForm(2), ArrayForm()
    opened = outer.open(text.encode())
    first, nested, listed, last = read(opened)
    assert (first, last) == (a, d)
    assert nested is not None
    own = inner.open(nested.encode())
    assert read(own) == [None if n is None else str(n), listed]
    assert (None if listed is None else read(array.open(listed.encode()))) == words
    assert written(outer, opened, read(opened)) == text
    assert written(inner, own, read(own)) == nested
    new_a, new_d = data.draw(values), data.draw(values)
    again = written(outer, opened, [new_a, nested, listed, new_d])
    query = "SELECT (x).a, (x).b::text, (x).c, (x).d FROM (SELECT %s::pg_temp.outer_one AS x) AS t"
    assert ask(server, query, again) == (new_a, nested, words, new_d)


@pytest.mark.skipif(15 not in installed_majors(), reason="only the system's PostgreSQL 15 brings hstore")
@ROUNDS
@given(entries=st.dictionaries(texts, values, max_size=5), data=st.data())
def test_an_hstore_keeps_its_keys_and_loses_those_that_nobody_named(
    hstores: psycopg.Connection, entries: dict[str, str | None], data: st.DataObject
) -> None:
    text = ask(hstores, "SELECT hstore(%s::text[], %s::text[])::text", list(entries), list(entries.values()))
    whole = HstoreForm({}, 0)
    opened = whole.open(text.encode())
    keys = [name.decode() for _, name in opened.names]
    assert dict(zip(keys, read(opened), strict=True)) == entries
    assert written(whole, opened, read(opened)) == text
    named = [key for key in keys if data.draw(st.booleans())]
    form = HstoreForm({key.encode(): slot for slot, key in enumerate(named)}, None)
    opened = form.open(text.encode())
    assert opened.slots == list(range(len(named)))
    others = [data.draw(values) for _ in named]
    again = written(form, opened, others)
    pairs = ask(hstores, "SELECT akeys(%s::hstore), avals(%s::hstore)", again, again)
    assert dict(zip(*pairs, strict=True)) == dict(zip(named, others, strict=True))


@pytest.fixture
def hstores(cluster_for: Callable[[int], Cluster]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster_for(15).url(), client_encoding="UTF8") as connection:
        connection.execute("CREATE EXTENSION hstore")
        yield connection
        connection.rollback()


PIECES = [*'{}[]:=,"\\ ()aN12', "{a", ",b", ',"c d"', "NULL", r'\\"', "},{", "}}", "[1:2]=", '""']
DAMAGE = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@ROUNDS
@given(DAMAGE | DAMAGE.map("{{{}}}".format))
@example("{}")
@example(r'{"NULL",null,NULL,"a\"\\b"}')
@example('[0:1]={{a,"b"},{"c d",NULL}}')
def test_what_is_taken_apart_is_what_the_server_reads(server: psycopg.Connection, text: str) -> None:
    try:
        opened = ArrayForm().open(text.encode())
    except NotAsWritten:
        return
    assert ask(server, "SELECT ARRAY(SELECT unnest(%s::text[]))", text) == read(opened)


@ROUNDS
@given(DAMAGE.map("({})".format))
@example(r'("a"" \" \\ \x",)')
@example("( a , b)")
def test_fields_that_are_taken_apart_are_what_the_server_reads(server: psycopg.Connection, text: str) -> None:
    try:
        opened = RecordForm(2).open(text.encode())
    except NotAsWritten:
        return
    assert list(ask(server, "SELECT (x).a, (x).b FROM (SELECT %s::pg_temp.two AS x) AS t", text)) == read(opened)


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (
            ArrayForm(),
            ["", "a", "{", "}", "{a", "a}", "{a}}", "{{a}", "{a,}", "{,a}", "{a b}", '{"a"b}', '{a"b"}', '{"a', "{a}x"],
        ),
        (ArrayForm(), ["{{a},{b,c}}", "{a,{b}}", "{{a},b}", "{{}}", "[2:3]={a}", "[1:1]{a}", "[1:1]={{a}}", "[]={}"]),
        (
            ArrayForm(),
            ["{" * 7 + "a" + "}" * 7, "{a;b c}", r"{a\b}", "{a\nb}", '{"', '{"a\\', r'{"a\"}', r'{"a","\"\"}'],
        ),
        (RecordForm(2), ["", "(a)", "(a,b", "a,b)", "(a,b,c)", '("a,b)', "(a,b))", '(a"b",c)', r"(\a,b)", "((a),b)"]),
        (
            HstoreForm({}, 0),
            [
                "a",
                '"a"',
                '"a"=>',
                '"a"=>b',
                '"a"=>"b",',
                '"a"=>"b", ',
                '"a"=>"b" "c"=>"d"',
                " ",
                "xxxxxx",
                r'"a\"=>"b"',
            ],
        ),
    ],
    ids=["arrays", "dimensions", "odd arrays", "records", "hstores"],
)
def test_what_no_server_writes_is_refused(form: BoxForm, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(NotAsWritten):
            form.open(text.encode())
