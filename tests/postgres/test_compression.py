"""`toast_compression`: long values are stored in the way that is named, or nothing is begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from dmrefresh.errors import TargetUnfit
from dmrefresh.postgres.loading.compression import judge
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of, refresh

MakeDatabase = Callable[[int], Database]
Ways = Literal["schema", "database"]

# The column `named` says itself how it is compressed; the others do not.
DATA = """
    CREATE TABLE t (id integer PRIMARY KEY, long text, document jsonb, named text COMPRESSION pglz, short text);
    CREATE TABLE u (long text);
    CREATE VIEW {0} AS SELECT 1 AS one;
    INSERT INTO t SELECT n, repeat('long ' || n, 900),
        jsonb_build_object('k', (SELECT jsonb_agg(m || 'word') FROM generate_series(1, 900) m)),
        repeat('named ' || n, 900), 'short' FROM generate_series(1, 50) n;
    INSERT INTO u SELECT long FROM t;
"""


def known(database: Database) -> list[str]:
    ((found,),) = database.run("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
    return list(found)


def with_lz4(database: MakeDatabase, major: int, *, wanted: bool) -> Database:
    """A target whose server has been built with lz4, or without it."""
    made = database(major)
    if ("lz4" in known(made)) != wanted:
        pytest.skip(f"PostgreSQL {major} was built {'without' if wanted else 'with'} lz4 here")
    made.run(DATA.format("old"))
    made.run(f"ALTER ROLE {made.name} CREATEDB", superuser=True)
    return made


def stored(target: Database) -> dict[str, set[str | None]]:
    """How the values of each column are compressed."""
    columns = ("t.long", "t.document", "t.named", "t.short", "u.long")
    return {
        column: {way for (way,) in target.run(f"SELECT DISTINCT pg_column_compression({name}) FROM {table}")}
        for column in columns
        for table, name in [column.split(".")]
    }


def dumped(database: MakeDatabase, major: int, tmp_path: Path) -> bytes:
    source = database(major)
    source.run(DATA.format("new"))
    text = dump_of(source, tmp_path)
    assert b"ALTER COLUMN named SET COMPRESSION pglz" in text
    return text


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.parametrize(("strategy", "connections"), [("schema", 1), ("database", 1), ("database", 3)])
def test_what_is_loaded_is_stored_as_the_settings_say_and_what_the_dump_says_itself_stays(
    database: MakeDatabase, tmp_path: Path, major: int, strategy: Ways, connections: int
) -> None:
    target = with_lz4(database, major, wanted=True)
    text = dumped(database, major, tmp_path)
    assert refresh(text, target, strategy=strategy, connections=connections, toast_compression="lz4").rows == 100
    lz4, pglz = {"lz4"}, {"pglz"}
    assert stored(target) == {"t.long": lz4, "t.document": lz4, "t.named": pglz, "t.short": {None}, "u.long": lz4}
    assert refresh(text, target, strategy=strategy, connections=connections, toast_compression="pglz").rows == 100
    assert stored(target) == {"t.long": pglz, "t.document": pglz, "t.named": pglz, "t.short": {None}, "u.long": pglz}


@pytest.mark.parametrize("strategy", ["schema", "database"])
def test_without_the_setting_it_is_what_the_server_has_by_default(
    database: MakeDatabase, tmp_path: Path, strategy: Ways
) -> None:
    target = with_lz4(database, installed_majors()[0], wanted=True)
    target.run(f"ALTER ROLE {target.name} SET default_toast_compression = lz4", superuser=True)
    refresh(dumped(database, installed_majors()[0], tmp_path), target, strategy=strategy)
    assert stored(target)["t.long"] == {"lz4"}
    target.run(f"ALTER ROLE {target.name} RESET default_toast_compression", superuser=True)
    refresh(dumped(database, installed_majors()[0], tmp_path), target, strategy=strategy)
    assert stored(target)["t.long"] == {"pglz"}


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.parametrize("strategy", ["schema", "database", "auto"])
def test_a_server_built_without_it_is_refused_before_anything_is_touched(
    database: MakeDatabase, tmp_path: Path, major: int, strategy: str
) -> None:
    target = with_lz4(database, major, wanted=False)
    text = dumped(database, major, tmp_path)
    with pytest.raises(TargetUnfit, match=r'toast_compression = "lz4".*built without it \(it knows pglz\)') as refused:
        refresh(text, target, strategy=strategy, toast_compression="lz4")
    assert refused.value.exit_code == 15
    assert target.run("SELECT relname FROM pg_class WHERE relname IN ('old', 'new')") == [("old",)]
    assert target.run("SELECT nspname FROM pg_namespace WHERE nspname ~ 'dmrefresh'") == []
    refresh(text, target, strategy=strategy, toast_compression="pglz")
    assert target.run("SELECT relname FROM pg_class WHERE relname IN ('old', 'new')") == [("new",)]


def test_a_server_that_has_no_such_choice_is_refused_by_name_of_the_setting() -> None:
    for wanted in ("pglz", "lz4"):
        with pytest.raises(TargetUnfit, match=f'toast_compression = "{wanted}".*older than PostgreSQL 14'):
            judge(wanted, None)
    with pytest.raises(TargetUnfit, match=r"it knows pglz"):
        judge("lz4", ["pglz"])
    judge("lz4", ["pglz", "lz4"])
    judge("pglz", ["pglz"])
