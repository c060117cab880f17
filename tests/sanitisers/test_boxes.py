"""Arrays, composites and hstores, element by element: the same fakes as in plain columns, and nothing else changed."""

from __future__ import annotations

import json

import pytest

from sanitisers import RulesetError, ValueRefused
from sanitisers.engine.copy_text import decode, encode
from tests.sanitisers.columns import Column
from tests.sanitisers.making import one, sanitiser, table

TEXT = Column("[]")
LIST = Column("c", "text[]", element=TEXT)
ADDRESS = (Column("city"), Column("phone", max_length=20), Column("tags", "text[]", element=TEXT))
ADDRESSED = Column("c", "public.address", fields=ADDRESS)
PEOPLE = Column("c", "public.address[]", element=Column("[]", "public.address", fields=ADDRESS))
HSTORE = Column("c", "public.hstore")


def sanitised(column: Column, rule: str, *texts: str) -> list[str]:
    """What becomes of the values of a column."""
    rows = b"".join(encode(text.encode()) + b"\n" for text in texts)
    lines = bytes(table([column], f"c: {rule}").apply(rows).rows).split(b"\n")[:-1]
    return [decode(line).decode() for line in lines]


def fake(family: str, text: str) -> str:
    """The fake of an original in a column of its own."""
    (found,) = one(family, [encode(text.encode())])
    return decode(found).decode()


def in_array(text: str) -> str:
    return f'"{text}"' if " " in text else text


def test_an_element_has_the_fake_that_it_has_in_a_column() -> None:
    ada, bo = (in_array(fake("person.name", name)) for name in ("Ada Lovelace", "Bo"))
    assert sanitised(LIST, "{each: person.name}", '{"Ada Lovelace",NULL,"",Bo,"NULL"}', "{}", "[0:0]={Bo}") == [
        f'{{{ada},NULL,"",{bo},{in_array(fake("person.name", "NULL"))}}}',
        "{}",
        f"[0:0]={{{bo}}}",
    ]
    assert sanitised(LIST, "{each: person.name}", '{{"Ada Lovelace"},{Bo}}') == [f"{{{{{ada}}},{{{bo}}}}}"]


def test_null_stays_null() -> None:
    for column, rule in ((LIST, "{each: person.name}"), (HSTORE, "{entries: {'*': person.name}}")):
        assert bytes(table([column], f"c: {rule}").apply(b"\\N\n").rows) == b"\\N\n"


@pytest.mark.parametrize("original", ['say "a\\b"', "a,b{c}", "tab\tend", "new\nline", "\\N", " "])
def test_what_must_be_escaped_is_the_same_person_all_the_same(original: str) -> None:
    escaped = original.replace("\\", "\\\\").replace('"', '\\"')
    assert sanitised(LIST, "{each: person.name}", f'{{"{escaped}"}}') == [
        f"{{{in_array(fake('person.name', original))}}}"
    ]


@pytest.mark.parametrize(
    ("constant", "written"),
    [
        ('a "b"', r'"a \"b\""'),
        (r"c\d", r'"c\\d"'),
        ("e, {f}", '"e, {f}"'),
        ("NULL", '"NULL"'),
        ("g\nh", '"g\nh"'),
        ("(plain)", "(plain)"),
    ],
)
def test_a_constant_is_written_so_that_it_is_read_as_that(constant: str, written: str) -> None:
    rule = f"{{each: {{value: {json.dumps(constant)}}}}}"
    assert sanitised(LIST, rule, "{x,NULL}") == [f"{{{written},NULL}}"]


def test_elements_can_become_null_and_keep_their_places() -> None:
    assert sanitised(LIST, "{each: null}", '{{a,b},{"",NULL}}') == ["{{NULL,NULL},{NULL,NULL}}"]


def test_fields_have_rules_of_their_own_at_any_depth() -> None:
    rule = "{fields: {city: keep, phone: null, tags: {each: person.name}}}"
    name = fake("person.name", "Bo")
    tags = f'"{{""{name}""}}"' if " " in name else f"{{{name}}}"
    assert sanitised(ADDRESSED, rule, '("New ""York""",07711654321,{Bo})', '("",,)') == [
        f'("New ""York""",,{tags})',
        '("",,)',
    ]


def test_an_array_of_composites_is_looked_into() -> None:
    rule = "{each: {fields: {city: address.city, phone: {value: none}, tags: keep}}}"
    (found,) = sanitised(PEOPLE, rule, r'{"(Leeds,1,\"{a,b}\")",NULL,"(,,)"}')
    city = fake("address.city", "Leeds")
    written = rf"\"{city}\"" if " " in city else city
    assert found == rf'{{"({written},none,\"{{a,b}}\")",NULL,"(,,)"}}'


def test_documents_inside_are_looked_into() -> None:
    documents = Column("c", "jsonb[]", element=Column("[]", "jsonb"))
    (found,) = sanitised(documents, "{each: {json: {name: person.name}}}", r'{"{\"name\": \"Bo\", \"x\": 1}",NULL}')
    name = fake("person.name", "Bo")
    assert found == rf'{{"{{\"name\": \"{name}\"}}",NULL}}'


def test_entries_that_nobody_named_are_dropped_unless_the_rest_is_kept() -> None:
    text = '"name"=>"Bo", "x"=>"1", "y"=>NULL, "na\\"me"=>""'
    name = fake("person.name", "Bo")
    assert sanitised(HSTORE, "{entries: {name: person.name}}", text, "") == [f'"name"=>"{name}"', ""]
    assert sanitised(HSTORE, "{entries: {}}", text) == [""]
    kept = f'"name"=>"{name}", "x"=>"1", "y"=>NULL, "na\\"me"=>""'
    assert sanitised(HSTORE, "{entries: {name: person.name}, rest: keep (all)}", text) == [kept]
    stars = f'"name"=>"Bo", "x"=>"{fake("person.name", "1")}", "y"=>NULL, "na\\"me"=>""'
    assert sanitised(HSTORE, "{entries: {name: keep, '*': person.name}}", text) == [stars]


@pytest.mark.parametrize("type", ["public.hstore", "hstore", '"ext"."hstore"', '"a ""b.c"".d".hstore'])
def test_an_hstore_is_known_in_any_schema_and_under_a_domain(type: str) -> None:
    for column in (Column("c", type), Column("c", "public.properties", base=type)):
        assert sanitised(column, "{entries: {}}", '"a"=>"b"') == [""]


@pytest.mark.parametrize(
    ("column", "rule", "value"),
    [
        (LIST, "{each: null}", "Zorblax"),
        (LIST, "{each: keep}", "{Zorblax"),
        (LIST, "{each: keep}", ""),
        (ADDRESSED, "{fields: {city: keep, phone: keep, tags: keep}}", "(Zorblax,)"),
        (ADDRESSED, "{fields: {city: keep, phone: keep, tags: {each: null}}}", "(,,Zorblax)"),
        (HSTORE, "{entries: {}}", '"Zorblax"'),
        (Column("c", "json[]", element=Column("[]", "json")), "{each: {json: {}}}", "{Zorblax}"),
    ],
)
def test_a_value_that_is_not_what_its_type_says_is_refused_with_its_place(
    column: Column, rule: str, value: str
) -> None:
    good = {LIST: "{a,b,c}", ADDRESSED: '(a,b,"{c,d}")', HSTORE: ""}.get(column, '{"{}","{}","{}"}')
    with pytest.raises(ValueRefused, match=r"^t\.c.*, row 12: ") as refused:
        table([column], f"c: {rule}").apply(f"{good}\n{good}\n{value}\n".encode(), first_row=10)
    assert "Zorblax" not in str(refused.value)


@pytest.mark.parametrize(
    ("column", "rule", "message"),
    [
        (Column("c"), "{each: null}", "no array"),
        (LIST, "person.name", "does not fit type text\\[\\]"),
        (
            LIST,
            "{each: 'person.email at {id}@example.org'}",
            "c\\[\\]: what is inside a value cannot look at columns of its row \\(`id`",
        ),
        (LIST, "{each: person.name as person by id}", "c\\[\\]: what is inside .* \\(`id`"),
        (LIST, "{each: {value: x, nulls: replace}}", "c\\[\\]: what is NULL inside a value stays"),
        (LIST, "{each: {bcrypt: x, locked: a = 1}}", "c\\[\\]: what is inside .* \\(`a = 1`"),
        (ADDRESSED, "{fields: {city: null}}", "no rule for `phone`, `tags` of type public.address"),
        (ADDRESSED, "{fields: {city: null, phone: null, tags: null, town: null}}", "has no `town`"),
        (
            ADDRESSED,
            "{fields: {city: null, phone: {value: aaaaaaaaaaaaaaaaaaaaa}, tags: null}}",
            "c\\.phone: it needs 21",
        ),
        (
            ADDRESSED,
            "{fields: {city: null, phone: null, tags: {each: {each: null}}}}",
            "c\\.tags\\[\\]: `each` does not",
        ),
        (LIST, "{fields: {}}", "no composite"),
        (LIST, "{entries: {}}", "no hstore"),
        (HSTORE, "{entries: {'*': null}, rest: keep (all)}", "twice"),
        (Column("c", "public.d[]", element=Column("[]", "public.d", not_null=True)), "{each: null}", "refuses NULL"),
    ],
)
def test_a_rule_that_cannot_fit_says_where(column: Column, rule: str, message: str) -> None:
    with pytest.raises(RulesetError, match=message):
        table([column], f"c: {rule}")


def test_the_report_counts_what_is_inside_and_shows_fakes() -> None:
    made = sanitiser([PEOPLE], "c: {each: {fields: {city: address.city, phone: null, tags: {each: person.name}}}}")
    made.table("t", ["c"]).apply(b'{"(Leeds,,\\\\"{a,b}\\\\")","(York,1,)"}\n{NULL}\n')
    report = made.report()["t"]
    assert report.replaced == {"c": 2, "c[]": 2, "c[].city": 2, "c[].phone": 1, "c[].tags": 1, "c[].tags[]": 2}
    assert set(report.samples) == {"c[].city", "c[].tags[]"}
    assert set(report.samples["c[].tags[]"]) == {fake("person.name", "a"), fake("person.name", "b")}
