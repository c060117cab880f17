"""Dates and numbers that move stay near, keep their form, and move alike where the same thing decides."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import RulesetError, ValueRefused
from sanitisers.engine.noise import move
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY, one, sanitiser, table

days = st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31))
behind = st.sampled_from(["", " 12:30:00", " 23:59:59.999999+01", "T00:00:00Z"])


@given(st.lists(st.tuples(days, behind), min_size=1, max_size=20), st.sampled_from([1, 30, 36500]))
def test_a_date_moves_by_a_day_at_least_and_by_the_amount_at_most(
    dates: list[tuple[datetime.date, str]], most: int
) -> None:
    texts = [f"{day.isoformat()}{rest}".encode() for day, rest in dates]
    kind = "timestamp with time zone" if any(rest for _, rest in dates) else "date"
    for (day, rest), moved in zip(dates, one(f"date.shift {most} days", texts, kind), strict=True):
        assert moved[10:] == rest.encode()
        assert 1 <= abs((datetime.date.fromisoformat(moved[:10].decode()) - day).days) <= most


def test_what_has_no_day_stays_and_what_cannot_move_is_refused() -> None:
    endless = [b"infinity", b"-infinity", rb"\N"]
    assert one("date.shift", endless, "date") == endless
    for text in (b"0044-03-15 BC", b"10000-01-01", b"2024-02-30", b"2024-01-01x", b"soon", b"2024-01-01 Ann Lee"):
        with pytest.raises(ValueRefused, match=r"^t.c, row 2: it is no date of the years 1 to 9999") as refused:
            one("date.shift", [b"2024-01-01", text], "date")
        assert text.decode() not in str(refused.value)


def test_dates_of_one_row_move_alike_where_the_row_decides() -> None:
    columns = [Column("id", "integer", not_null=True), Column("a", "date"), Column("b", "date")]
    rows = b"".join(b"%d\t2020-01-01\t2020-03-01\n" % number for number in range(500))
    moved = bytes(table(columns, "id: keep\na, b: date.shift 90 days by id").apply(rows).rows)
    differences = {
        datetime.date.fromisoformat(b) - datetime.date.fromisoformat(a)
        for _, a, b in (line.split("\t") for line in moved.decode().splitlines())
    }
    assert differences == {datetime.timedelta(60)}
    assert len(set(moved.split(b"\t")[1::2])) > 100


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)


@given(numbers, st.integers(0, 2**64 - 1), st.sampled_from([0.5, 10, 100]))
def test_a_number_moves_by_no_more_than_its_share_and_keeps_its_decimals(
    number: Decimal, chance: int, percent: float
) -> None:
    text = f"{number:f}"
    moved = move(text.encode(), chance, percent, None)
    assert moved is not None
    old, new = Fraction(text), Fraction(moved.decode())
    assert abs(new - old) <= abs(old) * Fraction(percent) / 100
    assert len(moved.partition(b".")[2]) == len(text.partition(".")[2])


@given(st.integers(1, 32767), st.integers(0, 2**64 - 1))
def test_a_number_never_passes_the_limit_of_its_type(number: int, chance: int) -> None:
    assert abs(int(move(b"%d" % number, chance, 100, 32767) or b"x")) <= 32767


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"0", b"0.00", rb"\N"])
def test_what_is_no_amount_stays(text: bytes) -> None:
    assert one("number.noise", [text], "numeric") == [text]


def test_a_number_with_an_exponent_moves_too() -> None:
    (moved,) = one("number.noise 50 %", [b"1.5e+300"], "double precision")
    assert 0.75e300 <= float(moved) <= 2.25e300
    assert moved != b"1.5e+300"


def test_numbers_spread_over_the_whole_of_their_share() -> None:
    moved = [int(text) for text in one("number.noise 10 %", [b"%d" % n for n in range(1000, 1200)], "integer")]
    assert len({b * 100 // a for a, b in zip(range(1000, 1200), moved, strict=True)}) > 15


@pytest.mark.parametrize(
    ("rule", "type", "what"),
    [
        ("date.shift", "integer", "`date.shift` does not fit type integer"),
        ("number.noise", "text", "`number.noise` does not fit type text"),
        ('{pattern: "[0-9]{10}"}', "integer", "a pattern does not fit type integer"),
        ('{pattern: "[A-Z]"}', "integer", "a pattern does not fit type integer"),
        ("{one_of: [1, x]}", "integer", "the value does not fit type integer: it is no number"),
        ("ip", "integer", "`ip` does not fit type integer"),
    ],
)
def test_what_a_column_cannot_hold_is_refused_before_anything_runs(rule: str, type: str, what: str) -> None:
    with pytest.raises(RulesetError, match=f"^{re.escape(f'test.yaml:6: tables.t.columns.c: {what}')}$"):
        one(rule, [], type)


@pytest.mark.parametrize(
    ("rule", "type", "shape"),
    [
        ('{pattern: "[A-Z]{2}-[0-9]{3}"}', "text", rb"[A-Z]{2}-\d{3}"),
        ('{pattern: "[0-9]{9}"}', "integer", rb"\d{9}"),
        ('{pattern: "é[äöü]{30}"}', "text", "é[äöü]{30}".encode().replace("[äöü]".encode(), "(ä|ö|ü)".encode())),
        ("{one_of: [red, green]}", "text", rb"red|green"),
        ("{one_of: ['true', 'false']}", "boolean", rb"true|false"),
        ("{one_of: [3, 5]}", "integer", rb"[35]"),
        ("ip", "inet", rb"[0-9.]+"),
        ("uuid", "uuid", rb"[0-9a-f-]{36}"),
    ],
)
def test_patterns_lists_and_keys_fit_their_types(rule: str, type: str, shape: bytes) -> None:
    made = one(rule, [b"original %d" % n for n in range(100)], type)
    assert all(re.fullmatch(shape, text) for text in made), made
    assert len(set(made)) >= 2
    assert one(rule, [b"original %d" % n for n in range(100)], type, KEY[::-1]) != made


@pytest.mark.parametrize(
    "behind", [" Ann Lee", "T10:00 Ann Lee", " 07700 900123", " 10:00:00 BC", "T10:00\\nAnn Lee", " 10:00:00x"]
)
def test_what_stands_behind_a_date_and_is_no_time_of_day_does_not_go_on(behind: str) -> None:
    text = f"2020-01-01{behind}".encode()
    with pytest.raises(ValueRefused) as refused:
        one("date.shift 3 days", [text])
    assert "Ann" not in str(refused.value)
    document = b'{"d": "%b"}' % text.replace(b"\\n", b"\\\\n")
    assert one("{json: {d: date.shift 3 days}}", [document], "jsonb") == [b'{"d": null}']


@pytest.mark.parametrize(
    "behind", ["T10:00", " 10:00:00", " 10:00:00.5 UTC", "T10:00:00.123Z", " 10:00:00-00:01:15", "T10:00:00+0530"]
)
def test_a_time_of_day_and_its_zone_go_on_behind_a_date_that_moves(behind: str) -> None:
    (moved,) = one("date.shift 3 days", [f"2020-01-01{behind}".encode()])
    assert moved.endswith(behind.encode())


def test_what_is_near_an_original_is_no_sample_wherever_it_stands() -> None:
    columns = [Column("c", "jsonb"), Column("d", "date"), Column("n", "numeric")]
    sanitising = sanitiser(columns, "c: {json: {d: date.shift, n: number.noise 1 %}}\nd: date.shift\nn: number.noise")
    plain, slow = b'{"d": "2020-01-01", "n": 7}', b'{"\\\\u0064": "2020-01-01", "\\\\u006e": 7}'
    rows = b"".join(document + b"\t2020-01-01\t7\n" for document in (plain, slow))
    done = bytes(sanitising.table("t", ["c", "d", "n"]).apply(rows).rows)
    assert done.count(b"2020-01-01") == 0
    assert sanitising.report()["t"].replaced == {"c": 2, "c.d": 2, "c.n": 2, "d": 2, "n": 2}
    assert sanitising.report()["t"].samples == {}


def test_a_number_of_more_digits_than_can_be_moved_is_refused_by_its_row() -> None:
    for text in (b"9" * 4199, b"9" * 2000 + b"." + b"9" * 2199):
        assert one("number.noise 100 %", [text], "numeric") != [text]
    with pytest.raises(ValueRefused, match=r"^t.c, row 2: it is no number"):
        one("number.noise", [b"1", b"9" * 3000 + b"." + b"9" * 3000], "numeric")


def test_a_number_at_the_end_of_its_type_moves_to_the_other_side_and_one_beyond_it_does_not_stay() -> None:
    assert all(float(move(b"1.7e+308", chance, 50, None) or b"1.7e+308") < 1.7e308 for chance in (0, 1, 1999, 2000))
    assert one("{json: {a: number.noise}}", [b'{"a": 1e400}'], "jsonb") == [b'{"a": null}']


def test_dates_beside_texts_with_escapes_move_in_whatever_order_they_come() -> None:
    texts = [rb"caf\\u00e9", b"2020-01-01", rb"2020\\u002d01-01", b"x", b"2020-01-01T10:00", rb"a\\nb", b"2020-01-01"]
    documents = [b'{"d": "%b"}' % text for text in texts]
    for turn in range(len(texts)):
        turned = documents[turn:] + documents[:turn]
        made = one("{json: {d: date.shift 3 days}}", turned, "jsonb")
        alone = [one("{json: {d: date.shift 3 days}}", [document], "jsonb")[0] for document in turned]
        assert made == alone
    with pytest.raises(ValueRefused, match=r"^t.c, row 1: it is no date"):
        one("date.shift", [rb"a\nb", b"2020-01-01"])
