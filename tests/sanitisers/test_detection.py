"""What looks personal in what is kept is counted by place and kind, and what is nobody's is not."""

from __future__ import annotations

import json

import pytest

from sanitisers import Leaked, LooksPersonal, RulesetError, Sanitiser
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_blocks import BlockWriter
from sanitisers.leaks import detection, gathering
from sanitisers.leaks.detection import Detected
from sanitisers.pools import Pools
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.test_document_blocks import nothing_together
from tests.sanitisers.test_leak_check import Rows, made, pass_through

TEXT = [Column("body")]
KEEP = "  t:\n    columns: {body: keep (as it is)}"
EMAIL, PHONE, POSTCODE, INSURANCE = "e-mail address", "phone number", "UK postcode", "National Insurance number"


def seen(rules: str, columns: list[Column], rows: Rows, head: str = "", block: int = 1000) -> Sanitiser:
    one = made(rules, {"t": columns}, head)
    pass_through(one, "t", columns, rows, block)
    one.check_leaks()
    return one.sanitiser


def counts(*values: str, rules: str = KEEP, head: str = "") -> dict[str, dict[str, int]]:
    """Of a kept column `body` what was found, by place and kind."""
    detected = seen(rules, TEXT, [(encode(value.encode()),) for value in values], head).detected
    return {one.where: dict(one.counts) for one in detected}


@pytest.mark.parametrize("passing", [True, False], ids=["in a table that passes", "beside a rule"])
@pytest.mark.parametrize("block", [1, 1000])
def test_what_looks_personal_is_counted_by_kind(passing: bool, block: int) -> None:
    values = [
        b"write to jo@gov.uk\\nor 07711 654321",
        b"SW1A 2AA",
        b"M11AE",
        b"ask AB 12 34 56 C",
        rb"\N",
        b"",
        b"jo@gov.uk",
    ]
    other = "keep" if passing else "person.name"
    columns = [Column("body"), Column("other", "integer" if passing else "text")]
    rules = f"  t:\n    columns: {{body: keep (as it is), other: {other}}}"
    found = seen(rules, columns, [(value, b"1") for value in values], block=block).detected
    assert found == [Detected("t.body", ((EMAIL, 2), (PHONE, 1), (POSTCODE, 2), (INSURANCE, 1)))]
    assert str(found[0]) == (
        "t.body keeps what looks like 2 e-mail addresses, 1 phone number, 2 UK postcodes, 1 National Insurance number"
    )


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_what_stays_in_documents_is_counted_by_its_path(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    document = {"a": {"b": ["M1 1AE", "é jo@gov.uk"], "jo@gov.uk": 1}, "c": "07711 654321", "d": "him@gov.uk"}
    rules = "  t:\n    columns:\n      body: {json: {a: {b: keep, '*': null}, c: keep, d: person.email}}"
    columns = [Column("body", "jsonb")]
    detected = seen(rules, columns, [(encode(json.dumps(document).encode()),)] * 3).detected
    assert {one.where: dict(one.counts) for one in detected} == {
        "t.body.a.b": {EMAIL: 3, POSTCODE: 3},
        "t.body.c": {PHONE: 3},
        "t.body": {EMAIL: 3},
    }
    whole = seen("  t:\n    columns: {body: keep (as it is)}", columns, [(encode(json.dumps(document).encode()),)])
    assert [dict(one.counts) for one in whole.detected] == [{EMAIL: 3, PHONE: 1, POSTCODE: 1}]


@pytest.mark.parametrize(
    "value",
    [
        *("jo@example.com", "jo.7k3@example.invalid", "jo@somewhere.test", "07700 900123", "+44 (0)20 7946 0018"),
        *("0044 1632 960123", "020 7946 0999", "03069 990123", "012345678", "0000000000", "00000000000"),
        *("1@user.marketplace.team", "99@USER.marketplace.team", "public@help.gov.uk", "ask 2021-03-04 09:10:11"),
        "0d4f5c6e-1234-4321-8888-012345678901",
    ],
)
def test_what_is_nobodys_is_not_counted(value: str) -> None:
    columns = [Column("id", "integer", not_null=True), Column("mail"), Column("desk"), Column("body")]
    rules = """  t:
    columns:
      mail: "person.email at {id}@user.marketplace.team"
      desk: {value: ask public@help.gov.uk first}
      body: keep (as it is)
"""
    row = (b"1", b"x@gov.uk", b"x", f"see {value}, please".encode())
    assert seen(rules, columns, [row]).detected == []


def test_fakes_of_an_earlier_refresh_are_not_counted() -> None:
    families = ("person.phone", "person.email", "address.postcode", "address.street")
    pools = Pools("en_GB")
    for family in families:
        pools.form(family)
    columns = [*(Column(f"c{n}") for n in range(len(families))), Column("body")]
    rules = "".join(f"      c{n}: {family}\n" for n, family in enumerate(families))
    fakes = [entry.encode() for entry in list(pools.entries())[::50]]
    rows = [(b"",) * len(families) + (fake,) for fake in fakes]
    assert seen(f"  t:\n    columns:\n{rules}      body: keep (as it is)", columns, rows).detected == []


def test_what_rules_write_and_what_they_replace_is_not_counted() -> None:
    rules = "  t:\n    columns: {body: {value: jo@gov.uk}}"
    assert counts("jo@nhs.uk", "07711 654321", rules=rules) == {}
    assert counts("jo@nhs.uk", rules="  t: empty") == {}


def test_a_place_can_be_left_alone_with_a_reason() -> None:
    assert counts("jo@gov.uk", head="leaks: {t.body: keep (the public desk)}") == {}
    assert counts("jo@gov.uk", head="leaks: {t.other: keep (the public desk)}") == {"t.body": {EMAIL: 1}}


def test_it_works_without_the_leak_check_and_the_leak_check_without_it() -> None:
    assert counts("jo@gov.uk", head="leak_check: off (measured)") == {"t.body": {EMAIL: 1}}
    sanitiser = seen(KEEP, TEXT, [(b"jo@gov.uk",)], "detectors: off (we know)")
    assert sanitiser.detected == []
    assert sanitiser.warnings == (
        "leaks.yaml:3: detectors: what is kept is not searched for what looks personal (we know)",
    )
    columns = [Column("own"), Column("body")]
    with pytest.raises(Leaked):
        seen(
            "  t:\n    columns: {own: person.email, body: keep (x)}",
            columns,
            [(b"jo@gov.uk",) * 2],
            "detectors: off (x)",
        )


def test_it_can_stop_the_run_and_says_what_to_paste() -> None:
    with pytest.raises(LooksPersonal) as stopped:
        counts("jo@gov.uk", "07711 654321", "jo@nhs.uk", head="detectors: stop")
    assert str(stopped.value) == (
        "What looks like personal data stands in what is kept, where it would be published:\n"
        "  t.body keeps what looks like 2 e-mail addresses, 1 phone number"
    )
    assert stopped.value.paste == 'leaks:\n  "t.body": keep (say why)'
    assert counts("nothing", head="detectors: stop") == {}
    allowed = stopped.value.paste.replace("say why", "that is the help desk")
    assert counts("jo@gov.uk", head=f"detectors: stop\n{allowed}") == {}


@pytest.mark.parametrize("line", ["off", "on", "off (say why)", "false", "strict"])
def test_the_ruleset_names_what_it_does_not_understand(line: str) -> None:
    with pytest.raises(RulesetError, match=r"^bad\.yaml:2: "):
        parse_ruleset(f"ruleset: 1\ndetectors: {line}\n", "bad.yaml")


def test_where_there_are_very_many_no_more_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "ENOUGH", 3)
    monkeypatch.setattr(gathering, "AT_ONCE", 1)
    columns = [Column("a"), Column("b")]
    rows = [(b"jo%d@gov.uk" % n, b"jo@gov.uk" if n == 9 else b"07711 654321" if n < 2 else b"") for n in range(10)]
    rows += [(b"07711 654321, SW1A 2AA, jo@gov.uk", b"")] * 2 + [(b"SW1A 2AA", b"")] * 2
    found = seen("  t:\n    columns: {a: keep (x), b: keep (y)}", columns, rows, block=1).detected
    assert [str(one) for one in found] == [
        "t.a keeps what looks like 3 and more e-mail addresses, 2 phone numbers, 3 and more UK postcodes",
        "t.b keeps what looks like 1 e-mail address, 2 phone numbers",
    ]
