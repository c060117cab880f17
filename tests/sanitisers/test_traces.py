"""Each kernel gives what plain Python gives, on any text."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanitisers.engine.document_texts import appended
from sanitisers.engine.prf import ColumnCmac
from sanitisers.engine.telling import may_tell
from sanitisers.engine.traces import KINDS, find_traces
from sanitisers.engine.values import Values
from sanitisers.engine.whole_values import LONGEST
from tests.sanitisers import leak_twin

CMAC = ColumnCmac(bytes(range(32)))


def found(values: list[bytes]) -> list[tuple[int, str, bytes, bool]]:
    """Each trace: index of its value, kind, hash, whether it tells."""
    traces = find_traces(CMAC, appended(Values.of([]), values))
    columns = (traces.owners, traces.kinds, traces.hashes, traces.telling)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sorted((owner, KINDS[kind], hashed.to_bytes(8, "little"), telling) for owner, kind, hashed, telling in rows)


def hashed(trace: leak_twin.Trace) -> bytes:
    """The hash, with the number of digits on top if it is of a number."""
    tag: bytes = CMAC.tags(Values.of([trace.text]))[0, :8].tobytes()
    if not trace.kind.endswith("number"):
        return tag
    return tag[:7] + bytes([tag[7] % 16 + 16 * min(len(trace.text), 15)])


def expected(values: list[bytes]) -> list[tuple[int, str, bytes, bool]]:
    return sorted(
        (index, trace.kind, hashed(trace), trace.telling)
        for index, value in enumerate(values)
        for trace in leak_twin.traces(value)
    )


words = st.sampled_from(
    [
        *("Jo", "BLOGGS", "jo.bloggs", "Ærø", "ÉÈ×", "李", "@", "x.org", "suppliers.co.uk", ".", "-", " ", "  ", "\t"),
        *(
            "0",
            "44",
            "+44",
            "(0)",
            "7700",
            "900123",
            "07700900123",
            "123456789",
            "19",
            "2021",
            "-03-04",
            "GB",
            "_",
            "+",
        ),
        *("\n", "\\", "<", ">", '"', ",", ":", "/", "é", "\u2013", "'", "%", "12", "a" * 31, "b" * 50, "n" * 70),
    ]
)
texts = st.lists(words, max_size=9).map(lambda parts: "".join(parts).encode())
marks = st.text("0123456789 -()+./a@Z_é%", max_size=24).map(str.encode)


@given(
    st.lists(
        texts
        | marks
        | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace"))
        | st.tuples(st.sampled_from([b"Jo Bloggs", b"", b"a b"]), st.integers(0, 99)).map(
            lambda two: two[0] + b" " * two[1]
        ),
        max_size=8,
    )
)
def test_what_holds_an_address_or_a_number_is_never_passed_over(values: list[bytes]) -> None:
    may = may_tell(appended(Values.of([]), values))
    long = [len(value) > LONGEST for value in values]
    assert all(may[owner] for owner, kind, _, _ in found(values) if kind != "text" or long[owner])


@settings(deadline=None)
@given(st.lists(texts | marks | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")), max_size=8))
def test_traces_are_those_of_plain_python(values: list[bytes]) -> None:
    assert found(values) == expected(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("07700 900123", "+44 7700 900123"),
        ("07700 900123", "0044 (0)7700-900-123"),
        ("(020) 7946 0018", "call 02079460018, please"),
        ("GB123456789", "VAT no. 123 456 789"),
        ("Jo.Bloggs@Suppliers.co.uk", "write to <jo.bloggs@suppliers.co.uk>."),
        ("jo@x.co.uk", "mailto:jo@x.co.uk?subject=hello"),
        ("Jo  BLOGGS\n", "jo bloggs"),
        ("ÉLISE Ångström", "élise ångström"),
        ("07711 654321", "07711 654321 9am"),
        ("07711 654321", "2 07711 654321, 3 07711 654322"),
        ("+44 7711 654321", "07711.654.321"),
        ("(020) 7946/0018", "02079460018"),
        ("07711 654321", "07711\u00a0654\u2009321"),
        ("+44\u202f7711\u2011654321", "07711654321 1"),
        ("josé.núñez@correo.es", "“JOSÉ.NÚÑEZ@correo.es”,"),
        ("jo@bücher.de", "schreib an jo@bücher.de!"),
        ("jo@x.co.uk", "連絡はjo@x.co.ukまで"),
        ("jo@x.co.uk", "https://x.uk/?to=jo%40x.co.uk&a=b"),
        ("Jo\u00a0Bloggs", "jo bloggs"),
        ("Jo Bloggs", "Jo Bloggs" + 80 * " "),
        ("960000001", "960000001" + 20 * " "),
    ],
)
def test_the_same_is_found_however_it_is_written(one: str, other: str) -> None:
    first, second = ({trace[2] for trace in found([text.encode()])} for text in (one, other))
    assert first & second


@pytest.mark.parametrize(
    "text",
    [
        "TBC",
        "n/a",
        "-",
        "London",
        "12345678",
        "2021-03-04 09:10:11.123456",
        "04-03-2021 10",
        "20210304101112",
        "1234567890.50",
        "0.123456789",
        "1 2 3 4 5 6 7 8 9 10",
        "5f0c123456789abc",
        "0d4f5c6e-1234-4321-8888-0123456789ab",
        "$2b$10$abcdefghijklmnopqrstuv",
        "51.0771165432",
        "nobody@ , @nowhere and a@b",
    ],
)
def test_what_is_nobodys_leaves_no_trace(text: str) -> None:
    assert [trace for trace in found([text.encode()]) if trace[1] != "text"] == []
    assert len(found([text.encode()])) == (1 if text.startswith("nobody") else 0)


def test_a_number_in_the_midst_of_a_text_tells_of_somebody_only_if_it_is_dialled() -> None:
    values = [
        b"our service 1000000000123 is live",
        b"ring 07700 900123 today",
        b"1000000000123",
        b"ring +33612345678 !",
    ]
    assert [trace[3] for trace in found(values) if trace[1].endswith("number")] == [False, True, True, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("000000042", "00000000042"),
        ("012345678", "12345678"),
        ("0012345678", "012345678"),
        ("0960000001234", "960000001234"),
    ],
)
def test_zeros_in_front_count_where_nothing_is_dialled(one: str, other: str) -> None:
    first, second = ({trace[2] for trace in found([text.encode()])} for text in (one, other))
    assert first
    assert not first & second


def test_neighbours_never_make_one() -> None:
    assert found([b"07700", b"900123", b"jo", b"@x.org", b"Jo", b"Bloggs"]) == []


def nasty(seed: int, count: int) -> list[bytes]:
    """Values of many sorts side by side, many of them around the lengths at which something changes."""
    chance = Random(seed)
    parts = [
        *("jo.bloggs@suppliers.co.uk", "JO%40x.org", "josé@bücher.de", "@", "a@b", "\\njo@x.uk", "n" * 33 + "@x.uk"),
        *("07700 900123", "+44 (0)7700-900-123", "0044", "123456789", "GB123456789", "2021-03-04 10:11", "1.23456789"),
        *(
            "Jo",
            "BLOGGS",
            "Élise",
            "Ångström",
            "李小龍",
            "×",
            "０７７００",
            "＠",
            "\u00a0",
            "\u2013",
            "’",
            "000000000000",
        ),
        *(" ", " ", "  ", "\t", "\n", ".", "-", ",", "/", "(", ")", "_", "x", "9", "0", "+", "%", '"', "it’s", "&"),
    ]
    values = []
    for _ in range(count):
        value = "".join(chance.choice(parts) for _ in range(chance.randint(0, 12)))
        if chance.random() < 0.2:
            length = chance.choice([7, 8, 9, 47, 48, 49, 63, 64, 65, 66])
            value = (value + chance.choice(["ab cd ", "x", "é ", "1", " "]) * length)[:length]
        values.append(value.encode())
    return values


@pytest.mark.parametrize("seed", range(4))
def test_traces_of_many_values_at_once_are_those_of_plain_python(seed: int) -> None:
    values = nasty(seed, 2500)
    assert found(values) == expected(values)


@pytest.mark.parametrize("seed", range(4))
def test_of_many_values_at_once_none_that_tells_is_passed_over(seed: int) -> None:
    values = nasty(seed, 2500)
    may = may_tell(appended(Values.of([]), values))
    telling = {owner for owner, kind, _, _ in found(values) if kind != "text" or len(values[owner]) > LONGEST}
    assert telling <= set(may.nonzero()[0].tolist())
    assert not may.all()
