import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers.engine.copy_text import decode, encode

text = st.binary().map(lambda value: value.replace(b"\0", b""))
snippets = st.lists(
    st.sampled_from([b"\\", b"n", b"t", b"\\\\", b"\\N", b"x41", b"101", b"\t", b"\n", b"\r", b"a", b"\xf0"])
)


@pytest.mark.fault("55")
@given(text | snippets.map(b"".join))
def test_what_is_escaped_comes_back(value: bytes) -> None:
    assert decode(encode(value)) == value


@given(text | snippets.map(b"".join))
def test_escaped_text_holds_no_separator(value: bytes) -> None:
    assert not set(encode(value)) & set(b"\t\n\r\b\f\v")


def slow_decode(value: bytes) -> bytes:
    """Byte by byte, as the manual says."""
    out, i = bytearray(), 0
    while i < len(value):
        if value[i] != 0x5C or i + 1 == len(value):
            out.append(value[i])
            i += 1
            continue
        rest = value[i + 1 :]
        octal = hexadecimal = 0
        while octal < min(3, len(rest)) and rest[octal] in b"01234567":
            octal += 1
        while rest[:1] == b"x" and hexadecimal < 2 and rest[1 + hexadecimal : 2 + hexadecimal].isalnum():
            if rest[1 + hexadecimal] not in b"0123456789abcdefABCDEF":
                break
            hexadecimal += 1
        if octal:
            out.append(int(rest[:octal], 8) & 255)
            i += 1 + octal
        elif hexadecimal:
            out.append(int(rest[1 : 1 + hexadecimal], 16))
            i += 2 + hexadecimal
        else:
            letter = bytes(rest[:1])
            out += {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}.get(letter, letter)
            i += 2
    return bytes(out)


@pytest.mark.fault("55")
@given(
    st.lists(st.sampled_from([b"\\", b"n", b"\\t", b"\\\\", b"x", b"4", b"1", b"7", b"8", b"\0", b"g", b"\xff"])).map(
        b"".join
    )
)
def test_decoding_agrees_with_the_manual_read_letter_by_letter(value: bytes) -> None:
    assert decode(value) == slow_decode(value)


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (rb"a\\nb", rb"a\nb"),
        (rb"a\\\nb", b"a\\\nb"),
        (rb"\\\\\"", b'\\\\"'),
        (rb"\N", b"N"),
        (rb"\101\x42\x4", b"AB\x04"),
        (rb"\.", b"."),
    ],
)
def test_escapes_are_read_from_the_left(escaped: bytes, plain: bytes) -> None:
    assert decode(escaped) == plain
