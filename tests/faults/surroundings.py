"""Rows 46 to 48, and 102, 103 and 109: other versions, what is said beside the rows, what the target lacks."""

from __future__ import annotations

from tests.dump.writing import PREAMBLE, USERS, a_dump
from tests.faults.case import A_NOTES, KEY, NOTES, ROWS, RULES, WHOLE, Case, unrestricted
from tests.faults.world import World

_USERS = """CREATE TABLE users (id integer PRIMARY KEY, email text);
INSERT INTO users VALUES (1, 'jane.canary@gov.uk'), (2, 'joe.canary@gov.uk'), (3, NULL)"""
_THREE = {"SELECT count(*), count(email) FROM users": [(3, 2)]}

_OF_9_6 = unrestricted(
    USERS.replace(b"CREATE", b"SET default_with_oids = false;\n\nCREATE"),
    ROWS,
    KEY,
    preamble=PREAMBLE
    + b"SET check_function_bodies = false;\nSET escape_string_warning = off;\nSET row_security = off;\n",
).replace(b"15.18 (Debian 15.18-0+deb12u1)", b"9.6.24")
_OF_9_6 = _OF_9_6.replace(b"pg_dump version 16.14", b"pg_dump version 9.6.24")


def _newer(world: World) -> bytes:
    return world.dump(_USERS, major=18)


def _with_large_object(world: World) -> bytes:
    return world.dump(_USERS + ";\nSELECT lo_from_bytea(0, 'jane canary')")


def _with_statistics(world: World) -> bytes:
    many = "INSERT INTO users SELECT i, 'jane.canary@gov.uk' FROM generate_series(4, 99) i"
    dump = world.dump(f"{_USERS};\n{many};\nANALYZE users", "--statistics", major=18)
    assert b"pg_restore_attribute_stats" in dump
    assert dump.count(b"jane.canary") > 97
    return dump


_COMMENTED = a_dump(USERS, ROWS, KEY, b"COMMENT ON COLUMN public.users.email IS 'ask jane.canary@gov.uk';")
_ASKING_NOBODY = a_dump(USERS, ROWS, KEY, b"COMMENT ON COLUMN public.users.email IS 'ask help.desk@gov.uk';")
_DEFAULT = a_dump(USERS.replace(b"email text", b"email text DEFAULT 'jane.canary@gov.uk'::text"), ROWS, KEY)

_OWNED = b"""ALTER TABLE public.users OWNER TO nobody_here;

GRANT SELECT ON TABLE public.users TO nobody_here;
"""
_COLLATED = A_NOTES.replace(b"said text", b'said text COLLATE pg_catalog."xx-nowhere"')

_FORCED = (
    _USERS
    + """;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON users USING (false)"""
)

_REMOVABLE = (
    "CREATE SCHEMA tools;\nCREATE EXTENSION vector SCHEMA tools;\nCREATE SCHEMA sales;\n"
    "CREATE DOMAIN sales.price AS integer;\nCREATE TABLE sales.sold (id integer, price sales.price);\n" + _USERS
)


def _cleaning(world: World) -> bytes:
    dump = world.dump(_REMOVABLE, "--clean", "--if-exists")
    for dropped in (
        b"DROP EXTENSION IF EXISTS vector;",
        b"DROP SCHEMA IF EXISTS tools;",
        b"DROP DOMAIN IF EXISTS sales",
    ):
        assert dropped in dump
    return dump


CASES = [
    Case(
        "46a",
        "A dump of 18 goes to 16, which knows all that it needs.",
        _newer,
        says=r"comes from PostgreSQL 18\.\d+, the target is PostgreSQL 16\.",
        holds=_THREE,
    ),
    Case(
        "46b",
        "A dump of 18 needs a setting of tomorrow.",
        lambda world: _newer(world).replace(b"SET row_security", b"SET order_of_tomorrow = 1;\nSET row_security"),
        17,
        r"PostgreSQL 18\.\d+, the target is PostgreSQL 16\..* order_of_tomorrow",
    ),
    Case("46c", "A dump of 9.6.", _OF_9_6, holds=_THREE),
    Case(
        "46d",
        "A dump of the target's version has a setting that nobody knows.",
        WHOLE.replace(b"SET client_encoding", b"SET order_of_tomorrow = 'canary';\nSET client_encoding"),
        17,
        "unknown kind at line 11",
    ),
    Case(
        "46e",
        "A dump of 9.6 has numbers of rows.",
        _OF_9_6.replace(b"(id, email) FROM", b"(id, email) WITH OIDS FROM").replace(b"\n1\tj", b"\n16384\t1\tj"),
        17,
        "object identifiers, .*pg_dump 12 or newer",
    ),
    Case(
        "46f",
        "A dump of 9.6.7 does not say in which schema a table is.",
        _OF_9_6.replace(b"COPY public.", b"COPY "),
        17,
        "without their schemas.*pg_dump 12 or newer",
    ),
    Case(
        "46g",
        "A dump of 9.6.7 says once for all tables in which schema they are.",
        _OF_9_6.replace(b"public.", b"").replace(
            b"SET default_w", b"SET search_path = public, pg_catalog;\n\nSET default_w"
        ),
        17,
        "without their schemas.*pg_dump 12 or newer",
    ),
    Case("47a", "The dump has a large object.", _with_large_object, 17, "no rule can cover it"),
    Case(
        "47b",
        "pg_dump --statistics",
        _with_statistics,
        holds={"SELECT count(*) FROM users": [(99,)]},
        left_out={"SELECT STATISTICS": 4},
        into=18,
    ),
    Case("47c", "A comment has an e-mail address.", _COMMENTED, 14, r"COMMENT ON COLUMN users.*e-mail"),
    Case(
        "47d",
        "The ruleset allows a comment with an e-mail address.",
        _ASKING_NOBODY,
        rules=RULES + "literals:\n  users: keep (the address of a desk)\n",
        holds={"SELECT col_description('users'::regclass, 2)": [("ask help.desk@gov.uk",)]},
    ),
    Case("47e", "A default has an e-mail address.", _DEFAULT, 14, "CREATE TABLE users.*e-mail"),
    Case(
        "48a",
        "The server does not have an extension.",
        a_dump(b"CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;", USERS, ROWS, KEY),
        15,
        "extension postgis",
    ),
    Case(
        "48b",
        "The server does not have a role.",
        a_dump(USERS, _OWNED, ROWS, KEY),
        holds={
            "SELECT pg_get_userbyid(relowner) = current_database() FROM pg_class WHERE relname = 'users'": [(True,)]
        },
        left_out={"ALTER OWNER": 1, "GRANT": 1},
    ),
    Case(
        "48c",
        "The server does not have a tablespace.",
        a_dump(b"SET default_tablespace = fast_disk;", USERS, ROWS, KEY, b"SET default_tablespace = '';"),
        holds=_THREE,
        left_out={"SET": 2},
    ),
    Case(
        "48d",
        "The server does not have a collation.",
        a_dump(_COLLATED, b"COPY public.notes (id, said) FROM stdin;\n\\.\n"),
        15,
        "does not know what the dump asks for at the CREATE TABLE",
        rules=NOTES,
    ),
    Case("102", "Row-level security is forced.", lambda world: world.dump(_FORCED), holds=_THREE),
    Case(
        "103",
        "pg_dump --clean drops an extension, a schema and a domain.",
        _cleaning,
        rules=RULES + "  sales.sold:\n    columns:\n      price: keep\n",
        holds=_THREE | {"SELECT count(*) FROM mine.kept": [(1,)], "SELECT 'x'::tools.mine": [("x",)]},
        before=(
            "CREATE SCHEMA tools",
            "CREATE EXTENSION vector SCHEMA tools",
            "CREATE DOMAIN tools.mine AS text",
            "CREATE SCHEMA mine",
            "CREATE TABLE mine.kept AS SELECT '[1]'::tools.vector AS v",
        ),
    ),
    Case(
        "109",
        "pg_dump --data-only",
        lambda world: world.dump(_USERS, "--data-only"),
        17,
        "makes no table.*--data-only",
    ),
]
