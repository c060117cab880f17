from __future__ import annotations

import pytest

from dmrefresh.dump.deciding import check
from dmrefresh.dump.events import Head, Statement
from dmrefresh.dump.policy import Action
from dmrefresh.dump.reach import refuse_elsewhere
from dmrefresh.errors import DumpRefused
from tests.dump.conftest import OPTIONS, Dumps
from tests.dump.writing import ROWS, USERS, a_dump, read

ELSEWHERE = (
    b"ALTER TABLE other.accounts ENABLE ROW LEVEL SECURITY;",
    b"ALTER TABLE ONLY other.accounts ALTER COLUMN a SET DEFAULT 1;",
    b"SELECT pg_catalog.setval('other.numbers', 1, true);",
    b"REFRESH MATERIALIZED VIEW other.sums;",
    b"ALTER SEQUENCE other.numbers OWNED BY other.accounts.id;",
    b"COMMENT ON TABLE other.accounts IS 'gone';",
)


@pytest.mark.parametrize("statement", ELSEWHERE, ids=lambda text: text.decode())
@pytest.mark.parametrize("behind", [False, True], ids=["before the rows", "behind the rows"])
def test_what_another_schema_of_the_target_holds_is_not_reached(statement: bytes, behind: bool) -> None:
    parts = (USERS, ROWS, statement) if behind else (USERS, statement, ROWS)
    events = read(a_dump(*parts))
    head = events[0]
    assert isinstance(head, Head)
    found = [*head.statements, *(event for event in events if isinstance(event, Statement))]
    (one,) = (one for one in found if one.sql + b";" == statement)
    assert check(one).action is Action.EXECUTE
    with pytest.raises(DumpRefused, match=r"at line \d+"):
        refuse_elsewhere(one, head.schema)
    for other in found:
        if other is not one:
            refuse_elsewhere(other, head.schema)


@pytest.mark.parametrize("options", OPTIONS)
def test_no_dump_of_postgresql_reaches_elsewhere(nasty_dump: Dumps, major: int, options: str) -> None:
    events = read(nasty_dump(major, options))
    head = events[0]
    assert isinstance(head, Head)
    for statement in (*head.statements, *(event for event in events if isinstance(event, Statement))):
        if check(statement).action is Action.EXECUTE:
            refuse_elsewhere(statement, head.schema)
