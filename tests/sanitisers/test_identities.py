"""One person is one person: what is decided by the same text, in the same space, goes together."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanitisers import RulesetError, compile_ruleset
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY, table

RULES = """
ruleset: 1
tables:
  users:
    columns:
      name: person.name as person by email
      email: person.email as person
      phone: person.phone as person by email
  contacts:
    columns:
      mail: person.email as person
      first: person.first_name as person by mail
      last: person.last_name as person by mail
  events:
    columns:
      "user": person.email as person
      data:
        json:
          who:
            mail: person.email as person
            name: person.name as person by mail
            phone: person.phone as person by mail
          seen: {"*": {mail: person.email as person, names: person.name as person by mail}}
"""
SCHEMA = {
    "users": [Column("name"), Column("email"), Column("phone")],
    "contacts": [Column("mail"), Column("first"), Column("last")],
    "events": [Column("user"), Column("data", "jsonb")],
}


def rows(table: str, lines: list[list[str]]) -> list[list[str]]:
    compiled = compile_ruleset(parse_ruleset(RULES, "test.yaml"), SCHEMA, KEY)
    names = [column.name for column in SCHEMA[table]]
    block = compiled.table(table, names).apply("".join("\t".join(line) + "\n" for line in lines).encode())
    return [line.split("\t") for line in bytes(block.rows).decode().splitlines()]


@pytest.mark.fault("54")
@settings(deadline=None)  # the first takes the time that the pools take
@given(st.lists(st.from_regex(r"[a-z]{1,9}@[a-z]{1,9}\.uk", fullmatch=True), min_size=1, max_size=9))
def test_the_same_address_gives_the_same_person_in_every_table_and_in_json(mails: list[str]) -> None:
    users = rows("users", [["Ann Lee", mail, "1"] for mail in mails])
    contacts = rows("contacts", [[mail, "Bo", "Ek"] for mail in mails])
    documents = [
        {"who": {"mail": m, "name": "Cy", "phone": "2"}, "seen": {"x": [{"mail": m, "names": ["D", "E"]}]}}
        for m in mails
    ]
    events = rows("events", [[m, json.dumps(d)] for m, d in zip(mails, documents, strict=True)])
    for (name, mail, phone), (mail_2, first, last), (user, data) in zip(users, contacts, events, strict=True):
        assert f"{first} {last}" == name
        assert mail == mail_2 == user
        assert json.loads(data) == {
            "who": {"mail": mail, "name": name, "phone": phone},
            "seen": {"x": [{"mail": mail, "names": [name, name]}]},
        }
    assert len({mail for _, mail, _ in users}) == len(set(mails))


def test_the_address_of_a_person_is_made_of_their_name() -> None:
    for name, mail, _ in rows("users", [["Ann", f"ann{n}@x.uk", "1"] for n in range(50)]):
        assert re.sub(r"[^a-z. ]", "", name.lower()).replace(" ", ".") == mail.rsplit(".", 2)[0]


def test_where_nothing_decides_the_value_itself_does() -> None:
    (a, _, _), (b, _, _), (c, _, _) = rows("users", [["Ann", r"\N", "1"], ["Bob", "", "1"], ["Ann", "", "2"]])
    assert a == c != b


def test_parts_of_an_address_in_one_row_belong_together() -> None:
    columns = [Column("street"), Column("town"), Column("code"), Column("whole")]
    rules = "street: address.street\ntown: address.city\ncode: address.postcode\nwhole: address.full"
    originals = b"".join(b"%d Elm Row\tYork\tYO%d 1AA\tx\n" % (n, n) for n in range(60))
    for line in (
        bytes(table(columns, rules).apply(originals + b"1 Elm Row\tYork\t\\N\t\n").rows).decode().splitlines()[:-1]
    ):
        street, town, code, whole = line.split("\t")
        assert whole == f"{street}, {town}, {code}"


def test_parts_of_an_address_in_one_object_belong_together() -> None:
    rule = "c: {json: {home: {street: address.street, code: address.postcode, all: address.full}}}"
    document = b'{"home": {"street": "1 Elm Row", "code": "YO1 1AA", "all": "x"}}\n'
    home = json.loads(bytes(table([Column("c", "json")], rule).apply(document).rows))["home"]
    assert home["all"].startswith(f"{home['street']}, ")
    assert home["all"].endswith(f", {home['code']}")


def test_an_address_that_says_what_decides_it_is_left_alone() -> None:
    columns = [Column("town"), Column("code")]
    rows = b"York\tYO1 1AA\nYork\tYO2 2BB\n"
    made = bytes(table(columns, "town: address.city as town\ncode: address.postcode").apply(rows).rows).split(b"\n")
    assert made[0].split(b"\t")[0] == made[1].split(b"\t")[0]


CASELESS = {
    "citext": "",
    "public.citext": "",
    "extensions.citext": "",
    '"public"."citext"': "",
    '"My ""own""".citext': "",
    "public.email": "extensions.citext",
}
"""Types to which capitals are small letters, and what those that are domains are over."""


@pytest.mark.parametrize(
    ("a", "b"), [("Ann@X.uk", "ann@x.uk"), ("Żoë", "żoË"), ("ΟΔΟΣ", "οδοσ"), ("x Ж", "X ж")], ids=[*"abcd"]
)
@pytest.mark.parametrize(("type", "base"), [*CASELESS.items(), ("text", ""), ("public.notcitext", "text")])
def test_capitals_make_no_difference_where_the_column_knows_none(type: str, base: str, a: str, b: str) -> None:
    columns = [Column("c", type, base=base), Column("d", type, base=base), Column("e")]
    rules = "c: person.email\nd: {fake: person.email, unique: true}\ne: person.name by c"
    rows = "".join(f"{one}\t{one}\t{n}\n" for n, one in enumerate((a, b, "zoe"))).encode()
    first, second, other = (line.split(b"\t") for line in bytes(table(columns, rules).apply(rows).rows).splitlines())
    assert (first == second) is (type in CASELESS)
    assert first[0] != other[0]
    assert first[0] == first[1]


@pytest.mark.parametrize(
    ("by", "what"),
    [
        ("emial", "the table has no column `emial` to decide by; did you mean `email`?"),
        ("computed", "the server computes `computed`, so it is not in the dump and decides nothing"),
    ],
)
def test_what_cannot_decide_is_refused(by: str, what: str) -> None:
    columns = [Column("name"), Column("email"), Column("computed", generated=True)]
    with pytest.raises(RulesetError, match=re.escape(what)):
        table(columns, f"name: person.name by {by}\nemail: null")
