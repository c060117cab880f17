"""What names, types and shapes lead to. The whole command is tried in tests/jobs/test_suggest.py."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import BlockError, Known, compile_ruleset
from sanitisers.engine.copy_text import encode
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.model import Columns
from sanitisers.suggesting.facts import Document, Facts
from sanitisers.suggesting.gathering import Gathering, chosen
from sanitisers.suggesting.judgement import Confidence, Judgement
from sanitisers.suggesting.names import Means, meaning, words
from sanitisers.suggesting.proposal import propose
from sanitisers.suggesting.suggestion import suggest
from sanitisers.suggesting.tables import Keys
from sanitisers.suggesting.values import Look, look, shape
from sanitisers.suggesting.writing import written
from sanitisers.trying import fits
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY


def judged(
    values: list[str | None], name: str, type: str = "text", *, keys: Keys | None = None, table: str = "t"
) -> Judgement:
    """What is suggested for a column that holds these values, and an id beside it."""
    columns = [Column("id", "integer", not_null=True), Column(name, type)]
    gathered = Gathering()
    lines = b"".join(
        b"%d\t%b\n" % (row, rb"\N" if value is None else encode(value.encode())) for row, value in enumerate(values)
    )
    gathered.look(table, columns, lines, len(values))
    found = suggest({table: columns}, gathered, {table: keys or Keys(primary=frozenset({"id"}))}, fits)
    text = written(found, {table: columns}, of="a test", modeline="# m")
    compile_ruleset(parse_ruleset(text, "suggested.yaml"), {table: columns}, KEY)
    return found[table].columns[name]


@pytest.mark.parametrize("name", ["City, State", "net, gross", "a\U000e0001,"])
@pytest.mark.parametrize(("type", "value"), [("text", "of no use"), ("integer", "7"), ("boolean", "t")])
def test_a_name_with_a_comma_is_judged_as_it_would_be_without(name: str, type: str, value: str) -> None:
    assert judged([value] * 3, name, type).rule == judged([value] * 3, name.replace(",", ""), type).rule


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("primaryContactEmail", "primary contact email"),
        ("registeredVATNumber", "registered vat number"),
        ("address1", "address 1"),
        ("E-mail_Address", "e mail address"),
        ("SQ1-1a", "sq 1 1a"),
    ],
)
def test_a_name_is_read_as_words_however_it_is_put_together(name: str, plain: str) -> None:
    assert words(name) == plain


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("contact_email", "person.email"),
        ("eMail", "person.email"),
        ("mobile_phone", "person.phone"),
        ("postal_code", "address.postcode"),
        ("givenName", "person.first_name"),
        ("surname", "person.last_name"),
        ("nameOfOrganisation", "company.name"),
        ("supplier_name", "company.name"),
        ("nickname", "person.name"),
        ("acknowledged_by", "person.name"),
        ("address_line_2", "address.street"),
        ("shipping_city", "address.city"),
        ("file_name", "file.path"),
        ("website", "url"),
    ],
)
def test_a_name_tells_who_or_what_is_in_a_column(name: str, family: str) -> None:
    found = meaning(name)
    assert found is not None
    assert found.family == family


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "date_of_birth", "gender", "ethnicity", "salary", "iban", "ipAddress", "passport_number"],
)
@pytest.mark.parametrize("type", ["text", "integer", "boolean", "date", "timestamp without time zone", "jsonb"])
def test_what_must_never_go_on_is_kept_for_no_type_and_no_values(name: str, type: str) -> None:
    values = {"integer": "3", "boolean": "t", "date": "2001-02-03", "jsonb": "{}"}
    value = values.get(type, "open" if type == "text" else "2001-02-03 00:00:00")
    assert type == "jsonb" or name == "ipAddress" or not judged([value] * 50, name, type).keeps


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("jo.o'neil+x@mail.example", Look.EMAIL),
        ("+44 69 6990 3003", Look.PHONE),
        ("020 7946 0018", Look.PHONE),
        ("02079460018", Look.PHONE),
        ("QX31 3UZ", Look.POSTCODE),
        ("https://x.example/?q=1", Look.URL),
        ("$2b$12$" + "a" * 53, Look.HASH),
        ("2020-01-03T10:00:00Z", Look.WHEN),
        ("12/03/1998", Look.WHEN),
        ("09/27", Look.WHEN),
        ("12/2027", Look.WHEN),
        ("13/27", Look.CODE),
        ("2 weeks", Look.WHEN),
        ("Month", Look.WHEN),
        ("12.50", Look.NUMBER),
        ("123456789", Look.LONG_NUMBER),
        ("Aethel O'Bran-Núñez", Look.PERSON),
        ("Brannick Films Ltd", Look.COMPANY),
        ("68 Fnorpoqan Road", Look.STREET),
        ("192.0.2.7", Look.NETWORK),
        ("a-b/7/signed.pdf", Look.PATH),
        ("not-submitted", Look.SLUG),
        ("GBP", Look.CODE),
        ("Monthly", Look.WORD),
        ("limited company (LTD)", Look.PHRASE),
        ("It rained. We went home.", Look.PROSE),
    ],
)
def test_a_value_is_told_by_its_shape(text: str, kind: Look) -> None:
    assert look(text) is kind


@given(st.text(max_size=500))
def test_a_shape_holds_no_letter_and_no_digit_of_the_value(text: str) -> None:
    seen = shape(text)
    assert len(seen) <= 40
    assert {mark for mark in seen if mark.isalnum()} <= {"a", "A", "9"}
    assert seen.isprintable()


@given(st.lists(st.integers(0, 700), max_size=12))
def test_the_same_rows_are_looked_at_however_the_blocks_are_cut(sizes: list[int]) -> None:
    total = sum(sizes)
    cut, before = [], 0
    for size in sizes:
        cut += [before + row for row in chosen(before, size)]
        before += size
    assert cut == list(chosen(0, total))
    assert cut[:1000] == list(range(min(total, 1000)))


def test_a_table_is_seen_to_its_end_at_a_cost_that_hardly_grows() -> None:
    assert len(list(chosen(0, 1_000_000))) < 8_000
    assert max(chosen(0, 1_000_000)) > 990_000


def test_a_row_that_is_no_row_of_its_table_is_refused_by_its_number() -> None:
    gathered = Gathering()
    gathered.look("t", [Column("a"), Column("b")], b"1\t2\n", 1)
    with pytest.raises(BlockError, match="t, row 3: 1 values where the table has 2 columns"):
        gathered.look("t", [Column("a"), Column("b")], b"3\t4\nVimb Tharro\n", 2)


def test_memory_does_not_grow_with_the_values() -> None:
    facts = Facts()
    for number in range(5_000):
        facts.text(f"value {number}")
    assert facts.filled == 5_000
    assert len(facts.hashes) == 500


def test_shapes_outdo_a_name_that_says_nothing() -> None:
    found = judged([f"vimb{row}@mail.example" for row in range(50)], "extra_3")
    assert (found.rule, found.confidence) == ("person.email", Confidence.HIGH)
    assert "100 %" in found.reason


def test_a_name_that_the_values_belie_is_not_believed_and_nothing_is_kept() -> None:
    found = judged(["yes", "no"] * 50, "email_or_ticketing")
    assert not found.keeps


@pytest.mark.parametrize("name", ["owner", "assigned_to", "extra_3", "nick", "who", "city", "f17"])
def test_few_words_are_not_kept_where_the_name_does_not_say_that_they_are_a_list(name: str) -> None:
    assert not judged(["jo", "al", "cy"] * 100, name).keeps


@pytest.mark.parametrize("name", ["status", "order_state", "kind", "currency"])
def test_few_words_are_kept_where_the_name_says_so(name: str) -> None:
    assert judged(["open", "closed"] * 50, name).keeps


def test_a_user_name_may_be_what_somebody_logs_in_with_or_is_called() -> None:
    assert judged([f"vimb{row}" for row in range(50)], "user_name").rule == "person.user_name"
    assert judged(["Vimb Tharro", "Olvik Brann"] * 20, "uploaderUserName").rule == "person.name"


def test_a_list_with_something_personal_in_it_is_not_kept() -> None:
    assert not judged(["open", "closed", "vimb@mail.example"] * 50, "status").keeps
    assert not judged(["open", "0113 496 0999"] * 50, "status").keeps
    assert judged(["open", "see above"] * 50, "status").keeps
    assert not judged(["open", "see jo@shop.org"] * 50, "status").keeps


def test_words_that_stand_in_a_column_about_somebody_are_not_kept() -> None:
    columns = [Column("last_name"), Column("type")]
    gathered = Gathering()
    gathered.look("t", columns, b"Tharro\tTharro\nQuelb\tQuelb\n" * 40, 80)
    found = suggest({"t": columns}, gathered, {}, fits)
    assert found["t"].columns["type"].rule == "text.lorem"
    assert "t.last_name" in found["t"].columns["type"].reason


def test_values_that_stand_elsewhere_are_what_they_are_there() -> None:
    columns = [Column("full_name"), Column("q7")]
    rows = b"".join(b"Vimb%b Tharro\tVimb%b Tharro\n" % (2 * (bytes([97 + n]),)) for n in range(26))
    gathered = Gathering()
    gathered.look("t", columns, rows, 26)
    assert suggest({"t": columns}, gathered, {}, fits)["t"].columns["q7"].rule == "person.name"


@pytest.mark.parametrize(("digits", "keeps"), [(4, True), (8, True), (9, False), (12, False)])
def test_long_numbers_of_nobody_knows_what_are_not_kept(digits: int, keeps: bool) -> None:
    values: list[str | None] = [str(10 ** (digits - 1) + row) for row in range(50)]
    assert judged(values, "extra_3", "bigint").keeps is keeps


@pytest.mark.parametrize("type", ["bigint", "text"])
def test_long_numbers_that_join_nothing_are_not_kept_for_being_called_a_key(type: str) -> None:
    values: list[str | None] = [str(100_000_000_000 + row) for row in range(50)]
    assert not judged(values, "facebook_id", type).keeps
    assert judged([str(row) for row in range(50)], "facebook_id", type).keeps
    keys = Keys(primary=frozenset({"id"}), joins=frozenset({"person_id"}))
    assert judged(values, "person_id", "bigint", keys=keys).keeps


@pytest.mark.parametrize(
    "name",
    [
        *("blood_type", "marital_status", "disability_status", "religion_type", "hiv", "hiv_status", "dateofbirth"),
        *("birthplace", "deathdate", "geb. Datum", "Geburtsdatum", "tax_no", "credit_score", "long"),
    ],
)
def test_what_is_intimate_is_so_under_a_name_that_ends_like_a_list(name: str) -> None:
    found = meaning(name)
    assert found is not None
    assert found.means is Means.INTIMATE


@pytest.mark.parametrize("name", ["health_status", "card_type", "bank_count", "geo_type", "accounting_bank_status"])
def test_a_list_is_not_intimate_for_a_word_that_things_have_too(name: str) -> None:
    found = meaning(name)
    assert found is None or found.means is not Means.INTIMATE


def test_numbers_of_which_none_was_seen_are_not_kept() -> None:
    assert not judged([None] * 50, "extra_3", "integer").keeps


def test_slugs_are_public_but_those_of_people() -> None:
    slugs: list[str | None] = [f"thing-{row}" for row in range(50)]
    assert judged(slugs, "slug", table="films").keeps
    assert not judged(slugs, "slug", table="users").keeps
    assert not judged(slugs, "author_slug", table="films").keeps


def test_a_unique_column_gets_unique_fakes_or_nothing() -> None:
    keys = Keys(primary=frozenset({"id"}), unique=frozenset({"id", "domain_name", "title", "email"}))
    assert judged(["a.example", "b.example"], "domain_name", keys=keys).rule.startswith("{template:")
    assert judged(["One", "Two"], "title", keys=keys).rule == "{fake: text.words, unique: true}"
    assert judged(["a@b.example"] * 3, "email", keys=keys).rule == "person.email"


def test_a_trail_that_nothing_refers_to_is_emptied() -> None:
    columns = [Column("id", "integer", not_null=True), Column("data", "jsonb")]
    for referenced in (False, True):
        keys = Keys(primary=frozenset({"id"}), referenced=referenced)
        found = suggest({"audit_events": columns}, Gathering(), {"audit_events": keys}, fits)
        assert bool(found["audit_events"].empties) is not referenced


def documents(values: list[object]) -> Judgement:
    return judged([json.dumps(value) for value in values], "data", "jsonb")


def test_documents_are_named_path_by_path_through_lists() -> None:
    found = documents(
        [{"who": {"email": f"a{n}@b.example"}, "lines": [{"price": 1, "note": "It is."}]} for n in range(20)]
    )
    assert found.keys is not None
    assert found.keys["who"].keys is not None
    assert found.keys["who"].keys["email"].rule == "person.email"
    assert found.keys["lines"].keys is not None
    assert found.keys["lines"].keys["price"].keeps
    assert not found.keys["lines"].keys["note"].keeps


def test_keys_that_are_data_are_never_written_and_never_kept() -> None:
    found = documents([{"votes": {f"vimb{n}@mail.example": 1, f"zarq{n}@mail.example": 2}} for n in range(30)])
    assert found.keys is not None
    assert (found.keys["votes"].rule, found.keys["votes"].keys) == ("null", None)
    many = documents([{f"Vimb{n}Tharro": 1} for n in range(200)])
    assert many.keys == {}


def test_keys_that_count_stand_together() -> None:
    found = documents([{str(n): {"when": "2020-01-02", "name": "Vimb Tharro"}} for n in range(30)])
    assert found.keys is not None
    assert found.keys.keys() == {"*"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_document_can_be_looked_at(value: object) -> None:
    document = Document()
    document.add(value)
    again = Document()
    again.merge(document)
    assert again.seen == document.seen


@pytest.mark.parametrize(
    "type",
    [
        *(
            "text",
            "character varying(3)",
            "character(1)",
            "integer",
            "bigint",
            "numeric(9,2)",
            "money",
            "boolean",
            "date",
        ),
        *("timestamp with time zone", "time without time zone", "interval", "uuid", "bytea", "inet", "cidr", "macaddr"),
        *("json", "jsonb", "text[]", "integer[]", "tsvector", "xml", "point", "int4range", "public.thing", "bit(3)"),
    ],
)
@pytest.mark.parametrize("not_null", [False, True])
@pytest.mark.parametrize("name", ["extra", "email", "password", "date_of_birth", "postcode", "phone", "ip", "title"])
def test_whatever_the_type_the_suggestion_compiles(type: str, not_null: bool, name: str) -> None:
    columns = [Column(name, type, not_null, max_length=int(type[-2]) if "char" in type else None)]
    for unique in (frozenset[str](), frozenset({name})):
        found = suggest({"t": columns}, Gathering(), {"t": Keys(unique=unique)}, fits)
        text = written(found, {"t": columns}, of="a test", modeline="# m")
        known = Known(unique={"t": unique})
        assert compile_ruleset(parse_ruleset(text, "s.yaml"), {"t": columns}, KEY, known=known).warnings == ()
        emptied = found["t"].empties
        assert emptied is None or (unique and not_null and emptied.confidence is Confidence.LOW)


def test_names_that_yaml_could_misread_are_quoted() -> None:
    columns = [Column(name) for name in ("null", "True", "a: b", "x #y", "17", '"q"', "-", "é", "*")]
    found = suggest({"no": columns, "select": []}, Gathering(), {}, fits)
    text = written(found, {"no": columns, "select": []}, of="a test", modeline="# m")
    compile_ruleset(parse_ruleset(text, "suggested.yaml"), {"no": columns, "select": []}, KEY)


def test_a_name_cannot_end_the_comment_that_it_stands_in() -> None:
    columns = [
        Column("last_name\n      x: keep"),
        Column("kind"),
        Column("made\r\n  t: empty\n#_slug"),
        Column("id", "bigint"),
    ]
    gathered = Gathering()
    gathered.look("t", columns, b"Tharro\tTharro\ta-b\t1\nQuelb\tQuelb\tb-c\t2\n" * 40, 80)
    found = suggest({"t": columns}, gathered, {}, fits)
    assert "last_name" in found["t"].columns["kind"].reason
    text = written(found, {"t": columns}, of="a test", modeline="# m")
    table = parse_ruleset(text, "suggested.yaml").tables["t"]
    assert isinstance(table, Columns)
    assert table.columns.keys() <= {column.name for column in columns}
    compile_ruleset(parse_ruleset(text, "suggested.yaml"), {"t": columns}, KEY)


@pytest.mark.parametrize("key", ["value", "template", "bcrypt", "json", "pattern", "one_of", "fake", "each", "as"])
@pytest.mark.parametrize("beside", [{}, {"as": "one two"}, {"by": "one two", "zzz": 1}])
def test_a_key_with_the_name_of_a_rule_is_still_a_key(key: str, beside: dict[str, object]) -> None:
    found = documents([{"who": {key: f"a{n}@b.example", **beside}} for n in range(20)])  # which is compiled, too
    assert found.keys is not None
    assert found.keys["who"].keys is not None
    assert found.keys["who"].keys[key].rule == ("person.email" if key not in beside else "text.lorem")


def test_a_proposal_for_a_new_column_knows_as_much() -> None:
    assert propose(Column("countersigner_email")).rule == "person.email"
    assert propose(Column("born", "date", not_null=True)).rule == '{value: "1970-01-01"}'
    assert propose(Column("seen_at", "timestamp without time zone")).rule == "keep (say why)"
    assert meaning("countersigner_email") is not None
    assert meaning("status") is not None
    assert meaning("status").means is Means.WORD  # type: ignore[union-attr]
