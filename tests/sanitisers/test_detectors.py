"""Personal data is told by its shape, and SQL as pg_dump writes it is not taken for any."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers.detectors import CARD, EMAIL, IBAN, NATIONAL_INSURANCE, PHONE, POSTCODE, Finding, find

PERSONAL = {
    EMAIL: [
        "ada.lovelace@digital.cabinet-office.gov.uk",
        "o'brien@nhs.uk",
        "ada+tag@sub.domain.co",
        "ADA@GOV.UK",
        "josé@correo.es",
        "पता@उदाहरण.भारत",
        "عمر@موقع.شبكة",
        "用户@例子。公司",
        "ada＠gov．uk",
        "ada@xn--80ak6aa92e.com",
        '"ada lovelace"@gov.uk'.replace(" ", "."),
        "a@b.museum",
        "ada%40gov.uk",
        "'ada@gov.uk'::text",
        "mailto:ada@gov.uk?subject=x",
        "<ada@gov.uk>",
        "ada@notexample.com",
        "ada@example.com.evil.org",
        "postgresql://app:secret@db.internal.gov.uk/x",
    ],
    PHONE: [
        "07700900123",
        "447700900123",
        "+447700900123",
        "00447700900123",
        "07700 900123",
        "07700 900 123",
        "07700-900-123",
        "07700.900.123",
        "(020) 7946 0018",
        "020 7946 0018",
        "+44 (0)20 7946 0018",
        "+44 20 7946 0018",
        "0800 123 4567",
        "01539 12345",
        "+33 6 12 34 56 78",
        "06 12 34 56 78",
        "+1 (212) 555-0123",
        "(212) 555-0123",
        "212-555-0123",
        "+49/30/901820",
        "07700\u00a0900\u2011123",
        "０７７００９００１２３",
        "٠٧٧٠٠٩٠٠١٢٣",
        "tel:+447700900123",
        "{1,07700900123}",
        "1 07700 900123",
        "call 07700 900123, or write",
    ],
    POSTCODE: ["SW1A 2AA", "SW1A2AA", "sw1a 2aa", "M1 1AE", "EC1A 1BB", "B33 8TH", "'10 Downing Street, SW1A 2AA'"],
    NATIONAL_INSURANCE: ["AB123456C", "AB 12 34 56 C", "ab123456c", "AB-12-34-56-C"],
    CARD: [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "4222222222222",
        "6304000000000000000",
        "4111 1111 1111 1111 12/27",
        "2026 4111 1111 1111 1111",
        "４１１１１１１１１１１１１１１１",
    ],
    IBAN: ["GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819", "DE89370400440532013000 IS THE ACCOUNT OF ADA"],
}

NOBODYS = [
    # numbers
    "2147483647", "-2147483648", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
    "4294967296", "281474976710655", "562949953421312", "4611686018427387904", "1152921504606846976",
    "0.123456789012", "3.14159265358979", "1.0712345678", "numeric(11,2)", "1e+12345678", "'0123456789'",
    "0000000000", "'0000012345'", "B'01101001011'", "1700000000000", "'{1,2,3,4,5,6,7,8,9,10,11,12}'",
    "0 1 2 3 4 5 6 7 8 9 10 11", "(1,2),(3,4)", "4 8 15 16 23 42 4 8 15 16", "ARRAY[1000, 2000, 3000, 4000]",
    # dates, times and versions
    "'2026-11-24 01:02:03+00'", "'2026-11-24 01:02:03.123456+05:30'", "2026-11-24", "'0701-01-01 00:00:00 BC'",
    "01/02/2026 - 05/06/2026", "01-02-2026 10:30:00", "31.12.2026", "'01:02:03'::interval", "20261124010203",
    "15.18 (Debian 15.18-0+deb12u1)", "PostgreSQL 18.4", "v1.2.3-4", "10.0.0.1", "192.168.100.200/24", "::1/128",
    # names that machines give
    "550e8400-e29b-41d4-a716-446655440000", "00000000-0000-0000-0000-000000000000",
    "12345678-1234-1234-1234-447700900123", "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", r"'\x30373730303930303132'::bytea",
    "$2b$12$C6UzMDM.H6dfI/f/IKcEe.7uY0VQ0E5A5Z5x5y5z5A5B5C5D5E5F5", "08:00:2b:01:02:03", "h264", "UTF8", "ISO 8859-1",
    "G-Cloud 12", "A12BC", "E14", "RM6263", "lot1-2ab", "QQ123456C", "AB123456", "S1 2nd", "GB82WEST12345698765433",
    # the @ of SQL, and patterns of addresses
    "(a @> b)", "a <@ b", "a @@ b", "a @? b", "@ -5", "x OPERATOR(public.@)", "'$1@$2'", "'%@%.%'", "'%@gov.uk'",
    r"'^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$'", r"'^[^@\s]+@[^@\s]+\.[^@\s]+$'", r"'.+@.+\..+'",
    r"'^\S+@\S+\.\S+$'", r"'^\w+@digital\.gov\.uk$'", r"'^.*@gov\.uk$'", r"'\1@gov.uk'", "'%s@gov.uk'", "'$1@gov.uk'",
    "'@gov.uk'", "{id}@user.marketplace.team", "a@b", "name@1.2.3", "@scope/package", "user@localhost",
    r"'^\(?0[0-9]{4}\)? ?[0-9]{6}$'", r"'^(\+44\s?7\d{3}|\(?07\d{3}\)?)\s?\d{3}\s?\d{3}$'",
    "'^[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}$'",
    # RFC 2606
    "ada@example.com", "ada@EXAMPLE.org", "ada@mail.example.net", "ada@something.test", "ada@x.invalid", "a@b.example",
    "ada@app.localhost",
    # what pg_dump writes
    "SELECT pg_catalog.setval('public.t_id_seq', 12, true)",
    "CREATE SEQUENCE public.s\n    START WITH 1\n    INCREMENT BY 1\n    MAXVALUE 9223372036854775807\n    CACHE 1",
    "CREATE TABLE public.t (\n    a character varying(255) DEFAULT 'x'::character varying,\n    b numeric(11,2)\n)",
    "PARTITION public.p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PERSONAL.items() for text in texts])
def test_personal_data_is_found_and_told(kind: str, text: str) -> None:
    for around in ("{}", "COMMENT ON TABLE public.t IS '{}'", "x\n{}\ny", "({});"):
        assert kind in {one.kind for one in find(around.format(text))}, around


@pytest.mark.parametrize("text", NOBODYS)
def test_what_is_nobodys_is_not_found(text: str) -> None:
    assert find(text) == []
    assert find(f"CHECK ((a = {text}))") == []


def test_a_finding_says_where_and_never_what() -> None:
    text = "ask Ada: ada@gov.uk or 07700 900123"
    found = find(text)
    assert found == [Finding(9, 19, EMAIL), Finding(23, 35, PHONE)]
    assert [text[one.start : one.end] for one in found] == ["ada@gov.uk", "07700 900123"]
    assert "ada" not in repr(found)
    assert "900123" not in repr(found)


def test_offsets_hold_where_characters_are_read_as_others() -> None:
    text = "é ﬁ ０７７００９００１２３ ü"
    (found,) = find(text)
    assert text[found.start : found.end] == "０７７００９００１２３"


_WORD = st.text(string.ascii_lowercase, min_size=2, max_size=12)
_SQL = st.text("abcxyz (),;='\"\n\t:.<>|*", max_size=30)


@given(_SQL, _WORD, _WORD, st.sampled_from(["gov.uk", "nhs.net", "co"]), _SQL)
def test_an_address_is_found_in_any_surroundings(before: str, local: str, domain: str, top: str, after: str) -> None:
    address = f"{local}@{domain}.{top}"
    assert EMAIL in {one.kind for one in find(f"{before} {address} {after}")}


@given(_SQL, st.integers(0, 10**9 - 1), st.sampled_from(["07{}", "+447{}", "447{}"]), _SQL)
def test_a_mobile_number_is_found_in_any_surroundings(before: str, number: int, shape: str, after: str) -> None:
    digits = f"{number:09}"
    if len(set(digits)) > 2:
        assert PHONE in {one.kind for one in find(f"{before}'{shape.format(digits)}'{after}")}


@given(st.text(max_size=300))
def test_findings_of_any_text_lie_in_it_in_order(text: str) -> None:
    found = find(text)
    assert found == sorted(found)
    assert all(0 <= one.start < one.end <= len(text) for one in found)


@given(st.integers(-(2**31), 2**31 - 1))
def test_no_integer_is_personal(number: int) -> None:
    assert find(f"DEFAULT {number},") == []


@given(st.datetimes(), st.uuids())
def test_no_moment_and_no_uuid_is_personal(moment: object, uuid: object) -> None:
    assert find(f"('{moment}+00', '{uuid}')") == []


@pytest.mark.parametrize(
    "part",
    [
        *("a", "@", "a@", "a.@a.", "@a.", '"a', "0 ", "01 ", "123 ", "07 7", "+1", "(0", "1", "é"),
        *("AB12 ", "E1 2", "AB12", "0a0a0a0a-"),
    ],
)
@pytest.mark.timeout(60)
def test_no_text_of_a_megabyte_makes_it_stop(part: str) -> None:
    find(part * (1_000_000 // len(part)) + "x")
