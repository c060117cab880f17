"""What the fuzzer begins with: small dumps, hand-made texts, and the words and marks it puts into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dmrefresh.dump.events import Head, Statement, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.lexer import Sql, lex
from tests.dump.writing import ROWS, USERS, a_dump
from tests.fuzz.cases import ENCODINGS, FRAMES, LIMITS, data_of

_ROOT = Path(__file__).parents[2]
_DUMPS = _ROOT / "fixtures" / "dumps"
_NASTY = _ROOT / "tests" / "dump" / "nasty.sql"

STATEMENTS = [
    b"SELECT 'it''s; \\', E'it\\'s; \\\\', U&'d\\0061', B'10', X'1F', N';';",
    b"SELECT E'first'\n  'second \\'; still' -- a comment\n;",
    b"SELECT E'first' -- with '\n -- and another\n'second \\'; still';",
    b"CREATE TABLE public.t (a text DEFAULT E'x'\n'\\', b text', c text);",
    b'CREATE TABLE public."a""b;" ("--" text, "/*" text, "$$" text);',
    b"SELECT 1 /* a; /* nested; ' */ still; */ + 2 /*/ ; */ -- end;\n;",
    b"SELECT $$a;'b$$, $tag$a;$$;$other$;$tag$, $1, a$b$;",
    "SELECT $été$;$été$;".encode(),
    b"CREATE RULE r AS ON UPDATE TO public.t DO INSTEAD (DELETE FROM a; DELETE FROM b);",
    b"CREATE FUNCTION public.f(begin integer) RETURNS integer\n    LANGUAGE sql\n    BEGIN ATOMIC\n"
    b"  SELECT CASE begin WHEN 1 THEN CASE WHEN true THEN 2 END ELSE 3 END;\n SELECT (1);\nEND;",
    b"CREATE OR REPLACE PROCEDURE public.p() LANGUAGE sql begin\n atomic DELETE FROM a; END;",
    b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1 case; END; DROP TABLE a; END;",
    b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1 +--\n 2 end; END;",
    b"CREATE FUNCTION public.f() RETURNS void\n    LANGUAGE plpgsql\n    AS $_$\n--\n-- PostgreSQL database dump "
    b"complete\n--\n\\unrestrict a1B2c3\nBEGIN END $_$;",
    b"CREATE TYPE public.mood AS ENUM (\n    'sad',\n    'so;so',\n    'it''s'\n);\n"
    b"CREATE DOMAIN public.d AS public.mood NOT NULL;\nCREATE TABLE public.t (a public.d, b character varying(9));\n"
    b"COPY public.t (a, b) FROM stdin;\nsad\t\\N\n\\.\n",
    b"CREATE TYPE public.pair AS (\n\tl text,\n\tr integer\n);\nCREATE TABLE public.t OF public.pair (l NOT NULL);",
    b"CREATE TABLE public.p (a integer, b text) PARTITION BY LIST (b);\nCREATE TABLE public.c (a integer, b text);\n"
    b"ALTER TABLE ONLY public.p ATTACH PARTITION public.c FOR VALUES IN ('a');",
    b"CREATE TABLE public.i (c text) INHERITS (public.users);\nCOPY public.i FROM stdin;\n1\ta\tb\n\\.\n",
    b"CREATE TABLE public.none (\n);\nCOPY public.none  FROM stdin;\n\n\n\\.\n",
    b"SELECT pg_catalog.setval('public.users_id_seq', 12, true);",
    b"SET client_encoding = 'LATIN1';\nSET standard_conforming_strings = off;",
    b";;\n/* ; /* */ */ -- ;\n \t\f\v;",
    b"CREATE SEQUENCE public.s START WITH -5;\nCREATE VIEW public.v AS SELECT 1 - -1, 4 / 2;",
]
ROWS_OF_USERS = [
    b"1\ta\n2\t\\N\n",
    b"",
    b"\n",
    b"\\.x\n\\\\.\nx\\.\n",
    b"1\t\xe9\n",
    b"1\ta\r\n",
    b"1\tx\n\\.\nSELECT 1;\n",
]

TOKENS = (
    *("'", "''", '"', '""', "E'", "e'\\'", "U&'", 'U&"', "$$", "$a$", "$_$", "$1", "\\'", "\\\\", "\n'", "'\n'"),
    *("/*", "*/", "/*/", "--", "--\n", ";", ";;", "(", ")", "[", "]", ",", ".", ":", "::", "-", "/", "$", "\\", "\t"),
    *("BEGIN ATOMIC", " BEGIN ", "ATOMIC", " CASE ", " END", "CREATE ", "CREATE OR REPLACE ", "FUNCTION ", "TABLE "),
    *("PROCEDURE ", "VIEW ", "TYPE ", "DOMAIN ", "SCHEMA ", "SEQUENCE ", "INDEX ", "ALTER TABLE ", "ONLY ", "DROP "),
    *("COPY ", " FROM stdin;\n", "\\.\n", "\n\\.\n", "\\N", "public.", "users", "public.users (id, email)", " text"),
    *("PARTITION OF ", "PARTITION BY ", "ATTACH PARTITION ", "INHERITS (", " OF ", " AS ENUM (", " AS (", " AS RANGE"),
    *("NOT NULL", "GENERATED ALWAYS AS (", " STORED", "AS IDENTITY", "DEFAULT ", "CONSTRAINT ", "CHECK (", "COLLATE "),
    *("character varying(", "numeric(10,2)", "LANGUAGE sql", "LANGUAGE plpgsql", "RETURNS ", "event_trigger", "AS $$"),
    *("SET ", "client_encoding = 'UTF8'", "standard_conforming_strings = on", "SELECT ", "pg_catalog.", "DO "),
    *("INSERT INTO ", "COMMENT ON ", "GRANT ", "\\restrict a1B2c3\n", "\\unrestrict a1B2c3\n", "\r", "\r\n", "\0"),
    *("setval(", "\f", "\v", "\ufeff", "é", "日"),
    *("\n--\n-- PostgreSQL database dump complete\n--\n", "-- PostgreSQL database dump\n"),
)


def dictionary() -> str:
    """TOKENS as libFuzzer reads them."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in token.encode()) + '"\n' for token in TOKENS)


def seeds() -> Iterator[bytes]:
    """Inputs that reach most of the code at once."""
    for body in STATEMENTS:
        yield data_of(body)
        yield data_of(body, "dump", size=7)
        yield data_of(body, "behind rows", size=64, places=(400, 500))
    for number, body in enumerate(ROWS_OF_USERS):
        yield data_of(body, "rows", size=1 + number, encoding=ENCODINGS[number])
    for element in _elements():
        yield data_of(element, "table")
    for limits in range(len(LIMITS)):
        for frame in FRAMES:
            yield data_of(a_dump(USERS, ROWS) if frame == "bare" else b"", frame, limits=limits, size=50)
    for piece in lex([_NASTY.read_bytes()]):
        if isinstance(piece, Sql) and len(piece.text) < 2000:
            yield data_of(piece.text + b";")
    yield from _one_of_each_kind()


def _elements() -> Iterator[bytes]:
    yield b"a integer NOT NULL,\n b character varying(255) DEFAULT 'x'::character varying COLLATE \"C\""
    yield b"a integer GENERATED ALWAYS AS ((1 + 1)) STORED, b timestamp(3) with time zone, c numeric(10,2)[]"
    yield b"a text, CONSTRAINT c CHECK ((a <> E'\\\\.;'::text)), CONSTRAINT n NOT NULL a, PRIMARY KEY (a)"
    yield b"a public.mood, exclude text, EXCLUDE USING gist (a WITH &&), begin integer, atomic integer"


def _one_of_each_kind() -> Iterator[bytes]:
    """The shortest statement of each kind in dumps of real servers, and the shortest table with rows."""
    shortest: dict[str, bytes] = {}
    for file in sorted(_DUMPS.glob("*-*.sql")):
        made: dict[object, bytes] = {}
        for event in read_dump([file.read_bytes()]):
            for one in event.statements if isinstance(event, Head) else [event]:
                if isinstance(one, Statement):
                    kind, text = one.kind, one.sql + b";\n"
                    made[one.target] = text if kind == "CREATE TABLE" else made.get(one.target, b"")
                elif isinstance(one, TableData):
                    kind, text = "COPY", made.get(one.table, b"") + one.header + bytes(one.rows) + b"\\.\n"
                else:
                    continue
                shortest[kind] = min(shortest.get(kind, text), text, key=len)
    for text in shortest.values():
        yield data_of(text, "dump", size=100)
