import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers.engine.fakes import code, digits, pool_of_length
from sanitisers.families import FAMILIES
from sanitisers.families.form import CODE_LETTERS, Fixed, Form, Pick, cut_text
from sanitisers.pools import Pools
from tests.sanitisers.making import KEY, one

words = st.lists(st.integers(0, 2**64 - 1))


@given(words, st.integers(1, 12))
def test_codes_are_five_bits_a_letter(numbers: list[int], length: int) -> None:
    expected = ["".join(CODE_LETTERS[n >> 5 * i & 31] for i in range(length)) for n in numbers]
    assert [row.tobytes().decode() for row in code(np.array(numbers, np.uint64), length)] == expected


@given(words, st.integers(1, 18))
def test_digits_are_the_last_of_the_number(numbers: list[int], length: int) -> None:
    expected = [f"{n:030}"[-length:] for n in numbers]
    assert [row.tobytes().decode() for row in digits(np.array(numbers, np.uint64), length)] == expected


@given(st.lists(st.integers(0, 10_000)), st.integers(0, 4), st.integers(1, 9))
def test_the_pool_is_the_first_whose_limit_is_not_passed(lengths: list[int], first: int, pools: int) -> None:
    def plain(length: int) -> int:
        fits = (i for i in range(pools) if length <= 2 ** (i + first))
        return next(fits, pools - 1)

    assert pool_of_length(np.array(lengths, np.int64), first, pools).tolist() == [plain(n) for n in lengths]


SHAPES = {
    "person.name": r"[^\d@]+ [^\d@]+",
    "person.first_name": r"[A-Z][^\d@]+",
    "person.last_name": r"[A-Z][^\d@]+",
    "person.email": r"[a-z.]+\.[0-9a-z]{12}@example\.invalid",
    "person.user_name": r"[a-z.]+\.[0-9a-z]{12}",
    "person.ni_number": r"QQ\d{6}[A-D]",
    "person.phone": r"(01\d\d 49[68] 0\d{3}|020 7946 0\d{3}|01632 960\d{3}|07700 900\d{3})",
    "person.job_title": r".+",
    "address.full": r"[^\n]+, \S.+, [A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}",
    "address.street": r"[^\n]+",
    "address.city": r"\S.+",
    "address.postcode": r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}",
    "company.name": r"\S.+",
    "company.duns": r"000\d{6}",
    "company.vat": r"GB000\d{6}",
    "company.registration": r"00\d{6}",
    "text.lorem": r"\S.*",
    "text.words": r"\w+ \w+ \w+",
    "url": r"https://www\.example\.invalid/\w+/\w+/\w+",
    "ip": r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "token": r"[0-9A-Za-z]{32}",
    "hash": r"[0-9a-f]{32}",
    "file.path": r"documents/\w+-\w+-\w+\.pdf",
}


def test_every_family_has_a_shape_to_be_held_against() -> None:
    assert SHAPES.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_fakes_have_the_shape_of_the_real_thing(family: str) -> None:
    originals = [f"original {i}".encode() for i in range(200)]
    for fake in one(family, originals):
        assert re.fullmatch(SHAPES[family], fake.decode()), fake


@pytest.mark.fault("54", "L12")
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_original_has_the_same_fake_under_the_same_key_only(family: str) -> None:
    originals = [f"original {i}".encode() for i in range(200)]
    fakes = one(family, originals)
    assert one(family, originals[::-1])[::-1] == fakes
    changed = one(family, originals, key=KEY[::-1])
    assert sum(a != b for a, b in zip(fakes, changed, strict=True)) > 150


def test_email_addresses_are_unique() -> None:
    fakes = one("person.email", [b"%d" % i for i in range(100_000)])
    assert len(set(fakes)) == 100_000


@pytest.mark.parametrize("length", [1, 10, 100, 1000, 100_000])
def test_free_text_is_about_as_long_as_the_original(length: int) -> None:
    for fake in one("text.lorem", [b"%d" % i + b"x" * (length - 1) for i in range(9)]):
        assert min(length, 2048) / 4 <= len(fake) <= max(4, 2 * length, 20)


def test_pools_are_the_same_every_time() -> None:
    first, second = Pools("en_GB"), Pools("en_GB")
    assert first.form("company.name") == second.form("company.name")
    second.form("person.name")
    assert first.form("address.street") == second.form("address.street")
    assert first.digest != second.digest


@given(st.text(), st.integers(1, 20))
def test_a_text_is_cut_to_the_limit_and_never_to_nothing(text: str, limit: int) -> None:
    cut = cut_text(text, limit)
    assert text.startswith(cut)
    assert len(cut) <= limit
    assert bool(cut) == bool(text)


def test_only_what_is_picked_is_cut() -> None:
    form = Form((Pick(("abcdef", "gh")), Fixed("@x")))
    assert form.cut(5) == Form((Pick(("abc", "gh")), Fixed("@x")))
    assert (form.shortest, form.longest) == (4, 8)
