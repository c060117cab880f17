"""A dump is what its note says, or it is refused; and no note, whoever has written it, makes anything milder."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import End, TableData
from dmrefresh.dump.judging.against_note import held_to_note
from dmrefresh.dump.note import Note, NoteBroken, rows_of, write_note, write_rows
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import DumpDamaged, DumpRefused, Failure
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.writing import ROWS, USERS, a_dump

KEY = "production-202611220300.sql.gz.gpg"
DUMP = a_dump(USERS, ROWS)
NOBODY = USERS.replace(b"users", b"nobody")
NO_ROWS = b"COPY public.nobody (id, email) FROM stdin;\n\\.\n"


def held(dump: bytes, *, key: str | None = KEY, signed: bool = False) -> list[str]:
    """Read a dump to its end; what was warned of."""
    warnings: list[str] = []
    *_, last = held_to_note(read_dump([dump]), key=key, signed=signed, on_warning=warnings.append)
    assert isinstance(last, End)
    return warnings


def test_a_dump_without_a_note_and_one_with_a_true_one_pass_unchanged() -> None:
    for dump in (DUMP, write_note(Note(name=KEY)) + DUMP + write_rows({"users": 2})):
        assert held(dump) == []
        assert list(held_to_note(read_dump([dump]), key=KEY)) == list(read_dump([dump]))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"users": 3}, "users has 2, not 3."),
        ({"users": 1}, "users has 2, not 1."),
        ({}, "users has 2, not 0."),
        ({"users": 2, "jane@example.org": 7}, "1 tables are not there."),
        ({"users": 10**30}, f"users has 2, not {10**30:,}."),
    ],
)
def test_other_rows_than_the_backup_counted_are_refused_before_the_end_and_not_tried_again(
    rows: dict[str, int], said: str
) -> None:
    with pytest.raises(NoteBroken, match=rf"other rows than its backup counted: {re.escape(said)}$") as caught:
        held(DUMP + write_rows(rows))
    assert (caught.value.exit_code, caught.value.retry) == (13, False)
    assert isinstance(caught.value, DumpDamaged)


def test_a_table_without_rows_may_be_counted_or_not() -> None:
    for rows in ({"users": 2, "nobody": 0}, {"users": 2}, {"users": 2, "gone": 0}):
        assert held(a_dump(USERS, NOBODY, ROWS, NO_ROWS) + write_rows(rows)) == []


def test_blocks_of_a_table_are_counted_together() -> None:
    rows = b"".join(b"%d\t%s\n" % (number, b"x" * 1000) for number in range(3000))
    dump = a_dump(USERS, b"COPY public.users (id, email) FROM stdin;\n" + rows + b"\\.\n")
    assert sum(isinstance(event, TableData) for event in read_dump([dump])) > 1
    assert held(dump + write_rows({"users": 3000})) == []
    with pytest.raises(NoteBroken):
        held(dump + write_rows({"users": 2999}))


def test_what_is_written_behind_the_end_more_than_once_is_refused() -> None:
    for second in (write_rows({"users": 2}), write_rows({"users": 3}), b"-- dmrefresh rows x\n"):
        with pytest.raises(NoteBroken, match="more than once"):
            held(DUMP + write_rows({"users": 2}) + second)


def test_what_stands_before_the_end_marker_is_no_count() -> None:
    before = ROWS + b"\n-- dmrefresh rows {" + b'"users": 7}\n'
    assert held(a_dump(USERS, before)) == []
    assert held(a_dump(USERS, before) + write_rows({"users": 2})) == []
    with pytest.raises(DumpRefused):  # between the marker and what closes it, nothing may stand
        held(DUMP.replace(b"\\unrestrict", b"-- dmrefresh rows {}\n\\unrestrict"))


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"[" * 99_999),
        *(b'{"users": -1}', b'{"users": 2.0}', b'{"users": true}', b'{"users": "2"}'),
        *(b'{"users": 2' + b"0" * 5000 + b"}", b'{"users": 3, "x": ' + b" " * (16 << 20) + b"1}"),
    ],
    ids=lambda text: text[:12].decode("latin-1"),
)
def test_a_count_that_cannot_be_read_is_none(text: bytes) -> None:
    dump = DUMP + b"\n-- dmrefresh rows " + text + b"\n"
    *_, end = read_dump([dump])
    assert isinstance(end, End)
    assert rows_of(end) is None
    assert held(dump) == []


def test_a_dump_under_another_name_is_warned_of_and_refused_where_the_note_is_signed() -> None:
    dump = write_note(Note(name="production-202511220300.sql.gz.gpg")) + DUMP
    (warning,) = held(dump)
    assert warning.startswith(KEY)
    with pytest.raises(NoteBroken, match="another backup under a new name") as caught:
        held(dump, signed=True)
    assert (caught.value.exit_code, caught.value.retry) == (13, False)
    for same in (write_note(Note(name=KEY)) + DUMP, write_note(Note()) + DUMP, DUMP):
        assert held(same, signed=True) == []
    assert held(write_note(Note(name=KEY)) + DUMP, key=f"copied/{KEY}", signed=True) == []
    assert held(dump, key=None, signed=True) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=9,
)
NAMES = st.sampled_from(["users", "id", "email", "nobody", ""]) | st.text(max_size=6)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "unique": st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=3) | JSON,
        "rows": st.dictionaries(NAMES, st.integers(-(10**12), 10**20), max_size=3) | JSON,
        "name": st.sampled_from(["", KEY]) | JSON,
        "database": JSON,
        "system_identifier": JSON,
    },
)
HEADS = st.one_of(
    LIKELY.map(lambda said: b"-- dmrefresh note 1\n-- dmrefresh %b\n" % json.dumps(said).encode()),
    st.binary(max_size=60).map(lambda said: b"-- dmrefresh note 1\n-- dmrefresh " + said.replace(b"\n", b"") + b"\n"),
)
TAILS = st.one_of(
    st.just(b""),
    st.dictionaries(NAMES, st.integers(-3, 3) | JSON, max_size=3).map(
        lambda said: b"\n-- dmrefresh rows %b\n" % json.dumps(said).encode()
    ),
    st.binary(max_size=60).map(lambda said: b"\n-- dmrefresh rows " + said.replace(b"\n", b"") + b"\n"),
)
DUMPS = (
    DUMP,
    DUMP.replace(b"\\unrestrict", b"\\unrestricted"),
    DUMP[:-70],
    a_dump(USERS, b"ALTER SYSTEM SET fsync = off;", ROWS),
    a_dump(USERS.replace(b"email text", b"email text,\n    shoe text"), ROWS),
    a_dump(USERS, ROWS.replace(b"ada@example.org", b"ada@example.org\tx")),
)
RULES = {
    "unique": "{columns: {id: keep, email: person.email}}",
    "plain": "{columns: {id: keep, email: person.name}}",
    "few": '{columns: {id: keep, email: {pattern: "[0-9]{2}"}}}',
    "fixed": "{columns: {id: keep, email: {value: x}}}",
    "kept": "{columns: {id: keep, email: keep}}",
}


def outcome(dump: bytes, rule: str) -> bytes | None:
    """The rows that a refresh would publish; None where it refuses the dump."""
    ruleset: Any = parse_ruleset(f"ruleset: 1\ntables: {{users: {RULES[rule]}}}", "r.yaml")
    try:
        events = list(sanitise(held_to_note(read_dump([dump]), key=KEY), ruleset, bytes(32)))
    except Failure:
        return None
    return b"".join(bytes(event.rows) for event in events if isinstance(event, TableData))


@given(head=HEADS, tail=TAILS, dump=st.sampled_from(DUMPS), rule=st.sampled_from(sorted(RULES)))
def test_no_note_lets_through_what_would_be_refused_or_changes_what_is_done_but_for_a_code(
    head: bytes, tail: bytes, dump: bytes, rule: str
) -> None:
    without, with_note = outcome(dump, rule), outcome(head + dump + tail, rule)
    if with_note is None:
        return
    assert without is not None
    # A column that the note calls unique gets fakes that are told apart by a code: the same ones otherwise.
    for plain, noted in zip(without.split(b"\n"), with_note.split(b"\n"), strict=True):
        for before, after in zip(plain.split(b"\t"), noted.split(b"\t"), strict=True):
            assert after == before or (rule != "kept" and re.fullmatch(re.escape(before) + rb" [0-9a-z]{12}", after))
