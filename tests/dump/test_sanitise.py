from __future__ import annotations

import pytest

from dmrefresh.dump.events import End, Event, Head, Statement, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised
from sanitisers import Ruleset
from sanitisers.ruleset.loading import parse_ruleset

KEY = bytes(32)

DUMP = """\
--
-- PostgreSQL database dump
--

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET client_encoding = '{encoding}';
SET standard_conforming_strings = on;

CREATE TABLE public.person (
    id integer NOT NULL,
    name text
)
PARTITION BY RANGE (id);

CREATE TABLE public.person_1 (
    id integer NOT NULL,
    name text
);

ALTER TABLE ONLY public.person ATTACH PARTITION public.person_1 FOR VALUES FROM (1) TO (100);

CREATE TABLE public.child (
    extra text
)
INHERITS (public.person);

COPY public.person_1 (name, id) FROM stdin;
Zorblax Quimbly\t1
\\N\t2
Zorblax Quimbly\t3
\\.

ALTER TABLE ONLY public.person_1
    ADD CONSTRAINT person_1_pkey PRIMARY KEY (id);

--
-- PostgreSQL database dump complete
--

"""


def rules(text: str) -> Ruleset:
    return parse_ruleset(f"ruleset: 1\ndefaults:\n  id: keep\ntables:\n{text}", "rules.yaml")


def clean(dump: str, ruleset: Ruleset) -> list[Event]:
    return list(sanitise(read_dump([dump.encode()]), ruleset, KEY))


WHOLE = DUMP.format(encoding="UTF8")
WITHOUT_CHILD = WHOLE[: WHOLE.index("CREATE TABLE public.child")] + WHOLE[WHOLE.index("COPY ") :]
PERSON = "  person:\n    columns:\n      name: person.name\n"


def test_rows_are_replaced_and_everything_else_passes_in_its_order() -> None:
    events = clean(WITHOUT_CHILD, rules(PERSON))
    assert [type(event) for event in events] == [Head, TableData, Statement, End]
    block = events[1]
    assert isinstance(block, TableData)
    names = [line.split(b"\t")[0] for line in bytes(block.rows).splitlines()]
    assert (block.count, names[1]) == (3, rb"\N")
    assert names[0] == names[2] != b"Zorblax Quimbly"


def test_a_rule_on_a_parent_covers_its_partitions_unless_they_have_rules_of_their_own() -> None:
    own = PERSON + "  person_1:\n    columns:\n      name: {value: same for all}\n"
    block = clean(WITHOUT_CHILD, rules(own))[1]
    assert isinstance(block, TableData)
    assert bytes(block.rows) == b"same for all\t1\n\\N\t2\nsame for all\t3\n"


def test_a_child_with_a_column_of_its_own_must_be_classified() -> None:
    with pytest.raises(NotSanitised, match="extra"):
        clean(WHOLE, rules(PERSON))


def test_a_rule_on_a_parent_covers_the_columns_that_a_child_has_from_it() -> None:
    dump = WHOLE.replace(
        "\nALTER TABLE ONLY public.person_1\n",
        """
COPY public.child (id, name, extra) FROM stdin;
7\tZorblax Quimbly\twhatever
\\.

ALTER TABLE ONLY public.person_1
""",
    )
    block = clean(dump, rules(PERSON + "  child:\n    columns:\n      extra: {value: x}\n"))[2]
    assert isinstance(block, TableData)
    number, name, extra = bytes(block.rows).rstrip(b"\n").split(b"\t")
    assert (number, extra) == (b"7", b"x")
    first = clean(dump, rules(PERSON + "  child:\n    columns:\n      extra: {value: x}\n"))[1]
    assert isinstance(first, TableData)
    assert bytes(first.rows).split(b"\t")[0] == name != b"Zorblax Quimbly"


MOTHER = """CREATE TABLE public.mother (
    id integer,
    name text
);

CREATE TABLE public.child (
)
INHERITS (public.person, public.mother);"""
TWO_PARENTS = WITHOUT_CHILD.replace("COPY public.person_1", MOTHER + "\n\nCOPY public.person_1").replace(
    "\nALTER TABLE ONLY public.person_1\n    ADD",
    "\nCOPY public.mother (id, name) FROM stdin;\n\\.\n\nCOPY public.child (id, name) FROM stdin;\n"
    "7\tZorblax Quimbly\n\\.\n\nALTER TABLE ONLY public.person_1\n    ADD",
)


def _of_child(ruleset: str) -> bytes:
    (block,) = (e for e in clean(TWO_PARENTS, rules(ruleset)) if isinstance(e, TableData) and e.table.name == "child")
    return bytes(block.rows)


def test_the_rules_of_two_parents_reach_a_child_where_they_agree() -> None:
    mother = "  mother:\n    columns:\n      name: person.name\n"
    assert b"Zorblax" not in _of_child(PERSON + mother)
    with pytest.raises(NotSanitised, match="The column name of child has different rules"):
        _of_child(PERSON + mother.replace("person.name", "keep (they are characters of a play)"))
    with pytest.raises(NotSanitised, match="The column name of child has different rules"):
        _of_child(PERSON + mother.replace("person.name", "{value: x}"))
    own = "  child:\n    columns:\n      name: {value: y}\n"
    assert _of_child(PERSON + mother.replace("person.name", "{value: x}") + own) == b"7\ty\n"
    with pytest.raises(NotSanitised, match="name"):  # nobody classified the mother's
        _of_child(PERSON)


def test_an_empty_parent_empties_its_children_unless_they_have_rules_of_their_own() -> None:
    assert _of_child("  person: empty\n  mother: empty\n") == b""
    assert _of_child("  person: empty\n  mother:\n    columns:\n      name: keep (a play)\n") == b""
    extra = WHOLE.replace(
        "\nALTER TABLE ONLY public.person_1\n    ADD",
        "\nCOPY public.child (id, name, extra) FROM stdin;\n7\tZorblax Quimbly\tmore\n\\.\n\n"
        "ALTER TABLE ONLY public.person_1\n    ADD",
    )
    block = clean(extra, rules("  person: empty\n"))[2]
    assert isinstance(block, TableData)
    assert (block.table.name, bytes(block.rows)) == ("child", b"")
    own = "  child:\n    columns:\n      name: {value: y}\n      extra: {value: x}\n"
    block = clean(extra, rules("  person: empty\n" + own))[2]
    assert isinstance(block, TableData)
    assert bytes(block.rows) == b"7\ty\tx\n"


@pytest.mark.parametrize("own", ["empty", "\n    columns:\n      name: {value: same for all}"])
def test_rows_that_come_through_a_root_never_pass_a_partitions_own_rules_by(own: str) -> None:
    through_root = WITHOUT_CHILD.replace("COPY public.person_1 (name, id)", "COPY public.person (name, id)")
    with pytest.raises(NotSanitised, match="rules of its partition person_1 cannot be kept"):
        clean(through_root, rules(PERSON + f"  person_1: {own}\n"))
    same = clean(through_root, rules(PERSON + PERSON.replace("person:", "person_1:")))[1]
    assert isinstance(same, TableData)
    assert b"Zorblax" not in bytes(same.rows)


@pytest.mark.fault("49", "L8")
def test_what_nobody_classified_stops_before_the_first_event() -> None:
    events = sanitise(read_dump([WITHOUT_CHILD.encode()]), rules("  other: empty\n"), KEY)
    with pytest.raises(NotSanitised) as caught:
        next(events)
    assert "name" in caught.value.what


def test_rows_that_do_not_fit_their_columns_are_named_by_their_number_alone() -> None:
    torn = WITHOUT_CHILD.replace("Zorblax Quimbly\t3\n", "Zorblax\tQuimbly\t3\n")
    with pytest.raises(NotSanitised) as caught:
        clean(torn, rules(PERSON))
    assert "row 3" in caught.value.what
    assert "Zorblax" not in caught.value.what


STAYS = "  person:\n    rows: id <> 2\n    columns:\n      name: person.name\n"


def test_which_rows_of_a_parent_stay_holds_for_its_partitions_unless_they_say_it_for_themselves() -> None:
    def ids(ruleset: str) -> list[bytes]:
        events = clean(WITHOUT_CHILD, rules(ruleset))
        block = events[1]
        assert isinstance(block, TableData)
        assert isinstance(events[-1], End)
        assert block.count == bytes(block.rows).count(b"\n")
        return [line.split(b"\t")[1] for line in bytes(block.rows).splitlines()]

    assert ids(STAYS) == [b"1", b"3"]
    own_columns = "  person_1:\n    columns:\n      name: {value: x}\n"
    assert ids(STAYS + own_columns) == [b"1", b"3"]
    assert ids(STAYS + own_columns.replace("columns:", "where: id = 2\n    columns:")) == [b"2"]
    assert ids(PERSON + "  person_1: {where: name IS NULL}\n") == [b"2"]


def test_which_rows_of_two_parents_stay_must_be_said_once_for_their_child() -> None:
    mother = "  mother:\n    rows: id <> 2\n    columns:\n      name: person.name\n"
    assert _of_child(STAYS + mother).startswith(b"7\t")
    assert _of_child((STAYS + mother).replace("id <> 2", "id <> 7")) == b""
    assert _of_child(PERSON + mother.replace("id <> 2", "id <> 7")) == b""  # one of them says it, that holds
    with pytest.raises(NotSanitised, match="Which rows of child stay is said differently"):
        _of_child(STAYS + mother.replace("id <> 2", "id <> 7"))
    own = "  child:\n    rows: id IN (7)\n"
    assert _of_child(STAYS + mother.replace("id <> 2", "id <> 7") + own).startswith(b"7\t")


def test_rows_that_come_through_a_root_never_pass_by_which_of_a_partition_stay() -> None:
    through_root = WITHOUT_CHILD.replace("COPY public.person_1 (name, id)", "COPY public.person (name, id)")
    with pytest.raises(NotSanitised, match="rules of its partition person_1 cannot be kept"):
        clean(through_root, rules(PERSON + "  person_1: {rows: id = 1}\n"))
    with pytest.raises(NotSanitised, match="rules of its partition person_1 cannot be kept"):
        clean(through_root, rules(STAYS + "  person_1: {rows: id = 1}\n"))
    block = clean(through_root, rules(STAYS))[1]
    assert isinstance(block, TableData)
    assert block.count == 2


def test_texts_are_compared_in_the_encoding_of_the_dump() -> None:
    dump = WITHOUT_CHILD.replace("'UTF8'", "'LATIN1'").replace("Zorblax Quimbly\t3", "Zörblax\t3")
    keep = "  person:\n    rows: name = 'Zörblax'\n    columns:\n      name: keep (a play)\n"
    events = sanitise(read_dump([dump.encode("latin-1")]), rules(keep), KEY)
    (block,) = (event for event in events if isinstance(event, TableData))
    assert (bytes(block.rows), block.count) == ("Zörblax\t3\n".encode("latin-1"), 1)


def test_a_row_is_named_by_its_number_in_the_dump_whatever_was_dropped_before_it() -> None:
    torn = WITHOUT_CHILD.replace("Zorblax Quimbly\t3\n", "Zorblax Quimbly\tthree\n")
    with pytest.raises(NotSanitised, match=r"person\.id, row 3: the value is not written as pg_dump") as caught:
        clean(torn, rules(STAYS))
    assert "three" not in caught.value.what


def test_a_condition_that_is_not_understood_stops_before_the_first_event() -> None:
    events = sanitise(read_dump([WITHOUT_CHILD.encode()]), rules(STAYS.replace("id <> 2", "nme = 'x'")), KEY)
    with pytest.raises(NotSanitised, match=r"rules\.yaml:6: tables\.person\.rows: the table has no column `nme`"):
        next(events)
