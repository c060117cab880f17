"""Of free text what is personal goes and the rest stays; what is left is looked at as what is kept."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanitisers import RulesetError
from sanitisers.detectors import EMAIL, find
from sanitisers.engine.copy_text import decode, encode
from sanitisers.engine.document_blocks import BlockWriter
from sanitisers.engine.redacting import MARKS, _marked, redact, redact_all
from sanitisers.leaks.leak_check import Leak
from sanitisers.sanitiser import Sanitiser
from tests.sanitisers.columns import Column
from tests.sanitisers.making import sanitiser, table
from tests.sanitisers.test_document_blocks import nothing_together
from tests.sanitisers.test_leak_check import leaks_of
from tests.sanitisers.test_looks import _texts

COLUMNS = [Column("name"), Column("firm"), Column("town"), Column("note", "character varying(60)", max_length=60)]
RULES = "name: person.name\nfirm: company.name\ntown: address.city\nnote: text.redact\n"


def notes(*rows: tuple[str, str, str, str], columns: list[Column] = COLUMNS) -> list[str]:
    """What becomes of the notes of rows of name, firm, town and note."""
    text = b"".join(b"\t".join(encode(value.encode()) for value in row) + b"\n" for row in rows)
    lines = bytes(table(columns, RULES).apply(text).rows).split(b"\n")[:-1]
    return [decode(line.split(b"\t")[-1]).decode() for line in lines]


@pytest.mark.parametrize(
    ("note", "left"),
    [
        ("write to jo@gov.uk now", "write to [e-mail address] now"),
        ("ring 07711 654321, ask", "ring [telephone number], ask"),
        ("at SW1A 2AA!", "at [postcode]!"),
        ("NI AB 12 34 56 C", "NI [National Insurance number]"),
        ("card 4111 1111 1111 1111, paid", "card [card number], paid"),
        ("5500-0000-0000-0004", "[card number]"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", "[card number] [card number]"),
        ("12 4111111111111111 99 4111111111111111-5500000000000004", "12 [card number] 99 [card number]-[card number]"),
        ("GB29 NWBK 6016 1331 9268 19 and DE89370400440532013000", "[account number] and [account number]"),
        ("4111 1111 1111 1112 is no card", "4111 1111 1111 1112 is no card"),
        ("Jo Bloggs-Smith called", "[name] called"),
        ("JO BLOGGS-SMITH, bloggs and Smith", "[name], [name] and [name]"),
        ("Jo called", "Jo called"),
        ("smithy and Bloggsville stay", "smithy and Bloggsville stay"),
        ("I work for acme (north) ltd.", "I work for [removed]."),
        ("in Leeds, with\ttabs\nand \\ signs", "in Leeds, with\ttabs\nand \\ signs"),
        ("tab\tjo@gov.uk\nnew \\ line", "tab\t[e-mail address]\nnew \\ line"),
        ("é jo@gov.uk ü", "é [e-mail address] ü"),
        ("", ""),
        ("nothing", "nothing"),
    ],
)
def test_what_is_personal_goes_and_the_rest_stays(note: str, left: str) -> None:
    assert notes(("Jo Bloggs-Smith", "Acme (North) Ltd", "Leeds", note)) == [left]


def test_each_row_loses_what_is_its_own_and_null_stays() -> None:
    rows = (
        rb"Ann Archer%Ann Archer met Bob Butcher|Bob Butcher%Ann Archer met Bob Butcher|\N%Ann|Cy Cook%\N|%Ann Archer"
    )
    block = rows.replace(b"%", b"\t\t\t").replace(b"|", b"\n") + b"\n"
    redacted = bytes(table(COLUMNS, RULES).apply(block).rows).split(b"\n")[:-1]
    assert [line.split(b"\t")[-1] for line in redacted] == [
        b"[name] met Bob Butcher",
        b"Ann Archer met [name]",
        b"Ann",
        rb"\N",
        b"Ann Archer",
    ]


@pytest.mark.parametrize("rule", ["null", "{value: x}", "{one_of: [a, b]}", "{value: x, nulls: replace}"])
@pytest.mark.parametrize("type", ["text", "character varying(40)", "extensions.citext", "public.domain"])
def test_of_what_nothing_is_left_nothing_is_left_in_the_texts_of_its_row_either(rule: str, type: str) -> None:
    base = "text" if type == "public.domain" else ""
    columns = [Column("name", type, base=base), Column("age", "integer"), *COLUMNS[2:]]
    made = table(columns, f"name: {rule}\nage: null\ntown: address.city\nnote: text.redact\n")
    rows = b"Ann Archer\t123\tYork\tAnn Archer (123) of York\n\\N\t123\tYork\tAnn Archer\n"
    lines = bytes(made.apply(rows).rows).splitlines()
    assert [line.split(b"\t")[-1] for line in lines] == [b"[removed] (123) of York", b"Ann Archer"]


def test_a_mark_never_makes_a_value_too_long() -> None:
    note = "x" * 40 + " ring 07711654321 now"
    (left,) = notes(("", "", "", note))
    assert left == "x" * 40 + " ring ... now"
    (left,) = notes(("Kim Li", "", "", "é" * 50 + " kim a@b.uk"))
    assert left == "é" * 50 + " ... ..."


LONG = [*COLUMNS[:3], Column("note")]


@settings(deadline=None)
@given(st.lists(_texts, max_size=5), st.sampled_from(["", "Jo Bloggs", "gov.uk 07", "Ärö ß ẞ"]))
def test_nothing_is_left_that_the_detectors_find_and_nothing_else_goes(texts: list[bytes], name: str) -> None:
    plain = [text.decode() for text in texts]
    left = notes(*((name, "", "", text) for text in plain), columns=LONG)
    for text, redacted in zip(plain, left, strict=True):
        assert not find(redacted)
        kept = re.split("|".join(map(re.escape, [*MARKS.values(), "[name]"])), redacted)
        assert re.fullmatch(".*?".join(map(re.escape, kept)), text, re.DOTALL)
        assert redacted == redact(text, "\0".join(_marked(name, names=True)))


def test_many_texts_are_worked_off_as_one_is() -> None:
    texts = ["jo@gov.uk", "", "x", "07711 654321 and SW1A 2AA", "x" * 100]
    outcome = redact_all([text.encode() for text in texts], [b""] * len(texts))
    assert [text.decode() for text in outcome.texts] == [redact(text) for text in texts]
    assert (outcome.changed, outcome.owners) == ([0, 3], [0, 3, 3])
    assert outcome.cut == [b"jo@gov.uk", b"07711 654321", b"SW1A 2AA"]


# --- documents

DOCUMENT = [Column("name"), Column("data", "jsonb")]
DOCUMENT_RULES = "name: person.name\ndata: {json: {note: text.redact, list: text.redact, id: keep, who: person.name}}\n"


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_strings_in_documents_are_redacted_by_their_row(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    documents = [
        {
            "note": 'Ann Archer "wrote"\nto jo@gov.uk \\ é',
            "list": ["ann", "bob", 7, None, True, ""],
            "id": 1,
            "gone": 2,
        },
        {"note": "Ann Archer met Bob Butcher", "who": "Bob Butcher", "list": [["07711 654321"], {"x": 1}]},
        {"note": 447711654321, "list": "AB123456C"},
    ]
    rows = zip(["Ann Archer", "Bob Butcher", ""], documents, strict=True)
    made = sanitiser(DOCUMENT, DOCUMENT_RULES)
    text = b"".join(name.encode() + b"\t" + encode(json.dumps(one).encode()) + b"\n" for name, one in rows)
    lines = bytes(made.table("t", ["name", "data"]).apply(text).rows).split(b"\n")[:-1]
    left = [json.loads(decode(line.split(b"\t")[1])) for line in lines]
    assert left[0] == {
        "note": '[name] "wrote"\nto [e-mail address] \\ é',
        "list": ["[name]", "bob", 7, None, True, ""],
        "id": 1,
    }
    assert left[1].pop("who") not in ("Bob Butcher", "")
    assert left[1] == {"note": "Ann Archer met [name]", "list": [["[telephone number]"], {}]}
    assert left[2] == {"note": 447711654321, "list": "[National Insurance number]"}
    report = made.report()["t"]
    assert {path: report.replaced[path] for path in ("data.note", "data.list", "data.who")} == {
        "data.note": 2,
        "data.list": 3,
        "data.who": 1,
    }
    assert not {"data.note", "data.list"} & report.samples.keys()


# --- what is left is what is kept

TWO = [Column("name"), Column("note"), Column("data", "jsonb")]
TWO_RULES = "name: person.name\nnote: text.redact\ndata: {json: {note: text.redact, stays: keep}}\n"


def passed(rows: list[tuple[bytes, bytes, bytes]], head: str = "") -> Sanitiser:
    made = sanitiser(TWO, TWO_RULES, head=head)
    made.table("t", [column.name for column in TWO]).apply(b"".join(b"\t".join(row) + b"\n" for row in rows))
    return made


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_who_stands_in_the_text_of_another_row_is_a_leak(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    rows = [(b"Ann Archer", b"hello there you", b'{"note": "hello"}')]
    assert leaks_of(passed([*rows, (b"Bob Butcher", b"Bob Butcher", b'{"note": "bob BUTCHER"}')])) == ()
    assert leaks_of(passed([*rows, (b"Bob Butcher", b"Ann Archer", b"{}")])) == (
        Leak("t.note", "text", 1, 1, ("t.name",)),
    )
    assert leaks_of(passed([*rows, (b"Bob Butcher", b"", b'{"note": "Ann Archer"}')])) == (
        Leak("t.data.note", "text", 1, 1, ("t.name",)),
    )


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_what_was_taken_out_is_an_original(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    assert leaks_of(passed([(b"", b"write to jo@gov.uk", b'{"stays": "jo@gov.uk"}')])) == (
        Leak("t.data.stays", "e-mail address", 1, 1, ("t.note",)),
    )
    assert leaks_of(passed([(b"", b"", b'{"note": "now jo@gov.uk", "stays": "jo@gov.uk"}')])) == (
        Leak("t.data.stays", "e-mail address", 1, 1, ("t.data.note",)),
    )


def test_what_is_left_looks_like_nothing_and_is_counted_as_replaced_only_where_something_went() -> None:
    made = passed(
        [(b"Ann Archer", b"ann, jo@gov.uk", b'{"note": "x"}'), (b"Bob", b"nothing here", b'{"note": "a@b.uk"}')]
    )
    made.check_leaks()
    assert made.detected == []
    replaced = made.report()["t"].replaced
    assert (replaced["note"], replaced["data.note"]) == (1, 1)
    assert made.report()["t"].samples.keys() == {"name"}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column("c", "jsonb"), "say what becomes of each key"),
        (Column("c", "integer"), "does not fit type integer"),
    ],
)
def test_it_wants_a_column_of_text(column: Column, words: str) -> None:
    with pytest.raises(RulesetError, match=words):
        table([column], "c: text.redact")


def test_what_is_inside_arrays_and_the_like_is_redacted_too() -> None:
    tags = Column("tags", "text[]", element=Column("", "text"))
    columns = [tags, Column("stays")]
    made = sanitiser(columns, "tags: {each: text.redact}\nstays: keep (as it is)")
    rows = b'{"to jo@gov.uk",x,NULL}\tjo@gov.uk\n{"Ann Archer"}\tx\n\\N\tx\n'
    block = made.table("t", ["tags", "stays"]).apply(rows)
    lines = bytes(block.rows).split(b"\n")
    assert lines[0] == b'{"to [e-mail address]",x,NULL}\tjo@gov.uk'
    assert lines[1:] == [b'{"Ann Archer"}\tx', b"\\N\tx", b""]
    assert leaks_of(made) == (Leak("t.stays", "e-mail address", 1, 1, ("t.tags[]",)),)
    assert made.report()["t"].replaced["tags[]"] == 1


def test_what_a_row_says_of_people_is_taken_out_of_the_texts_inside_its_values_too() -> None:
    address = Column("c", "public.place", fields=(Column("a"), Column("b", "text[]", element=Column("b"))))
    columns = [
        Column("id", "integer"),
        Column("name"),
        Column("n", "text[]", element=Column("n")),
        Column("h", "public.hstore"),
        Column("p", "public.place[]", element=address),
        Column("d", "jsonb[]", element=Column("d", "jsonb")),
    ]
    rules = """
    id: keep
    name: person.name
    n: {each: text.redact}
    h: {entries: {a: text.redact}}
    p: {each: {fields: {a: text.redact, b: {each: text.redact}}}}
    d: {each: {json: {a: text.redact}}}
    """
    values = [
        r'{"%s came","no \"one\"",NULL,%s}',
        '"a"=>"ask %s"',
        r'{"(\"to %s\",\"{%s,x}\")"}',
        r'{"{\"a\": \"%s!\"}"}',
    ]
    texts = b"\t".join(encode(value.replace("%s", "Smith").encode()) for value in values)
    rows = [b"%d\t%b\t%b\n" % (row, name, texts) for row, name in enumerate((b"Smith", b"Jones", rb"\N", b"Bloggs"))]
    done = bytes(table(columns, rules).apply(b"".join(rows)).rows).decode().splitlines()
    assert done[0].count("[name]") == 6
    assert "Smith" not in done[0]
    assert all(line.count("Smith") == 6 for line in done[1:])


@pytest.mark.parametrize(
    ("name", "note", "left"),
    [
        ("Jos\u00e9 M\u00fcller", "Jose\u0301 Mu\u0308ller, MU\u0308LLER!", "[name], [name]!"),
        ("Jose\u0301 Mu\u0308ller", "Jos\u00e9, M\u00dcLLER", "[name], [name]"),
        ("Groß", "GROSS; groß", "[name]; [name]"),
        ("Ann Archer", "ann_archer, x_archer", "[name]_[name], x_[name]"),
        ("王小明", "王小明你好", "[name]你好"),
        ("Groß", "Großmann stays", "Großmann stays"),
    ],
)
def test_a_name_is_found_however_its_letters_are_written(name: str, note: str, left: str) -> None:
    assert notes((name, r"\N", r"\N", note)) == [left]


def test_half_of_a_surrogate_pair_hides_no_escaped_name() -> None:
    columns, rules = [Column("name"), Column("d", "json")], "name: person.name\nd: {json: {a: text.redact}}"
    texts = [r"\ud83d\ude00Smith \udc00", r"\u0053mith \ud83d", r"a\u0040b.uk, \udc00 \u0053MITH", r"\ud83d"]
    documents = [json.dumps({"a": "x"}), *(f'{{"a": "{text}"}}' for text in texts)]
    for every in (documents, [f'{document[:-1]}, "\\u0061": 1, {document[1:]}' for document in documents]):
        rows = b"".join(b"Smith\t%b\n" % encode(document.encode()) for document in every)
        lines = bytes(table(columns, rules).apply(rows).rows).splitlines()
        left = [json.loads(decode(line.split(b"\t")[1]))["a"] for line in lines]
        assert left == ["x", "\U0001f600[name] ?", "[name] ?", "[e-mail address], ? [name]", "?"]


@pytest.mark.parametrize("last", ["jo.bloggs@gov", "jo.bloggs@", "07711 65", "+44 20 79", "(020 7946", "jo%40exam"])
@pytest.mark.parametrize("before", ["", "é", "a@b.uk "])
def test_what_the_end_of_a_column_has_cut_off_goes_as_well(last: str, before: str) -> None:
    note = before + "x" * (60 - len(before) - len(last) - 1) + " " + last
    (left,) = notes(("", "", "", note))
    assert left.rstrip("(.") == note.removesuffix(last).replace("a@b.uk", "...").rstrip("(")
    assert len(left) <= 60
    assert notes(("", "", "", note[2:])) == [note[2:].replace("a@b.uk", MARKS[EMAIL])]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("pay DE89370400440532013", "pay [account number]"),
        ("my card 4111 1111 1111 1", "my card [card number]"),
        ("order 4711 of 12 March, 1999", "order 4711 of 12 March, 1999"),
    ],
)
def test_a_number_that_was_cut_off_where_its_column_ends_goes_too(text: str, left: str) -> None:
    found = redact_all([text.encode()], [b""], len(text))
    assert [one.decode() for one in found.texts] == [left]
    longer = redact_all([text.encode()], [b""], len(text) + 1)
    assert longer.texts == [text.encode()]
