"""Rules that are suggested fit their columns: narrow ones, unique ones, and those that a check holds to a form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sanitisers import load_ruleset
from sanitisers.engine.copy_text import encode
from sanitisers.suggesting.forms import of_form
from sanitisers.suggesting.gathering import Gathering
from sanitisers.suggesting.judgement import Confidence, Judgement
from sanitisers.suggesting.names import Means, meaning
from sanitisers.suggesting.suggestion import suggest
from sanitisers.suggesting.tables import Keys, TableSuggestion
from sanitisers.suggesting.writing import written
from sanitisers.trying import fits
from tests.sanitisers.columns import Column
from tests.sanitisers.making import one, table

ID = Column("id", "integer", not_null=True)
CARDS = "^FM-[0-9]{8}$"


def suggested(column: Column, values: list[str], *more: Column, keys: Keys | None = None) -> TableSuggestion:
    """What is suggested for a table of an id, this column with these values, and more columns with an x in each row."""
    columns = [ID, column, *more]
    rows = b"".join(
        b"\t".join([b"%d" % row, encode(value.encode()), *[b"x"] * len(more)]) + b"\n"
        for row, value in enumerate(values, start=1)
    )
    gathered = Gathering()
    gathered.look("t", columns, rows, len(values))
    names = frozenset({"id", column.name})
    return suggest({"t": columns}, gathered, {"t": keys or Keys(primary=frozenset({"id"}), unique=names)}, fits)["t"]


def judged(column: Column, values: list[str], *more: Column, keys: Keys | None = None) -> Judgement:
    found = suggested(column, values, *more, keys=keys)
    assert found.empties is None
    return found.columns[column.name]


def test_codes_that_are_too_short_for_any_fake_stay_in_a_table_about_nobody() -> None:
    code = Column("code", "character(2)", not_null=True, max_length=2)
    found = judged(code, ["en", "cy", "fr", "ja"])
    assert (found.rule, found.confidence) == ("keep (short codes)", Confidence.LOW)


@pytest.mark.parametrize(
    ("values", "beside"),
    [(["ab", "cd", "ef"], "email"), (["Zq", "Vx", "Öl"], "size")],
    ids=["beside somebody's address", "no codes"],
)
def test_they_do_not_stay_where_they_may_be_somebodys(values: list[str], beside: str) -> None:
    code = Column("code", "character(2)", not_null=True, max_length=2)
    assert suggested(code, values, Column(beside)).empties is not None


NEVER = {"licence_plate": 7, "nhs_number": 6, "passport": 7, "card_last_four": 4, "door_token": 4, "host_ip": 4}
"""Names of what is never kept, with widths into which no fake goes."""


def codes(width: int) -> list[str]:
    return [f"Q{n:02}".ljust(width, "X") for n in range(79)]


@pytest.mark.parametrize(("name", "width"), NEVER.items(), ids=NEVER)
@pytest.mark.parametrize("type", ["character varying", "character"])
def test_no_code_stays_under_a_name_that_says_what_must_never_go_on(name: str, width: int, type: str) -> None:
    column = Column(name, f"{type}({width})", not_null=True, max_length=width)
    assert suggested(column, codes(width)).empties is not None


@pytest.mark.parametrize(
    ("name", "width"),
    [*NEVER.items(), ("user_name", 3), ("contact_phone", 3), ("surname", 3)],
    ids=[*NEVER, "user_name", "contact_phone", "surname"],
)
def test_nor_does_it_where_tables_are_joined_by_it(name: str, width: int) -> None:
    column = Column(name, f"character({width})", not_null=True, max_length=width)
    keys = Keys(primary=frozenset({"id"}), unique=frozenset({"id", name}), leads=(("parent", "t", name),))
    assert suggested(column, codes(width), Column("parent"), keys=keys).empties is not None


def test_codes_that_join_tables_stay_where_no_fake_fits() -> None:
    column = Column("code", "character(3)", not_null=True, max_length=3)
    keys = Keys(primary=frozenset({"id"}), unique=frozenset({"id", "code"}), leads=(("parent", "t", "code"),))
    assert judged(column, codes(3), Column("parent"), keys=keys).rule == "keep (codes that join tables)"


@pytest.mark.parametrize("shared", [1, 40], ids=["one", "most"])
def test_codes_do_not_stay_that_somebody_has_elsewhere(shared: int) -> None:
    code = Column("code", "character(3)", not_null=True, max_length=3)
    logins = [f"q{n:02}" for n in range(40)]
    rows = [*logins[:shared], *(f"w{n:02}" for n in range(40 - shared))]
    gathered = Gathering()
    gathered.look("t", [ID, code], b"".join(b"%d\t%b\n" % (n, one.encode()) for n, one in enumerate(rows)), 40)
    gathered.look("u", [Column("login")], "".join(f"{one}\n" for one in logins).encode(), 40)
    keys = {"t": Keys(primary=frozenset({"id"}), unique=frozenset({"id", "code"}))}
    found = suggest({"t": [ID, code], "u": [Column("login")]}, gathered, keys, fits)
    assert found["t"].empties is not None


def test_unique_codes_become_codes_and_no_sentences() -> None:
    found = judged(Column("code", not_null=True), [f"GIFT-{n:06}" for n in range(50)])
    assert found.rule == "hash"


def test_every_line_that_is_not_certain_is_counted_those_of_tables_and_documents_too() -> None:
    emptied = TableSuggestion(Judgement("empty", Confidence.LOW, "x"))
    below = {"a": Judgement("null", Confidence.LOW, "x"), "b": Judgement("keep (x)", Confidence.HIGH, "x")}
    document = Judgement("json", Confidence.HIGH, "x", below)
    other = TableSuggestion(columns={"d": document, "e": Judgement("null", Confidence.MEDIUM, "x")})
    lines = [line.confidence for one in (emptied, other) for line in one.lines()]
    assert lines == [Confidence.LOW, Confidence.LOW, Confidence.HIGH, Confidence.MEDIUM]


def test_unique_texts_of_people_become_texts() -> None:
    found = judged(Column("thought", not_null=True), [f"Of lamps and ships, the {n}th." for n in range(50)])
    assert found.rule == "{fake: text.lorem, unique: true}"


def of_cards(column: Column, *, unique: bool, form: str = CARDS) -> Judgement:
    keys = Keys(
        primary=frozenset({"id"}),
        unique=frozenset({"id", column.name} if unique else {"id"}),
        forms={column.name: form},
    )
    return judged(column, [f"FM-{n * 7919:08}" for n in range(60)], keys=keys)


def test_a_form_that_a_check_wants_is_numbered_by_the_row_where_no_value_may_come_twice() -> None:
    column = Column("card_number", not_null=True)
    found = of_cards(column, unique=True)
    assert found.rule == '{template: "FM-{id:08}"}'
    made = table([ID, column], f"id: keep\ncard_number: {found.rule}").apply(b"17\tFM-99999999\n")
    assert bytes(made.rows) == b"17\tFM-00000017\n"


def test_a_form_that_a_check_wants_is_a_pattern_elsewhere() -> None:
    found = of_cards(Column("card_number", not_null=True), unique=False)
    assert found.rule == "{pattern: 'FM-[0-9]{8}'}"
    assert all(re.fullmatch(rb"FM-[0-9]{8}", value) for value in one(found.rule, [b"FM-1", b"FM-2", b"FM-3"]))


def test_a_form_that_no_rule_makes_is_something_to_look_at() -> None:
    found = of_cards(Column("card_number", not_null=True), unique=False, form="^FM-[0-9]+$")
    assert found.confidence is Confidence.LOW
    assert "a check wants a form" in found.reason


def test_a_form_changes_nothing_of_what_is_kept() -> None:
    keys = Keys(primary=frozenset({"id"}), forms={"status": "^[a-z]+$"})
    assert judged(Column("status"), ["open", "shut"] * 30, keys=keys).rule == "keep (one of a few words)"


@pytest.mark.parametrize(
    ("form", "rules"),
    [
        (
            "^[A-Z]{2}[0-9]{6}[A-D]$",
            ('{template: "AA{id:06}A"}', "{pattern: '[A-Z]{2}[0-9]{6}[A-D]', unique: true}"),
        ),
        ("^[A-Z]{2}-[0-9]{3}$", ("{pattern: '[A-Z]{2}-[0-9]{3}', unique: true}",)),
        ("^it's$", ("{pattern: 'it''s', unique: true}",)),
        ("[0-9]{8}", ()),
        ("^[0-9]{8}", ()),
        ("^[0-9]{1,8}$", ()),
        ("^(a|b)$", ()),
        ("", ()),
    ],
)
def test_forms_of_a_fixed_length_are_made_and_no_others(form: str, rules: tuple[str, ...]) -> None:
    assert of_form(form, "id", unique=True) == rules


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("ni_number", Means.FAKE),
        ("signed_for_by", Means.FAKE),
        ("bought_by", Means.FAKE),
        ("last_four", Means.INTIMATE),
        ("first_6", Means.INTIMATE),
        ("brand", Means.WORD),
        ("opening_hours", Means.WHEN),
        ("weekdays", Means.WHEN),
    ],
)
def test_names_of_other_databases_are_known_too(name: str, means: Means) -> None:
    found = meaning(name)
    assert found is not None
    assert found.means is means


@pytest.mark.parametrize("name", ["ordered_by", "sorted_by", "grouped_by", "filtered_by", "ranked_by", "taken_by"])
def test_who_did_something_is_somebody_whatever_was_done(name: str) -> None:
    found = meaning(name)
    assert found is not None
    assert found.family == "person.name"


@pytest.mark.parametrize(
    "name", ["sort_by", "order_by", "group_by", "filterBy", "rank_by", "valid_by", "pay_by", "due_by", "use_by"]
)
def test_what_things_are_sorted_by_and_until_when_is_nobody(name: str) -> None:
    found = meaning(name)
    assert found is None or found.means is not Means.FAKE


@pytest.mark.parametrize("name", ["monday", "on_weekend", "opening_hours", "month"])
@pytest.mark.parametrize(
    "words",
    [
        ["Jane Smith", "Olvik Brann"],
        ["Jane Smith", "10:00"],
        ["Jane", "Olvik"],
        ["jsmith", "obrann"],
        ["JSMITH", "OB"],
        ["with jane only", "10:00"],
        ["jsmith", "obrann", "kvimb", "10:00"],
    ],
    ids=["names", "a name", "first names", "logins", "initials", "a few words", "hardly a time"],
)
def test_who_works_on_a_day_is_not_kept_as_one_of_a_few_words(name: str, words: list[str]) -> None:
    found = judged(Column(name), words * 40, keys=Keys(primary=frozenset({"id"})))
    assert (found.rule, found.confidence) == ("text.lorem", Confidence.LOW)


@pytest.mark.parametrize(
    "words", [["10:00", "closed"], ["9", "13", "closed"], ["10:00", "Closed", "12:30"], ["Month", "Year", "Other"]]
)
def test_when_something_opens_is_kept_with_the_word_for_never(words: list[str]) -> None:
    found = judged(Column("sunday"), words * 30, keys=Keys(primary=frozenset({"id"})))
    assert found.rule == "keep (one of a few words)"


@pytest.mark.parametrize("name", ["signed", "reserved_for"])
def test_names_of_people_are_known_by_their_look_where_the_column_says_nothing(name: str) -> None:
    found = judged(Column(name), [f"Vimb{chr(97 + n)} Tharro" for n in range(20)], keys=Keys(primary=frozenset({"id"})))
    assert (found.rule, found.confidence) == ("person.name", Confidence.LOW)


def test_definitions_that_stop_a_run_stand_at_the_end_for_a_person_to_take_or_leave(tmp_path: Path) -> None:
    odd = 'two\nlines: "of" #it'
    text = written({}, {}, of="a test", modeline="# m", personal={"overdue": "CREATE VIEW: e-mail address", odd: "x"})
    file = tmp_path / "t.yaml"
    file.write_text(text)
    assert load_ruleset(file).literals == {}
    taken = re.sub(r"^# (literals:|  )", r"\1", text, flags=re.MULTILINE)
    file.write_text(taken.replace("say why", "it is nobody's"))
    assert set(load_ruleset(file).literals) == {"overdue", odd}
