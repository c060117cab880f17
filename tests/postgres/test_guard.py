"""Production is told from a target, by whatever tells it, and a reason lifts what a copy inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from dmrefresh.dump.events import Head
from dmrefresh.dump.note import Note, write_note
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import Failure, RightsMissing, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import guard
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import publish
from dmrefresh.settings.model import Production
from fixtures.parts.postgres import Cluster, installed_majors
from tests.dump.writing import ROWS, USERS, a_dump
from tests.postgres.databases import Database, dump_of, events, refresh
from tests.postgres.test_commit import At

MakeDatabase = Callable[[int], Database]
WHERE = "SELECT name FROM person"
SMALL = "CREATE TABLE person (id integer PRIMARY KEY, name text); INSERT INTO person VALUES (1, '{}')"


class Heard(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def protect(database: Database) -> bool:
    with connect.session(database.url) as connection:
        return guard.protect(connection)


def judged(database: Database, production: Production | None = None, not_production: str | None = None) -> list[str]:
    """The warnings with which the database is let through."""
    heard = Heard()
    with connect.session(database.url) as connection:
        Guard(production or Production(), not_production).check(connection, heard)
    return heard.warnings


def identifier(cluster: Cluster) -> int:
    with connect.session(cluster.url()) as connection:
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.fault("D14a")
def test_the_plain_owner_marks_a_database_and_nothing_is_published_to_it_from_then_on(
    database: MakeDatabase, tmp_path: Path, major: int
) -> None:
    source, target = database(major), database(major)
    source.run(SMALL.format("new"))
    target.run(SMALL.format("old"))
    assert judged(target) == []
    assert protect(target) is True
    assert protect(target) is False  # once is enough
    with pytest.raises(TargetUnfit, match="marked as production"):
        refresh(dump_of(source, tmp_path), target)
    assert target.run(WHERE) == [("old",)]


@pytest.mark.parametrize("major", installed_majors())
def test_the_mark_stays_at_home_when_a_dump_of_the_marked_database_is_published(
    database: MakeDatabase, tmp_path: Path, major: int
) -> None:
    source, target = database(major), database(major)
    source.run(SMALL.format("new"))
    target.run(SMALL.format("old"))
    protect(source)
    dump = dump_of(source, tmp_path)
    assert guard.MARK.encode() in dump
    assert refresh(dump, target).left_out["CREATE PUBLICATION"] == 1
    assert target.run(WHERE) == [("new",)]
    assert judged(target) == []
    refresh(dump, target)  # and so the next refresh goes through as well


def test_a_role_without_the_right_to_mark_is_told(database: MakeDatabase) -> None:
    target, stranger = database(18), database(18)
    with connect.session(target.cluster.url(target.name, stranger.name)) as connection:
        with pytest.raises(RightsMissing):
            guard.protect(connection)
        assert not guard.is_marked(connection)


@pytest.mark.parametrize(
    ("listed", "host"),
    [
        ("db.example.com", "db.example.com"),
        ("DB.example.com.", "db.Example.com"),
        ("*.prod.example.com", "one.prod.example.com"),
        ("10.0.0.7", "first.example.com,10.0.0.7"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("10.1.0.0/16", "10.1.255.3"),
        ("10.1.0.0/16", "::ffff:10.1.255.3"),
        ("fd00::/8", "[fd12::1]"),
    ],
)
@pytest.mark.fault("D14b")
def test_a_host_of_production_is_refused_however_it_is_written_and_no_reason_lifts_that(listed: str, host: str) -> None:
    production = Production(hosts=(listed,))
    for reason in (None, "it is a copy"):
        with pytest.raises(TargetUnfit, match="host"):
            Guard(production, reason).check_host(host)


def test_a_host_that_only_looks_alike_is_let_through() -> None:
    production = Production(hosts=("db.example.com", "*.prod.example.com", "10.0.0.7", "10.1.0.0/16"))
    Guard(production).check_host(
        "10.2.0.1", "db.example.com.evil.org", "prod.example.com", "10.0.0.77", "xdb.example.com", "", None
    )


def test_the_address_that_was_connected_to_counts_as_well(database: MakeDatabase) -> None:
    with pytest.raises(TargetUnfit, match="host"):
        judged(database(18), Production(hosts=("127.0.0.1",)), "it is a copy")


def test_the_address_behind_a_name_counts(database: MakeDatabase) -> None:
    target = database(18)
    with connect.session(f"host=localhost port={target.cluster.port} user={target.name} dbname={target.name}") as there:
        assert there.info.host == "localhost"
        with pytest.raises(TargetUnfit, match="host"):
            Guard(Production(hosts=("127.0.0.1", "::1"))).check(there)


def test_what_was_taken_for_this_machine_and_leads_elsewhere_is_refused(database: MakeDatabase) -> None:
    target = database(18)
    with connect.session(target.url) as there:
        Guard(local=True).check(there)
    # The kernel takes 0.0.0.0 for this machine, and nobody else could tell.
    with connect.session(f"{target.url}?hostaddr=0.0.0.0") as there:
        with pytest.raises(TargetUnfit, match="nobody has confirmed"):
            Guard(local=True).check(there)
        Guard().check(there)


@pytest.mark.parametrize(
    ("strategy", "moment"), [("schema", "loaded"), ("database", "loaded"), ("database", "committing")]
)
@pytest.mark.fault("D14f")
def test_a_mark_that_is_set_during_the_load_is_heeded(
    database: MakeDatabase, tmp_path: Path, strategy: Literal["schema", "database"], moment: str
) -> None:
    source, target = database(18), database(18)
    target.run(f'ALTER ROLE "{target.name}" CREATEDB', superuser=True)
    source.run(SMALL.format("new"))
    target.run(SMALL.format("old"))
    dump = dump_of(source, tmp_path)

    def published(guard: Guard, at: Observer) -> None:
        slip = Receipt("run", "a dump", "none", "0", "staging", "jo@here")
        publish(events(dump), target.url, lambda: slip, strategy=strategy, guard=guard, observer=at)

    def mark() -> None:
        assert protect(target)

    with pytest.raises(TargetUnfit, match="marked as production"):
        published(Guard(), At(moment, mark))
    assert target.run(WHERE) == [("old",)]
    if strategy == "schema":  # the other one refuses any publication
        published(Guard(not_production="a copy"), Observer())
        assert target.run(WHERE) == [("new",)]


@pytest.mark.fault("D14c")
def test_a_database_is_refused_by_its_name(database: MakeDatabase) -> None:
    target = database(18)
    with pytest.raises(TargetUnfit, match="name"):
        judged(target, Production(databases=("other", target.name)))
    assert judged(target, Production(databases=("other", target.name + "x"))) == []


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.fault("D14d")
def test_the_servers_identifier_counts_together_with_the_databases_name_and_the_plain_owner_may_ask(
    database: MakeDatabase, major: int
) -> None:
    target = database(major)
    here = identifier(target.cluster)
    with pytest.raises(TargetUnfit, match="production's server"):
        judged(target, Production(system_identifier=here, database=target.name))
    assert judged(target, Production(system_identifier=here, database="another")) == []
    assert judged(target, Production(system_identifier=here + 1, database=target.name)) == []


@pytest.fixture
def silent(database: MakeDatabase) -> Iterator[Database]:
    """A database whose server tells ordinary roles nothing about itself."""
    target = database(18)
    target.run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", superuser=True)
    yield target
    target.run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC", superuser=True)


def test_where_the_identifier_may_not_be_asked_for_the_name_alone_counts(silent: Database) -> None:
    with pytest.raises(TargetUnfit):
        judged(silent, Production(system_identifier=1, database=silent.name))
    assert judged(silent, Production(system_identifier=1, database="another")) == []


def from_another(database: Database, note: Note | None, reason: str | None = None) -> list[str]:
    """The warnings with which the database is let through as no source of a dump with this note."""
    heard = Heard()
    (head, *_) = read_dump([(write_note(note) if note else b"") + a_dump(USERS, ROWS)])
    assert isinstance(head, Head)
    with connect.session(database.url) as connection:
        Guard(not_production=reason).check_source(connection, head, heard)
    return heard.warnings


@pytest.mark.fault("112")
@pytest.mark.parametrize("major", installed_majors())
def test_the_database_that_a_dump_was_taken_from_is_refused_unless_a_reason_says_that_it_is_a_copy(
    database: MakeDatabase, major: int
) -> None:
    target = database(major)
    here = identifier(target.cluster)
    with pytest.raises(TargetUnfit, match=f"database {target.name} that the dump was taken from") as refused:
        from_another(target, Note(system_identifier=here, database=target.name))
    assert refused.value.exit_code == 15
    assert "not_production" in str(refused.value.hint)
    for other in (
        None,
        Note(),
        Note(database=target.name),
        Note(system_identifier=here, database="another"),
        Note(system_identifier=here + 1, database=target.name),
        Note(system_identifier=10**400, database=target.name),
    ):
        assert from_another(target, other) == []
    assert from_another(target, Note(system_identifier=here, database=target.name), "a copy") == []


def test_where_the_identifier_may_not_be_asked_for_a_source_of_the_same_name_is_warned_of(silent: Database) -> None:
    (warning,) = from_another(silent, Note(system_identifier=1, database=silent.name))
    assert "taken on trust" in warning
    assert from_another(silent, Note(system_identifier=1, database="another")) == []


def test_a_reason_lets_a_copy_of_production_through_and_is_said_each_time(database: MakeDatabase) -> None:
    target = database(18)
    protect(target)
    production = Production(
        databases=(target.name,), system_identifier=identifier(target.cluster), database=target.name
    )
    for _ in range(2):
        (warning,) = judged(target, production, "restored from Monday's snapshot")
        assert "restored from Monday's snapshot" in warning
    with pytest.raises(Failure):
        judged(target, production)
