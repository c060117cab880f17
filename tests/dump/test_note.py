"""The note at the head of a backup: comments that make a check stricter, and never milder."""

from __future__ import annotations

import re

import pytest

from dmrefresh.dump.events import End, Event, Head, TableData
from dmrefresh.dump.note import Note, note_of, rows_of, write_note, write_rows
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised
from sanitisers import Known
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.writing import ROWS, USERS, a_dump

NOTE = Note({"users": ("email", "id")}, {"users": 1000})
DUMP = a_dump(USERS, ROWS)


def head(dump: bytes) -> Head:
    first = next(iter(read_dump([dump])))
    assert isinstance(first, Head)
    return first


def sanitised(dump: bytes, rule: str, known: Known | None = None) -> list[Event]:
    text = f"ruleset: 1\ntables: {{users: {{columns: {{id: keep, email: {rule}}}}}}}"
    return list(sanitise(read_dump([dump]), parse_ruleset(text, "r.yaml"), bytes(32), known=known))


def test_what_is_written_is_read() -> None:
    assert note_of(head(write_note(NOTE) + DUMP)) == NOTE
    odd = Note({'a "b"\n--é': ("\\x", "y\u2028")}, {})
    assert note_of(head(write_note(odd) + DUMP)) == odd
    assert note_of(head(DUMP)) is None
    whole = Note({}, {}, "production-202611220300.sql.gz.gpg", "0.1.0", 7**22, "app", "15.18")
    assert note_of(head(write_note(whole) + DUMP)) == whole


def test_how_many_rows_a_dump_has_is_read_behind_its_end_marker_and_nowhere_else() -> None:
    rows = {'a "b"\n--é': 0, "users": 12}

    def end(dump: bytes) -> End:
        *_, last = read_dump([dump])
        assert isinstance(last, End)
        return last

    assert rows_of(end(DUMP + write_rows(rows))) == rows
    assert rows_of(end(DUMP)) is None
    assert rows_of(end(a_dump(USERS + write_rows(rows), ROWS))) is None
    for odd in (b"[1]", b'{"users": "x"}', b'{"users": null}', b"{" * 9_999, b"12"):
        assert rows_of(end(DUMP + b"\n-- dmrefresh rows " + odd + b"\n")) is None


@pytest.mark.parametrize(
    "line",
    [
        b"{}}",
        b"{",
        b"[1]",
        b'{"unique": [1]}',
        b'{"rows": {"a": "x"}}',
        b'{"unique": {"a": 7}}',
        b'{"rows": {"a": Infinity}}',
        b"{" * 99_999,
    ],
)
def test_a_note_that_cannot_be_read_is_none(line: bytes) -> None:
    assert note_of(head(b"-- dmrefresh note 1\n-- dmrefresh " + line + b"\n" + DUMP)) is None


def test_a_note_behind_the_first_statement_does_not_count() -> None:
    assert note_of(head(a_dump(write_note(NOTE) + USERS, ROWS))) is None


def test_a_column_that_the_note_calls_unique_gets_unique_fakes() -> None:
    (rows,) = (one for one in sanitised(write_note(NOTE) + DUMP, "person.name") if isinstance(one, TableData))
    (plain,) = (one for one in sanitised(DUMP, "person.name") if isinstance(one, TableData))
    fake, shorter = (bytes(one.rows).split(b"\n")[0].split(b"\t")[1] for one in (rows, plain))
    assert fake.startswith(shorter + b" ")
    assert len(fake) == len(shorter) + 13


def test_a_rule_that_cannot_be_unique_stops_the_run_where_the_note_says_so_and_warns_where_the_target_does() -> None:
    with pytest.raises(NotSanitised, match=r"r\.yaml:2: tables\.users\.columns\.email: no value may come twice"):
        sanitised(write_note(NOTE) + DUMP, "{value: x}")
    sanitised(DUMP, "{value: x}", Known(likely={"users": {"email"}}))


def test_a_note_makes_no_check_milder() -> None:
    fewer = Note({"users": ("email",)}, {"users": 1})
    nine_digits = '{pattern: "[0-9]{9}"}'
    sanitised(write_note(fewer) + DUMP, nine_digits)
    with pytest.raises(NotSanitised, match="there are only 1,000,000,000 fakes"):
        sanitised(write_note(fewer) + DUMP, nine_digits, Known(rows={"users": 10**6}))


PARTS = b"""CREATE TABLE public.users (
    id integer NOT NULL,
    email text
)
PARTITION BY RANGE (id);

CREATE TABLE public.users_1 (
    id integer NOT NULL,
    email text
);

ALTER TABLE ONLY public.users ATTACH PARTITION public.users_1 FOR VALUES FROM (1) TO (100);
"""


def test_what_is_unique_in_a_partition_alone_is_so_for_the_rules_that_hold_for_it() -> None:
    rows = ROWS.replace(b"public.users ", b"public.users_1 ")
    dump = a_dump(PARTS, rows)
    (plain,) = [e for e in sanitised(dump, "person.name") if isinstance(e, TableData)]
    for found in (
        sanitised(write_note(Note({"users_1": ("email",)})) + dump, "person.name"),
        sanitised(dump, "person.name", Known(likely={"users_1": {"email"}})),
    ):
        (coded,) = [e for e in found if isinstance(e, TableData)]
        assert len(bytes(coded.rows)) == len(bytes(plain.rows)) + len(" k3f9k3f9k3f9")
    with pytest.raises(NotSanitised, match="no value may come twice"):
        sanitised(write_note(Note({"users_1": ("email",)})) + dump, "{value: x}")


def test_what_a_ruleset_says_is_unique_in_a_table_is_so_in_its_partitions_with_rules_of_their_own() -> None:
    users = "users: {unique: [email], columns: {id: keep, email: person.name}}"
    text = f"ruleset: 1\ntables: {{{users}, users_1: {{columns: {{id: keep}}}}}}"
    dump = a_dump(PARTS, ROWS.replace(b"public.users ", b"public.users_1 "))
    events = sanitise(read_dump([dump]), parse_ruleset(text, "r.yaml"), bytes(32))
    (rows,) = [bytes(e.rows) for e in events if isinstance(e, TableData)]
    assert re.match(rb"1\t\S+ \S+ [0-9a-z]{12}\n", rows)


def test_rows_without_a_column_that_decides_about_others_are_refused_by_its_name() -> None:
    text = "ruleset: 1\ntables: {users: {columns: {id: keep, email: %s}}}"
    rows = b"COPY public.users (email) FROM stdin;\nada@example.org\n\\.\n"
    for rule in ("person.email as p by id", '{template: "{id}"}'):
        with pytest.raises(NotSanitised, match=r"^users.id, row 1: the rows come without this column"):
            list(sanitise(read_dump([a_dump(USERS, rows)]), parse_ruleset(text % rule, "r.yaml"), bytes(32)))
