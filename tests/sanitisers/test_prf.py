import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from sanitisers.engine.prf import LONG, ColumnCmac, Keyed, derive_key, fingerprint_of, tags_of
from sanitisers.engine.values import Values

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC_4493 = {
    0: "bb1d6929e95937287fa37d129b756746",
    16: "070a16b46b4d4144f79bdd9dd04a287c",
    40: "dfa66747de9ae63030ca32611497c827",
    64: "51f0bebf7e3b9d92fc49741779363cfe",
}


def reference(key: bytes, value: bytes) -> bytes:
    cmac = CMAC(algorithms.AES(key))
    cmac.update(value)
    return cmac.finalize()


def tags(key: bytes, values: list[bytes]) -> list[bytes]:
    return [row.tobytes() for row in ColumnCmac(key).tags(Values.of(values))]


def test_the_test_vectors_of_rfc_4493_hold_in_one_column() -> None:
    assert tags(KEY, [MESSAGE[:length] for length in RFC_4493]) == [bytes.fromhex(tag) for tag in RFC_4493.values()]


@given(st.lists(st.binary(max_size=70)), st.sampled_from([16, 24, 32]), st.binary(min_size=32, max_size=32))
def test_a_column_has_the_tags_that_another_implementation_gives_each_value(
    values: list[bytes], size: int, key: bytes
) -> None:
    assert tags(key[:size], values) == [reference(key[:size], value) for value in values]


@given(st.lists(st.integers(0, 3 * LONG), max_size=8))
def test_long_values_have_the_same_tags_as_anywhere_else(lengths: list[int]) -> None:
    values = [bytes(i % 251 for i in range(length)) for length in lengths]
    assert tags(KEY, values) == [reference(KEY, value) for value in values]


def test_values_may_lie_anywhere_in_their_buffer() -> None:
    buffer = np.frombuffer(b"xxabcyyabczz", np.uint8)
    found = ColumnCmac(KEY).tags(Values(buffer, np.array([2, 7, 0]), np.array([5, 10, 12])))
    assert found[0].tobytes() == found[1].tobytes() == reference(KEY, b"abc")
    assert found[2].tobytes() == reference(KEY, buffer.tobytes())


def test_kinds_and_keys_have_unrelated_functions() -> None:
    keys = {derive_key(key, kind) for key in (b"k" * 32, b"l" * 32) for kind in ("person.name", "person.email")}
    assert len(keys) == 4


def test_the_fingerprint_tells_keys_apart_and_is_not_part_of_them() -> None:
    assert fingerprint_of(b"k" * 32) != fingerprint_of(b"l" * 32)
    assert len(fingerprint_of(b"k" * 32)) == 8


@pytest.mark.parametrize("half", ["low", "high"])
def test_the_two_numbers_of_a_value_are_the_halves_of_its_tag(half: str) -> None:
    keyed = Keyed.of(ColumnCmac(KEY), Values.of([b"one", b"two"]))
    place = slice(0, 8) if half == "low" else slice(8, 16)
    expected = [int.from_bytes(reference(KEY, value)[place], "little") for value in (b"one", b"two")]
    assert getattr(keyed, half).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=70) | st.just(b"x" * (LONG + 1))), max_size=12))
def test_values_of_several_functions_have_the_tags_that_each_gives_alone(values: list[tuple[int, bytes]]) -> None:
    keys = [KEY, KEY[::-1], KEY + KEY]
    which = np.array([function for function, _ in values], np.int64)
    found = tags_of([ColumnCmac(key) for key in keys], which, Values.of([value for _, value in values]))
    assert [row.tobytes() for row in found] == [reference(keys[function], value) for function, value in values]
