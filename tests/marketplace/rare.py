"""What a production may hold besides what the generator makes: each thing that a rule about several tables meets."""

from __future__ import annotations

from typing import Any

import psycopg

# The first supplier that is on no framework and sells nothing, one of its users, and whoever applied only to what is
# still open. A new row gets the next number of its sequence.
_IDLE = """
    (SELECT min(supplier_id) FROM suppliers s
     WHERE NOT EXISTS (SELECT FROM services v WHERE v.supplier_id = s.supplier_id)
     AND NOT EXISTS (SELECT FROM supplier_frameworks f WHERE f.supplier_id = s.supplier_id))
"""
_IDLE_USER = f"(SELECT min(id) FROM users WHERE supplier_id = {_IDLE})"
_NEWCOMER = "(SELECT supplier_id FROM suppliers WHERE name = 'Zvorbadax Quexova')"
_OPEN = "(SELECT min(id) FROM frameworks WHERE status = 'open')"
_LATEST = "(SELECT max({column}) FROM {table})"

_UNDECIDED = """
    SELECT b.id FROM briefs b JOIN frameworks f ON f.id = b.framework_id
    WHERE f.slug ~ '-[0-9]+$' AND b.published_at IS NOT NULL AND b.withdrawn_at IS NULL AND b.cancelled_at IS NULL
    AND NOT EXISTS (SELECT FROM brief_responses r WHERE r.brief_id = b.id AND r.awarded_at IS NOT NULL)
    ORDER BY b.id LIMIT 1 OFFSET {}
"""
"""The briefs of a numbered framework that are closed and without a winner."""

STILL_OPEN, JUST_CLOSED, WITHOUT_LISTS, WON_BY_THE_IDLE, PENDING = (f"({_UNDECIDED.format(n)})" for n in range(5))

ALONE, TWO_OF_THEM = "digital-outcomes-and-specialists-17", "digital-outcomes-and-specialists-18"
"""Frameworks for whose briefs one supplier, or two, may respond."""

_STATEMENTS = (
    # Briefs at both sides of the fifteen days, and one whose requirements are no lists.
    f"UPDATE briefs SET published_at = now() AT TIME ZONE 'UTC' - INTERVAL '14 days 20 hours' WHERE id = {STILL_OPEN}",
    f"UPDATE briefs SET published_at = now() AT TIME ZONE 'UTC' - INTERVAL '15 days 4 hours' WHERE id = {JUST_CLOSED}",
    f"""UPDATE briefs SET data = '{{"essentialRequirements": "one text", "niceToHaveRequirements": null}}'
        WHERE id = {WITHOUT_LISTS}""",
    # Somebody is to be awarded a contract, and a brief that was never published came to nothing.
    f"""INSERT INTO outcomes (external_id, result, brief_id, brief_response_id)
        SELECT 610000000000001, 'awarded', brief_id, min(id) FROM brief_responses
        WHERE brief_id = {PENDING} GROUP BY brief_id""",
    """INSERT INTO outcomes (external_id, result, brief_id, completed_at)
       SELECT 610000000000002, 'cancelled', min(id), now() FROM briefs WHERE published_at IS NULL""",
    # A newcomer has applied only to what is open, signed for it, and began the next declaration with that one.
    "INSERT INTO suppliers (name) VALUES ('Zvorbadax Quexova')",
    f"""INSERT INTO contact_information (supplier_id, contact_name, email)
        VALUES ({_NEWCOMER}, 'Zvora Zvorbamqu', 'zvora@zvorbadax.co.example')""",
    f"""INSERT INTO supplier_frameworks (supplier_id, framework_id, declaration)
        VALUES ({_NEWCOMER}, {_OPEN}, '{{"status": "complete"}}')""",
    f"INSERT INTO framework_agreements (supplier_id, framework_id) VALUES ({_NEWCOMER}, {_OPEN})",
    f"""INSERT INTO supplier_frameworks (supplier_id, framework_id, prefill_declaration_from_framework_id)
        SELECT supplier_id, (SELECT min(id) FROM frameworks WHERE status = 'coming'), framework_id
        FROM supplier_frameworks WHERE framework_id = {_OPEN} AND supplier_id <> {_NEWCOMER}
        ORDER BY supplier_id LIMIT 3""",
    # Whoever is on no framework and sells nothing has done so before.
    f"""INSERT INTO draft_services
            (supplier_id, created_at, updated_at, data, status, framework_id, lot_id, lot_one_service_limit)
        SELECT {_IDLE}, d.created_at, d.updated_at, d.data, d.status, d.framework_id, d.lot_id, d.lot_one_service_limit
        FROM draft_services d JOIN frameworks f ON f.id = d.framework_id WHERE f.status = 'live' LIMIT 1""",
    f"""INSERT INTO archived_services
            (service_id, supplier_id, created_at, updated_at, data, status, framework_id, lot_id)
        SELECT service_id, {_IDLE}, created_at, updated_at, data, status, framework_id, lot_id
        FROM archived_services LIMIT 1""",
    f"""INSERT INTO brief_responses (data, brief_id, supplier_id, created_at, submitted_at, awarded_at)
        VALUES ('{{"dayRate": "1"}}', {WON_BY_THE_IDLE}, {_IDLE}, now(), now(), now())""",
    """INSERT INTO outcomes (external_id, result, brief_id, brief_response_id)
       SELECT 610000000000003, 'awarded', brief_id, id FROM brief_responses ORDER BY id DESC LIMIT 1""",
    f"INSERT INTO brief_users SELECT min(id), {_IDLE_USER} FROM briefs WHERE published_at IS NOT NULL",
    f"INSERT INTO direct_award_project_users (project_id, user_id) VALUES (1, {_IDLE_USER})",
    f"""INSERT INTO direct_award_searches (created_by, project_id, created_at, search_url, active)
        VALUES ({_IDLE_USER}, 1, now(), 'https://www.marketplace.example/', false)""",
    """INSERT INTO direct_award_search_result_entries (search_id, archived_service_id)
       SELECT max(s.id), 1 FROM direct_award_searches s""",
    """INSERT INTO direct_award_search_result_entries (search_id, archived_service_id)
       SELECT 1, max(a.id) FROM archived_services a""",
    """INSERT INTO outcomes
           (external_id, result, direct_award_project_id, direct_award_search_id, direct_award_archived_service_id)
       SELECT 610000000000004, 'awarded', 1, max(s.id), 1 FROM direct_award_searches s""",
    """INSERT INTO outcomes
           (external_id, result, direct_award_project_id, direct_award_search_id, direct_award_archived_service_id)
       SELECT 610000000000005, 'awarded', 1, 1, max(a.id) FROM archived_services a""",
    # Somebody has won all six briefs of a framework for which two are fit, and the only one of another alone.
    *(
        statement
        for n, slug in (("1", ALONE), ("2", TWO_OF_THEM))
        for statement in (
            f"""INSERT INTO frameworks (name, framework, status, slug, applications_close_at_utc,
                    clarifications_close_at_utc, clarifications_publish_at_utc, framework_expires_at_utc,
                    framework_live_at_utc, intention_to_award_at_utc, has_direct_award, has_further_competition)
                SELECT name, framework, 'expired', '{slug}', applications_close_at_utc,
                    clarifications_close_at_utc, clarifications_publish_at_utc, framework_expires_at_utc,
                    framework_live_at_utc, intention_to_award_at_utc, has_direct_award, has_further_competition
                FROM frameworks WHERE slug = 'digital-outcomes-and-specialists-4'""",
            f"INSERT INTO framework_lots SELECT id, 5 FROM frameworks WHERE slug = '{slug}'",
            f"""INSERT INTO supplier_frameworks (supplier_id, framework_id, declaration)
                SELECT DISTINCT s.supplier_id, f.id, '{{"status": "complete"}}'::jsonb FROM services s, frameworks f
                WHERE f.slug = '{slug}' ORDER BY s.supplier_id LIMIT {n}""",
            f"""INSERT INTO briefs (data, created_at, updated_at, framework_id, lot_id, published_at)
                SELECT '{{"title": "x"}}', b.created_at, b.updated_at, f.id, 5, b.published_at
                FROM briefs b, frameworks f WHERE f.slug = '{slug}' AND b.published_at < '2026-01-01'
                ORDER BY b.id LIMIT 5 * {n} - 4""",
            f"""INSERT INTO brief_responses (data, brief_id, supplier_id, created_at, submitted_at, awarded_at)
                SELECT '{{}}', b.id, min(s.supplier_id), b.created_at, b.created_at, b.updated_at
                FROM briefs b JOIN frameworks f ON f.id = b.framework_id
                JOIN supplier_frameworks s ON s.framework_id = f.id WHERE f.slug = '{slug}' GROUP BY b.id""",
        )
    ),
    # Signed without a name, or with an empty one.
    """UPDATE framework_agreements SET signed_agreement_details =
           '{"uploaderUserId": 7, "frameworkAgreementVersion": "v2", "uploaderUserEmail": "zvora@zvorbadax.co.example"}'
       WHERE id = 2""",
    """UPDATE framework_agreements SET signed_agreement_details = '{"signerName": "", "signerRole": null}'
       WHERE id = 3""",
)


def plant(connection: psycopg.Connection[Any]) -> None:
    """Put all of it into a filled production."""
    with connection.transaction():
        for statement in _STATEMENTS:
            connection.execute(statement.encode())
