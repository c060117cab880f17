"""The ruleset that ships, against the fake production."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import psycopg
import pytest
from psycopg import sql

from fixtures.production import canaries
from fixtures.production.filling import create, text
from sanitisers import Sanitiser, Unclassified, compile_ruleset, load_ruleset, ships
from sanitisers.engine.copy_text import decode
from sanitisers.ruleset.model import Columns, Empty, Ruleset
from tests.sanitisers.columns import Column, production_schema

SHIPPED = ships("digitalmarketplace")
KEEPING = Path(__file__).parents[2] / "bench" / "keep_every_row.yaml"
SCHEMA = production_schema()
KEY = bytes(range(32))


def shipped() -> Ruleset:
    assert SHIPPED is not None
    return load_ruleset(SHIPPED)


@pytest.fixture(scope="module", params=["shipped", "keeping"])
def sanitiser(request: pytest.FixtureRequest) -> Sanitiser:
    return compile_ruleset(shipped() if request.param == "shipped" else load_ruleset(KEEPING), SCHEMA, KEY)


@pytest.fixture(scope="module")
def production() -> tuple[dict[str, bytes], set[bytes]]:
    """The rows of each table, and every personal value in them."""
    found: set[bytes] = set()
    lines: dict[str, list[bytes]] = {}
    for table, line in text(2000, 3, note=found.add):
        lines.setdefault(table, []).append(line)
    return {table: b"".join(rows) for table, rows in lines.items()}, found


@pytest.fixture(scope="module")
def refreshed(sanitiser: Sanitiser, production: tuple[dict[str, bytes], set[bytes]]) -> dict[str, bytes]:
    return {
        table: bytes(sanitiser.table(table, [column.name for column in SCHEMA[table]]).apply(rows).rows)
        for table, rows in production[0].items()
    }


def records(table: str, rows: bytes) -> Iterator[dict[str, str | None]]:
    names = [column.name for column in SCHEMA[table]]
    for line in rows.split(b"\n")[:-1]:
        values = [None if value == rb"\N" else decode(value).decode() for value in line.split(b"\t")]
        yield dict(zip(names, values, strict=True))


def test_every_column_of_the_marketplace_is_covered_and_no_rule_is_idle(sanitiser: Sanitiser) -> None:
    assert sanitiser.warnings == ()
    assert len(SCHEMA) == 23


def test_a_new_column_stops_the_run() -> None:
    schema = {**SCHEMA, "users": [*SCHEMA["users"], Column("nickname")]}
    with pytest.raises(Unclassified, match=r"nickname: person\.name"):
        compile_ruleset(shipped(), schema, KEY)


@pytest.mark.parametrize("path", [SHIPPED, KEEPING], ids=["shipped", "keeping"])
@pytest.mark.parametrize(
    "column",
    [
        Column("phone", "integer"),
        Column("phone", "bigint"),
        Column("salary", "numeric(11,2)"),
        Column("date_of_birth", "timestamp without time zone"),
        Column("date_of_birth", "timestamp with time zone"),
        Column("date_of_birth", "date"),
        Column("nhs_id", "text"),
        Column("seen_at", "character varying(255)"),
        Column("address_at_utc", "jsonb"),
    ],
    ids=lambda column: f"{column.name} {column.type}",
)
def test_a_new_column_that_may_be_about_somebody_stops_the_run(path: Path, column: Column) -> None:
    with pytest.raises(Unclassified) as refused:
        compile_ruleset(load_ruleset(path), {**SCHEMA, "users": [*SCHEMA["users"], column]}, KEY)
    assert refused.value.columns == (("users", column.name, column.type),)


@pytest.mark.parametrize("path", [SHIPPED, KEEPING], ids=["shipped", "keeping"])
@pytest.mark.parametrize("type", ["text", "character varying", "jsonb", "bigint[]", "public.identity"])
def test_an_id_that_is_no_number_stops_the_run(path: Path, type: str) -> None:
    with pytest.raises(Unclassified) as refused:
        compile_ruleset(load_ruleset(path), {**SCHEMA, "lots": [*SCHEMA["lots"][1:], Column("id", type)]}, KEY)
    assert refused.value.columns == (("lots", "id", type),)


def test_no_personal_value_is_left(
    production: tuple[dict[str, bytes], set[bytes]], refreshed: dict[str, bytes]
) -> None:
    rows, personal = production
    assert canaries.find(io.BytesIO(b"".join(rows.values())), personal)  # it can be found where it is
    assert len(personal) > 1000
    for table, block in refreshed.items():
        assert not canaries.find(io.BytesIO(block), personal), table


def test_what_was_sanitised_loads_with_every_constraint(refreshed: dict[str, bytes], database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        create(connection)
        for table, rows in refreshed.items():
            copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with connection.cursor() as cursor, cursor.copy(copy) as stream:
                stream.write(rows)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        found = connection.execute("SELECT count(DISTINCT email_address), count(*) FROM users").fetchone()
        assert found is not None
        assert found[0] == found[1] > 100


def test_users_can_be_logged_in_as(refreshed: dict[str, bytes]) -> None:
    users = list(records("users", refreshed["users"]))
    assert {user["email_address"] for user in users} == {f"{user['id']}@user.marketplace.team" for user in users}
    (password,) = {user["password"] for user in users if user["role"] in ("buyer", "supplier")}
    assert password is not None
    assert password.startswith("$2b$12$")
    assert bcrypt.checkpw(b"Password1234", password.encode())
    assert {user["failed_login_count"] for user in users} == {"0"}


def test_contacts_are_reached_by_the_simulator_only(refreshed: dict[str, bytes]) -> None:
    found = {contact["email"] for contact in records("contact_information", refreshed["contact_information"])}
    assert found == {"simulate-delivered@notifications.service.gov.uk"}


def test_declarations_keep_their_status_and_what_was_there(
    production: tuple[dict[str, bytes], set[bytes]], refreshed: dict[str, bytes]
) -> None:
    name = "supplier_frameworks"
    seen = 0
    pairs = zip(records(name, production[0][name]), records(name, refreshed[name]), strict=True)
    for before, after in pairs:
        if before["declaration"] is None or after["declaration"] is None:
            assert before["declaration"] == after["declaration"]
            continue
        old, new = json.loads(before["declaration"]), json.loads(after["declaration"])
        if not isinstance(old, dict) or "status" not in old:
            assert new == {}
            continue
        seen += 1
        assert new["status"] == old["status"]
        assert set(new) == set(old) & DECLARATION
        assert all(new[key] != old[key] for key in set(new) - {"status"} if old[key] not in {"", "gb", "country:GB"})
    assert seen > 20


DECLARED = """
    status primaryContact primaryContactEmail contactNameContractNotice contactEmailContractNotice nameOfOrganisation
    companyRegistrationNumber dunsNumber registeredVATNumber tradingNames currentRegisteredCountry
    registeredAddressBuilding registeredAddressTown registeredAddressPostcode SQ1-1a SQ1-1e SQ1-1d-ii supplierDunsNumber
    supplierRegisteredBuilding supplierRegisteredCountry supplierRegisteredName supplierRegisteredPostcode
    supplierRegisteredTown supplierTradingName supplierVatNumber
"""
DECLARATION = set(DECLARED.split())


def test_agreements_lose_their_paths_and_keep_their_version(refreshed: dict[str, bytes]) -> None:
    agreements = list(records("framework_agreements", refreshed["framework_agreements"]))
    paths = {agreement[f"{kind}_agreement_path"] for agreement in agreements for kind in ("signed", "countersigned")}
    assert paths == {None, "not/the/real/path.pdf"}
    details = [json.loads(a["signed_agreement_details"]) for a in agreements if a["signed_agreement_details"]]
    keys = {"uploaderUserId", "frameworkAgreementVersion", "signerName", "signerRole"}
    assert {frozenset(detail) for detail in details} == {frozenset(), frozenset(keys)}


def test_a_supplier_has_one_name_wherever_it_stands(refreshed: dict[str, bytes]) -> None:
    names = {s["supplier_id"]: s["name"] for s in records("suppliers", refreshed["suppliers"])}
    services = list(records("services", refreshed["services"]))
    assert len(services) > 20
    for service in services:
        assert service["data"] is not None
        assert json.loads(service["data"])["supplierName"] == names[service["supplier_id"]]


def test_services_keep_their_prices_to_the_digit(refreshed: dict[str, bytes]) -> None:
    assert b'"apiVersion": 1.10' in refreshed["services"]
    assert b'"uniqueUsers": 12345678901234567890' in refreshed["services"]


@pytest.mark.parametrize("path", [SHIPPED, KEEPING], ids=["shipped", "keeping"])
@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
def test_whoever_administers_can_be_logged_in_as_on_ones_own_machine_only(
    path: Path, remote: bool, production: tuple[dict[str, bytes], set[bytes]]
) -> None:
    sanitiser = compile_ruleset(load_ruleset(path), SCHEMA, KEY, remote=remote)
    rows = sanitiser.table("users", [column.name for column in SCHEMA["users"]]).apply(production[0]["users"]).rows
    opens: dict[bool, set[bool]] = {}
    for password, trades in {
        (u["password"], u["role"] in ("buyer", "supplier")) for u in records("users", bytes(rows))
    }:
        assert password is not None
        opens.setdefault(trades, set()).add(bcrypt.checkpw(b"Password1234", password.encode()))
    assert opens == {True: {True}, False: {not remote}}


def test_the_ruleset_that_keeps_every_row_differs_in_which_rows_stay_only() -> None:
    one, other = shipped(), load_ruleset(KEEPING)
    assert isinstance(one.tables["audit_events"], Empty)
    assert not isinstance(other.tables["audit_events"], Empty)
    for name in ("version", "locale", "defaults"):
        assert getattr(one, name) == getattr(other, name)
    assert one.tables.keys() == other.tables.keys()
    assert {k for k in one.tables if one.tables[k] != other.tables[k]} == {
        "audit_events",
        "brief_responses",
        "outcomes",
    }
    for name in ("brief_responses", "outcomes"):
        ours, theirs = one.tables[name], other.tables[name]
        assert isinstance(ours, Columns)
        assert ours.rows
        assert ours.model_copy(update={"rows": None}) == theirs


@pytest.mark.parametrize("seed", range(10))
def test_ordinary_data_gives_no_false_alarm(seed: int) -> None:
    rows_of: dict[str, bytes] = {}
    for table, line in text(2000, seed):
        rows_of[table] = rows_of.get(table, b"") + line
    for ruleset in (shipped(), load_ruleset(KEEPING)):
        sanitiser = compile_ruleset(ruleset, SCHEMA, KEY)
        for table, rows in rows_of.items():
            sanitised = sanitiser.table(table, [column.name for column in SCHEMA[table]])
            sanitised.apply(rows)
            if sanitised.passes and sanitised.watched:
                sanitised.look(rows)
        sanitiser.check_leaks()
        assert sanitiser.compared is not None
        assert sanitiser.compared.originals > 1500
        assert sanitiser.compared.kept > 50
