from __future__ import annotations

import pytest

from dmrefresh.dump.events import Event, Head
from dmrefresh.dump.judging.course import as_pg_dump_orders
from dmrefresh.errors import DumpRefused
from tests.dump.conftest import Dumps
from tests.dump.writing import ROWS, USERS, a_dump, read

ROLES = b"CREATE TABLE public.roles (\n    id integer NOT NULL\n);\n\nCOPY public.roles (id) FROM stdin;\n\\.\n"


def ordered(dump: bytes) -> list[Event]:
    head, *others = read(dump)
    assert isinstance(head, Head)
    return [head, *as_pg_dump_orders(head, others)]


@pytest.mark.parametrize("options", ["plain", "nightly", "verbose", "root"])
def test_a_dump_of_postgresql_is_in_order(nasty_dump: Dumps, major: int, options: str) -> None:
    dump = nasty_dump(major, options)
    assert ordered(dump) == read(dump)


ELSEWHERE = (
    b"ALTER TABLE other.accounts ENABLE ROW LEVEL SECURITY;",
    b"ALTER TABLE ONLY other.accounts ALTER COLUMN a SET DEFAULT 1;",
    b"SELECT pg_catalog.setval('other.numbers', 1, true);",
    b"REFRESH MATERIALIZED VIEW other.sums;",
    b"ALTER SEQUENCE other.numbers OWNED BY other.accounts.id;",
    b"COMMENT ON TABLE other.accounts IS 'gone';",
    b"COMMENT ON SCHEMA other IS 'gone';",
    b"CREATE TABLE public.x (\n    a integer REFERENCES other.accounts(id)\n);",
    b"ALTER TABLE ONLY public.users\n    ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES other.accounts(id);",
)


@pytest.mark.parametrize("statement", ELSEWHERE, ids=lambda text: text.decode())
@pytest.mark.parametrize("behind", [False, True], ids=["before the rows", "behind the rows"])
def test_what_another_schema_of_the_target_holds_is_not_reached(statement: bytes, behind: bool) -> None:
    parts = (USERS, ROWS, statement) if behind else (USERS, statement, ROWS)
    with pytest.raises(
        DumpRefused, match=r"at line \d+, byte \d+ about an object in a schema of which it makes nothing"
    ):
        ordered(a_dump(*parts))


def test_a_foreign_key_within_the_dump_is_in_order() -> None:
    key = b"ALTER TABLE ONLY public.users\n    ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES public.users(id);"
    assert len(ordered(a_dump(USERS, ROWS, key))) == 4


def test_the_home_of_an_extension_may_be_made_and_spoken_of() -> None:
    home = b"CREATE SCHEMA home;\nCREATE EXTENSION hstore WITH SCHEMA home;\nCOMMENT ON SCHEMA home IS 'x';"
    assert len(ordered(a_dump(home, USERS, ROWS))) == 3


WATCHING = (
    b"CREATE TRIGGER t BEFORE INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.f();",
    b"CREATE RULE r AS ON INSERT TO public.users DO INSTEAD NOTHING;",
)


@pytest.mark.parametrize("statement", WATCHING)
def test_what_would_act_on_the_rows_does_not_come_before_them(statement: bytes) -> None:
    for parts in ((USERS, statement, ROWS), (USERS, ROLES.split(b"\n\n")[0], ROWS, statement, ROLES.split(b"\n\n")[1])):
        with pytest.raises(DumpRefused, match=r"before the rows of (users|roles): it would act on them"):
            ordered(a_dump(*parts))
    assert len(ordered(a_dump(USERS, ROWS, statement))) == 4


def test_no_table_is_made_and_no_partition_attached_behind_the_first_rows() -> None:
    with pytest.raises(DumpRefused, match="CREATE TABLE behind the first rows"):
        ordered(a_dump(USERS, ROWS, ROLES.split(b"\n\n")[0]))
    attach = b"ALTER TABLE ONLY public.users ATTACH PARTITION public.roles DEFAULT;"
    with pytest.raises(DumpRefused, match="ATTACH PARTITION behind the first rows"):
        ordered(a_dump(USERS, ROWS, attach))


@pytest.mark.parametrize("parts", [(), (b"CREATE SCHEMA public;",), (b"CREATE TYPE public.e AS ENUM ('a');",)])
def test_a_dump_that_makes_no_table_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(DumpRefused, match="makes no table"):
        ordered(a_dump(*parts))


def test_a_table_without_its_rows_is_named() -> None:
    for dump in (a_dump(USERS), a_dump(USERS, ROLES), a_dump(USERS, b"CREATE INDEX i ON public.users (id);")):
        with pytest.raises(DumpRefused, match="no data, not even an empty table's, for users"):
            ordered(dump)
