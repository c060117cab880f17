import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import BlockError
from sanitisers.engine import table as table_module
from sanitisers.engine.copy_text import decode, encode
from tests.sanitisers.columns import Column
from tests.sanitisers.making import one, sanitiser, table

COLUMNS = [
    Column("id", "integer", not_null=True),
    Column("name"),
    Column("note"),
    Column("email", not_null=True),
    Column("mark"),
]
RULES = """
    id, mark: keep
    name: person.name
    note: text.lorem
    email: person.email at {id}@{mark}.example
"""


def rows_of(*rows: tuple[bytes, ...]) -> bytes:
    return b"".join(b"\t".join(row) + b"\n" for row in rows)


def cells(block: bytes | memoryview) -> list[list[bytes]]:
    return [line.split(b"\t") for line in bytes(block).split(b"\n")[:-1]]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).map(
    lambda text: encode(text.encode())
)
cell = st.just(rb"\N") | st.just(b"") | texts


THREE = table([Column("a"), Column("b"), Column("c")], "a: keep\nb: person.name\nc: person.email")


@given(st.lists(st.tuples(cell, cell, cell)))
def test_only_values_with_a_rule_change_and_each_as_it_would_alone(rows: list[tuple[bytes, bytes, bytes]]) -> None:
    found = cells(THREE.apply(rows_of(*rows)).rows)
    assert [row[0] for row in found] == [row[0] for row in rows]
    assert [row[1] for row in found] == one("person.name", [row[1] for row in rows])
    assert [row[2] for row in found] == one("person.email", [row[2] for row in rows])


@given(st.lists(cell))
def test_null_stays_null_and_empty_stays_empty(values: list[bytes]) -> None:
    for before, after in zip(values, one("person.phone", values), strict=True):
        assert (before == after) == (before in {b"", rb"\N"})


@given(st.binary(min_size=1, max_size=20).map(lambda value: value.replace(b"\0", b"-")))
def test_an_original_has_one_fake_however_it_is_escaped(value: bytes) -> None:
    octal = b"".join(b"\\%03o" % byte for byte in value)
    first, second = one("person.name", [encode(value), octal])
    assert decode(octal) == value
    assert first == second


def test_templates_take_other_columns_of_the_row() -> None:
    columns = [Column("id", "integer", not_null=True), Column("duns", not_null=True), Column("email")]
    rules = """
        id: keep
        duns: {template: "{id:09}"}
        email: person.email at user-{id}@example.org
    """
    rows = rows_of((b"7", b"960000001", b"a@b"), (b"1234567890", b"x", rb"\N"), (b"42", b"", b""))
    assert cells(table(columns, rules).apply(rows).rows) == [
        [b"7", b"000000007", b"user-7@example.org"],
        [b"1234567890", b"1234567890", rb"\N"],
        [b"42", b"", b""],
    ]


def test_columns_may_come_in_any_order() -> None:
    columns = [Column("id", "integer", not_null=True), Column("email")]
    made = sanitiser(columns, "id: keep\nemail: person.email at {id}@x.org")
    assert bytes(made.table("t", ["email", "id"]).apply(b"a\t5\n").rows) == b"5@x.org\t5\n"


def test_constants_and_nulls_are_written_as_copy_wants_them() -> None:
    assert one(r'{value: "a\tb"}', [b"x", rb"\N", b""]) == [rb"a\tb", rb"\N", b""]
    assert one("null", [b"x", rb"\N", b""]) == [rb"\N", rb"\N", rb"\N"]
    assert one("{value: 0}", [b"17"], "integer") == [b"0"]
    assert one("{value: false}", [b"t"], "boolean") == [b"false"]
    assert one("{value: {a: [1, é]}}", [b"{}"], "jsonb") == ['{"a": [1, "é"]}'.encode()]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        *(("1.10", "1.10"), ("007", "007"), ("1_000", "1_000"), ("0x1F", "0x1F"), ("1e3", "1e3"), ("-_", "-_")),
        *(("true", "true"), ("False", "false"), ("2020-01-01", "2020-01-01"), (".nan", ".nan")),
        *(("2020-01-01T10:00:00+02:00", "2020-01-01T10:00:00+02:00"), ('"null"', "null"), ("=", "=")),
    ],
)
def test_texts_get_what_the_ruleset_says_as_it_is_written(written: str, text: str) -> None:
    assert one(f"{{value: {written}}}", [b"x"]) == [text.encode()]
    assert one(f"{{one_of: [{written}]}}", [b"x"]) == [text.encode()]


@pytest.mark.parametrize(
    ("type", "written", "value"),
    [
        *(
            ("integer", "0x1F", "31"),
            ("integer", "007", "7"),
            ("numeric(4,2)", "1.10", "1.1"),
            ("date", "2020-01-01", ""),
        ),
        *(("jsonb", "{since: 2020-01-01}", '{"since": "2020-01-01"}'), ("jsonb", "[1.10, 007]", "[1.1, 7]")),
        *(("json", "true", ""), ("jsonb", "&a true", "true"), ("jsonb", "text", '"text"')),
    ],
)
def test_other_types_get_what_it_means(type: str, written: str, value: str) -> None:
    assert one(f"{{value: {written}}}", [b"1"], type) == [(value or written).encode()]
    inside = one(f"{{json: {{a: {{value: {written}}}}}}}", [b'{"a": 1}'], "jsonb")
    assert json.loads(inside[0]) == {"a": json.loads(value or written) if type != "date" else written}


def test_a_password_hash_opens_with_the_password() -> None:
    import bcrypt

    first, second = one("{bcrypt: Password1234}", [b"secret", b"other"])
    assert first == second
    assert first.startswith(b"$2b$12$")
    assert bcrypt.checkpw(b"Password1234", first)


def test_a_table_without_rules_passes() -> None:
    passing = table([Column("a"), Column("b")], "a, b: keep")
    rows = b"1\t2\nragged\n"
    block = passing.apply(rows)
    assert passing.passes
    assert block.rows is rows
    assert (block.count_in, block.count_out) == (2, 2)


def test_an_empty_block_stays_empty() -> None:
    block = table([Column("a")], "a: person.name").apply(b"")
    assert (bytes(block.rows), block.count_in, block.count_out) == (b"", 0, 0)


@pytest.mark.parametrize(
    ("rows", "row", "words"),
    [
        (b"1\t2\t3\t4\t5\n1\t2\t3\t4\n", 11, "4 values where the table has 5"),
        (b"1\t2\t3\t4\t5\t6\n", 10, "6 values"),
        (b"1\t2\t3\t4\t5\n1\t2\t3\t4\t5", 11, "ends inside"),
        (b"1\t2\t3\n4\t5\t6\t7\t8\t9\t10\n", 10, "3 values"),
    ],
)
def test_a_ragged_block_is_refused_with_the_row(rows: bytes, row: int, words: str) -> None:
    columns = [Column(name, not_null=True) for name in ("id", "name", "note", "email", "mark")]
    with pytest.raises(BlockError, match=words) as refused:
        table(columns, RULES).apply(rows, first_row=10)
    assert (refused.value.table, refused.value.row) == ("t", row)
    assert str(refused.value).startswith(f"t, row {row}: ")


def test_a_large_block_gives_what_its_parts_give(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    rows = b"".join(b"%d\tname %d\n" % (i, chance.randrange(50)) for i in range(500))
    made = table([Column("a"), Column("b")], "a: keep\nb: person.name")
    whole = bytes(made.apply(rows).rows)
    monkeypatch.setattr(table_module, "PART", 256)
    block = made.apply(memoryview(rows))
    assert (bytes(block.rows), block.count_in) == (whole, 500)
    with pytest.raises(BlockError, match="row 501:"):
        made.apply(rows + b"ragged\n")


def test_the_report_counts_and_shows_fakes_only() -> None:
    made = sanitiser([Column("a"), Column("b")], "a: person.name\nb: {json: {x: person.phone, y: keep}}")
    rows = rows_of(*((b"original %d" % i, b'{"x": "secret %d", "y": "kept"}' % i) for i in range(9)), (rb"\N", rb"\N"))
    out = made.table("t", ["a", "b"]).apply(rows)
    report = made.report()["t"]
    assert (report.rows_in, report.rows_out) == (10, 10)
    assert report.replaced == {"a": 9, "b": 9, "b.x": 9}
    assert set(report.samples) == {"a", "b.x"}
    for fakes in report.samples.values():
        assert len(fakes) == 2
        assert all(fake.encode() in bytes(out.rows) for fake in fakes)
    assert "original" not in str(report)
    assert "secret" not in str(report)


@pytest.mark.fault("L14")
def test_the_report_shows_nothing_of_a_rule_that_leaves_a_part_of_the_original() -> None:
    columns = [Column("a"), Column("b"), Column("c", not_null=True), Column("d", "integer"), Column("e", "jsonb")]
    rules = """
        a: text.redact
        b: {template: "{c}!"}
        c: keep
        d: number.noise
        e: {json: {note: text.redact, n: number.noise}}
    """
    made = sanitiser(columns, rules)
    document = b'{"note": "canary jo@suppliers.co.uk", "n": 1234567}'
    made.table("t", [*"abcde"]).apply(rows_of((b"canary jo@suppliers.co.uk", b"x", b"canary", b"1234567", document)))
    report = made.report()["t"]
    assert report.replaced["a"] == report.replaced["b"] == report.replaced["e.note"] == 1
    assert report.samples == {"b": ("{c}!",)}


def test_fakes_keep_joins_between_columns_of_different_width() -> None:
    columns = [Column("a", "character varying(10)", max_length=10), Column("b")]
    block = table(columns, "a, b: person.name").apply(b"".join(b"p%d\tp%d\n" % (i, i) for i in range(100)))
    for narrow, wide in cells(block.rows):
        assert len(narrow) <= 10
        assert wide.startswith(narrow)
