"""Rows 32 to 38, 44 and 45: the same things written in other ways, formats and encodings."""

from __future__ import annotations

import json

from tests.dump.writing import PREAMBLE, USERS, a_dump
from tests.faults.case import A_NOTES, NOTES, ROWS, WHOLE, Case

_ESCAPES = b"".join(
    (
        b"1\ta\\\\b \\\\. \\\\N \\\\\\\\ \\b\\f\\n\\r\\t\\v\n",
        b"2\t\n",
        b"3\t\\N\n",
        b"4\t\\\\.\n",
        b'5\t{"a": "\\\\\\\\"}\n',
        "6\té日本\U0001f600\n".encode(),
    )
)
_OTHER_ESCAPES = b"7\t\\x41\\101\\q\\/\n"
_ESCAPED = b"COPY public.notes (id, said) FROM stdin;\n" + _ESCAPES + _OTHER_ESCAPES + b"\\.\n"

_NAMES = {
    "a": 'quo"te',
    "b": "new\nline",
    "c": "tab\tbed",
    "d": "semi;colon",
    "e": "dash--es",
    "f": "dot.ted",
    "g": "emoji\U0001f600",
    "h": "n" * 63,
    "i": "select",
}


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(name: str) -> str:
    """As YAML takes it."""
    return json.dumps(name, ensure_ascii=False)


_NAMED = ";\n".join(
    f"CREATE TABLE {name} (id integer, {name} text);\nINSERT INTO {name} VALUES (1, 'jane.canary@gov.uk')"
    for name in map(_identifier, _NAMES.values())
)
_RULES_FOR_NAMED = "".join(
    f"  {_quoted(name)}:\n    columns:\n      {_quoted(name)}: person.email\n" for name in _NAMES.values()
)


def _named(letter: str, name: str) -> Case:
    quoted = _identifier(name)
    return Case(
        f"33{letter}",
        f"A table and its column are called {name!r}.",
        lambda world: world.dump(_NAMED),
        rules=_RULES_FOR_NAMED,
        holds={f"SELECT count(*), count({quoted}) FROM {quoted} WHERE {quoted} LIKE '%@%'": [(1, 1)]},
    )


_UNUSUAL = """CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE computed (a integer GENERATED ALWAYS AS (6 * 7) STORED);
INSERT INTO computed DEFAULT VALUES"""

_TAGGED = rb"""CREATE FUNCTION public.f() RETURNS text
    LANGUAGE plpgsql
    AS $_$ BEGIN RETURN '$$;$a$'; END $_$;
"""
_NESTED = rb"""CREATE FUNCTION public.f() RETURNS text
    LANGUAGE plpgsql
    AS $a$ BEGIN RETURN $b$it's; $$ -- $b$; END $a$;
"""
_COMMENTS = b"""/* one /* two ; COPY public.users FROM stdin; */ ' $$ */

CREATE VIEW public.v AS
 SELECT /* a /* ; */ ' */ 7 AS a -- ; it's
 ;
"""
_BACKSLASHED = rb"""CREATE VIEW public.v AS
 SELECT E'it\'s; \\' AS a, E'\\' AS b;
"""

_USERS = """CREATE TABLE users (id integer, email text);
INSERT INTO users SELECT i, 'jane.canary' || i || '@gov.uk' FROM generate_series(1, 3000) i"""


def _inserts(letter: str, option: str) -> Case:
    return Case(f"36{letter}", f"pg_dump {option}", lambda world: world.dump(_USERS, option), 17, "without --inserts")


def _archive(letter: str, form: str, says: str, file: str = "") -> Case:
    done = f"pg_dump --format={form} {file}".strip()
    return Case(f"37{letter}", done, lambda world: world.archive(_USERS, form, file), 17, says)


def _encoded(letter: str, encoding: str, codec: str, text: str) -> Case:
    notes = f'CREATE TABLE public.notes (id integer, said text, "{text}" text);\n'
    rows = f'COPY public.notes (id, said, "{text}") FROM stdin;\n1\t{text}\tjane canary {text}\n\\.\n'
    return Case(
        f"44{letter}",
        f"The dump is in {encoding}.",
        a_dump(notes.encode(codec), rows.encode(codec), preamble=PREAMBLE.replace(b"'UTF8'", f"'{encoding}'".encode())),
        rules=f"{NOTES}      {text}: person.name\n",
        holds={f"SELECT id, said, \"{text}\" LIKE '_% _%' FROM notes": [(1, text, True)]},
    )


_OF_NO_ENCODING = a_dump(
    A_NOTES,
    b"COPY public.notes (id, said) FROM stdin;\n1\tcanary \xe9\n\\.\n",
    preamble=PREAMBLE.replace(b"UTF8", b"SQL_ASCII"),
)

CASES = [
    Case(
        "32",
        "Rows hold every escape that COPY knows.",
        a_dump(A_NOTES, _ESCAPED),
        rules=NOTES,
        rows={"notes": _ESCAPES + b"7\tAAq/\n"},
        holds={
            "SELECT id, encode(said::bytea, 'escape') FROM notes WHERE id IN (2, 3) ORDER BY id": [(2, ""), (3, None)],
            "SELECT octet_length(said) FROM notes WHERE id = 1": [(19,)],
        },
    ),
    *(_named(letter, name) for letter, name in _NAMES.items()),
    Case(
        "34a",
        "A COPY does not name the columns.",
        WHOLE.replace(b"public.users (id, email) FROM", b"public.users  FROM"),
        holds={"SELECT count(*), count(email) FROM users": [(3, 2)]},
    ),
    Case(
        "34b",
        "A table has no columns.",
        lambda world: world.dump(_UNUSUAL),
        holds={"SELECT count(*) FROM nothing": [(2,)]},
    ),
    Case(
        "34c",
        "All columns of a table are generated.",
        lambda world: world.dump(_UNUSUAL),
        holds={"SELECT a FROM computed": [(42,)]},
    ),
    Case("35a", "A body between $_$.", a_dump(USERS, _TAGGED, ROWS), holds={"SELECT f()": [("$$;$a$",)]}),
    Case(
        "35b",
        "Dollar quotes in dollar quotes.",
        a_dump(_NESTED, USERS, ROWS),
        holds={"SELECT f()": [("it's; $$ -- ",)]},
    ),
    Case("35c", "Comments in comments.", a_dump(_COMMENTS, USERS, ROWS), holds={"SELECT a FROM v": [(7,)]}),
    Case(
        "35d",
        "Strings with backslashes.",
        a_dump(_BACKSLASHED, USERS, ROWS),
        holds={"SELECT a, b FROM v": [("it's; \\", "\\")]},
    ),
    Case(
        "35e",
        "Strings are those of the time before the standard.",
        WHOLE.replace(b"strings = on", b"strings = off"),
        17,
        "standard_conforming_strings",
    ),
    _inserts("a", "--inserts"),
    _inserts("b", "--column-inserts"),
    _inserts("c", "--rows-per-insert=1000"),
    _archive("a", "custom", "custom format.*--format=plain"),
    _archive("b", "directory", "custom format.*--format=plain", "toc.dat"),
    _archive("c", "directory", "directory format.*--format=plain", "*.dat.gz"),
    _archive("d", "tar", "tar format.*--format=plain"),
    Case("38", "pg_dumpall dumps the whole server.", lambda world: world.whole_server(), 17, "whole server"),
    _encoded("a", "LATIN1", "latin-1", "naïve"),
    _encoded("b", "WIN1252", "cp1252", "tŠ€"),
    _encoded("c", "EUC_JP", "euc_jp", "日本語"),
    Case("44d", "The dump claims no encoding and has none.", _OF_NO_ENCODING, 17, "not UTF-8", rules=NOTES),
    Case("45a", "A NUL is in the rows.", WHOLE.replace(b"joe", b"jo\0"), 17, "NUL"),
    Case(
        "45b",
        "An editor's mark is in front.",
        b"\xef\xbb\xbf" + WHOLE,
        holds={"SELECT count(*), count(email) FROM users": [(3, 2)]},
    ),
    Case("45c", "Lines end as on Windows.", WHOLE.replace(b"\n", b"\r\n"), 17, "carriage return"),
]
