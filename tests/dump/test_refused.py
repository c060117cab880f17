"""What is not quite a dump is refused in words that hold nothing of it."""

from __future__ import annotations

import gzip

import pytest

from dmrefresh.dump.events import End, TableData
from dmrefresh.errors import DumpRefused
from tests.dump.test_reader import SMALL
from tests.dump.writing import BEGINNING, ENDING, PREAMBLE, ROWS, USERS, a_dump, read

SECRET = b"ada.lovelace@example.org"
"""Stands wherever a dump may hold something personal; no message may repeat it."""

REFUSED = {
    "custom format": (b"PGDMP\x01\x0e\0" + b"\0" * 600, "custom format"),
    "tar format": (b"toc.dat" + b"\0" * 600, "tar format"),
    "compressed twice": (gzip.compress(SMALL), "gzip"),
    "encrypted": (b"\x85\x02\x0c\x03" + b"x" * 600, "encrypted"),
    "encrypted, armoured": (b"-----BEGIN PGP MESSAGE-----\n" + b"x" * 600, "encrypted"),
    "UTF-16": (SMALL.decode().encode("utf-16"), "UTF-16"),
    "a whole server": (
        b"--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict a\n\nSET client_encoding = 'UTF8';\n",
        "whole server",
    ),
    "a letter": (b"Dear " + SECRET, "not a dump of pg_dump"),
    "a script": (b"-- my own\nSELECT '" + SECRET + b"';\n", "not a dump of pg_dump"),
    "a command before the title": (b"--\n\\! id\n" + SMALL, "not a dump of pg_dump"),
    "no versions": (a_dump(USERS, ROWS, beginning=b"--\n-- PostgreSQL database dump\n--\n"), "which PostgreSQL"),
    "no encoding": (a_dump(preamble=b""), "client_encoding"),
    "an encoding with quotes inside characters": (
        a_dump(preamble=b"SET client_encoding = 'SJIS';\n"),
        "client_encoding",
    ),
    "two encodings": (a_dump(b"SET client_encoding = 'LATIN1';"), "changes its client_encoding"),
    "strings of the old kind": (
        a_dump(preamble=PREAMBLE.replace(b"strings = on", b"strings = off")),
        "standard_conforming_strings",
    ),
    "strings of an unknown kind": (
        a_dump(USERS, ROWS, preamble=PREAMBLE.replace(b"SET standard_conforming_strings = on;\n", b"")),
        "does not say that standard_conforming_strings is on",
    ),
    "strings told behind the rows": (
        a_dump(
            *(USERS, ROWS, b"SET standard_conforming_strings = on;"),
            preamble=PREAMBLE.replace(b"SET standard_conforming_strings = on;\n", b""),
        ),
        "does not say that standard_conforming_strings is on",
    ),
    "INSERT": (a_dump(USERS, b"INSERT INTO public.users VALUES (1, '" + SECRET + b"');"), "INSERT"),
    "INSERT behind rows": (a_dump(USERS, ROWS, b"INSERT INTO public.users VALUES (1, '" + SECRET + b"');"), "INSERT"),
    "rows of a table that is not created": (a_dump(ROWS), "does not create that table"),
    "rows of a table without a schema": (a_dump(USERS, ROWS.replace(b"public.", b"")), "COPY"),
    "rows with a column that is not created": (a_dump(USERS, ROWS.replace(b"email)", b"phone)")), "name columns"),
    "rows with a column twice": (a_dump(USERS, ROWS.replace(b"email)", b"id)")), "name columns"),
    "rows with a column that the server would cut off": (
        a_dump(USERS, ROWS.replace(b"email)", b"e" * 64 + b")")),
        "name columns",
    ),
    "rows with columns side by side": (a_dump(USERS, ROWS.replace(b"id, email)", b"id email)")), "name columns"),
    "rows with more columns than a table has": (
        a_dump(USERS, ROWS.replace(b"email)", b"email" + b", x" * 5000 + b")")),
        "COPY",
    ),
    "rows of a table in another database": (a_dump(USERS, ROWS.replace(b"public.", b"x.public.")), "COPY"),
    "a mark within a row": (
        a_dump(USERS, ROWS.replace(b"ada@example.org", SECRET + b"\\.")),
        r"rows of users cannot be read: row 1, line \d+, byte \d+: \\\.",
    ),
    "rows from a program": (a_dump(USERS, b"COPY public.users (id, email) FROM PROGRAM 'id';\n\\.\n"), "COPY"),
    "rows from a file": (a_dump(USERS, b"COPY public.users FROM '/etc/passwd';\n\\.\n"), "COPY"),
    "rows to a program": (a_dump(USERS, b"COPY public.users TO PROGRAM 'cat';\n\\.\n"), "COPY"),
    "rows of a query": (a_dump(USERS, b"COPY (SELECT 1) TO STDOUT;\n\\.\n"), "COPY"),
    "rows in CSV": (a_dump(USERS, b"COPY public.users FROM stdin WITH (FORMAT csv);\n1,a\n\\.\n"), "COPY"),
    "rows on the line of their statement": (a_dump(USERS, b"COPY public.users FROM stdin; 1\ta\n\\.\n"), "line"),
    "a name that needs decoding": (a_dump(b'CREATE TABLE public."\xff" (a integer);'), "encoding"),
    "a column that needs decoding": (a_dump(USERS, ROWS.replace(b"email)", b"\xff)")), "encoding"),
    "a table from a query": (a_dump(b"CREATE TABLE public.t (a) AS SELECT 'x';"), "not written as pg_dump"),
    "another key at the end": (a_dump(ending=ENDING.replace(b"a1B2c3", b"other")), "command for psql"),
    "backquotes at the end": (a_dump(ending=ENDING.replace(b"a1B2c3", b"`touch x`")), "command for psql"),
    "restrict never opened": (a_dump(beginning=BEGINNING.replace(b"\\restrict a1B2c3\n", b"")), "command for psql"),
    "restrict twice": (a_dump(b"\\restrict a1B2c3"), "command for psql"),
    "unrestrict before the end": (a_dump(USERS, b"\\unrestrict a1B2c3"), "command for psql"),
    "unrestrict twice": (SMALL + b"\\unrestrict a1B2c3\n", "command for psql"),
    "a statement behind the marker": (SMALL + b"SELECT '" + SECRET + b"';\n", "follows the end marker"),
    "a comment behind the marker": (SMALL + b"-- " + SECRET + b"\n", "follows the end marker"),
    "two dumps": (SMALL + SMALL, "follows the end marker"),
    "two end marks of rows": (a_dump(USERS, ROWS + b"3\t" + SECRET + b"\n\\.\n"), "backslash outside quotes"),
    "line ends of Windows": (SMALL.replace(b"\n", b"\r\n"), "carriage return"),
    "a carriage return in a row": (SMALL.replace(b"ada@", b"ada\r"), r"rows of users cannot be read: row 1, line"),
    "a NUL in a row": (SMALL.replace(b"ada@", b"ada\0"), "NUL"),
    "a NUL in a statement": (SMALL.replace(b"email text", b"email\0text"), "NUL"),
}

COMMANDS = [
    *("! id", "set x `id`", "o | id", "i /etc/passwd", "copy t from program 'id'", "connect other", "gexec", "c x"),
    *("unrestrict `id`", "restrict", "restrict a b", "restrict a;", "Restrict a1B2c3", ".", ""),
]
REFUSED |= {
    f"the command \\{command}": (a_dump(USERS, b"\\" + command.encode() + b" " + SECRET), "command for psql")
    for command in COMMANDS
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_quite_a_dump_is_refused(case: str) -> None:
    dump, message = REFUSED[case]
    with pytest.raises(DumpRefused, match=message) as caught:
        read(dump)
    assert caught.value.exit_code == 17
    said = f"{caught.value.what} {caught.value.hint} {caught.value.state}"
    assert "lovelace" not in said
    assert "ada" not in said
    assert "id`" not in said


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_one_byte_at_a_time_too(case: str) -> None:
    with pytest.raises(DumpRefused):
        read(REFUSED[case][0], cut=1)


def test_what_is_refused_at_top_level_is_only_text_within_rows_and_quotes() -> None:
    evil = b"\n".join(b"\\" + command.encode() for command in COMMANDS if command != ".")
    rows = b"\n".join(b"1\t\\\\" + command.encode() for command in COMMANDS) + b"\n"
    dump = a_dump(
        USERS,
        b"CREATE FUNCTION public.f() RETURNS void\n    LANGUAGE sql\n    AS $_$\n" + evil + b"\n$_$;",
        b"COPY public.users (id, email) FROM stdin;\n" + rows + b"\\.\n",
        b"COMMENT ON TABLE public.users IS '\n" + evil + b"\n';",
    )
    events = read(dump)
    data = [event for event in events if isinstance(event, TableData)]
    assert [bytes(event.rows) for event in data] == [rows]
    assert isinstance(events[-1], End)
