"""What the fuzzer looks for, on what it begins with and on what hypothesis makes; and what it has found."""

from __future__ import annotations

from collections.abc import Callable

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import End, Head
from dmrefresh.errors import DumpRefused, Failure
from tests.dump.writing import PREAMBLE, USERS, a_dump, read
from tests.fuzz.cases import ENCODINGS, FRAMES, LIMITS, Case, case_of, data_of
from tests.fuzz.properties import PROPERTIES, check_all
from tests.fuzz.seeds import ROWS_OF_USERS, STATEMENTS, TOKENS, dictionary, seeds

_SEEDS = list(seeds())


@pytest.mark.parametrize("holds", PROPERTIES)
def test_each_property_holds_of_all_that_the_fuzzer_begins_with(holds: Callable[[Case], None]) -> None:
    for seed in _SEEDS:
        holds(case_of(seed))


def test_what_the_fuzzer_begins_with_is_read_to_its_end_in_each_frame_and_encoding() -> None:
    whole = set()
    for seed in _SEEDS:
        case = case_of(seed)
        try:
            head, *_, end = read(case.text)
        except Failure:
            continue
        assert isinstance(head, Head)
        assert isinstance(end, End)
        whole |= {head.encoding, *(frame for frame, (before, _) in FRAMES.items() if case.text.startswith(before))}
    assert whole >= {*FRAMES, "UTF8", "LATIN1"}


_BODIES = st.lists(
    st.one_of(
        st.sampled_from([token.encode() for token in TOKENS]),
        st.sampled_from([*STATEMENTS, *ROWS_OF_USERS]),
        st.binary(max_size=4),
    ),
    max_size=12,
).map(b"".join)
_DATA = st.builds(
    data_of,
    _BODIES,
    st.sampled_from([*FRAMES]),
    limits=st.integers(0, len(LIMITS) - 1),
    encoding=st.sampled_from(ENCODINGS),
    size=st.integers(1, 256),
    places=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
)


@given(_DATA)
def test_every_property_holds_of_words_and_marks_of_dumps_in_any_order(data: bytes) -> None:
    check_all(case_of(data))


@given(st.binary(max_size=40))
def test_any_bytes_mean_a_case_of_which_every_property_holds(data: bytes) -> None:
    check_all(case_of(data))


def test_a_case_is_what_was_asked_for() -> None:
    case = case_of(data_of(b"1\tx\n", "rows", limits=2, encoding="LATIN1", size=100, places=(9, 5)))
    assert case.text == a_dump(
        USERS.rstrip(b"\n") + b"\nCOPY public.users (id, email) FROM stdin;\n1\tx\n\\.",
        preamble=PREAMBLE.replace(b"UTF8", b"LATIN1"),
    ).replace(b"false);\n\n", b"false);\n")
    assert (case.body, case.size, case.places, case.limits) == (b"1\tx\n", 100, (9, 5), LIMITS[2])
    assert [b"".join(blocks) for blocks in case.cuttings] == [case.text, case.text]
    assert [len(block) for block in case.cuttings[1]] == [5, 4, len(case.text) - 9]


def test_the_dictionary_is_written_as_the_fuzzer_reads_it() -> None:
    lines = dictionary().splitlines()
    assert len(lines) == len(TOKENS)
    assert r'"\x0a\x5c\x2e\x0a"' in lines


@pytest.mark.parametrize(
    "between", ["\n", " -- a comment\n", " -- one '\n -- two '\n  ", "\t\n\n"], ids=["line", "comment", "two", "lines"]
)
def test_columns_are_not_looked_for_in_a_string_with_escapes_that_goes_on_in_another_line(between: str) -> None:
    table = f"CREATE TABLE public.t (a text DEFAULT E'x'{between}'\\', b text, c text DEFAULT ''', d text);"
    head, *_ = read(a_dump(table.encode()))
    assert isinstance(head, Head)
    (made,) = head.schema.tables.values()
    assert [column.name for column in made.columns] == ["a", "d"]


@pytest.mark.parametrize("comment", ["-- '\n", "/* ' */"])
def test_a_comment_right_behind_an_operator_hides_no_columns(comment: str) -> None:
    table = f"CREATE TABLE public.t (a integer DEFAULT 1 +{comment} 2, b text, c text DEFAULT 'x');"
    head, *_ = read(a_dump(table.encode()))
    assert isinstance(head, Head)
    (made,) = head.schema.tables.values()
    assert [column.name for column in made.columns] == ["a", "b", "c"]


_ROUTINE = b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC %s; END"


@pytest.mark.parametrize("label", [b"1 case", b"1 AS case", b"users.case FROM public.users", b"1 case, (2) CASE"])
@pytest.mark.parametrize("cut", [1, 10_000])
def test_case_as_a_name_does_not_hide_statements_in_a_routine(label: bytes, cut: int) -> None:
    routine = _ROUTINE % (b"SELECT " + label)
    hidden = b"; DROP TABLE public.users; SELECT CASE WHEN true THEN 1 END; END;"
    assert len(pglast.parse_sql((routine + hidden).decode())) > 1
    with pytest.raises(DumpRefused, match="CASE and END do not pair"):
        read(a_dump(USERS, routine + hidden), cut=cut)


@pytest.mark.parametrize("label", [b"1 end", b"1 AS END", b"users.end FROM public.users", b"1\tend, 2"])
@pytest.mark.parametrize("cut", [1, 10_000])
def test_end_as_a_name_does_not_end_a_routine(label: bytes, cut: int) -> None:
    routine = _ROUTINE % (b"SELECT " + label)
    assert len(pglast.parse_sql(routine.decode())) == 1
    with pytest.raises(DumpRefused, match="CASE and END do not pair"):
        read(a_dump(USERS, routine + b";"), cut=cut)


def test_a_routine_may_have_nothing_in_it() -> None:
    routine = b"CREATE PROCEDURE public.p() LANGUAGE sql BEGIN ATOMIC END"
    head, _ = read(a_dump(routine + b";"))
    assert isinstance(head, Head)
    assert head.statements[-1].sql == routine


@pytest.mark.parametrize(
    "words",
    ["CREATE OR-- x\n REPLACE PROCEDURE", "CREATE/* x */PROCEDURE", "CREATE OR REPLACE /* /* */ */PROCEDURE"],
)
def test_a_comment_among_the_first_words_of_a_routine_does_not_hide_its_body(words: str) -> None:
    routine = f"{words} public.p() LANGUAGE sql begin\n atomic DELETE FROM a; END;"
    assert len(pglast.parse_sql(routine)) == 1
    with pytest.raises(DumpRefused, match="a comment among the first words of a routine"):
        read(a_dump(USERS, routine.encode()))


@pytest.mark.parametrize("comment", ["-- x\n", "/* /* */ */"])
def test_a_comment_within_begin_atomic_does_not_hide_the_body(comment: str) -> None:
    routine = f"CREATE PROCEDURE public.p() LANGUAGE sql BEGIN {comment} ATOMIC DELETE FROM a; END;"
    assert len(pglast.parse_sql(routine)) == 1
    with pytest.raises(DumpRefused, match="a comment between BEGIN and ATOMIC"):
        read(a_dump(USERS, routine.encode()))
