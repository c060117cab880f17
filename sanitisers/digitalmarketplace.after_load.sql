-- What only several tables decide together. It runs on rows that are sanitised already, in the transaction that
-- publishes them, with every constraint in force: so whatever refers to a row goes before the row. The choices come
-- from ids, never from chance: the same dump makes the same rows. Run a second time, it changes nothing but the ids of
-- the responses that it makes up.

-- Whoever applies to a framework that is still open, and with what, is for nobody to know yet.
DELETE FROM framework_agreements
USING frameworks
WHERE frameworks.id = framework_agreements.framework_id AND frameworks.status = 'open';

UPDATE supplier_frameworks
SET prefill_declaration_from_framework_id = NULL
FROM frameworks
WHERE frameworks.id = supplier_frameworks.prefill_declaration_from_framework_id AND frameworks.status = 'open';

DELETE FROM supplier_frameworks
USING frameworks
WHERE frameworks.id = supplier_frameworks.framework_id AND frameworks.status = 'open';

DELETE FROM draft_services
USING frameworks
WHERE frameworks.id = draft_services.framework_id AND frameworks.status = 'open';

-- Briefs that were never published, with all that hangs on them, and responses that won nothing.
DELETE FROM outcomes
USING briefs
WHERE briefs.id = outcomes.brief_id AND briefs.published_at IS NULL;

DELETE FROM outcomes
USING brief_responses
WHERE brief_responses.id = outcomes.brief_response_id AND brief_responses.awarded_at IS NULL;

DELETE FROM brief_users
USING briefs
WHERE briefs.id = brief_users.brief_id AND briefs.published_at IS NULL;

DELETE FROM brief_clarification_questions
USING briefs
WHERE briefs.id = brief_clarification_questions.brief_id AND briefs.published_at IS NULL;

DELETE FROM brief_responses
USING briefs
WHERE briefs.id = brief_responses.brief_id AND (briefs.published_at IS NULL OR brief_responses.awarded_at IS NULL);

DELETE FROM briefs WHERE published_at IS NULL;

-- Suppliers that are on no framework and sell nothing, and whatever is theirs or of their users.
CREATE TEMPORARY TABLE idle ON COMMIT DROP AS
SELECT suppliers.supplier_id
FROM suppliers
WHERE NOT EXISTS (SELECT 1 FROM supplier_frameworks WHERE supplier_frameworks.supplier_id = suppliers.supplier_id)
AND NOT EXISTS (SELECT 1 FROM services WHERE services.supplier_id = suppliers.supplier_id);

CREATE TEMPORARY TABLE idle_users ON COMMIT DROP AS
SELECT users.id FROM users JOIN idle ON idle.supplier_id = users.supplier_id;

CREATE TEMPORARY TABLE idle_searches ON COMMIT DROP AS
SELECT direct_award_searches.id
FROM direct_award_searches JOIN idle_users ON idle_users.id = direct_award_searches.created_by;

CREATE TEMPORARY TABLE idle_archive ON COMMIT DROP AS
SELECT archived_services.id
FROM archived_services JOIN idle ON idle.supplier_id = archived_services.supplier_id;

DELETE FROM outcomes
WHERE direct_award_search_id IN (SELECT id FROM idle_searches)
OR direct_award_archived_service_id IN (SELECT id FROM idle_archive)
OR brief_response_id IN (
    SELECT brief_responses.id FROM brief_responses JOIN idle ON idle.supplier_id = brief_responses.supplier_id
);

DELETE FROM direct_award_search_result_entries
WHERE search_id IN (SELECT id FROM idle_searches) OR archived_service_id IN (SELECT id FROM idle_archive);

DELETE FROM direct_award_searches WHERE id IN (SELECT id FROM idle_searches);

DELETE FROM direct_award_project_users WHERE user_id IN (SELECT id FROM idle_users);

DELETE FROM brief_users WHERE user_id IN (SELECT id FROM idle_users);

DELETE FROM brief_responses WHERE supplier_id IN (SELECT supplier_id FROM idle);

DELETE FROM archived_services WHERE id IN (SELECT id FROM idle_archive);

DELETE FROM draft_services WHERE supplier_id IN (SELECT supplier_id FROM idle);

DELETE FROM contact_information WHERE supplier_id IN (SELECT supplier_id FROM idle);

DELETE FROM users WHERE supplier_id IN (SELECT supplier_id FROM idle);

DELETE FROM suppliers WHERE supplier_id IN (SELECT supplier_id FROM idle);

-- An agreement that says anything says who signed it, also where production left that open.
UPDATE framework_agreements
SET signed_agreement_details = json_strip_nulls(json_build_object(
    'signerName', coalesce(nullif(signed_agreement_details ->> 'signerName', ''), 'Alex Morgan'),
    'signerRole', coalesce(nullif(signed_agreement_details ->> 'signerRole', ''), 'Director'),
    'uploaderUserId', signed_agreement_details -> 'uploaderUserId',
    'frameworkAgreementVersion', signed_agreement_details -> 'frameworkAgreementVersion'
))
WHERE CASE json_typeof(signed_agreement_details)
    WHEN 'object' THEN EXISTS (SELECT 1 FROM json_object_keys(signed_agreement_details))
    ELSE FALSE
END
AND (
    coalesce(signed_agreement_details ->> 'signerName', '') = ''
    OR coalesce(signed_agreement_details ->> 'signerRole', '') = ''
);

-- One response to each closed brief of digital-outcomes-and-specialists-N, so that there is something to evaluate. A
-- brief takes applications for one week or two (its requirementsLength), to the end of the day: 15 days after it was
-- published that is over either way. Who withdrew or cancelled a brief waits for no response, so it gets none; one that
-- was awarded, or for which nobody was suitable, did get some.
--
-- Whoever responds has a complete declaration on the brief's framework, and has not responded to it already. A brief's
-- turn, which is its id well mixed, says which of them it is; the next one takes the place of the winner.
CREATE TEMPORARY TABLE contenders ON COMMIT DROP AS
SELECT
    framework_id,
    supplier_id,
    row_number() OVER (PARTITION BY framework_id ORDER BY supplier_id) - 1 AS place
FROM supplier_frameworks
WHERE declaration ->> 'status' = 'complete';

CREATE TEMPORARY TABLE closed_briefs ON COMMIT DROP AS
SELECT
    briefs.id,
    briefs.framework_id,
    briefs.published_at,
    contested.places,
    briefs.id * 2654435761 % 4294967296 / 64 AS turn,
    CASE json_typeof(briefs.data -> 'essentialRequirements')
        WHEN 'array' THEN json_array_length(briefs.data -> 'essentialRequirements') ELSE 0
    END AS essential,
    CASE json_typeof(briefs.data -> 'niceToHaveRequirements')
        WHEN 'array' THEN json_array_length(briefs.data -> 'niceToHaveRequirements') ELSE 0
    END AS nice
FROM briefs
JOIN (
    SELECT frameworks.id, count(*) AS places
    FROM frameworks
    JOIN contenders ON contenders.framework_id = frameworks.id
    WHERE frameworks.slug ~ '^digital-outcomes-and-specialists-[0-9]+$'
    GROUP BY frameworks.id
) AS contested ON contested.id = briefs.framework_id
WHERE briefs.published_at < now() AT TIME ZONE 'UTC' - INTERVAL '15 days'
AND briefs.withdrawn_at IS NULL
AND briefs.cancelled_at IS NULL;

CREATE TEMPORARY TABLE responding ON COMMIT DROP AS
SELECT
    closed_briefs.id AS brief_id,
    contenders.supplier_id,
    closed_briefs.essential,
    closed_briefs.nice,
    closed_briefs.turn,
    closed_briefs.published_at + (1 + closed_briefs.turn % 160) * INTERVAL '1 hour' AS begun_at
FROM closed_briefs
LEFT JOIN brief_responses ON brief_responses.brief_id = closed_briefs.id -- the winner's: no other is left
LEFT JOIN contenders AS winner
    ON winner.framework_id = closed_briefs.framework_id AND winner.supplier_id = brief_responses.supplier_id
JOIN contenders
    ON contenders.framework_id = closed_briefs.framework_id
    AND contenders.place = CASE closed_briefs.turn % closed_briefs.places
        WHEN winner.place THEN (winner.place + 1) % closed_briefs.places
        ELSE closed_briefs.turn % closed_briefs.places
    END
WHERE winner.supplier_id IS DISTINCT FROM contenders.supplier_id;

INSERT INTO brief_responses (data, brief_id, supplier_id, created_at, submitted_at)
SELECT
    json_build_object(
        'essentialRequirements', (
            SELECT coalesce(json_agg(
                json_build_object('evidence', evidence.said[1 + (turn + entry) % cardinality(evidence.said)])
                ORDER BY entry
            ), '[]')
            FROM generate_series(1, essential) AS entry
        ),
        'essentialRequirementsMet', TRUE,
        'niceToHaveRequirements', (
            SELECT coalesce(json_agg(
                json_build_object(
                    'yesNo', TRUE, 'evidence', evidence.said[1 + (turn + 3 * entry) % cardinality(evidence.said)]
                )
                ORDER BY entry
            ), '[]')
            FROM generate_series(1, nice) AS entry
        ),
        'availability', to_char(begun_at + INTERVAL '6 weeks', '"From "FMDD FMMonth'),
        'dayRate', (350 + turn % 400) || '.00',
        'respondToEmailAddress', 'supplier-' || supplier_id || '@example.invalid'
    ),
    brief_id,
    supplier_id,
    begun_at,
    CASE WHEN turn / 7 % 5 > 0 THEN begun_at + INTERVAL '90 minutes' END -- one in five is still a draft
FROM responding
CROSS JOIN (
    SELECT ARRAY[
        'We built and ran a service like this one for another public body, and handed it over to its own team.',
        'Our team has done this on three projects over the last two years; we can show how.',
        'In our latest contract we did this from discovery to live, and halved the time that users needed.',
        'We have done this for a department with 2,000 users, in sprints of two weeks, within budget.',
        'Two of our people hold the certificates that this asks for and have worked in this way since 2015.',
        'We did this as part of a larger team, and trained those who have carried on with it since.',
        'We met the Digital Service Standard with this, at the first assessment.'
    ] AS said
) AS evidence
ORDER BY brief_id;
