"""What is made on the target during the load, and lies in no schema's tables, is never lost without a word."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from dmrefresh.errors import TargetUnfit
from tests.postgres import test_other_schemas
from tests.postgres.databases import Database
from tests.postgres.test_other_schemas import At, assert_untouched, holds, published

major, target, dump = test_other_schemas.major, test_other_schemas.target, test_other_schemas.dump

DEEDS = {
    "an extension": ("loaded", "CREATE EXTENSION vector SCHEMA empty", "extensions"),
    "a schema": ("loaded", "CREATE SCHEMA meanwhile", "schemas"),
    "a schema's comment": ("loaded", "COMMENT ON SCHEMA empty IS 'x'", "comments on schemas"),
    "a schema's rights": ("checked", "GRANT USAGE ON SCHEMA empty TO {reader}", "rights"),
    "default privileges": (
        "loaded",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader}",
        "default privileges",
    ),
    "default privileges in a schema": (
        "loaded",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {reader}",
        "default privileges",
    ),
    "a right on a table": ("checked", "GRANT SELECT ON person TO {reader}", "rights"),
    "a right on a column": ("checked", "GRANT SELECT (id) ON person TO {reader}", "rights"),
    "a right on a routine": ("checked", "GRANT EXECUTE ON FUNCTION one() TO {reader}", "rights"),
    "a right on a type": ("checked", "GRANT USAGE ON TYPE mood TO {reader}", "rights"),
    "a setting": ("committing", "ALTER DATABASE {me} SET work_mem TO '9MB'", "settings"),
    "a role's setting": ("committing", "ALTER ROLE {me} IN DATABASE {me} SET work_mem TO '9MB'", "settings"),
}


@pytest.fixture
def reader(target: Database) -> Iterator[str]:
    name = f"r{uuid4().hex[:8]}"
    target.run(f"CREATE ROLE {name}", superuser=True)
    yield name
    target.run(f"DROP OWNED BY {name}", f"DROP ROLE {name}", superuser=True)


@pytest.mark.parametrize("with_others", [True, False], ids=["carrying", "not carrying"])
@pytest.mark.parametrize("what", DEEDS)
def test_it_stops_the_swap_and_its_kind_is_named(
    target: Database, dump: bytes, reader: str, what: str, with_others: bool
) -> None:
    step, deed, kind = DEEDS[what]
    target.run("CREATE SCHEMA empty", "CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    said = deed.format(reader=reader, me=target.name)
    more = {} if with_others else {"dump_others": None}
    with pytest.raises(TargetUnfit, match=f"during the refresh: {kind}") as unfit:
        published(dump, target, observer=At(step, lambda: target.run(said, superuser=kind == "extensions")), **more)
    assert unfit.value.hint
    assert_untouched(target)
    target.run("DROP EXTENSION IF EXISTS vector", superuser=True)  # only a superuser could make it anew
    published(dump, target, **more)
    assert holds(target) == "new"


def test_rights_that_are_given_before_they_are_carried_over_are_there_afterwards(
    target: Database, dump: bytes, reader: str
) -> None:
    at = At("loaded", lambda: target.run(f"GRANT SELECT ON person TO {reader}"))
    published(dump, target, observer=at)
    assert holds(target) == "new"
    assert target.run(f"SELECT has_table_privilege('{reader}', 'person', 'SELECT')") == [(True,)]
