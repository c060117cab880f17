"""What a hint says to run as an administrator runs as it stands, whatever roles, schemas and databases are called."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres.quoting import quoted
from tests.dump.writing import ROWS, USERS, a_dump
from tests.postgres.databases import Database, refresh

MakeDatabase = Callable[[int], Database]
PREFIX = "as an administrator: "


def test_only_what_needs_quotes_has_them(database: MakeDatabase) -> None:
    with psycopg.connect(database(16).url) as connection:
        found = quoted(connection, "app", "my-app", 'a"b', "user", "App")
        assert found == ["app", '"my-app"', '"a""b"', '"user"', '"App"']
        assert quoted(connection) == []


def test_every_hint_on_the_way_to_a_published_database_can_be_pasted(database: MakeDatabase) -> None:
    target, role = database(16), f'my-"app" {uuid4().hex[:8]}'
    target.run('CREATE SCHEMA "out side"')
    target.run(f"ALTER ROLE {target.name} IN DATABASE {target.name} SET work_mem TO '9MB'")
    target.run(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)).as_string(None), superuser=True)
    pasted: list[str] = []
    while len(pasted) < 9:
        try:
            url = make_conninfo(target.url, user=role)
            refresh(a_dump(USERS, ROWS), target, url=url, strategy="database")
        except RightsMissing as missing:
            pasted.append(str(missing.hint).removeprefix(PREFIX))
            target.run(pasted[-1], superuser=True)
        else:
            break
    assert target.run("SELECT count(*) FROM users", superuser=True) == [(2,)]
    for what in ("CREATEDB", "ALTER DATABASE", 'ALTER SCHEMA "out side"', "RESET work_mem"):
        assert any(what in one for one in pasted), pasted
