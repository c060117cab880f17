"""What a rule replaces is found in what is kept, whatever the order, and nothing else is."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmrefresh.dump import shared_out
from dmrefresh.dump.shared_out import SharedOut
from dmrefresh.jobs.rulesets.beside import FellowAside
from dmrefresh.machine.aside import Aside
from sanitisers import BlockError, Leaked, RulesetError
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_blocks import BlockWriter
from sanitisers.fellows import Making
from sanitisers.leaks import gathering, looking
from sanitisers.leaks.leak_check import COMMON_ROWS, Leak
from sanitisers.pools import Pools
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.sanitiser import Sanitiser
from tests.sanitisers import leak_twin
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY
from tests.sanitisers.test_document_blocks import nothing_together

HEAD = "ruleset: 1\ndefaults: {id: keep}\n"
PEOPLE = {
    "people": [Column("id", "integer"), Column("name"), Column("email"), Column("phone"), Column("duns", "bigint")]
}
PEOPLE_RULES = """
  people:
    columns: {name: person.name, email: {value: x@example.invalid}, phone: person.phone, duns: company.duns}
"""
JO = (b"1", b"Jo Bloggs", b"jo.bloggs@suppliers.co.uk", b"07711 654321", b"960000001")
Rows = Sequence[tuple[bytes, ...]]


@dataclass
class Beside:
    """Who sanitises the blocks, if anybody does beside this process."""

    somebody: Aside | None = None


beside = Beside()


@pytest.fixture(scope="module", autouse=True, params=["alone", "by a fellow", "by one that tells at once"])
def _beside(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything is tried in this process alone, and by somebody aside, who may tell at the end or after each block."""
    if request.param == "alone":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_out, "SMALL", 0)
        if request.param == "by one that tells at once":
            patch.setattr(gathering, "AT_ONCE", 1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            beside.somebody = Aside()
        yield
    beside.somebody.end()
    beside.somebody = None


@dataclass(frozen=True)
class Made:
    """A sanitiser, and who shares its work."""

    sanitiser: Sanitiser
    shared: SharedOut

    def check_leaks(self) -> None:
        self.shared.end()
        self.sanitiser.check_leaks()


def made(rules: str, tables: dict[str, list[Column]], head: str = "") -> Made:
    text = f"{HEAD}{head}\ntables:\n{rules}"
    making = Making(parse_ruleset(text, "leaks.yaml"), tables, KEY)
    sanitiser = making.made()
    if beside.somebody and beside.somebody.busy:  # a test may be done before its work is
        beside.somebody.ask("rest")
    shared = SharedOut(sanitiser, 1, [partial(FellowAside, beside.somebody, making)] if beside.somebody else [])
    shared.more(0)
    return Made(sanitiser, shared)


def pass_through(made: Made, name: str, columns: list[Column], rows: Rows, block: int = 1000) -> None:
    table = made.shared.table(name, tuple(column.name for column in columns))
    for start in range(0, len(rows), block):
        text = b"".join(b"\t".join(row) + b"\n" for row in rows[start : start + block])
        table.apply(text, start + 1)
        if not table.change and table.watched:
            table.look(text, start + 1)


def leaks_of(made: Made | Sanitiser) -> tuple[Leak, ...]:
    try:
        made.check_leaks()
    except Leaked as leaked:
        return tuple(one for one in leaked.leaks if isinstance(one, Leak))
    return ()


def with_kept(kept: Rows, columns: list[Column], rules: str = "    columns: {'*': keep}", head: str = "") -> list[Leak]:
    """The leaks where `people` has Jo, and the table `notes` keeps something; the same in both orders."""
    tables = {**PEOPLE, "notes": columns}
    found = []
    for order in (["people", "notes"], ["notes", "people"]):
        one = made(f"{PEOPLE_RULES}\n  notes:\n{rules}", tables, head)
        for name in order:
            pass_through(one, name, tables[name], [JO] if name == "people" else kept)
        found.append(sorted(leaks_of(one), key=str))
    assert found[0] == found[1]
    return found[0]


TEXT = [Column("body")]
KEEP_BODY = "    columns: {body: keep (as it is)}"
DOCUMENT = [Column("data", "jsonb")]


@pytest.mark.parametrize(
    ("value", "kind", "origin"),
    [
        (b"write to <Jo.Bloggs@suppliers.co.uk>.", "e-mail address", "people.email"),
        (b"first line\\njo.bloggs@suppliers.co.uk\\nlast line", "e-mail address", "people.email"),
        (b"ring +44 7711-654-321 before ten", "telephone number", "people.phone"),
        (b"DUNS 960 000 001", "number", "people.duns"),
        (b"  JO   Bloggs", "text", "people.name"),
    ],
)
@pytest.mark.parametrize("passing", [True, False], ids=["in a table that passes", "beside a rule"])
def test_an_original_in_a_kept_column_is_found(value: bytes, kind: str, origin: str, passing: bool) -> None:
    leak = Leak("notes.body", kind, 1, 1, (origin,))
    if passing:
        assert with_kept([(value,)], TEXT, KEEP_BODY) == [leak]
    else:
        rules = "    columns: {body: keep (as it is), other: person.name}"
        assert with_kept([(value, b"somebody")], [*TEXT, Column("other")], rules) == [leak]


@pytest.mark.parametrize(
    ("rule", "document", "where"),
    [
        ("{a: keep}", {"a": "jo.bloggs@suppliers.co.uk"}, "notes.data.a"),
        ("{a: keep}", {"a": {"b": [1, {"c": 'is\n"jo.bloggs@suppliers.co.uk" '}]}}, "notes.data.a"),
        ("{a: {b: keep}}", {"a": [{"b": "Jo Bloggs"}, {"b": None}]}, "notes.data.a.b"),
        ("{'*': keep}", {"any": "Jo Bloggs"}, "notes.data.*"),
        ("{'*': keep}", {"Jo Bloggs": 1}, "notes.data.*"),
        ("{a: keep}", {"a": {"jo.bloggs@suppliers.co.uk": {}}}, "notes.data.a"),
        ("{a: keep}", {"a": {"to:\n07711 654 321": {}}}, "notes.data.a"),
        ("{'*': person.name}", {"07711654321": "x"}, "notes.data"),
        ("{x: keep}\n        rest: keep (all)", {"y": "Jo Bloggs"}, "notes.data.*"),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_an_original_in_a_kept_part_of_a_document_is_found(
    monkeypatch: pytest.MonkeyPatch, rule: str, document: object, where: str, together: bool
) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    text = encode(json.dumps(document).encode())
    rules = f"    columns:\n      data:\n        json: {rule}"
    assert [leak.where for leak in with_kept([(text,), (b"{}",)], DOCUMENT, rules)] == [where]


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("json", rb'{"deep": [{"in": "or\\njo.bloggs@suppliers.co.uk"}, 1.10, null]}'),
        ("jsonb", rb'"or\\njo.bloggs@suppliers.co.uk"'),
        ("json", rb'{"half": "\\ud83d", "twice": "Jo Bloggs", "twice": 1}'),
        ("text[]", b'{x,"ring 07711 654321"}'),
        ("public.domain", b"Jo Bloggs"),
        ("xml", b"<to>jo.bloggs@suppliers.co.uk</to>"),
    ],
)
def test_an_original_in_any_column_that_may_hold_text_is_found(type: str, value: bytes) -> None:
    assert len(with_kept([(value,), (b"{}",)], [Column("body", type)], KEEP_BODY)) == 1


@pytest.mark.parametrize("rule", ["'*': keep", "'*': person.name", "a: keep, '*': {value: x}"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_half_of_a_surrogate_pair_in_a_key_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, rule: str, together: bool
) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    document = rb'{"a": {"\\ud800 jo.bloggs@suppliers.co.uk": 1}, "\\ud800abcdefgh": "x", "b": "x"}'
    rules = f"    columns:\n      data:\n        json: {{{rule}}}"
    found = with_kept([(document,)], [Column("data", "json")], rules)
    assert len(found) == ("person" not in rule)


@pytest.mark.parametrize("type", ["bigint", "numeric(12,0)", "bytea", "uuid", "timestamp with time zone", "bigint[]"])
def test_numbers_dates_and_bytes_are_no_text(type: str) -> None:
    assert with_kept([(b"960000001",)], [Column("body", type)], KEEP_BODY) == []


@pytest.mark.parametrize(
    "value",
    [b"TBC", b"n/a", b"-", b"", rb"\N", b"Jo", b"Jo Bloggs was here", b"jo.bloggs@suppliers.com", b"9600000010"],
)
def test_what_only_looks_like_it_is_no_leak(value: bytes) -> None:
    assert with_kept([(value,)], TEXT, KEEP_BODY) == []


def one_column(originals: list[bytes], kept: list[bytes], rule: str = "person.name") -> tuple[Leak, ...]:
    columns = [Column("own"), Column("body")]
    one = made(f"  t:\n    columns: {{own: {rule}, body: keep (as it is)}}", {"t": columns})
    rows = [
        (own, body)
        for own, body in zip(
            originals + [b""] * (len(kept) - len(originals)), kept + [b""] * (len(originals) - len(kept)), strict=True
        )
    ]
    pass_through(one, "t", columns, rows)
    return leaks_of(one)


def test_what_very_many_rows_share_is_a_placeholder() -> None:
    kept = [b"somebody else entirely", b"ask at the desk"]
    assert len(one_column([b"ask at the desk"] * COMMON_ROWS, kept)) == 1
    assert one_column([b"ask at the desk"] * (COMMON_ROWS + 1), kept) == ()
    others = [b"%d others" % n for n in range(6000)]
    assert len(one_column([b"ask at the desk"] * (COMMON_ROWS + 1) + others, kept)) == 1  # fewer than one in a hundred
    assert one_column([b"Not applicable", b"To be confirmed"], [b"not applicable", b"To Be Confirmed"]) == ()


@pytest.mark.parametrize("rule", ["to: person.name", "to: null"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_what_one_row_holds_very_many_times_is_no_placeholder(
    monkeypatch: pytest.MonkeyPatch, rule: str, together: bool
) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    columns = [Column("data", "jsonb"), Column("body")]
    for rows, found in ((1, 1), (COMMON_ROWS, 1), (COMMON_ROWS + 1, 0)):
        rules = f"  t:\n    columns: {{data: {{json: {{'*': {{{rule}}}}}}}, body: keep (as it is)}}"
        one = made(rules, {"t": columns})
        text = json.dumps({str(n): {"to": "jo@suppliers.co.uk"} for n in range(COMMON_ROWS + 1)}).encode()
        pass_through(one, "t", columns, [(text, b"jo@suppliers.co.uk")] * rows, 20)
        assert len(leaks_of(one)) == found


def test_who_stands_in_a_log_in_very_many_rows_is_found_by_the_one_row_of_their_own() -> None:
    columns = [Column("by"), Column("body")]
    rules = f"{PEOPLE_RULES}\n  log:\n    columns: {{by: person.email, body: keep (as it is)}}"
    one = made(rules, {**PEOPLE, "log": columns})
    pass_through(one, "people", PEOPLE["people"], [JO])
    pass_through(one, "log", columns, [(JO[2], b"done by " + JO[2])] * 500)
    assert leaks_of(one) == (Leak("log.body", "e-mail address", 1, 500, ("people.email",)),)


def test_originals_that_are_entries_of_a_pool_or_constants_are_no_leak() -> None:
    names = [name.encode() for name in Pools("en_GB").form("person.name").parts[0].entries[:40]]  # type: ignore[union-attr]
    assert one_column(names, names) == ()
    assert one_column([b"Nobody At All"], [b"nobody at all"], "{value: Nobody at all}") == ()


@pytest.mark.parametrize("rule", ["address.city", "person.job_title", "person.first_name", "text.words", "text.lorem"])
def test_what_many_people_have_in_common_tells_of_nobody(rule: str) -> None:
    assert one_column([b"Zorblax under Quimbly"], [b"Zorblax under Quimbly"], rule) == ()
    assert len(one_column([b"jo@suppliers.co.uk"], [b"jo@suppliers.co.uk"], rule)) == 1


@pytest.mark.parametrize(("copied", "found"), [(0, False), (1, False), (40, True)])
def test_bare_numbers_that_are_the_same_by_chance_are_no_leak(copied: int, found: bool) -> None:
    draw = random.Random(1)
    originals, kept = ([b"%d" % draw.randrange(10**8, 10**9) for _ in range(30_000)] for _ in range(2))
    kept[:copied] = originals[:copied]
    columns = [Column("own"), Column("body")]
    one = made("  t:\n    columns: {own: company.duns, body: keep (as it is)}", {"t": columns})
    pass_through(one, "t", columns, list(zip(originals, kept, strict=True)), 10_000)
    leaks = leaks_of(one)
    assert bool(leaks) == found
    same = len(set(originals) & set(kept))
    assert same > copied
    assert [leak.values for leak in (leaks if found else one.sanitiser.by_chance)] == [same]


@pytest.mark.parametrize("number", [b"960000001", b"07711 654321", b"+44 7711 654321"])
def test_one_number_among_few_or_one_that_is_dialled_is_a_leak(number: bytes) -> None:
    others = [b"%d" % (10**8 + 12_345 * n) for n in range(1000 if number == b"960000001" else 30_000)]
    kept = [b"%d" % (10**8 + 54_321 + 56_789 * n) for n in range(len(others) // 2)]
    assert [leak.values for leak in one_column([*others, number], [*kept, number], "company.duns")] == [1]


@pytest.mark.parametrize("rule", ["text.lorem", "{value: x}", "null"])
def test_addresses_and_telephone_numbers_inside_long_originals_are_originals(rule: str) -> None:
    original = b"prose " * 40 + b"ask jo@suppliers.co.uk or ring 07711 654321, order 960000001"
    assert [leak.kind for leak in one_column([original], [b"Jo@suppliers.co.uk"], rule)] == ["e-mail address"]
    assert [leak.kind for leak in one_column([original], [b"07711654321"], rule)] == ["telephone number"]
    assert one_column([original], [b"960000001", b"prose prose"], rule) == ()


@pytest.mark.parametrize(
    ("original", "kept"),
    [
        (b"a@b.uk", b"to a@b.uk"),
        (b"Jo Bloggs" + b" " * 91, b"Jo Bloggs"),
        (b"Jo Bloggs", b"Jo Bloggs" + b" " * 91),
        (b"07711 654321" + b" " * 8, b"at 07711.654.321 9am"),
        ("josé@correo.es".encode(), "«JOSÉ@correo.es»".encode()),
    ],
)
def test_originals_are_found_however_short_padded_or_spaced_they_are(original: bytes, kept: bytes) -> None:
    assert len(one_column([original], [kept])) == 1


def test_who_is_only_called_by_a_role_is_nobody() -> None:
    roles = [b"Sales Team", b"Head Office", b"Customer Services", b"Accounts payable", b"IT Department", b"Not in use"]
    assert one_column(roles, [role.lower() for role in roles]) == ()


def test_what_rules_write_is_not_looked_at() -> None:
    columns = [Column("id", "integer", not_null=True), Column("email"), Column("other")]
    rules = """  t:
    columns: {email: "person.email at {id}@suppliers.co.uk", other: {value: 1@suppliers.co.uk}}
"""
    one = made(rules, {"t": columns})
    pass_through(one, "t", columns, [(b"1", b"1@suppliers.co.uk", b"2@suppliers.co.uk")])
    assert leaks_of(one) == ()


def test_the_message_names_places_and_counts_and_holds_no_value() -> None:
    tables = {**PEOPLE, "notes": TEXT}
    one = made(f"{PEOPLE_RULES}\n  notes:\n{KEEP_BODY}", tables)
    pass_through(one, "people", PEOPLE["people"], [JO])
    pass_through(one, "notes", TEXT, [(JO[2] + b" " + JO[3],), (JO[2],)])
    with pytest.raises(Leaked) as leaked:
        one.check_leaks()
    assert str(leaked.value) == (
        "What rules replace stands in what is kept, where it would be published:\n"
        "  notes.body: 1 e-mail address of people.email, 2 times\n"
        "  notes.body: 1 telephone number of people.phone, once"
    )
    assert leaked.value.paste == 'leaks:\n  "notes.body": keep (say why)'
    assert one.sanitiser.compared is not None
    assert (one.sanitiser.compared.originals, one.sanitiser.compared.kept, one.sanitiser.compared.one_in) == (4, 3, 1)
    allowed = leaked.value.paste.replace("say why", "that is the help desk")
    assert with_kept([(JO[2],)], TEXT, KEEP_BODY, allowed) == []


def test_a_column_can_be_left_alone_on_either_side_and_by_its_path() -> None:
    rules = "    columns:\n      data: {json: {a: {b: keep, c: keep}}}"
    text = b'{"a": {"b": "Jo Bloggs", "c": "07711654321"}}'
    for line, left in {
        "notes.data": [],
        "notes.data.a": [],
        "notes.data.a.b": ["notes.data.a.c"],
        "people.name": ["notes.data.a.c"],
        "notes.dat": ["notes.data.a.b", "notes.data.a.c"],
    }.items():
        found = with_kept([(text,)], DOCUMENT, rules, f"leaks: {{{line}: keep (that is meant)}}")
        assert [leak.where for leak in found] == left


def test_a_line_that_nothing_was_about_is_named() -> None:
    one = made(PEOPLE_RULES, PEOPLE, "leaks: {people.name: keep (x), people.gone: keep (y), gone.name: keep (z)}")
    one.sanitiser.table("people", ["id", "name"])
    assert one.sanitiser.unmatched_leaks() == ["people.gone", "gone.name"]


def test_a_line_leaves_alone_no_whole_table_or_schema() -> None:
    tables = {**PEOPLE, "audit.notes": TEXT}
    one = made(f"{PEOPLE_RULES}\n  audit.notes:\n{KEEP_BODY}", tables, "leaks: {audit.notes: keep (meant)}")
    pass_through(one, "people", PEOPLE["people"], [JO])
    pass_through(one, "audit.notes", TEXT, [(JO[2],)])
    assert [leak.where for leak in leaks_of(one)] == ["audit.notes.body"]
    assert one.sanitiser.unmatched_leaks() == ["audit.notes"]


def test_it_can_be_turned_off_with_a_reason_that_is_said() -> None:
    head = "leak_check: off (we only measure)"
    assert with_kept([(JO[2],)], TEXT, KEEP_BODY, head) == []
    one = made(PEOPLE_RULES, PEOPLE, head)
    assert one.sanitiser.warnings == (
        "leaks.yaml:3: leak_check: what is kept is not searched for what is replaced (we only measure)",
    )
    assert one.sanitiser.compared is None


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("leak_check: off", "it says `off (why)`"),
        ("leak_check: off (say why)", "the reason is missing"),
        ("leak_check: on", "it says `off (why)`"),
        ("leak_check: false", "it says `off (why)`"),
        ("leaks: {a.b: keep}", "a line of `leaks:` says `keep (why)`"),
        ("leaks: {a.b: person.name}", "a line of `leaks:` says `keep (why)`"),
        ("leaks: {audit: keep (meant)}", "leaks.audit: it names a table and a column"),
        ("leaks: {audit.: keep (meant)}", "it names a table and a column"),
        ("leak: {}", "did you mean `leaks`?"),
    ],
)
def test_the_ruleset_names_what_it_does_not_understand(head: str, words: str) -> None:
    with pytest.raises(RulesetError) as refused:
        parse_ruleset(f"ruleset: 1\n{head}\n", "bad.yaml")
    assert str(refused.value).startswith("bad.yaml:2: ")
    assert words in str(refused.value)


def test_rows_of_emptied_tables_are_not_read() -> None:
    one = made("  people: empty\n  notes:\n" + KEEP_BODY, {**PEOPLE, "notes": TEXT})
    pass_through(one, "people", PEOPLE["people"], [JO])
    pass_through(one, "notes", TEXT, [(JO[2],)])
    assert leaks_of(one) == ()


def test_a_ragged_row_of_a_table_that_passes_is_refused_with_its_number() -> None:
    one = made("  notes:\n" + KEEP_BODY, {"notes": TEXT})
    table = one.sanitiser.table("notes", ["body"])
    with pytest.raises(BlockError, match="notes, row 12: 2 values"):
        table.look(b"one\none\ttwo\n", 11)


def test_a_value_of_any_length_is_looked_at_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"\n".join(b"%d: 07711 654%03d, please" % (n, n) for n in range(1000)).replace(b"\n", b"\\n")
    found = []
    for piece in (1 << 20, 5000, 70):
        monkeypatch.setattr(looking, "PIECE", piece)
        monkeypatch.setattr(looking, "BESIDE", 64)
        found.append(one_column([b"07711 654%03d" % n for n in range(1000)], [text], "person.phone"))
    assert found[0] == found[1] == found[2] == (Leak("t.body", "telephone number", 1000, 1000, ("t.own",)),)


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
def test_a_long_value_at_a_place_that_is_left_alone_is_not_booked_to_another(
    monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    if not together:
        monkeypatch.setattr(BlockWriter, "write", nothing_together)
    monkeypatch.setattr(looking, "PIECE", 100)
    monkeypatch.setattr(looking, "BESIDE", 64)
    text = b'{"p": "' + b"word " * 40 + b' jo.bloggs@suppliers.co.uk", "q": "something else"}'
    rules = "    columns:\n      data: {json: {p: keep, q: keep}}"
    assert with_kept([(text,)], DOCUMENT, rules, "leaks: {notes.data.p: keep (that is meant)}") == []
    assert [leak.where for leak in with_kept([(text,)], DOCUMENT, rules)] == ["notes.data.p"]


# --- the same as plain Python, whatever the size of blocks and the number of threads

bits = [
    "Jo",
    "Bloggs",
    "jo@x.org",
    "JO@X.ORG",
    "07711654321",
    "+44 7711 654321",
    "960000001",
    "é",
    "\n",
    "<",
    "Ask",
    "him",
]
values = st.lists(st.sampled_from(bits), max_size=3).map(" ".join)
scalars = values | st.none() | st.integers(10**8, 10**10)
documents = st.dictionaries(
    st.sampled_from(["own", "stays", "any", "deep", "gone"]) | values,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(values, inner, max_size=2)),
    max_size=4,
)
RULES = """  t:
    columns:
      own: person.name
      stays: keep (as it is)
      data: {json: {own: person.phone, stays: keep, deep: {own: null, '*': keep}, '*': {value: x}}}
      whole: keep (as it is)
"""
COLUMNS = [Column("own"), Column("stays"), Column("data", "jsonb"), Column("whole", "json")]
row = st.tuples(values, values, documents, documents)


@settings(deadline=None, max_examples=30)
@given(st.lists(row, max_size=8), st.integers(1, 4))
def test_the_verdict_is_the_same_for_any_blocks_one_by_one_and_by_several_threads(
    rows: list[tuple[str, str, object, object]], size: int
) -> None:
    written = [tuple(encode((v if isinstance(v, str) else json.dumps(v)).encode()) for v in row) for row in rows]

    def verdict(block: int) -> tuple[Leak, ...]:
        one = made(RULES, {"t": COLUMNS})
        pass_through(one, "t", COLUMNS, written, block)
        return leaks_of(one)

    expected = verdict(1000)
    assert verdict(size) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockWriter, "write", nothing_together)
        assert verdict(1000) == expected
    threaded = made(RULES, {"t": COLUMNS})
    table = threaded.shared.table("t", tuple(column.name for column in COLUMNS))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(table.apply, [b"\t".join(row) + b"\n" for row in written], range(1, len(written) + 1)))
    assert leaks_of(threaded) == expected


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(values, values, values), max_size=60), st.integers(0, 60))
def test_the_verdict_is_that_of_plain_python(rows: list[tuple[str, str, str]], repeated: int) -> None:
    rows = rows + rows[:1] * repeated
    columns = [Column("a"), Column("b"), Column("c")]
    one = made("  t:\n    columns: {a: person.name, b: person.phone, c: keep (as it is)}", {"t": columns})
    pass_through(one, "t", columns, [tuple(encode(v.encode()) for v in row) for row in rows])
    shown = [
        (name != "c", "t", name, value.encode())
        for row in rows
        for name, value in zip("abc", row, strict=True)
        if value
    ]
    found = [replace(leak, origins=tuple(sorted(leak.origins))) for leak in leaks_of(one)]
    assert sorted(found, key=str) == sorted(leak_twin.verdict(shown, {"t": len(rows)}), key=str)
