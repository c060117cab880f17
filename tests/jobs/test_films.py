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
from tests.jobs.test_verify_first import write_all

FINISHED = Path(fixtures.films.__file__).with_name("films.dmrefresh.yaml")
ROWS, SEED = 3_000, 4


@dataclass
class Team:
    """A team in a folder of its own, with a production that is full and a target that holds an older, other state."""

    folder: Path
    production: Cluster
    target: Cluster
    name: str
    canaries: list[bytes]
    scene: Scene

    def sets_up(self) -> str:
        """Run `dmrefresh init` with an option for each question; returns what it said."""
        return self.types(
            *("init", "--bucket", self.scene.store.bucket, "--endpoint-url", self.scene.store.endpoint_url),
            *("--stage", self.name, "--credentials-repo", str(self.scene.credentials.repository)),
            *("--from-database", self.production.url("films"), "--url", self.scene.target_url, "--name", "films"),
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
        return self.ask(query, self.production.url("films")), self.ask(query)

    def leaked(self) -> list[Any]:
        """Personal values in the target: in its rows and definitions, and in the files and the log of its server."""
        dump = self.folder / "target.sql"
        dump_sql(self.target, self.name, dump)
        write_all(self.target)
        return [*find(dump, self.canaries), *find(self.target.data_directory, self.canaries)]


@pytest.fixture(scope="module")
def production(cluster_for: Callable[[int], Cluster]) -> tuple[Cluster, list[bytes]]:
    """A server with the film rental's database, and every personal value in it."""
    cluster = cluster_for(16)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE films")
    canaries: set[str] = set()
    with psycopg.connect(cluster.url("films")) as connection:
        create(connection)
        fill(connection, ROWS, SEED, canaries=canaries.add)
    return cluster, [one.encode() for one in sorted(canaries)]


@pytest.fixture(scope="module")
def target() -> Iterator[Cluster]:
    """A server of its own, whose files can be searched."""
    with Cluster(18, settings={"wal_compression": "off", "wal_level": "replica"}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def team_of(
    production: tuple[Cluster, list[bytes]],
    target: Cluster,
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Team]:
    """Makes a team whose target has this name; its folder is empty."""

    def made(name: str) -> Team:
        target.create_role_and_database(name, name)
        url = target.url(name, name)
        with psycopg.connect(url) as connection:
            create(connection)
            connection.execute("INSERT INTO genre (slug, name) VALUES ('silent', 'Silent')")
        scene = Scene(tmp_path_factory.mktemp("scene"), object_store, credentials, url, stage=name)
        return Team(tmp_path_factory.mktemp(name), production[0], target, name, production[1], scene)

    return made


def test_every_canary_stands_in_production(production: tuple[Cluster, list[bytes]], tmp_path: Path) -> None:
    cluster, canaries = production
    dump_sql(cluster, "films", tmp_path / "films.sql")
    assert len(canaries) > 2_500
    assert {canary for _, canary in find(tmp_path / "films.sql", canaries)} == set(canaries)


def test_from_nothing_to_a_refreshed_copy_by_what_is_suggested(team_of: Callable[[str], Team]) -> None:
    team = team_of("first")
    before = state_of(team.scene.target_url)
    assert "Next: dmrefresh sanitisers check" in team.sets_up()
    stopped = team.types("sanitisers", "check", "--database", team.name, code=14)
    assert "CREATE VIEW overdue" in stopped
    assert "literals:\n  overdue: keep (say why)" in stopped
    assert f"{team.name}-" in team.types("backup-production", "--stage", team.name)
    team.types("clean-and-apply", "--target", "local", code=14)
    assert state_of(team.scene.target_url) == before
    ruleset = team.folder / "films.dmrefresh.yaml"
    text = ruleset.read_text()
    assert text.count("\n# literals:\n#   overdue: keep (say why) ") == 1
    ruleset.write_text(text.replace("# literals:\n#  ", "literals:\n ").replace("say why", "the help desk's"))
    assert "fits" in team.types("sanitisers", "check")
    assert "card_number" in team.types("sanitisers", "preview", "member", "--rows", "2")
    assert "local: clear to go" in team.types("plan", "--target", "local")
    team.types("clean-and-apply", "--target", "local")
    assert team.leaked() == []
    for table in ("member", "rental", "rental_2024", "payment", "film", "review", "ticket", "staff"):
        was, became = team.both(f"SELECT count(*) FROM {table}")
        assert was == became, table
    assert team.ask("SELECT count(*) FROM activity_log") == [(0,)]


@pytest.fixture(scope="module")
def refreshed(team_of: Callable[[str], Team]) -> Team:
    """A target after a refresh by the ruleset that people have finished."""
    team = team_of("finished")
    team.sets_up()
    team.types("backup-production", "--stage", team.name)
    settings = team.folder / "dmrefresh.toml"
    text = settings.read_text()
    assert text.count('path = "films.dmrefresh.yaml"') == text.count("\n[targets.local]\n") == 1
    # What is rolled back stands in a server's write-ahead log all the same, so each dump is sanitised once before.
    text = text.replace("\n[targets.local]\n", "\n[targets.local]\nverify_first = true\n")
    settings.write_text(text.replace("films.dmrefresh.yaml", str(FINISHED)))
    team.types("sanitisers", "check", "--strict")
    team.types("clean-and-apply", "--target", "local", "--strict", "--report", "report.json")
    return team


def test_nothing_personal_is_in_the_copy_or_in_its_servers_files(refreshed: Team) -> None:
    assert refreshed.leaked() == []
    assert find(refreshed.folder / "report.json", refreshed.canaries) == []
    report = json.loads((refreshed.folder / "report.json").read_text())
    assert report["status"] == "succeeded"


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
    assert refreshed.leaked() == []


def test_what_is_suggested_today_is_what_is_filed(cluster_for: Callable[[int], Cluster]) -> None:
    again = suggested(cluster_for(16))
    assert again == FILE.read_text(), "write it again: python -m tests.jobs.suggested_films"


def test_people_speak_of_every_table_of_which_something_is_suggested() -> None:
    assert load_ruleset(FINISHED).tables.keys() == load_ruleset(FILE).tables.keys()
