"""The ruleset that ships keeps every promise about the marketplace: read off what the command has published."""

from __future__ import annotations

import io
import re

import bcrypt
import pytest

from fixtures.production.canaries import Searcher
from tests.marketplace.conftest import Published, Row, by_first

OPEN = "framework_id IN (SELECT id FROM frameworks WHERE status = 'open')"
STAYS = f"""
    (SELECT supplier_id FROM suppliers s WHERE EXISTS (SELECT FROM services v WHERE v.supplier_id = s.supplier_id)
     OR EXISTS (SELECT FROM supplier_frameworks f WHERE f.supplier_id = s.supplier_id AND NOT {OPEN}))
"""
"""The suppliers that are left: those that sell something, or are on a framework that is not open."""

SIMULATOR = "simulate-delivered@notifications.service.gov.uk"
NO_PATH = "not/the/real/path.pdf"


def changed(published: Published, table: str, key: str, *columns: str) -> list[tuple[str, int, int]]:
    """Of each column: how many values there were in the rows that are left, and how many of them are as they were."""
    query = f"SELECT {key}, {', '.join(columns)} FROM {table} ORDER BY {key}"
    before, after = ({row[0]: row[1:] for row in rows} for rows in published.both(query))
    found = []
    for place, column in enumerate(columns):
        values = [(before[one][place], after[one][place]) for one in after if before[one][place]]
        assert all(before[one][place] == after[one][place] for one in after if not before[one][place])
        found.append((column, len(values), sum(old == new for old, new in values)))
    return found


def keys(rows: list[Row]) -> set[Row]:
    return set(rows)


def test_every_name_and_phone_number_and_address_of_a_user_is_replaced(published: Published) -> None:
    for column, values, same in changed(published, "users", "id", "name", "email_address", "phone_number", "password"):
        assert values > 150, column
        assert same == 0, column


def test_a_users_address_is_unique_and_tells_the_id_on_the_teams_domain(published: Published) -> None:
    users = published.after("SELECT id, email_address FROM users")
    assert {email for _, email in users} == {f"{id}@user.marketplace.team" for id, _ in users}
    assert len(users) > 200


def test_every_user_logs_in_with_the_one_known_password(published: Published) -> None:
    ((password,),) = published.after("SELECT DISTINCT password FROM users")
    assert password.startswith("$2b$12$")
    assert bcrypt.checkpw(b"Password1234", password.encode())


def test_failed_logins_are_forgotten(published: Published) -> None:
    failed, after = published.both("SELECT DISTINCT failed_login_count FROM users")
    assert len(failed) > 1
    assert after == [(0,)]


def test_what_a_user_is_and_may_stays(published: Published) -> None:
    query = """SELECT id, active, created_at, updated_at, password_changed_at, role, supplier_id, logged_in_at,
               user_research_opted_in, personal_data_removed FROM users
               WHERE supplier_id IS NULL OR supplier_id IN {}"""
    before, after = published.before(query.format(STAYS)), published.after(query.format(STAYS))
    assert keys(before) == keys(after)
    assert len(after) == len(published.after("SELECT FROM users")) > 200


def test_contacts_are_replaced(published: Published) -> None:
    columns = ("contact_name", "phone_number", "email", "address1", "city", "postcode")
    for column, values, same in changed(published, "contact_information", "id", *columns):
        assert values > 60, column
        assert same <= (values // 4 if column == "city" else 0), column  # a town may come up for itself


def test_contacts_are_reached_by_the_notification_services_simulator_only(published: Published) -> None:
    assert published.after("SELECT DISTINCT email FROM contact_information") == [(SIMULATOR,)]


def test_drafts_for_open_frameworks_are_removed_and_all_others_stay(published: Published) -> None:
    assert published.before(f"SELECT count(*) FROM draft_services WHERE {OPEN}")[0][0] > 10
    what = "SELECT id, supplier_id, framework_id, lot_id FROM draft_services"
    assert keys(published.after(what)) == keys(published.before(f"{what} WHERE NOT {OPEN} AND supplier_id IN {STAYS}"))


def test_applications_to_open_frameworks_are_removed_and_all_others_stay(published: Published) -> None:
    what = "SELECT supplier_id, framework_id, on_framework FROM supplier_frameworks"
    assert len(published.before(f"{what} WHERE {OPEN}")) > 10
    assert keys(published.after(what)) == keys(published.before(f"{what} WHERE NOT {OPEN}"))
    prefilled = "SELECT supplier_id, framework_id, prefill_declaration_from_framework_id AS of FROM supplier_frameworks"
    gone = "(SELECT id FROM frameworks WHERE status = 'open')"
    assert len(published.before(f"SELECT * FROM ({prefilled}) f WHERE of IN {gone}")) == 3
    assert keys(published.after(f"{prefilled} WHERE prefill_declaration_from_framework_id IS NOT NULL")) == keys(
        published.before(f"SELECT * FROM ({prefilled}) f WHERE of NOT IN {gone} AND NOT {OPEN}")
    )


def test_agreements_on_open_frameworks_are_removed_and_all_others_stay(published: Published) -> None:
    assert len(published.before(f"SELECT FROM framework_agreements WHERE {OPEN}")) == 1
    what = "SELECT id, supplier_id, framework_id, signed_agreement_returned_at FROM framework_agreements"
    assert keys(published.after(what)) == keys(published.before(f"{what} WHERE NOT {OPEN}"))


def test_briefs_that_were_never_published_are_removed_with_what_hangs_on_them(published: Published) -> None:
    before, after = published.both("SELECT id, published_at FROM briefs")
    assert keys(after) == {brief for brief in before if brief[1] is not None}
    assert len(before) - len(after) == 10
    for table in ("brief_users", "brief_clarification_questions", "brief_responses", "outcomes"):
        drafts = f"SELECT FROM {table} t JOIN briefs b ON b.id = t.brief_id WHERE b.published_at IS NULL"
        assert published.before(drafts), table
        assert not published.after(drafts), table
    asked = (
        "SELECT q.id, brief_id, q.published_at FROM brief_clarification_questions q JOIN briefs b ON b.id = brief_id"
    )
    assert keys(published.after(asked)) == keys(published.before(f"{asked} WHERE b.published_at IS NOT NULL"))


def test_whoever_wrote_a_published_brief_still_does(published: Published) -> None:
    query = f"""SELECT brief_id, user_id FROM brief_users
                JOIN briefs b ON b.id = brief_id JOIN users u ON u.id = user_id
                WHERE b.published_at IS NOT NULL AND (u.supplier_id IS NULL OR u.supplier_id IN {STAYS})"""
    assert keys(published.after("SELECT brief_id, user_id FROM brief_users")) == keys(published.before(query))


def test_suppliers_on_no_framework_that_sell_nothing_are_removed_and_all_others_stay(published: Published) -> None:
    what = "SELECT supplier_id, id, organisation_size FROM suppliers"
    before, after = published.both(what)
    assert keys(after) == keys(published.before(f"{what} WHERE supplier_id IN {STAYS}"))
    assert len(before) - len(after) == 10  # the one that applied only to an open framework among them
    for table in ("contact_information", "users"):
        theirs = f"SELECT id, supplier_id FROM {table} WHERE supplier_id IS NOT NULL"
        assert keys(published.after(theirs)) == keys(published.before(f"{theirs} AND supplier_id IN {STAYS}"))
        assert len(published.after(theirs)) < len(published.before(theirs))


@pytest.mark.parametrize(
    ("table", "gone"),
    [
        ("archived_services", 1),
        ("direct_award_projects", 0),
        ("direct_award_project_users", 1),
        ("direct_award_searches", 1),
        ("direct_award_search_result_entries", 2),
        ("outcomes", 5),
        ("services", 0),
        ("frameworks", 0),
        ("lots", 0),
        ("framework_lots", 0),
        ("buyer_email_domains", 0),
        ("alembic_version", 0),
    ],
)
def test_nothing_else_is_removed_than_what_belongs_to_them(table: str, gone: int, published: Published) -> None:
    before, after = published.both(f"SELECT count(*) FROM {table}")
    assert before[0][0] - after[0][0] == gone
    assert after[0][0] > 0


def test_audit_events_are_emptied(published: Published) -> None:
    before, after = published.both("SELECT count(*) FROM audit_events")
    assert before[0][0] > 1000
    assert after[0][0] == 0


def test_a_signed_agreement_says_its_version_who_sent_it_in_and_somebody_who_signed(published: Published) -> None:
    query = "SELECT id, signed_agreement_details FROM framework_agreements ORDER BY id"
    before, after = (by_first(rows) for rows in published.both(query))
    assert len([one for one in after.values() if one]) > 30
    for id, new in after.items():
        old = before[id]
        if not old:
            assert new == old
            continue
        assert set(new) == {"signerName", "signerRole"} | old.keys() & {"uploaderUserId", "frameworkAgreementVersion"}
        for key in ("uploaderUserId", "frameworkAgreementVersion"):
            assert new.get(key) == old.get(key)
        assert re.fullmatch(r"[\w'-]+( [\w'-]+)+", new["signerName"])
        assert len(new["signerRole"]) > 3
        assert new["signerName"] != old.get("signerName")
        assert new["signerRole"] != old.get("signerRole")
    nameless = {"uploaderUserId": 7, "frameworkAgreementVersion": "v2"}
    somebody = {"signerName": "Alex Morgan", "signerRole": "Director"}
    assert (after[2], after[3]) == (nameless | somebody, somebody)


@pytest.mark.parametrize("column", ["signed_agreement_path", "countersigned_agreement_path"])
def test_the_path_of_an_agreement_is_a_fixed_one_that_leads_nowhere(column: str, published: Published) -> None:
    ((_, values, same),) = changed(published, "framework_agreements", "id", column)
    assert values > 20
    assert same == 0
    assert keys(published.after(f"SELECT DISTINCT {column} FROM framework_agreements")) == {(None,), (NO_PATH,)}


def test_the_event_trigger_does_not_reach_the_target(published: Published) -> None:
    before, after = published.both("SELECT evtname FROM pg_event_trigger")
    assert before == [("reassign_owned",)]
    assert after == []
    assert not published.after("SELECT FROM pg_proc WHERE proname = 'reassign_owned'")


def test_every_constraint_and_sequence_of_production_holds(published: Published) -> None:
    query = """SELECT conname, contype, condeferrable FROM pg_constraint
               WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND convalidated"""
    before, after = published.both(query)
    assert keys(before) == keys(after)
    assert len(before) > 60
    sequences = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"
    made_up = len(published.after("SELECT FROM brief_responses WHERE awarded_at IS NULL"))
    ends = by_first(published.after(sequences))
    for name, last in published.before(sequences):
        assert ends[name] - last == (made_up if name == "brief_responses_id_seq" else 0), name


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("briefs", "data"),
        ("brief_clarification_questions", "question"),
        ("brief_clarification_questions", "answer"),
        ("brief_responses", "award_details"),
        ("brief_responses", "data"),
        ("direct_award_projects", "name"),
        ("direct_award_searches", "search_url"),
        ("outcomes", "awarding_organisation_name"),
        ("suppliers", "name"),
        ("suppliers", "registered_name"),
        ("suppliers", "duns_number"),
        ("suppliers", "description"),
        ("suppliers", "companies_house_number"),
        ("suppliers", "other_company_registration_number"),
        ("suppliers", "vat_number"),
        ("services", "data"),
        ("archived_services", "data"),
        ("draft_services", "data"),
        ("buyer_email_domains", "domain_name"),
        ("framework_agreements", "countersigned_agreement_details"),
    ],
)
def test_what_older_rules_left_behind_is_gone(table: str, column: str, published: Published) -> None:
    searcher = Searcher(published.production.canaries)

    def personal(rows: list[Row]) -> int:
        return sum(any(searcher.search(io.BytesIO(value.encode()))) for (value,) in rows)

    before, after = published.both(f"SELECT {column}::text FROM {table} WHERE {column}::text NOT IN ('', '{{}}')")
    assert personal(before) > 0
    assert len(after) > 5
    assert personal(after) == 0
