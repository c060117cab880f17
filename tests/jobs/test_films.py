"""Another team's database goes the whole way, by the commands that a person types: from nothing to a refreshed copy."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

import fixtures.films
from fixtures.films import create, fill
from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from sanitisers import load_ruleset
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.suggested_films import FILE, suggested

FINISHED = Path(fixtures.films.__file__).with_name("films.dmrefresh.yaml")
ROWS, SEED = 3_000, 4


@dataclass
class Team:
    """A team with a production, a bucket, keys and an empty folder."""

    folder: Path
    production: Cluster
    target: Cluster
    name: str
    canaries: list[bytes]
    scene: Scene

    def settings(self, ruleset: str) -> None:
        """Write `dmrefresh.toml` as the tutorial has it."""
        store, repository = self.scene.store, self.scene.credentials.repository
        (self.folder / "dmrefresh.toml").write_text(
            f"""
            [dumps]
            bucket = "{store.bucket}"
            endpoint_url = "{store.endpoint_url}"
            stage = "films"
            [keys]
            credentials_repo = "{repository}"
            [ruleset]
            path = "{ruleset}"
            [sources.films]
            url = "{self.production.url(self.name)}"
            [targets.local]
            url = "{self.scene.target_url}"
            """
        )

    def types(self, *arguments: str, code: int = 0) -> str:
        """Run a command in the folder; returns all it said, in which nothing personal may be."""
        done = subprocess.run(
            [DMREFRESH, "--debug", *arguments],
            cwd=self.folder,
            env=self.scene.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said.decode()
        assert [one for one in self.canaries if one in said] == []
        return said.decode()

    def ask(self, query: str, url: str = "") -> list[tuple[Any, ...]]:
        """What the target says, or another database."""
        with psycopg.connect(url or self.scene.target_url) as connection:
            return connection.execute(query.encode()).fetchall()

    def both(self, query: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """What production says, and what the target says."""
        return self.ask(query, self.production.url(self.name)), self.ask(query)

    def leaked(self) -> list[Any]:
        """Personal values in the target: in its rows and definitions, and in the files and the log of its server."""
        dump = self.folder / "target.sql"
        dump_sql(self.target, self.name, dump)
        self.ask("CHECKPOINT", self.target.url())
        return [*find(dump, self.canaries), *find(self.target.data_directory, self.canaries)]


@pytest.fixture(scope="module")
def target() -> Iterator[Cluster]:
    """A server of its own, whose files can be searched."""
    with Cluster(18, settings={"wal_compression": "off", "wal_level": "replica"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def team(
    cluster_for: Callable[[int], Cluster],
    target: Cluster,
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Team:
    """Its production is full; its target holds an older, other state; its folder is empty."""
    production, name, folder = cluster_for(16), "films", tmp_path_factory.mktemp("team")
    with psycopg.connect(production.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    canaries: set[str] = set()
    with psycopg.connect(production.url(name)) as connection:
        create(connection)
        fill(connection, ROWS, SEED, canaries=canaries.add)
    target.create_role_and_database(name, name)
    url = target.url(name, name)
    with psycopg.connect(url) as connection:
        create(connection)
        fill(connection, 1_000, SEED + 1)
    scene = Scene(tmp_path_factory.mktemp("scene"), object_store, credentials, url, stage=name)
    return Team(folder, production, target, name, [one.encode() for one in sorted(canaries)], scene)


@pytest.fixture(scope="module")
def backed_up(team: Team) -> Team:
    """The same with a backup in its bucket."""
    team.settings("films.dmrefresh.yaml")
    assert "films-" in team.types("backup-production", "--stage", "films")
    return team


def test_every_canary_stands_in_production(team: Team, tmp_path: Path) -> None:
    dump_sql(team.production, team.name, tmp_path / "films.sql")
    found = {canary for _, canary in find(tmp_path / "films.sql", team.canaries)}
    assert len(found) > 2_500

    assert found == set(team.canaries)


def test_from_nothing_to_a_refreshed_copy_by_what_is_suggested(backed_up: Team) -> None:
    team, file = backed_up, backed_up.folder / "films.dmrefresh.yaml"
    before = state_of(team.scene.target_url)
    assert "2 of them emptied" in team.types("sanitisers", "suggest", "--output", file.name)
    stopped = team.types("sanitisers", "check", code=14)
    assert "CREATE VIEW overdue" in stopped
    assert "literals:\n  overdue: keep (say why)" in stopped
    team.types("clean-and-apply", "--target", "local", code=14)
    assert state_of(team.scene.target_url) == before
    with file.open("a") as stream:
        stream.write("literals:\n  overdue: keep (the public address of the help desk)\n")
    assert "fits" in team.types("sanitisers", "check")
    assert "sanitised" not in team.types("sanitisers", "preview", "member", "--rows", "2")
    team.types("plan", "--target", "local")
    team.types("clean-and-apply", "--target", "local")
    assert team.leaked() == []
    count = "SELECT count(*) FROM {}"
    for table in ("member", "rental", "rental_2024", "payment", "film", "review", "ticket", "staff"):
        was, became = team.both(count.format(table))
        assert was == became, table
    assert team.ask("SELECT count(*) FROM activity_log") == [(0,)]


@pytest.fixture(scope="module")
def refreshed(backed_up: Team) -> Team:
    """The target after a refresh by the ruleset that people have finished."""
    backed_up.settings(str(FINISHED))
    team = backed_up
    team.types("sanitisers", "check", "--strict")
    team.types("clean-and-apply", "--target", "local", "--strict", "--report", "report.json")
    return team


def test_nothing_personal_is_in_the_copy_or_in_its_servers_files(refreshed: Team) -> None:
    assert refreshed.leaked() == []
    assert find(refreshed.folder / "report.json", refreshed.canaries) == []
    report = json.loads((refreshed.folder / "report.json").read_text())
    assert report["outcome"] == "published"


def test_what_is_published_is_as_it_was(refreshed: Team) -> None:
    for query in (
        "SELECT * FROM film ORDER BY film_id",
        "SELECT * FROM artist ORDER BY artist_id",
        "SELECT branch_id, name, place, phone, opening_hours FROM branch ORDER BY branch_id",
        "SELECT rental_id, rented_on, tableoid::regclass::text, state, total FROM rental ORDER BY rental_id",
        "SELECT film_id, times, days_late FROM popular ORDER BY film_id",
        "SELECT ticket_id, labels FROM ticket ORDER BY ticket_id",
    ):
        was, became = refreshed.both(query)
        assert len(was) > 3
        assert was == became, query


def test_one_person_is_one_person_in_columns_documents_and_computed_columns(refreshed: Team) -> None:
    joined = """
        SELECT count(*), bool_and(full_name = given_name || ' ' || family_name),
            bool_and(receipt #>> '{to,name}' = full_name), bool_and(receipt #>> '{to,email}' = email)
        FROM payment JOIN member USING (member_id)
    """
    ((payments, *same),) = refreshed.ask(joined)
    assert payments > 500
    assert same == [True, True, True]
    subscribed = 'SELECT count(*) FROM "NewsletterSignup" JOIN member ON email = "emailAddress"'
    was, became = refreshed.both(subscribed)
    assert was == became
    assert was[0][0] > 20


def test_the_schema_holds_and_what_several_tables_decide_is_done(refreshed: Team) -> None:
    valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
    assert refreshed.ask(valid) == [(0,)]
    assert refreshed.ask("SELECT bool_and(card_number = 'FM-' || lpad(member_id::text, 8, '0')) FROM member") == [
        (True,)
    ]
    closed = "SELECT count(*) FROM member_address JOIN member USING (member_id) WHERE closed_at IS NOT NULL"
    was, became = refreshed.both(closed)
    assert was[0][0] > 3
    assert became == [(0,)]
    assert refreshed.ask("SELECT count(*) FROM overdue WHERE email LIKE '%@example.invalid'")[0][0] > 5
    refreshed.ask("INSERT INTO genre (slug, name) VALUES ('western', 'Western') RETURNING genre_id")


def test_a_line_that_keeps_too_much_is_found_before_anybody_sees_it(refreshed: Team) -> None:
    before = state_of(refreshed.scene.target_url)
    careless = refreshed.folder / "careless.dmrefresh.yaml"
    text = FINISHED.read_text()
    assert text.count("body: text.redact") == 1
    careless.write_text(re.sub(r"body: text\.redact.*", "body: keep (what members want to be read)", text))
    (refreshed.folder / "films.after_load.sql").write_bytes(FINISHED.with_name("films.after_load.sql").read_bytes())
    said = refreshed.types("clean-and-apply", "--target", "local", "--ruleset", careless.name, code=14)
    assert "review.body" in said
    assert state_of(refreshed.scene.target_url) == before


def test_what_is_suggested_today_is_what_is_filed(cluster_for: Callable[[int], Cluster]) -> None:
    again = suggested(cluster_for(16))
    assert again == FILE.read_text(), "write it again: python -m tests.jobs.suggested_films"


def test_people_have_let_stay_only_what_a_person_can_see_is_nobodys() -> None:
    finished, first = load_ruleset(FINISHED), load_ruleset(FILE)
    assert finished.tables.keys() == first.tables.keys()
