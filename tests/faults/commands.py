"""Rows 28 to 31: what a dump would have done by psql, by the server, and by whoever runs them."""

from __future__ import annotations

from collections.abc import Callable

from tests.dump.writing import ENDING, USERS, a_dump
from tests.faults.case import A_NOTES, KEY, NOTES, ROWS, RULES, WHOLE, Case, unrestricted
from tests.faults.world import World

COMMANDS = (
    *(r"\! touch {}", r"\set x `touch {}`", r"\o {}", r"\i /etc/passwd", r"\copy public.users to {}"),
    *(r"\connect postgres", r"\gexec"),
)
"""Of which psql runs each at top level; {} is a file."""


def _with(line: str) -> Callable[[World], bytes]:
    """A dump with a line between two statements."""
    return lambda world: unrestricted(USERS, line.format(world.witness).encode(), ROWS, KEY)


def _lines(world: World) -> bytes:
    return "\n".join(COMMANDS).format(*[world.witness] * len(COMMANDS)).encode()


def _as_rows() -> bytes:
    lines = [command.replace("{}", "/tmp/x").replace("\\", "\\\\").encode() for command in COMMANDS]
    return b"".join(b"%d\t%s\n" % (number, line) for number, line in enumerate(lines))


def _rows_of_commands(world: World) -> bytes:
    return a_dump(USERS, A_NOTES, ROWS, b"COPY public.notes (id, said) FROM stdin;\n" + _as_rows() + b"\\.\n")


def _quoted(world: World) -> bytes:
    lines = _lines(world)
    return a_dump(
        USERS,
        b"CREATE VIEW public.commands AS\n SELECT '\n" + lines + b"\n'::text AS all_of_them;",
        b"COMMENT ON TABLE public.users IS '\n" + lines + b"\n';",
        ROWS,
    )


def _in_dollars(world: World) -> bytes:
    body = b"$_$\n" + _lines(world) + b"\n$_$"
    function = b"CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE plpgsql\n    AS " + body + b";"
    return a_dump(b"SET check_function_bodies = false;", USERS, ROWS, function)


def _at_the_end(line: str) -> Callable[[World], bytes]:
    ending = ENDING.decode()
    return lambda world: a_dump(
        USERS, ROWS, KEY, ending=ending.replace(r"\unrestrict a1B2c3", line.format(world.witness)).encode()
    )


_NO_COMMAND = "command for psql|backslash outside quotes"
_LISTENER = b"""CREATE FUNCTION public.watch() RETURNS event_trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'watched'; END $$;

CREATE EVENT TRIGGER watching ON ddl_command_end
   EXECUTE FUNCTION public.watch();
"""
_SUBSCRIPTION = (
    b"CREATE SUBSCRIPTION news CONNECTION 'host=127.0.0.1 user=jane password=hunter2' PUBLICATION p "
    b"WITH (connect = false, slot_name = 'news');"
)
_PYTHON = b"""CREATE FUNCTION public.run(what text) RETURNS integer
    LANGUAGE plpython3u
    AS $$ import os; return os.system(what) $$;
"""
_C = b"CREATE FUNCTION public.system(cstring) RETURNS integer\n    LANGUAGE c\n    AS 'libc.so.6', 'system';"


def _refused(id: str, done: str, statement: bytes, says: str) -> Case:
    return Case(id, done, a_dump(USERS, statement, ROWS, KEY), 17, says)


CASES = [
    Case("28a", "The dump is between restrict and unrestrict.", WHOLE, holds={"SELECT count(*) FROM users": [(3,)]}),
    Case("28b", "unrestrict has another key.", _at_the_end(r"\unrestrict z9Y8x7"), 17, "command for psql"),
    Case("28c", "unrestrict is missing.", _at_the_end(""), 13, "within its last lines"),
    Case(
        "28d", "unrestrict has a command for its key.", _at_the_end(r"\unrestrict `touch {}`"), 17, "command for psql"
    ),
    *(
        Case(f"29{letter}", f"The line {command} stands at top level.", _with(command), 17, _NO_COMMAND)
        for letter, command in zip("abcdefg", COMMANDS, strict=True)
    ),
    Case(
        "30a",
        "The commands stand in rows.",
        _rows_of_commands,
        rules=RULES + NOTES,
        rows={"notes": _as_rows()},
    ),
    Case(
        "30b",
        "The commands stand in quotes.",
        _quoted,
        holds={
            "SELECT count(*) FROM commands WHERE all_of_them LIKE E'\\n\\\\\\\\! touch%\\\\\\\\gexec\\n'": [(1,)],
            "SELECT count(*) FROM pg_description WHERE description LIKE E'\\n\\\\\\\\! touch%'": [(1,)],
        },
    ),
    Case(
        "30c",
        "The commands stand between dollars.",
        _in_dollars,
        holds={"SELECT prosrc LIKE E'\\n\\\\\\\\! touch%\\\\\\\\gexec\\n' FROM pg_proc WHERE proname = 'f'": [(True,)]},
    ),
    Case(
        "31a",
        "Rows come from a program.",
        lambda world: unrestricted(USERS, b"COPY public.users FROM PROGRAM 'touch %s';" % bytes(world.witness), KEY),
        17,
        "COPY",
    ),
    _refused("31b", "Rows come from a file.", b"COPY public.users FROM '/etc/passwd';\n\\.", "COPY"),
    _refused("31c", "Rows go to a file.", b"COPY public.users TO '/tmp/canary';\n\\.", "COPY"),
    _refused("31d", "file_fdw reads files.", b"CREATE EXTENSION IF NOT EXISTS file_fdw WITH SCHEMA public;", "files"),
    Case(
        "31e",
        "An event trigger watches all of the target.",
        a_dump(USERS, _LISTENER, ROWS, KEY),
        left_out={"CREATE FUNCTION RETURNS EVENT_TRIGGER": 1, "CREATE EVENT TRIGGER": 1},
    ),
    _refused("31f", "A function is in C.", _C, "outside the database's own languages"),
    _refused("31g", "A function is in untrusted Python.", _PYTHON, "outside the database's own languages"),
    _refused("31h", "The server's settings change.", b"ALTER SYSTEM SET work_mem = '1GB';", "ALTER SYSTEM"),
    _refused("31i", "A superuser is made.", b"CREATE ROLE canary SUPERUSER LOGIN PASSWORD 'hunter2';", "CREATE ROLE"),
    Case(
        "31j",
        "A subscription has a password.",
        a_dump(USERS, ROWS, KEY, _SUBSCRIPTION),
        left_out={"CREATE SUBSCRIPTION": 1},
    ),
    _refused("31k", "A block does what it likes.", b"DO $$ BEGIN PERFORM pg_sleep(9); END $$;", "statement DO"),
]
