"""Which rows stay, decided for whole blocks: as a plain reading has it, however rows are written and cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanitisers import BlockError, Leaked, RulesetError, Sanitiser, TableSanitiser, ValueRefused, compile_ruleset
from sanitisers.engine import table as table_module
from sanitisers.predicate.reading import read_predicate
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY
from tests.sanitisers.predicates import COLUMNS, blocks, plain, predicates, quoted, rows, spelt, texts, truth

NAMES = [column.name for column in COLUMNS]


def of(predicate: str, rule: str = "keep") -> TableSanitiser:
    """A table of which some rows stay as they are, but for the column `t`, which may have a rule."""
    rules = {"rows": predicate, "columns": dict.fromkeys(NAMES, "keep") | {"t": rule}}
    ruleset = Ruleset.model_validate({"ruleset": 1, "tables": {"t": rules}})
    return compile_ruleset(ruleset, {"t": COLUMNS}, KEY).table("t", NAMES)


@given(st.data(), st.lists(predicates, min_size=1, max_size=6))
@settings(deadline=None)
def test_whole_columns_decide_as_each_row_would_alone(data: st.DataObject, conditions: list[str]) -> None:
    drawn = data.draw(rows())
    block = data.draw(blocks(drawn))
    lines = block.splitlines(keepends=True)
    alone = [
        dict(zip(NAMES, (one(name, value) for name, value in zip(NAMES, row, strict=True)), strict=True))
        for row in drawn
    ]
    for condition in conditions:
        tree = read_predicate(condition)
        wanted = [line for line, row in zip(lines, alone, strict=True) if truth(tree, row) is True]
        assert bytes(of(condition).apply(block).rows) == b"".join(wanted), condition


@given(st.data(), st.lists(texts, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_text_is_found_however_it_is_escaped(data: st.DataObject, drawn: list[str]) -> None:
    wanted = data.draw(st.lists(st.sampled_from(drawn), min_size=1, max_size=2))
    cells = [data.draw(spelt(text)) for text in drawn]
    rules = {"rows": f"c IN ({', '.join(map(quoted, wanted))})", "columns": {"c": "keep", "last": "keep"}}
    ruleset = Ruleset.model_validate({"ruleset": 1, "tables": {"t": rules}})
    made = compile_ruleset(ruleset, {"t": [Column("c"), Column("last")]}, KEY).table("t", ["c", "last"])
    lines = [cell + b"\tx\n" for cell in cells]
    stays = [line for line, text in zip(lines, drawn, strict=True) if text in wanted]
    assert bytes(made.apply(b"".join(lines)).rows) == b"".join(stays)


def single(type: str, condition: str) -> TableSanitiser:
    """A table whose column `c` decides."""
    rules = {"rows": condition, "columns": {"a": "keep", "c": "keep"}}
    ruleset = Ruleset.model_validate({"ruleset": 1, "tables": {"t": rules}})
    return compile_ruleset(ruleset, {"t": [Column("a"), Column("c", type)]}, KEY).table("t", ["a", "c"])


def one(name: str, value: Any) -> Any:
    return value if value is None or name in ("id", "other") else plain(name, value)


@given(st.data(), predicates, st.integers(1, 400))
@settings(deadline=None, max_examples=40)
def test_every_size_of_blocks_gives_the_same_rows(data: st.DataObject, condition: str, size: int) -> None:
    block = data.draw(blocks(data.draw(rows(30))))
    made = of(condition, "person.name")
    whole = made.apply(block)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_module, "PART", size)
        parts = made.apply(block)
    assert bytes(parts.rows) == bytes(whole.rows)
    assert (parts.count_in, parts.count_out) == (whole.count_in, whole.count_out)
    one_by_one = [made.apply(line) for line in block.splitlines(keepends=True)]
    assert b"".join(bytes(line.rows) for line in one_by_one) == bytes(whole.rows)
    assert sum(line.count_out for line in one_by_one) == whole.count_out == bytes(whole.rows).count(b"\n")


SOME = """\
ruleset: 1
tables:
  t:
    rows: stays
    columns:
      id, stays, note: keep
      email: person.email
      data: {json: {name: person.name, note: keep}}
"""
SOME_COLUMNS = [
    Column("id", "integer", not_null=True),
    Column("stays", "boolean"),
    Column("email"),
    Column("note"),
    Column("data", "jsonb"),
]


def some(text: str = SOME) -> Sanitiser:
    return compile_ruleset(parse_ruleset(text, "some.yaml"), {"t": SOME_COLUMNS}, KEY)


def made_of(sanitiser: Sanitiser) -> TableSanitiser:
    return sanitiser.table("t", [column.name for column in SOME_COLUMNS])


ROWS = (
    b'1\tf\tzorblax@quimbly.example\tnothing\t{"name": "Zorblax Quimbly", "note": "n"}\n'
    b'2\tt\tsnorri@wibble.example\tnothing\t{"name": "Snorri Wibble", "note": "n"}\n'
    b"3\t\\N\tdribb@frell.example\tnothing\t{}\n"
)


def test_what_goes_on_is_counted_and_replaced_and_the_rest_is_not() -> None:
    made = some()
    table = made_of(made)
    assert (table.passes, table.empties) == (False, False)
    block = table.apply(ROWS)
    (line,) = bytes(block.rows).splitlines()
    assert line.startswith(b"2\tt\t")
    assert b"snorri" not in line
    assert (block.count_in, block.count_out) == (3, 1)
    report = made.report()["t"]
    assert (report.rows_in, report.rows_out) == (3, 1)
    assert report.replaced == {"email": 1, "data": 1, "data.name": 1}


def test_a_table_that_otherwise_stays_as_it_is_does_not_pass() -> None:
    kept = "    where: id IN (1, 3)\n    columns:\n      id, stays, email, note, data: keep\n"
    text = f"ruleset: 1\ntables:\n  t:\n{kept}"
    table = made_of(some(text))
    assert (table.passes, table.watched) == (False, True)
    lines = ROWS.splitlines(keepends=True)
    block = table.apply(memoryview(ROWS))
    assert bytes(block.rows) == lines[0] + lines[2]
    assert (block.count_in, block.count_out) == (3, 2)


@pytest.mark.parametrize("condition", ["TRUE", "false"])
def test_all_rows_may_stay_and_none(condition: str) -> None:
    table = made_of(some(SOME.replace("rows: stays", f"rows: '{condition}'")))
    assert table.apply(ROWS).count_out == (3 if condition == "TRUE" else 0)
    assert bytes(table.apply(b"").rows) == b""


def test_rows_that_go_are_counted_where_a_row_is_refused() -> None:
    table = made_of(some())
    with pytest.raises(ValueRefused, match=r"^t\.data, row 13: ") as refused:
        table.apply(ROWS + b"4\tt\ta@b.example\tx\tno JSON\n", first_row=10)
    assert refused.value.row == 13
    with pytest.raises(ValueRefused, match=r"^t\.stays, row 14: ") as refused:
        table.apply(ROWS + b"4\tf\ta@b.example\tx\tno JSON\n5\tmaybe\t\t\t{}\n", first_row=10)
    assert "maybe" not in str(refused.value)


def test_a_row_that_would_go_is_refused_all_the_same_where_it_is_torn() -> None:
    with pytest.raises(BlockError, match="row 4"):
        made_of(some()).apply(ROWS + b"4\tf\ttorn\n")


def test_the_leak_check_never_takes_a_row_that_goes_for_one_that_is_kept() -> None:
    named = b"9\tf\t\\N\tsnorri@wibble.example\t{}\n"
    gone = some()
    made_of(gone).apply(ROWS + named)
    gone.check_leaks()
    stays = some()
    made_of(stays).apply(ROWS + named.replace(b"\tf\t", b"\tt\t"))
    with pytest.raises(Leaked, match=r"t\.note"):
        stays.check_leaks()


def test_who_stands_in_a_row_that_goes_is_looked_for_in_those_that_stay() -> None:
    made = some()
    made_of(made).apply(ROWS + b"9\tt\t\\N\tzorblax@quimbly.example\t{}\n")
    with pytest.raises(Leaked, match=r"t\.note: 1 e-mail address of t\.email"):
        made.check_leaks()


def test_rows_without_a_column_that_decides_about_them_are_refused() -> None:
    with pytest.raises(RulesetError, match="without `stays`"):
        some().table("t", ["id", "email", "note", "data"])


@pytest.mark.parametrize(
    ("type", "condition", "value", "stays"),
    [
        ("timestamp with time zone", "c = '2020-02-29 12:00+05:30'", b"2020-02-29 06:30:00+00", True),
        ("timestamp with time zone", "c = '2020-02-29 12:00+00'", b"2020-02-29 12:19:32+00:19:32", True),
        ("timestamp with time zone", "c > '2020-02-29T12:00:00.000001Z'", b"2020-02-29 07:00:00.000002-05", True),
        ("timestamp with time zone", "c < '9998-12-31 23:59+00'", b"infinity", False),
        ("timestamp without time zone", "c >= '2020-02-29'", b"2020-02-29 00:00:00", True),
        ("timestamp without time zone", "c < '0002-01-01'", b"4713-11-24 00:00:00 BC", True),
        ("timestamp without time zone", "c > '9998-12-31'", b"294276-12-31 23:59:59.999999", True),
        ("date", "c > '9998-12-31'", b"9999-01-01", True),
        ("date", "c < '0002-01-01'", b"-infinity", True),
        ("bigint", "c = -9223372036854775808", b"-9223372036854775808", True),
        ("bigint", "c < 9223372036854775807", b"9223372036854775807", False),
        ("uuid", "c = 'ABCDEF00-0000-0000-0000-000000000000'", b"abcdef00-0000-0000-0000-000000000000", True),
    ],
)
def test_moments_and_numbers_compare_as_what_they_are(type: str, condition: str, value: bytes, stays: bool) -> None:
    assert (single(type, condition).apply(b"x\t" + value + b"\n").count_out == 1) is stays


@pytest.mark.parametrize(
    ("type", "condition", "value"),
    [
        ("integer", "c = 5", b"five"),
        ("integer", "c IN (5)", b""),
        ("bigint", "c > 5", b"9223372036854775808"),
        ("boolean", "c", b"true"),
        ("date", "c > '2020-01-01'", b"01/02/2020"),
        ("date", "c > '2020-01-01'", b"2020-02-30"),
        ("timestamp without time zone", "c > '2020-01-01'", b"2020-01-01 00:00:00+00"),
        ("timestamp with time zone", "c > '2020-01-01 00:00+00'", b"2020-01-01 00:00:00"),
        ("uuid", "c = '6f0e8a52-aaaa-4000-8000-00000000000f'", b"6F0E8A52-AAAA-4000-8000-00000000000F"),
        ("uuid", "c = '6f0e8a52-aaaa-4000-8000-00000000000f'", b"short"),
    ],
)
def test_a_value_that_is_not_written_as_its_type_is_named_by_its_row_alone(
    type: str, condition: str, value: bytes
) -> None:
    with pytest.raises(ValueRefused, match=r"^t\.c, row 8: the value is not written as pg_dump") as refused:
        single(type, condition).apply(b"x\t\\N\n" + b"y\t" + value + b"\n", first_row=7)
    assert value.decode() not in str(refused.value).split(": ", 1)[1] or not value
