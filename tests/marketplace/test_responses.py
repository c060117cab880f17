"""Of the responses to briefs the awarded ones stay, and made-up ones take the place of the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.marketplace.conftest import Published, by_first
from tests.marketplace.rare import ALONE, JUST_CLOSED, STILL_OPEN, TWO_OF_THEM, WITHOUT_LISTS

MADE_UP = "SELECT brief_id, supplier_id, data, created_at, submitted_at FROM brief_responses WHERE awarded_at IS NULL"
COMPLETE = """
    SELECT framework_id, supplier_id FROM supplier_frameworks
    WHERE json_typeof(declaration) = 'object' AND declaration ->> 'status' = 'complete'
"""
ONE_NUMBERED = "f.slug ~ '^digital-outcomes-and-specialists-[0-9]+$'"


def number(published: Published, query: str) -> int:
    ((found,),) = published.before(f"SELECT {query}")
    return int(found)


def test_only_awarded_responses_stay_and_all_of_them(published: Published) -> None:
    what = "SELECT id, brief_id, supplier_id, created_at, submitted_at, awarded_at FROM brief_responses"
    idle = """SELECT supplier_id FROM brief_responses WHERE data::text = '{"dayRate": "1"}'"""  # who is removed
    awarded = f"{what} WHERE awarded_at IS NOT NULL"
    assert set(published.after(awarded)) == set(published.before(f"{awarded} AND supplier_id NOT IN ({idle})"))
    last = number(published, "max(id) FROM brief_responses")
    assert len(published.before(f"{what} WHERE awarded_at IS NULL")) > 50
    assert published.after(f"{what} WHERE awarded_at IS NULL AND id <= {last}") == []
    assert len(published.after(awarded)) > 5


def test_outcomes_of_responses_that_stay_stay_and_no_other_names_one(published: Published) -> None:
    query = "SELECT o.id, o.brief_id, o.brief_response_id, result FROM outcomes o"
    joined = f"{query} JOIN brief_responses r ON r.id = o.brief_response_id WHERE r.awarded_at IS NOT NULL"
    before, after = published.both(f"{query} WHERE brief_response_id IS NOT NULL")
    assert set(after) == set(published.after(joined))
    assert len(before) - len(after) == 2  # one that was not awarded yet, one whose supplier is removed
    assert set(after) <= set(published.before(joined))


def test_the_address_to_respond_to_is_replaced_wherever_there_is_one(published: Published) -> None:
    query = "SELECT id, data ->> 'respondToEmailAddress' FROM brief_responses WHERE awarded_at IS NOT NULL"
    before, after = (by_first(rows) for rows in published.both(query))
    assert {None, ""} < set(after.values())
    for id, address in after.items():
        assert bool(address) == bool(before[id])
        assert not address or (address.endswith("@example.invalid") and address != before[id])
    written = [address for address in after.values() if address]
    assert len(set(written)) == len(written) > 3


def test_each_closed_brief_of_a_numbered_framework_gets_one_response(published: Published) -> None:
    expected = published.before(
        f"""SELECT b.id FROM briefs b JOIN frameworks f ON f.id = b.framework_id WHERE {ONE_NUMBERED}
            AND b.published_at < now() AT TIME ZONE 'UTC' - INTERVAL '15 days'
            AND b.withdrawn_at IS NULL AND b.cancelled_at IS NULL AND f.slug <> '{ALONE}'"""
    )
    answered = [row[0] for row in published.after(MADE_UP)]
    assert sorted(answered) == sorted(id for (id,) in expected)
    assert len(answered) > 20
    assert number(published, JUST_CLOSED) in answered


def test_no_other_brief_gets_one(published: Published) -> None:
    answered = {row[0] for row in published.after(MADE_UP)}
    briefs = "SELECT b.id FROM briefs b JOIN frameworks f ON f.id = b.framework_id WHERE"
    for why in (
        "b.published_at IS NULL",
        "b.withdrawn_at IS NOT NULL",
        "b.cancelled_at IS NOT NULL",
        "f.slug = 'digital-outcomes-and-specialists'",
        f"f.slug = '{ALONE}'",  # who alone may respond has won it
        f"b.id = {STILL_OPEN}",
    ):
        found = {id for (id,) in published.before(f"{briefs} {why}")}
        assert found, why
        assert not found & answered, why


def test_whoever_responds_has_a_complete_declaration_on_the_framework_and_responds_once(published: Published) -> None:
    able = set(published.before(COMPLETE))
    of = by_first(published.before("SELECT id, framework_id FROM briefs"))
    made_up = [(of[brief], supplier) for brief, supplier, *_ in published.after(MADE_UP)]
    assert set(made_up) <= able
    assert len(set(made_up)) > len(made_up) // 2  # not always the same ones
    twice = "SELECT brief_id FROM brief_responses GROUP BY brief_id, supplier_id HAVING count(*) > 1"
    assert published.after(twice) == []


def test_whoever_has_won_a_brief_does_not_respond_again_but_the_next_one_does(published: Published) -> None:
    query = f"""SELECT brief_id, array_agg(DISTINCT r.supplier_id) FROM brief_responses r
                JOIN briefs b ON b.id = brief_id JOIN frameworks f ON f.id = b.framework_id
                WHERE f.slug = '{TWO_OF_THEM}' GROUP BY brief_id HAVING count(*) = 2"""
    responded = by_first(published.after(query))
    assert len(responded) == 6
    assert {tuple(suppliers) for suppliers in responded.values()} == {
        tuple(id for (id,) in published.before(f"SELECT supplier_id {_OF_THEM} ORDER BY 1"))
    }


_OF_THEM = f"FROM supplier_frameworks s JOIN frameworks f ON f.id = s.framework_id WHERE f.slug = '{TWO_OF_THEM}'"


def test_a_made_up_response_answers_every_requirement_of_its_brief(published: Published) -> None:
    briefs = by_first(published.before("SELECT id, data FROM briefs"))
    seen = set()
    for brief, _, data, *_ in published.after(MADE_UP):
        for key in ("essentialRequirements", "niceToHaveRequirements"):
            wanted = briefs[brief].get(key)
            assert len(data[key]) == (len(wanted) if isinstance(wanted, list) else 0)
            assert all(len(one["evidence"]) > 20 for one in data[key])
            seen.add((key, len(data[key])))
    assert len(seen) > 5
    lists = {brief: data for brief, _, data, *_ in published.after(MADE_UP)}[number(published, WITHOUT_LISTS)]
    assert (lists["essentialRequirements"], lists["niceToHaveRequirements"]) == ([], [])


def shape(value: Any) -> Any:
    """The keys and kinds of a document, of a list those of its items together."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        found = [shape(item) for item in value]
        return [max(found, key=len)] if found and isinstance(found[0], dict) else found[:1]
    return type(value).__name__


def test_a_made_up_response_has_the_shape_of_the_real_ones(published: Published) -> None:
    (real,) = {repr(sorted(shape(data).items())) for (data,) in published.before(REAL) if len(data) > 1}
    shapes = [shape(data) for _, _, data, *_ in published.after(MADE_UP) if all(data.values())]
    assert len(shapes) > 10
    assert {repr(sorted(one.items())) for one in shapes} == {real}
    for _, supplier, data, *_ in published.after(MADE_UP):
        assert data["respondToEmailAddress"] == f"supplier-{supplier}@example.invalid"
        assert re.fullmatch(r"\d{3}\.\d\d", data["dayRate"])
        assert re.fullmatch(r"From \d{1,2} [A-Z][a-z]+", data["availability"])


REAL = "SELECT data FROM brief_responses WHERE awarded_at IS NULL AND data::text <> '{}'"


def test_a_made_up_response_is_written_while_the_brief_took_applications(published: Published) -> None:
    published_at = by_first(published.before("SELECT id, published_at FROM briefs"))
    for brief, _, _, created, submitted in published.after(MADE_UP):
        assert published_at[brief] < created < published_at[brief] + timedelta(weeks=1)
        assert submitted is None or created < submitted < published_at[brief] + timedelta(weeks=1)


def test_about_one_in_five_is_left_as_a_draft(published: Published) -> None:
    made_up = published.after(MADE_UP)
    drafts = sum(submitted is None for *_, submitted in made_up)
    assert len(made_up) / 12 < drafts < len(made_up) / 2.5


def test_the_same_production_gives_the_same_responses_by_either_strategy(publish: Callable[[str], Published]) -> None:
    one, other = (publish(strategy).after(f"{MADE_UP} ORDER BY id") for strategy in ("schema", "database"))
    assert one == other
    assert len(one) > 20
