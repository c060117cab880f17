"""Blocks go to whoever has time for them, and nobody who reads what comes out sees who that was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.dump import shared_out
from dmrefresh.dump.events import End, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.shared_out import Fellows
from dmrefresh.errors import NotSanitised
from sanitisers import Ruleset, SanitiserError, load_ruleset
from sanitisers.engine.values import Bytes
from sanitisers.fellows import Done, Fellow, Making
from sanitisers.leaks.seen import Seen
from tests.dump.test_sanitise import KEY, WITHOUT_CHILD, rules

NAMES = "  person: {columns: {name: person.name}}\n"
TABLE = "CREATE TABLE public.note (\n    body text\n);\n\n"
ROWS = "COPY public.note (body) FROM stdin;\nzorblax quimbly\n\\.\n\n"


@pytest.fixture(autouse=True)
def _every_block_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_out, "SMALL", 0)


class Recording(Fellow):
    """A fellow in this process, and what it was given."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.given: list[str] = []

    def apply(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Done | SanitiserError:
        self.given.append(f"{table} from {first_row}")
        return super().apply(table, columns, rows, first_row)

    def look(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Seen | SanitiserError:
        self.given.append(f"{table} looked at from {first_row}")
        return super().look(table, columns, rows, first_row)


class Made:
    """The fellows that were made."""

    def __init__(self) -> None:
        self.fellows: list[Recording] = []

    def make(self, making: Making) -> Recording:
        self.fellows.append(Recording(making))
        return self.fellows[-1]

    @property
    def given(self) -> list[str]:
        return [one for fellow in self.fellows for one in fellow.given]


def blocks(
    dump: str,
    ruleset: Ruleset,
    make: Callable[[Making], Recording] | None = None,
    here: int = 0,
    begin: int = 0,
) -> list[TableData]:
    """What becomes of the blocks; where somebody makes a fellow, of all of them unless some are done here, too."""
    encoding = "latin-1" if "LATIN1" in dump else "utf-8"
    fellows = Fellows([make] if make else [], begin)
    events = sanitise(read_dump([dump.encode(encoding)]), ruleset, KEY, fellows=fellows, threads=here if make else 1)
    *others, last = events
    assert isinstance(last, End)
    return [event for event in others if isinstance(event, TableData)]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1"])
def test_what_a_fellow_makes_goes_on_in_the_encoding_of_the_dump(encoding: str) -> None:
    dump = WITHOUT_CHILD.replace("'UTF8'", f"'{encoding}'").replace("Zorblax Quimbly\t3", "Zörblax\t3")
    keep = "  person:\n    rows: name = 'Zörblax'\n    columns:\n      name: keep (a play)\n"
    for text in (NAMES, keep):
        made = Made()
        (alone,), (block,) = blocks(dump, rules(text)), blocks(dump, rules(text), made.make)
        assert (bytes(block.rows), block.count) == (bytes(alone.rows), alone.count)
        assert made.given == ["person from 1"]


def test_a_row_that_a_fellow_refuses_is_named_as_one_that_is_refused_here() -> None:
    made, torn = Made(), WITHOUT_CHILD.replace("Zorblax Quimbly\t3\n", "Zorblax Quimbly\n")
    with pytest.raises(NotSanitised, match=r"^person, row 3: 1 values where the table has 2 columns"):
        blocks(torn, rules(NAMES), made.make)
    assert made.given == ["person from 1"]


def with_notes() -> str:
    """A dump in which somebody is named in a table of notes."""
    before, copy, rest = WITHOUT_CHILD.partition("COPY public.person_1")
    rows, alter, after = rest.partition("ALTER TABLE")
    return before + TABLE + copy + rows + ROWS + alter + after


def test_what_a_fellow_sees_in_one_table_is_found_in_another() -> None:
    made, dump = Made(), with_notes()
    with pytest.raises(NotSanitised, match=r"note\.body: 1 text of person\.name, once"):
        blocks(dump, rules(NAMES + "  note: {columns: {body: keep (as it is)}}\n"), made.make)
    assert made.given == ["person from 1", "note looked at from 1"]


@pytest.mark.parametrize(("begin", "made"), [(0, 1), (41, 1), (42, 0), (1 << 30, 0)])
def test_nobody_is_made_for_few_rows(begin: int, made: int) -> None:
    fellows = Made()
    (alone,) = blocks(WITHOUT_CHILD, rules(NAMES))
    (block,) = blocks(WITHOUT_CHILD, rules(NAMES), fellows.make, 1, begin)
    assert bytes(block.rows) == bytes(alone.rows)
    assert len(fellows.fellows) == made


def test_functions_of_a_teams_own_are_called_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "counting_rules.py").write_text(
        "seen = []\ndef count(value, chance):\n    seen.append(1)\n    return str(len(seen))\n"
    )
    file, made = tmp_path / "r.yaml", Made()
    text = "ruleset: 1\ndefaults: {id: keep}\ntables: {person: {columns: {name: {function: counting_rules.count}}}}\n"
    file.write_text(text)
    ruleset, wanted = load_ruleset(file), Fellows([made.make] * 3)
    lines = [b"x\t%d\n" % number for number in range(2000)]
    dump = WITHOUT_CHILD.replace("Zorblax Quimbly\t1\n", b"".join(lines).decode())
    cut = [dump[start : start + 1000].encode() for start in range(0, len(dump), 1000)]
    rows = b"".join(
        bytes(event.rows)
        for event in sanitise(read_dump(cut), ruleset, KEY, fellows=wanted)
        if isinstance(event, TableData)
    )
    expected = b"".join(b"%d\t%d\n" % (number + 1, number) for number in range(2000))
    assert rows == expected + b"\\N\t2\n2001\t3\n"
    assert made.fellows == []
