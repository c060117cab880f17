"""Boxes that are read all at once come out as they do one by one, whatever is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sanitisers import ValueRefused
from sanitisers.engine import shapes
from sanitisers.engine.array_text import ArrayForm
from sanitisers.engine.box_text import BoxForm
from sanitisers.engine.copy_text import decode, encode
from sanitisers.engine.flat_boxes import read_flat
from sanitisers.engine.record_text import RecordForm
from sanitisers.engine.values import Values
from tests.sanitisers.columns import Column
from tests.sanitisers.making import table

LIST = Column("c", "text[]", element=Column("[]"))
PAIR = Column("c", "public.pair", fields=(Column("a"), Column("b", "text[]", element=Column("[]"))))
RULES = [
    (LIST, "{each: person.name}"),
    (LIST, "{each: null}"),
    (LIST, "{each: {value: 'a \"b\"'}}"),
    (LIST, "{each: {value: 'null'}}"),
    (LIST, "{each: keep}"),
    (PAIR, "{fields: {a: person.name, b: {each: person.name}}}"),
    (PAIR, "{fields: {a: null, b: keep}}"),
    (PAIR, "{fields: {a: keep, b: null}}"),
]
elements = st.one_of(
    st.none(),
    st.text(st.sampled_from([*'ab{}(),;"\\ \tNULé']), max_size=5),
    st.sampled_from(["NULL", "null", "nUlL", "", "Ann Example"]),
)
PIECES = [*'{}(),"\\ aN', "{a", ",b", ',"c d"', "NULL", "(a,", '(,"', "{}", '""']
damage = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def written(form: BoxForm, values: Sequence[str | None], around: str) -> str:
    inside = b",".join(form.write(None if value is None else value.encode()) for value in values)
    return f"{around[0]}{inside.decode()}{around[1]}"


lists = st.lists(elements, max_size=4).map(lambda values: written(ArrayForm(), values, "{}"))
pairs = st.tuples(elements, st.none() | lists).map(lambda values: written(RecordForm(2), values, "()"))
boxes = st.one_of(lists, pairs, damage, damage.map("{{{}}}".format), damage.map("({})".format))


@contextmanager
def one_by_one() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "LONGEST", -1)
        yield


def outcome(column: Column, rule: str, rows: bytes) -> object:
    made = table([column], f"c: {rule}")
    try:
        return bytes(made.apply(rows).rows), made._tally.report().replaced
    except ValueRefused:
        return "refused"  # of several values one or another may be named


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(RULES), st.lists(boxes, max_size=6))
@example(RULES[0], ["{}", '{a,"b c",NULL,""}', "{}", "{a}"])
@example(RULES[5], ['("a b",)', "(,{})", '("",{a})'])
def test_the_outcome_is_that_of_one_by_one(rule: tuple[Column, str], texts: list[str]) -> None:
    rows = b"".join(encode(text.encode()) + b"\n" for text in texts)
    together = outcome(*rule, rows)
    with one_by_one():
        assert outcome(*rule, rows) == together


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([ArrayForm(), ArrayForm(b";"), RecordForm(1), RecordForm(2)]), st.lists(boxes, max_size=6))
def test_what_is_read_all_at_once_is_what_is_read_one_by_one(form: BoxForm, texts: list[str]) -> None:
    marks = form.marks
    assert marks is not None
    flat = read_flat(marks, Values.of([encode(text.encode()) for text in texts]))
    firsts = [*flat.firsts.tolist(), len(flat.starts)]
    for place, which in enumerate(flat.which.tolist()):
        expected = form.open(texts[which].encode()).values
        found: list[bytes | None] = []
        for index in range(firsts[place], firsts[place + 1]):
            start, end, quoted = (int(part[index]) for part in (flat.starts, flat.ends, flat.quoted))
            text = decode(flat.text[start + quoted : end - quoted].tobytes())
            found.append(None if flat.null[index] else text)
        assert found == (expected or [None])


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        (ArrayForm(), ["{}", "{a}", '{a,"b, {c}",NULL,"",(d)}', '{"NULL"}']),
        (ArrayForm(b";"), ["{(1,2),(0,0);NULL}"]),
        (RecordForm(3), ['(a,"b (c), {d}",)', "(,,)", '("",,x)']),
    ],
    ids=["arrays", "arrays of boxes", "records"],
)
def test_what_a_server_writes_without_escapes_is_read_all_at_once(form: BoxForm, texts: list[str]) -> None:
    assert form.marks is not None
    assert len(read_flat(form.marks, Values.of([text.encode() for text in texts])).which) == len(texts)
