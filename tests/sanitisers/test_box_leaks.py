"""What is kept inside arrays, composites and hstores is searched, and what is replaced with them counts as original."""

from __future__ import annotations

import pytest

from sanitisers.engine import shapes
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_blocks import BlockWriter
from sanitisers.leaks.leak_check import COMMON_ROWS, Leak
from tests.sanitisers.columns import Column
from tests.sanitisers.test_document_blocks import nothing_together
from tests.sanitisers.test_leak_check import leaks_of, made, pass_through, with_kept

TEXT = Column("[]")
LIST = Column("body", "text[]", element=TEXT)
DOCUMENTS = Column("docs", "jsonb[]", element=Column("[]", "jsonb"))
FIELDS = (Column("city"), Column("tags", "text[]", element=TEXT), DOCUMENTS, Column("code", "bigint"))
COMPOSITE = Column("body", "public.address", fields=FIELDS)
NESTED = Column("body", "public.address[]", element=Column("[]", "public.address", fields=FIELDS))
HSTORE = Column("body", "extensions.hstore")
BOXES = {
    "array": (LIST, '{"Jo Bloggs","x"}', "{each: RULE}", "[]"),
    "dimensions": (LIST, '[0:1][1:1]={{"Jo Bloggs"},{"x"}}', "{each: RULE}", "[]"),
    "composite": (
        COMPOSITE,
        '("Jo Bloggs",{x},,1)',
        "{fields: {city: RULE, tags: keep, docs: keep, code: keep}}",
        ".city",
    ),
    "array in it": (
        COMPOSITE,
        '(x,"{""Jo Bloggs"",NULL}",,1)',
        "{fields: {city: keep, tags: {each: RULE}, docs: keep, code: keep}}",
        ".tags[]",
    ),
    "kept as a whole": (
        COMPOSITE,
        '(x,"{""Jo Bloggs"",NULL}",,1)',
        "{fields: {city: keep, tags: RULE, docs: keep, code: keep}}",
        ".tags",
    ),
    "composites in an array": (
        NESTED,
        '{"(\\"Jo Bloggs\\",{x},,1)"}',
        "{each: {fields: {city: RULE, tags: keep, docs: keep, code: keep}}}",
        "[].city",
    ),
    "hstore": (HSTORE, '"name"=>"Jo Bloggs", "x"=>NULL', "{entries: {name: RULE, x: keep}}", ".name"),
    "rest of an hstore": (HSTORE, '"name"=>"Jo Bloggs", "x"=>NULL', "{entries: {'*': RULE}}", ".*"),
}
boxes = pytest.mark.parametrize(("column", "value", "rule", "path"), BOXES.values(), ids=BOXES)


def rows(*texts: str) -> list[tuple[bytes, ...]]:
    return [(encode(text.encode()),) for text in texts]


@boxes
def test_an_original_in_a_box_that_is_kept_is_found(column: Column, value: str, rule: str, path: str) -> None:
    found = [Leak("notes.body", "text", 1, 1, ("people.name",))]
    assert with_kept(rows(value), [column], "    columns: {body: keep (as it is)}") == found


@boxes
def test_an_original_in_a_slot_that_is_kept_is_found(column: Column, value: str, rule: str, path: str) -> None:
    found = [Leak(f"notes.body{path}", "text", 1, 1, ("people.name",))]
    rules = f"    columns:\n      body: {rule.replace('RULE', 'keep')}"
    assert with_kept(rows(value), [column], rules) == found
    for allowed in ("notes.body", f"notes.body{path}"):
        head = f"leaks: {{'{allowed}': keep (everybody knows Jo)}}"
        assert with_kept(rows(value), [column], rules, head) == []


def replaced(column: Column, rule: str, *values: str) -> list[tuple[str, ...]]:
    """Where the originals are from that stand in a text that is kept."""
    tables = {"boxes": [column], "notes": [Column("text")]}
    one = made(f"  boxes:\n    columns:\n      body: {rule}\n  notes: {{columns: {{text: keep (yes)}}}}", tables)
    pass_through(one, "notes", tables["notes"], [(b"Jo Bloggs",)])
    pass_through(one, "boxes", [column], rows(*values))
    return [leak.origins for leak in leaks_of(one)]


@boxes
@pytest.mark.parametrize("outcome", ["null", "{value: null}"])
def test_what_is_in_a_box_that_is_replaced_is_an_original(
    column: Column, value: str, rule: str, path: str, outcome: str
) -> None:
    assert replaced(column, outcome, value) == [("boxes.body",)]


@boxes
@pytest.mark.parametrize("outcome", ["null", "person.name", "{value: x}"])
def test_what_is_replaced_in_a_slot_is_an_original(
    column: Column, value: str, rule: str, path: str, outcome: str
) -> None:
    if path == ".tags":
        outcome = "{value: '{}'}"
    assert replaced(column, rule.replace("RULE", outcome), value) == [(f"boxes.body{path}",)]


@boxes
@pytest.mark.parametrize("outcome", ["person.name", "whole"])
def test_what_a_row_that_does_not_go_on_has_in_its_boxes_is_an_original(
    column: Column, value: str, rule: str, path: str, outcome: str
) -> None:
    if outcome == "whole" or path == ".tags":
        rule, path = "null", ""
    tables = {"boxes": [Column("id", "integer"), column], "notes": [Column("text")]}
    rules = f"""
  boxes:
    rows: id > 5
    columns:
      body: {rule.replace("RULE", outcome)}
  notes: {{columns: {{text: keep (yes)}}}}"""
    one = made(rules, tables)
    pass_through(one, "notes", tables["notes"], [(b"Jo Bloggs",)])
    pass_through(one, "boxes", tables["boxes"], [(b"5", *rows(value)[0])])
    assert [leak.origins for leak in leaks_of(one)] == [(f"boxes.body{path}",)]


def test_an_original_in_a_document_of_an_array_is_found_and_counts_as_one() -> None:
    value = r'{"{\"a\": \"Jo Bloggs\", \"b\": 1}"}'
    documents = Column("body", "jsonb[]", element=Column("[]", "jsonb"))
    found = [Leak("notes.body[].a", "text", 1, 1, ("people.name",))]
    assert with_kept(rows(value), [documents], "    columns: {body: {each: {json: {a: keep}}}}") == found
    found = [Leak("notes.body", "text", 1, 1, ("people.name",))]
    assert with_kept(rows(value), [documents], "    columns: {body: keep (all of it)}") == found
    assert replaced(documents, "{each: {json: {a: person.name}}}", value) == [("boxes.body[].a",)]


def test_keys_that_nobody_named_are_looked_at_where_they_stay() -> None:
    value = '"Jo Bloggs"=>"x"'
    for rule, path in (("keep (all)", ""), ("{entries: {}, rest: keep (all)}", ".*"), ("{entries: {'*': null}}", "")):
        found = with_kept(rows(value), [HSTORE], f"    columns: {{body: {rule}}}")
        assert [leak.where for leak in found] == [f"notes.body{path}"]
    assert with_kept(rows(value), [HSTORE], "    columns: {body: {entries: {}}}") == []


@pytest.mark.parametrize("together", [True, False], ids=["documents together", "one by one"])
def test_what_stands_many_times_in_few_rows_is_no_placeholder(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    many = COMMON_ROWS + 1
    array = "{" + ",".join(['"Jo Bloggs"'] * many) + "}"
    documents = "{" + ",".join([r'"{\"a\": \"Jo Bloggs\"}"'] * many) + "}"
    of_documents = Column("body", "jsonb[]", element=Column("[]", "jsonb"))
    nested = '{"(\\"Jo Bloggs\\",,,)"' + ',"(\\"Jo Bloggs\\",,,)"' * many + "}"
    fields = "{fields: {city: person.name, tags: null, docs: null, code: null}}"
    for column, rule, value, path in (
        (LIST, "null", array, ""),
        (LIST, "{each: person.name}", array, "[]"),
        (NESTED, "null", nested, ""),
        (COMPOSITE, "null", '("Jo Bloggs","{""Jo Bloggs""}",,)', ""),
        (NESTED, f"{{each: {fields}}}", nested, "[].city"),
        (of_documents, "{each: {json: {a: person.name}}}", documents, "[].a"),
    ):
        assert replaced(column, rule, *[value] * COMMON_ROWS) == [(f"boxes.body{path}",)], (rule, path)
        assert replaced(column, rule, *[value] * many) == []


def test_what_cannot_be_taken_apart_and_stays_is_looked_at_as_it_is() -> None:
    value = '{"to jo.bloggs@suppliers.co.uk"'
    assert [leak.kind for leak in with_kept(rows(value), [LIST], "    columns: {body: keep (yes)}")] == [
        "e-mail address"
    ]


def test_neighbours_are_told_apart() -> None:
    column = Column("body", "public.pair", fields=(Column("id", "integer"), Column("phone")))
    values = rows("(1,07711654321)", "(2,07700900123)", "(3,07700900456)")
    found = [Leak("notes.body", "telephone number", 1, 1, ("people.phone",))]
    assert with_kept(values, [column], "    columns: {body: keep (yes)}") == found


@pytest.mark.parametrize("limit", [20, 100])
def test_a_value_that_is_very_long_is_looked_at_as_a_whole(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    for name in ("LONGEST", "OPENED"):
        monkeypatch.setattr(shapes, name, limit)
    found = with_kept(rows('{"Jo Bloggs",jo.bloggs@suppliers.co.uk}'), [LIST], "    columns: {body: keep (yes)}")
    assert [leak.kind for leak in found] == (["e-mail address", "text"] if limit == 100 else ["e-mail address"])


def test_numbers_in_a_box_that_is_kept_are_no_text() -> None:
    numbers = Column("body", "bigint[]", element=Column("[]", "bigint"))
    assert with_kept(rows("{960000001}"), [numbers], "    columns: {body: keep (yes)}") == []
    assert with_kept(rows("(x,,,960000001)"), [COMPOSITE], "    columns: {body: keep (yes)}") == []
