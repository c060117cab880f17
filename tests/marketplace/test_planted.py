"""Somebody in what the ruleset keeps stops the run, whatever keeps it; the message says where, and never who."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dmrefresh.errors import NotSanitised
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import Production, Scene, make_target, state_of
from tests.marketplace.streams import changed, drained, shipped, values


class Who(NamedTuple):
    """Whom a rule replaces: where they stand in production, and what the message calls that."""

    table: str
    column: str
    kind: str

    def found(self, text: bytes) -> bytes:
        """One of them, whole and not as many others are."""
        known = values(text, self.table, self.column)
        return next(value for value in known if len(value) > 8 and known.count(value) == 1 and b"\\" not in value)


EMAIL = Who("users", "email_address", "e-mail address")
PERSON = Who("contact_information", "contact_name", "text")
COMPANY = Who("suppliers", "name", "text")
PHONE = Who("users", "phone_number", "telephone number")


class Kept(NamedTuple):
    """What the ruleset keeps: a column, in a document the path in it, and what messages call it."""

    table: str
    column: str
    path: str = ""
    called: str = ""

    @property
    def where(self) -> str:
        return self.called or ".".join(filter(None, (self.table, self.column, self.path)))

    def with_(self, new: bytes) -> Callable[[bytes], bytes]:
        """What puts a text in place of a value."""
        if not self.path:
            return lambda old: new
        key = self.path.rpartition(".")[2].encode()
        pattern = re.compile(rb'("%b" ?: ?)(".*?"|true|null)' % key)
        return lambda old: pattern.sub(lambda found: found[1] + b'"' + new + b'"', old, count=1)


CASES = [
    (Kept("lots", "name"), EMAIL),
    (Kept("lots", "data", "unitPlural", "lots.data"), PERSON),
    (Kept("frameworks", "name"), COMPANY),
    (Kept("frameworks", "status"), PHONE),
    (Kept("frameworks", "framework_agreement_details", "contractNoticeNumber"), EMAIL),
    (Kept("alembic_version", "version_num"), PERSON),
    (Kept("suppliers", "trading_status"), PERSON),
    (Kept("suppliers", "organisation_size"), EMAIL),
    (Kept("supplier_frameworks", "declaration", "status"), EMAIL),
    (Kept("supplier_frameworks", "agreed_variations", "*.agreedAt"), PERSON),
    (Kept("framework_agreements", "signed_agreement_details", "frameworkAgreementVersion"), EMAIL),
    (Kept("services", "status"), COMPANY),
    (Kept("services", "data", "priceUnit"), PHONE),
    (Kept("archived_services", "data", "lotName"), EMAIL),
    (Kept("draft_services", "service_id"), PERSON),
    (Kept("draft_services", "data", "priceInterval"), EMAIL),
    (Kept("briefs", "data", "specialistRole"), PERSON),
    (Kept("briefs", "data", "requirementsLength"), EMAIL),
    (Kept("brief_responses", "data", "essentialRequirementsMet"), COMPANY),
    (Kept("brief_responses", "data", "dayRate"), EMAIL),
    (Kept("brief_responses", "award_details", "awardedContractValue"), PERSON),
    (Kept("outcomes", "result"), EMAIL),
]


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize(("kept", "who"), CASES, ids=lambda one: one.where if isinstance(one, Kept) else one.column)
def test_somebody_in_what_is_kept_stops_the_run_and_the_message_says_where(
    kept: Kept, who: Who, marketplace: Production
) -> None:
    text = marketplace.text.read_bytes()
    canary = who.found(text)
    with pytest.raises(NotSanitised) as stopped:
        drained(changed(text, kept.table, kept.column, kept.with_(canary)))
    said = str(stopped.value)
    assert re.search(
        rf"^  {re.escape(kept.where)}: 1 {who.kind} of .*{who.table}\.{who.column}.*, once$", said, re.M
    ), said
    assert canary.decode() not in said + str(stopped.value.hint)
    assert f'"{kept.where}": keep (say why)' in str(stopped.value.hint)


STRANGERS = [
    (Kept("lots", "name"), b"ask jo.bloggs@strangers.co.uk", "e-mail address"),
    (Kept("services", "data", "priceUnit"), b"a unit, or 020 8123 4567", "phone number"),
    (Kept("suppliers", "trading_status"), b"SW1A 2AA", "UK postcode"),
    (Kept("briefs", "data", "requirementsLength"), b"AB123456C", "National Insurance number"),
]


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize(("kept", "stranger", "kind"), STRANGERS, ids=lambda one: one if isinstance(one, str) else "")
def test_a_stranger_in_what_is_kept_is_warned_of_and_stops_the_run_where_that_is_wanted(
    kept: Kept, stranger: bytes, kind: str, marketplace: Production
) -> None:
    text = changed(marketplace.text.read_bytes(), kept.table, kept.column, kept.with_(stranger))
    _, (warning,) = drained(text)
    assert f"{kept.where} keeps what looks like 1 {kind};" in warning
    with pytest.raises(NotSanitised, match=re.escape(kept.where)) as stopped:
        drained(text, shipped().model_copy(update={"detectors": "stop"}))
    assert stranger.decode() not in warning + str(stopped.value) + str(stopped.value.hint)


@pytest.mark.usefixtures("cheap_hashes")
def test_rows_that_do_not_stay_stop_nothing(marketplace: Production) -> None:
    text = marketplace.text.read_bytes()
    for kept in (Kept("brief_responses", "award_details", "pending"), Kept("audit_events", "type")):
        drained(changed(text, kept.table, kept.column, kept.with_(EMAIL.found(text))))


@pytest.mark.usefixtures("cheap_hashes")
def test_nothing_is_said_where_nobody_is_planted(marketplace: Production) -> None:
    sanitiser, warnings = drained(marketplace.text.read_bytes())
    assert sanitiser.warnings == ()
    assert warnings == []
    assert shipped().leaks == {}
    assert shipped().leak_check is None


def test_the_command_leaves_the_target_as_it_was_and_says_where(
    marketplace: Production,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> None:
    text = marketplace.text.read_bytes()
    canary = EMAIL.found(text)
    scene = Scene(tmp_path, object_store, credentials, make_target(cluster_for(18), "planted"), stage="planted")
    scene.put(scene.encrypt(changed(text, *CASES[12][0][:2], CASES[12][0].with_(b"ask " + canary))))
    before = state_of(scene.target_url)
    ended = scene.refresh()
    assert ended.code == 14, ended.output
    assert "services.data.priceUnit: 1 e-mail address of " in " ".join(ended.output.split())
    assert canary.decode() not in ended.output
    assert state_of(scene.target_url) == before
