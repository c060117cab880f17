"""Which client encodings of PostgreSQL a dump may be written in, and how to read them as PostgreSQL does.

From the manual's table "PostgreSQL Character Sets" (chapter 24.3): those that a server can store have no byte below
0x80 inside a longer character, so quotes, backslashes and newlines can be searched for as bytes. The ones that are
for clients only have such bytes and are refused. So are EUC_TW and MULE_INTERNAL, for which Python has no codec.

Python's tables and the server's agree but for a few characters of EUC_JP, EUC_JIS_2004 and EUC_KR. These have codecs of
their own here, which are Python's with the server's characters; a test compares each sequence with a real server.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from typing_extensions import Buffer

HINT = "make the dump with pg_dump --encoding=UTF8"

_CODECS = {
    "utf8": "utf-8",
    "unicode": "utf-8",
    # A dump that claims no encoding is read as UTF-8, and refused where it is not.
    "sql_ascii": "utf-8",
    "euc_cn": "gb2312",
    "euc_jis_2004": "postgresql_euc_jis_2004",
    "euc_jp": "postgresql_euc_jp",
    "euc_kr": "postgresql_euc_kr",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "latin1": "latin_1",
    "latin2": "iso8859_2",
    "latin3": "iso8859_3",
    "latin4": "iso8859_4",
    "latin5": "iso8859_9",
    "latin6": "iso8859_10",
    "latin7": "iso8859_13",
    "latin8": "iso8859_14",
    "latin9": "iso8859_15",
    "latin10": "iso8859_16",
    "iso_8859_5": "iso8859_5",
    "iso_8859_6": "iso8859_6",
    "iso_8859_7": "iso8859_7",
    "iso_8859_8": "iso8859_8",
    "win866": "cp866",
    "win874": "cp874",
    "win1250": "cp1250",
    "win1251": "cp1251",
    "win1252": "cp1252",
    "win1253": "cp1253",
    "win1254": "cp1254",
    "win1255": "cp1255",
    "win1256": "cp1256",
    "win1257": "cp1257",
    "win1258": "cp1258",
}


def codec_of(encoding: str) -> str:
    """Python's name for a client_encoding as a dump spells it; where PostgreSQL differs, that of a codec made here.

    Raises:
        DumpRefused: text in this encoding cannot be read safely, or not at all.
    """
    codec = _CODECS.get(encoding.lower())
    if codec is None:
        raise DumpRefused("The dump's client_encoding is not one that can be read safely.", hint=HINT)
    return codecs.lookup(codec).name


class _ServersCodec:
    """A codec of Python's with the characters that a PostgreSQL server has in it; strict, whatever is asked.

    Args:
        base: Python's codec.
        instead: by the character that Python sees in a sequence, the one that the server sees.
        more: characters that only the server knows, in runs: the first one's sequence, and the run.
        width: bytes of every character that is not ASCII, where Python writes some with more and the server none.
    """

    def __init__(self, base: str, instead: Mapping[str, str], more: Mapping[bytes, str], *, width: int = 0) -> None:
        self.base = base
        self.name = f"postgresql_{base}"
        self.instead = instead
        self.width = width
        self.more = {
            first[:-1] + bytes([first[-1] + place]): char
            for first, run in more.items()
            for place, char in enumerate(run)
        }
        # Of two sequences for one character, the server writes the first.
        self.more_back = {char: sequence for sequence, char in reversed(self.more.items())}
        codecs.register_error(self.name, self._missing)

    def decode(self, data: Buffer, errors: str = "strict") -> tuple[str, int]:
        text = bytes(data).decode(self.base, self.name)
        for pythons, servers in self.instead.items():
            text = text.replace(pythons, servers)
        return text, memoryview(data).nbytes

    def encode(self, text: str, errors: str = "strict") -> tuple[bytes, int]:
        length = len(text)
        for pythons, servers in self.instead.items():
            found = text.find(pythons)
            if found >= 0:
                raise self._no_such_character(text, found)
            text = text.replace(servers, pythons)
        encoded = text.encode(self.base, self.name)
        if self.width and len(encoded) != _size(text, self.width):
            raise self._no_such_character(
                text, next(i for i, c in enumerate(text) if len(c.encode(self.base)) > self.width)
            )
        return encoded, length

    def _no_such_character(self, text: str, place: int) -> UnicodeEncodeError:
        return UnicodeEncodeError(self.name, text, place, place + 1, "the server has no such character")

    def _missing(self, error: UnicodeError) -> tuple[str | bytes, int]:
        """What Python's codec does not know, where the server does (codecs.register_error)."""
        if isinstance(error, UnicodeDecodeError):
            for end in (error.start + 2, error.start + 3):
                char = self.more.get(error.object[error.start : end])
                if char is not None:
                    return char, end
        elif isinstance(error, UnicodeEncodeError):
            sequence = self.more_back.get(error.object[error.start])
            if sequence is not None:
                return sequence, error.start + 1
        raise error


def _size(text: str, width: int) -> int:
    """Bytes of a text whose characters take one byte where they are ASCII, and `width` where they are not."""
    return width * len(text) - (width - 1) * len(text.encode("ascii", "ignore"))


# Found by asking servers of versions 15, 16 and 18 for each sequence: convert_from(sequence, encoding).
_SERVERS_CODECS = (
    _ServersCodec(
        "euc_jp",
        {
            "\u301c": "\uff5e",
            "\u2016": "\u2225",
            "\u2212": "\uff0d",
            "\xa2": "\uffe0",
            "\xa3": "\uffe1",
            "\xac": "\uffe2",
            "\xa6": "\uffe4",
            # Both know the number sign at two places, and write different ones: Python is made not to know it.
            "\ufffe": "\u2116",
        },
        {
            # NEC's row 13: circled and Roman numbers, units, company marks.
            b"\xad\xa1": "".join(map(chr, (*range(0x2460, 0x2474), *range(0x2160, 0x216A)))),
            b"\xad\xc0": "\u3349\u3314\u3322\u334d\u3318\u3327\u3303\u3336\u3351\u3357\u330d\u3326\u3323\u332b\u334a"
            "\u333b\u339c\u339d\u339e\u338e\u338f\u33c4\u33a1",
            b"\xad\xdf": "\u337b\u301d\u301f\ufffe\u33cd\u2121\u32a4\u32a5\u32a6\u32a7\u32a8\u3231\u3232\u3239\u337e"
            "\u337d\u337c\u2252\u2261\u222b\u222e\u2211\u221a\u22a5\u2220\u221f\u22bf\u2235\u2229\u222a",
            # IBM's additions, among them characters of family names.
            b"\x8f\xf3\xf3": "".join(map(chr, (*range(0x2170, 0x217A), 0x2160, 0x2161))),
            b"\x8f\xf4\xa1": "\u2162\u2163\u2164\u2165\u2166\u2167\u2168\u2169\uff07\uff02\u3231\u2116\u2121\u70bb"
            "\u4efc\u50f4\u51ec\u5307\u5324\ufa0e\u548a\u5759\ufa0f\ufa10\u589e\u5bec\u5cf5\u5d53\ufa11\u5fb7\u6085"
            "\u6120\u654e\u663b\u6665\ufa12\uf929\u6801\ufa13\ufa14\u6a6b\u6ae2\u6df8\u6df2\u7028\ufa15\ufa16\u7501"
            "\u7682\u769e\ufa17\u7930\ufa18\ufa19\ufa1a\ufa1b\u7ae7\ufa1c\ufa1d\u7da0\u7dd6\ufa1e\u8362\ufa1f\u85b0"
            "\ufa20\ufa21\u8807\ufa22\u8b7f\u8cf4\u8d76\ufa23\ufa24\ufa25\u90de\ufa26\u9115\ufa27\ufa28\u9592\uf9dc"
            "\ufa29\u973b\u974d\u9751\ufa2a\ufa2b\ufa2c\u999e\u9ad9\u9b72\ufa2d\u9ed1",
        },
    ),
    _ServersCodec(
        "euc_jis_2004",
        {"\uffe3": "\u203e", "\u2015": "\u2014", "\uffe5": "\xa5", "\u2985": "\uff5f", "\u2986": "\uff60"},
        {},
    ),
    # Python composes a syllable out of eight bytes that begin with a filler; the server sees four letters.
    _ServersCodec("euc_kr", {}, {b"\xa2\xe8": "\u327e", b"\xa4\xd4": "\u3164"}, width=2),
)


def _found(name: str) -> codecs.CodecInfo | None:
    for codec in _SERVERS_CODECS:
        if codec.name == name:
            return codecs.CodecInfo(codec.encode, codec.decode, name=codec.name)
    return None


codecs.register(_found)
