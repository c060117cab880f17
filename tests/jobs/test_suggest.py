"""A ruleset suggested from a real dump: as good as the one people have written, and it tells nothing of the data."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dmrefresh.dump.events import Column, Head, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.jobs.rulesets.suggest import Suggested
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from sanitisers import Ruleset, compile_ruleset, load_ruleset, ships
from sanitisers.engine.copy_text import decode
from tests.jobs.scene import DMREFRESH, Production, Scene
from tests.sanitisers import comparing

SHOP = Path(__file__).with_name("shop.sql")
Schema = Mapping[str, list[Column]]


def suggest(folder: Path, *arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a folder without settings."""
    argv = [DMREFRESH, "sanitisers", "suggest", *arguments]
    return subprocess.run(argv, input=text or b"", cwd=folder, capture_output=True, check=False)


def contents(dump: Path) -> tuple[Schema, dict[tuple[str, str], set[str]]]:
    """The columns of a dump, and the paths of its documents at which there is something."""
    schema: dict[str, list[Column]] = {}
    paths: dict[tuple[str, str], set[str]] = {}
    for event in read_dump([dump.read_bytes()]):
        if isinstance(event, Head):
            schema = {str(name): list(table.columns) for name, table in event.schema.tables.items()}
            paths = {
                (t, c.name): set() for t, columns in schema.items() for c in columns if c.type in ("json", "jsonb")
            }
        elif isinstance(event, TableData):
            for line in bytes(event.rows).split(b"\n")[:-1]:
                for name, value in zip(event.columns, line.split(b"\t"), strict=True):
                    if (str(event.table), name) in paths and value != rb"\N":
                        paths[str(event.table), name].update(comparing.leaves_of(json.loads(decode(value))))
    return schema, paths


@pytest.fixture(scope="module")
def suggested(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ruleset for the fake production, in a file."""
    folder = tmp_path_factory.mktemp("suggested")
    done = suggest(folder, "--file", str(production.text), "--output", "suggested.yaml")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    (folder / "said").write_bytes(done.stderr)
    return folder / "suggested.yaml"


@pytest.fixture(scope="module")
def by_hand() -> Ruleset:
    shipped = ships("digitalmarketplace")
    assert shipped is not None
    return load_ruleset(shipped)


def test_columns_are_classified_as_people_did_and_nothing_is_kept_that_they_replace(
    production: Production, suggested: Path, by_hand: Ruleset
) -> None:
    schema, documents = contents(production.text)
    compared = comparing.columns(load_ruleset(suggested), by_hand, schema, documents)
    counts = comparing.counts(compared)
    assert len(compared) > 150
    assert comparing.same_class(compared) >= 0.95, comparing.table_of_differences(compared)
    assert counts[comparing.MISS] == counts[comparing.WIDER] == 0


def test_paths_are_classified_as_people_did_and_nothing_is_kept_that_they_replace(
    production: Production, suggested: Path, by_hand: Ruleset
) -> None:
    schema, documents = contents(production.text)
    compared = comparing.paths(load_ruleset(suggested), by_hand, schema, documents)
    counts = comparing.counts(compared)
    assert len(compared) > 200
    assert comparing.same_class(compared) >= 0.89, comparing.table_of_differences(compared)
    assert counts[comparing.MISS] == 0
    # A yes and a size, which people drop with all that nobody needs.
    assert {one.where.rpartition(".")[2] for one in compared if one.verdict == comparing.WIDER} == {
        "organisationSize",
        "termsAndConditions",
    }


def test_every_column_is_covered_and_every_line_says_how_certain_it_is(
    production: Production, suggested: Path, by_hand: Ruleset
) -> None:
    schema, _ = contents(production.text)
    assert compile_ruleset(load_ruleset(suggested), schema, bytes(32)).warnings == ()
    lines = suggested.read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=ruleset.schema.json"
    rules = [line for line in lines[lines.index("tables:") + 1 :] if re.match(r" {6,}\S+: \S", line)]
    assert len(rules) > 200
    for line in rules:
        assert re.search(r"  # (high|medium|low): \w", line), line


def test_no_value_of_the_data_is_written_or_said(production: Production, suggested: Path) -> None:
    said = suggested.with_name("said")
    assert b"3,046 rows in 23 tables" in said.read_bytes()
    for output in (suggested, said):
        assert find(output, production.canaries) == []
    for category in (
        b"limited company",
        b"digital-specialists",
        b"country:GB",
        b"g-cloud",
        b"not-submitted",
        b"expired",
    ):
        assert category in production.text.read_bytes()
        assert category not in suggested.read_bytes() + said.read_bytes()


def test_what_was_suggested_sanitises_and_leaves_nothing_personal(
    production: Production, suggested: Path, tmp_path: Path
) -> None:
    argv = [DMREFRESH, "sanitise", "--ruleset", str(suggested)]
    done = subprocess.run(argv, input=production.text.read_bytes(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    clean = tmp_path / "clean.sql"
    clean.write_bytes(done.stdout)
    assert find(clean, production.canaries) == []


def test_plain_gzipped_encrypted_and_stored_dumps_and_a_database_give_the_same(
    production: Production,
    suggested: Path,
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, object_store, credentials, "postgresql:///none", stage="suggesting")
    scene.put(production.ciphertext.read_bytes())
    packed = gzip.compress(production.text.read_bytes(), 1)
    expected = suggested.read_text()
    url = production.cluster.url(production.database)
    for arguments in (
        ["--file", str(production.ciphertext)],
        [],
        ["--from-database", url],
    ):
        argv = [DMREFRESH, "--config", str(scene.settings()), "sanitisers", "suggest", *arguments]
        done = subprocess.run(argv, env=scene.environment(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        assert done.stdout == expected, arguments
    piped = suggest(tmp_path, "--file", "-", text=packed)
    assert piped.stdout.decode() == expected


def test_a_file_is_not_overwritten_unless_that_is_said(shop: Path, tmp_path: Path) -> None:
    there = tmp_path / "rules.yaml"
    there.write_text("mine")
    refused = suggest(tmp_path, "--file", str(shop), "--output", "rules.yaml")
    assert refused.returncode == 2
    assert b"--force" in refused.stderr
    assert there.read_text() == "mine"
    assert suggest(tmp_path, "--file", str(shop), "--output", "rules.yaml", "--force").returncode == 0
    assert "waiting_list:" in there.read_text()


@pytest.mark.parametrize("part", [0.5, 0.999])
def test_a_damaged_dump_gives_no_ruleset(production: Production, tmp_path: Path, part: float) -> None:
    text = production.text.read_bytes()
    done = suggest(tmp_path, "--file", "-", text=text[: int(len(text) * part)])
    assert done.returncode == 13
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--file", "none.sql"], 2),
        (["--file", "none.sql", "some-dump"], 2),
        (["--file", "a", "--from-database", "b"], 2),
        (["--from-database", "nowhere"], 2),
        (["--file", "-", "--output", "no/such/folder.yaml"], 2),
        (["--file", "-"], 13),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_cannot_be_read_or_written_is_said_before_anything_is_done(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    done = suggest(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Nothing was changed." in done.stderr


@pytest.fixture(scope="module")
def shop(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dump of a shop that lends films."""
    cluster = cluster_for(16)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
    with psycopg.connect(cluster.url("shop")) as connection:
        connection.execute(SHOP.read_bytes())
    dump = tmp_path_factory.mktemp("shop") / "shop.sql"
    argv = [str(cluster.bin("pg_dump")), cluster.url("shop")]
    dump.write_bytes(subprocess.run(argv, capture_output=True, check=True).stdout)
    return dump


# What somebody who looks at the shop would say of each column: it is kept, or it is about somebody and must not be.
KEPT = """
    country.country_id country.country customer.id customer.newsletter customer.loyalty_tier customer.preferred_language
    customer.created film.film_id film.title film.slug film.release_year film.language_id film.rental_duration
    film.rental_rate film.length film.rating film.status language.language_id language.last_update measurement.taken_at
    measurement.celsius payment.id payment.rental_id payment.amount payment.currency payment.method payment.paid_on
    rental.rental_id rental.rental_date rental.return_date rental.customer_id rental.film_id rental.staff_id
    rental.state review.id review.film_id review.stars review.posted_at schema_migrations.version staff.staff_id
    staff.active staff.started store.store_id store.manager_id store.opening
"""
NOT_KEPT = """
    customer.full_name customer.contact_email customer.mobile customer.date_of_birth customer.gender customer.notes
    customer.tags customer.referred_by customer.home customer.website staff.first_name staff.last_name staff.email
    staff.username staff.password_hash staff.picture staff.salary staff.reset_token staff.last_login_ip staff.job_title
    staff.national_insurance_number store.store_name store.phone store.address_line_1 store.address_line_2 store.city
    store.postcode store.vat_number rental.delivery_instructions rental.collected_by payment.card_last4 payment.iban
    payment.billing_name payment.provider_reference review.headline review.body review.author review.ip_address
    waiting_list.email measurement.remarks user_sessions.token user_sessions.data film.description
"""
FAMILIES = {
    "customer.full_name": "person.name",
    "customer.contact_email": "person.email",
    "customer.website": "url",
    "staff.first_name": "person.first_name",
    "staff.last_name": "person.last_name",
    "staff.email": "person.email",
    "staff.username": "person.user_name",
    "staff.job_title": "person.job_title",
    "store.store_name": "company.name",
    "store.phone": "person.phone",
    "store.address_line_1": "address.street",
    "store.city": "address.city",
    "store.postcode": "address.postcode",
    "store.vat_number": "company.vat",
    "waiting_list.email": "person.email",
    "rental.collected_by": "person.name",
}


@pytest.fixture(scope="module")
def of_the_shop(shop: Path) -> Path:
    """The ruleset suggested for it, in a file."""
    done = suggest(shop.parent, "--file", str(shop), "--output", "shop.yaml")
    assert done.returncode == 0, done.stderr.decode()
    return shop.with_name("shop.yaml")


def test_another_database_is_classified_as_well(shop: Path, of_the_shop: Path) -> None:
    schema, _ = contents(shop)
    ruleset = load_ruleset(of_the_shop)
    words = {
        f"{table}.{column.name}": comparing.word_of(ruleset, table, column)
        for table, columns in schema.items()
        if table != "measurement_2020"  # a partition, for which the rules of its root hold
        for column in columns
    }
    assert {name for name in NOT_KEPT.split() if words[name] == "keep"} == set()
    assert {name for name in KEPT.split() if words[name] != "keep"} == set()
    assert {name: words[name] for name in FAMILIES} == FAMILIES
    assert {name for name, word in words.items() if word == "keep"} == set(KEPT.split())


def test_another_database_is_sanitised_by_what_was_suggested_and_loads(
    shop: Path, of_the_shop: Path, tmp_path: Path, cluster_for: Callable[[int], Cluster]
) -> None:
    argv = [DMREFRESH, "sanitise", "--ruleset", str(of_the_shop)]
    done = subprocess.run(argv, input=shop.read_bytes(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    for personal in (
        b"Vimbolar",
        b"vimbolar",
        b"Zarqueth",
        b"zarqueth",
        b"Quelb",
        b"Tharro",
        b"Olvik",
        b"Ostrel",
        b"Fennock",
        b"GB29NWBK",
    ):
        assert personal in shop.read_bytes()
        at = done.stdout.find(personal)
        assert at < 0, done.stdout[max(at - 100, 0) : at + 100]
    cluster = cluster_for(16)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop_clean")
    load = [str(cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", cluster.url("shop_clean")]
    loaded = subprocess.run(load, input=done.stdout, capture_output=True, check=False)
    assert loaded.returncode == 0, loaded.stderr


def test_a_role_that_may_not_read_is_told_what_to_run(
    cluster_for: Callable[[int], Cluster], shop: Path, tmp_path: Path
) -> None:
    cluster = cluster_for(16)
    cluster.create_role_and_database("reads_nothing", "reads_nothing")
    done = suggest(tmp_path, "--from-database", cluster.url("shop", "reads_nothing"))
    assert (done.returncode, done.stdout) == (16, b"")
    assert b"membership of pg_read_all_data" in done.stderr


TEXT_KEYS = b"""
    CREATE TABLE drug (code varchar(8) PRIMARY KEY, label text NOT NULL);
    INSERT INTO drug SELECT 'D' || n, 'Vimbamol ' || n || ' mg' FROM generate_series(1, 40) n;
    CREATE TABLE device (address macaddr PRIMARY KEY);
    INSERT INTO device SELECT ('08:00:2b:01:02:' || lpad(n::text, 2, '0'))::macaddr FROM generate_series(1, 40) n;
    CREATE TABLE ward (name text PRIMARY KEY);
    INSERT INTO ward SELECT 'Zarq ' || chr(64 + n) FROM generate_series(1, 20) n;
    CREATE TABLE dose (
        id serial PRIMARY KEY, drug varchar(8) NOT NULL REFERENCES drug, given_to text REFERENCES ward,
        measured_with macaddr REFERENCES device
    );
    INSERT INTO dose (drug, given_to, measured_with)
    SELECT 'D' || n, 'Zarq ' || chr(64 + n % 20 + 1), ('08:00:2b:01:02:' || lpad(n::text, 2, '0'))::macaddr
    FROM generate_series(1, 40) n;
    CREATE TABLE reading (taken date, device macaddr NOT NULL REFERENCES device);
    INSERT INTO reading SELECT '2020-01-01', address FROM device;
"""


def test_foreign_keys_of_texts_hold_in_what_was_suggested(
    tmp_path: Path, cluster_for: Callable[[int], Cluster]
) -> None:
    cluster = cluster_for(16)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE text_keys")
        connection.execute("CREATE DATABASE text_keys_clean")
    with psycopg.connect(cluster.url("text_keys")) as connection:
        connection.execute(TEXT_KEYS)
    dump = subprocess.run(
        [str(cluster.bin("pg_dump")), cluster.url("text_keys")], capture_output=True, check=True
    ).stdout
    done = suggest(tmp_path, "--file", "-", "--output", "keys.yaml", text=dump)
    assert done.returncode == 0, done.stderr.decode()
    argv = [DMREFRESH, "sanitise", "--ruleset", "keys.yaml"]
    clean = subprocess.run(argv, input=dump, cwd=tmp_path, capture_output=True, check=False)
    assert clean.returncode == 0, clean.stderr
    assert b"Zarq" not in clean.stdout
    assert b"08:00:2b" not in clean.stdout
    load = [str(cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", cluster.url("text_keys_clean")]
    loaded = subprocess.run(load, input=clean.stdout, capture_output=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    with psycopg.connect(cluster.url("text_keys_clean")) as connection:
        rows = connection.execute("SELECT count(drug), count(given_to), count(measured_with) FROM dose").fetchone()
    assert rows == (40, 40, 0)


def test_a_dump_of_definitions_alone_gives_a_ruleset_by_names_that_keeps_no_text(
    shop: Path, tmp_path: Path, cluster_for: Callable[[int], Cluster]
) -> None:
    cluster = cluster_for(16)
    argv = [str(cluster.bin("pg_dump")), "--schema-only", cluster.url("shop")]
    definitions = subprocess.run(argv, capture_output=True, check=True).stdout
    done = suggest(tmp_path, "--file", "-", "--output", "names.yaml", text=definitions)
    assert done.returncode == 0, done.stderr.decode()
    schema, _ = contents(shop)
    ruleset = load_ruleset(tmp_path / "names.yaml")
    covered = {table: columns for table, columns in schema.items() if table != "measurement_2020"}
    assert compile_ruleset(ruleset, covered, bytes(32)).warnings == ()
    kept: dict[str, Any] = {
        f"{table}.{column.name}": column.type
        for table, columns in schema.items()
        for column in columns
        if column.type in ("text", "jsonb") and comparing.word_of(ruleset, table, column) == "keep"
    }
    assert kept == {"schema_migrations.version": "text"}


def test_a_command_to_paste_is_one_command_wherever_the_ruleset_is(tmp_path: Path) -> None:
    folder = tmp_path / "my rules"
    folder.mkdir()
    found = Suggested("", {}, 0)
    command = found.missing_beside(folder / "shop.dmrefresh.yaml", "dmrefresh --config 'my settings.toml'")
    assert command is not None
    place = str(folder / "ruleset.schema.json")
    assert shlex.split(command) == ["dmrefresh", "--config", "my settings.toml", "sanitisers", "schema", ">", place]
    Path(place).touch()
    assert found.missing_beside(folder / "shop.dmrefresh.yaml") is None
