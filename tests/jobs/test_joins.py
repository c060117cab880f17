"""Who was the same before is the same after: what joined in production joins in the target, row for row."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.jobs.scene import KEEP_EVERY_ROW, Production, Scene

CHANGES = {
    "name: person.name\n      email_address: person.email at {id}@user.marketplace.team": (
        "name: person.name as person by email_address\n      email_address: person.email as person"
    ),
    "phone_number: person.phone\n      #": "phone_number: person.phone as person by email_address\n      #",
    "email: {value: simulate-delivered@notifications.service.gov.uk}": "email: person.email as person",
    "user, acknowledged_by: person.email": "user, acknowledged_by: person.email as person",
    "emailAddress, invitedEmail: person.email": "emailAddress, invitedEmail: person.email as person",
    "name: person.name\n            emailAddress: person.email": (
        "name: person.name as person by emailAddress\n            emailAddress: person.email as person"
    ),
    "{old: person.email, new: person.email}": "{old: person.email as person, new: person.email as person}",
    "email: person.email\n              address1": "email: person.email as person\n              address1",
}
"""What makes one person of the people in a ruleset that keeps every row, the audit events too."""

JOINS = {
    "by the column": 'users u JOIN audit_events a ON a."user" = u.email_address',
    "by who acknowledged": "users u JOIN audit_events a ON a.acknowledged_by = u.email_address",
    "by a key": "users u JOIN audit_events a ON a.data->>'emailAddress' = u.email_address",
    "by a key of an object": "users u JOIN audit_events a ON a.data->'user'->>'emailAddress' = u.email_address",
    "by a key two objects deep": (
        "users u JOIN audit_events a ON a.data->'update'->'emailAddress'->>'new' = u.email_address"
    ),
    "by a key in a list": (
        "audit_events a CROSS JOIN jsonb_path_query(a.data, '$.update.contactInformation[*].email') e(mail) "
        "JOIN contact_information c ON c.email = e.mail #>> '{}'"
    ),
    "within the log": "audit_events a JOIN audit_events b ON a.\"user\" = b.data->'user'->>'emailAddress'",
}
NAMED_ALIKE = "a.data->'user'->>'name' = u.name"


def ruleset(folder: Path) -> Path:
    text = KEEP_EVERY_ROW.read_text()
    for before, after in CHANGES.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file = folder / "one_person.yaml"
    file.write_text(text)
    return file


def matches(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        found = {}
        for name, join in JOINS.items():
            row = connection.execute(f"SELECT count(*) FROM {join}".encode()).fetchone()
            assert row is not None
            found[name] = row[0]
        return found


@pytest.mark.fault("54")
def test_masked_tables_and_documents_join_as_often_as_before(scene: Scene, production: Production) -> None:
    scene.ruleset = str(ruleset(scene.folder))
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    before = matches(production.cluster.url(production.database))
    after = matches(scene.target_url)
    assert after == before
    assert all(count > 0 for count in after.values())
    with psycopg.connect(scene.target_url) as connection:
        named = connection.execute(f"SELECT count(*) FROM {JOINS['by a key of an object']} AND {NAMED_ALIKE}".encode())
        assert named.fetchone() == (after["by a key of an object"],)  # however the name was written in the log
        addresses = connection.execute("SELECT count(*), count(DISTINCT email_address) FROM users").fetchone()
    assert addresses is not None
    assert addresses[0] == addresses[1] > 0
