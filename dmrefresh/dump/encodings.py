"""Which client encodings of PostgreSQL a dump may be written in, and how Python names them.

From the manual's table "PostgreSQL Character Sets" (chapter 24.3): those that a server can store have no byte below
0x80 inside a longer character, so quotes, backslashes and newlines can be searched for as bytes. The ones that are
for clients only have such bytes and are refused.
"""

from __future__ import annotations

import codecs

from dmrefresh.errors import DumpRefused

_CODECS = {
    "utf8": "utf-8",
    "unicode": "utf-8",
    # A dump that claims no encoding is read as UTF-8, and refused where it is not.
    "sql_ascii": "utf-8",
    "euc_cn": "gb2312",
    "euc_jis_2004": "euc_jis_2004",
    "euc_jp": "euc_jp",
    "euc_kr": "euc_kr",
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
    """Python's name for a client_encoding as a dump spells it.

    Raises:
        DumpRefused: text in this encoding cannot be read safely, or not at all.
    """
    codec = _CODECS.get(encoding.lower())
    if codec is None:
        raise DumpRefused(
            "The dump's client_encoding is not one that can be read safely.",
            hint="Make the dump with: pg_dump --encoding=UTF8",
        )
    return codecs.lookup(codec).name
