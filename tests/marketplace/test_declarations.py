"""What is left of a declaration: its status, and of what names somebody only the shape."""

from __future__ import annotations

import re
from typing import Any

from tests.marketplace.conftest import Published, by_first

_COMPANY = r"\w[\w ,'-]*"
_TOWN = r"[A-Z][\w' -]+"
_POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
_STREET = r".*\d.*"
_PERSON = r"[\w'-]+( [\w'-]+)+"
_EMAIL = r"[a-z.]+\.[0-9a-z]{12}@example\.invalid"

SHAPES = {
    "primaryContact": _PERSON,
    "primaryContactEmail": _EMAIL,
    "contactNameContractNotice": _PERSON,
    "contactEmailContractNotice": _EMAIL,
    "nameOfOrganisation": _COMPANY,
    "companyRegistrationNumber": r"\d{8}",
    "dunsNumber": r"\d{9}",
    "registeredVATNumber": r"GB\d{9}",
    "tradingNames": _COMPANY,
    "currentRegisteredCountry": "gb",
    "registeredAddressBuilding": _STREET,
    "registeredAddressTown": _TOWN,
    "registeredAddressPostcode": _POSTCODE,
    "SQ1-1a": _COMPANY,
    "SQ1-1e": r"\d{8}",
    "SQ1-1d-ii": r"\d{8}|",
    "supplierDunsNumber": r"\d{9}",
    "supplierRegisteredBuilding": _STREET,
    "supplierRegisteredCountry": "country:GB",
    "supplierRegisteredName": _COMPANY,
    "supplierRegisteredPostcode": _POSTCODE,
    "supplierRegisteredTown": _TOWN,
    "supplierTradingName": _COMPANY,
    "supplierVatNumber": r"GB\d{9}",
}
PLACES = {"currentRegisteredCountry", "supplierRegisteredCountry"}
QUERY = "SELECT supplier_id, framework_id, declaration FROM supplier_frameworks"


def pairs(published: Published) -> list[tuple[Any, Any]]:
    """Each declaration that is left, as it was and as it is; null and NULL are both None."""
    before, after = ({row[:2]: row[2] for row in rows} for rows in published.both(QUERY))
    return [(before[one], after[one]) for one in after]


def has_status(declaration: Any) -> bool:
    return isinstance(declaration, dict) and "status" in declaration


def test_a_declaration_with_a_status_keeps_it_and_of_the_rest_what_is_listed(published: Published) -> None:
    with_status = [(old, new) for old, new in pairs(published) if has_status(old)]
    assert {old["status"] for old, _ in with_status} == {"started", "complete"}
    for old, new in with_status:
        assert new["status"] == old["status"]
        assert new.keys() == old.keys() & {"status", *SHAPES}
    assert sum(old.keys() > new.keys() for old, new in with_status) > 50
    assert set().union(*(new for _, new in with_status)) == {"status", *SHAPES}


def test_each_value_of_it_is_replaced_by_one_of_the_same_shape(published: Published) -> None:
    seen = set()
    for old, new in pairs(published):
        for key in SHAPES.keys() & new.keys() if has_status(old) else ():
            assert re.fullmatch(SHAPES[key], new[key]), key
            assert bool(new[key]) == bool(old[key]), key
            assert new[key] != old[key] or key in PLACES or not old[key], key
            seen.add(key)
    assert seen == set(SHAPES)


def test_a_declaration_without_a_status_becomes_an_empty_one(published: Published) -> None:
    written = (
        "SELECT json_typeof(declaration), count(*) FROM supplier_frameworks WHERE declaration ->> 'status' IS NULL"
    )
    before, after = (by_first(rows) for rows in published.both(f"{written} GROUP BY 1"))
    assert before.keys() == {"object", "null", None}
    assert after.keys() == {"object", None}  # where there was none there is none
    without = [(old, new) for old, new in pairs(published) if not has_status(old)]
    assert any(len(old or {}) > 2 for old, _ in without)
    assert all(new in ({}, None) for _, new in without)
    nothing = "SELECT supplier_id, framework_id FROM supplier_frameworks WHERE declaration IS NULL"
    assert set(published.after(nothing)) <= set(published.before(nothing))
