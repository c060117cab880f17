"""The fast way gives the bytes of the slow one, whatever the rules, the values, the blocks and the threads.

The slow one is `plainly`: docs/reference/ruleset.md, value by value.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sanitisers import TableSanitiser, compile_ruleset
from sanitisers.engine import table as table_module
from sanitisers.predicate.reading import read_predicate
from sanitisers.ruleset.model import Columns, Ruleset
from tests.sanitisers import predicates
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY
from tests.sanitisers.plainly import Plainly, Row, read, write, write_array

COLUMNS = (
    *predicates.COLUMNS,  # on these a condition may stand
    Column("w"),
    Column("x", "character varying(30)", max_length=30),
    Column("ci", "citext"),
    Column("doc", "json"),
    Column("docb", "jsonb"),
    Column("doct"),
    Column("tags", "text[]", element=Column("[]")),
    Column("paid", "numeric(12,2)"),
    Column("born", "date"),
)
NAMES = [column.name for column in COLUMNS]

# Rules, as a ruleset has them.

CUT: list[Any] = [
    "keep (why)",
    "null",
    "person.name",
    "person.name as person by w",
    "person.last_name as person by x, w",
    "address.street",
    "address.city",
    "company.name by t",
    "text.lorem",
    "text.words",
    "person.ni_number",
    {"value": "a\tb\\é"},
    {"pattern": "[A-Z]{2}-[0-9]{6}"},
    {"pattern": "[€£]{3}[a-z]{15}"},
    {"one_of": ["red", "gr\\een", "bl\tue"]},
    {"one_of": ["a", "b"], "by": "id"},
    {"fake": "person.name", "as": "person", "by": "w", "nulls": "replace"},
    {"value": "new", "nulls": "replace"},
]
"""What fits a column of twenty characters."""
WIDE: list[Any] = [
    *CUT,
    "person.email as person",
    "person.phone as person by ci",
    "person.user_name",
    "address.postcode",
    "address.full as town",
    "uuid",
    "token",
    "hash",
    "url",
    "ip",
    "file.path",
    "company.vat",
    "company.duns",
    {"pattern": "[a-zA-Z0-9]{40}"},
    "person.email at {id}@example.org",
    {"template": "S-{id:09}-é\\"},
]
INSIDE: list[Any] = [
    "keep (why)",
    "null",
    "person.name",
    "person.email as person",
    "person.name as person by a",
    "person.phone by é, b",
    "address.street",
    "address.postcode",
    "address.city",
    "text.lorem",
    "token",
    "date.shift 1 days",
    "date.shift by a",
    "number.noise",
    "number.noise 35 % by b",
    {"value": 'x"\\'},
    {"value": [1, {"k": None}]},
    {"pattern": "[A-Z]{2}[0-9]{3}"},
    {"one_of": ['q"', "y"]},
]
"""What may stand in a document."""
DECIDED = ["person.name as person by a, é", "person.phone by é, in, a", 'date.shift by q"', "number.noise by in, a"]
KEYS = ["a", "b", "é", "in", 'q"', "x y", "value", ""]
names = st.sampled_from(KEYS[:4]) | st.sampled_from(KEYS)
of_rules = names | st.just("*")

levels = st.recursive(
    st.sampled_from(INSIDE),
    lambda below: st.dictionaries(of_rules, below, min_size=1, max_size=4),
    max_leaves=8,
)


def _object(level: object) -> Any:
    """A map is the next level; one that reads like a rule of its own is said to be none."""
    if not isinstance(level, dict) or level in INSIDE:
        return level
    inner = {key: _object(below) for key, below in level.items()}
    return {"json": inner} if list(inner) == ["value"] else inner


@st.composite
def documents_rules(draw: st.DrawFn) -> dict[str, Any]:
    below = st.sampled_from(INSIDE) | levels.map(_object)
    keys = draw(st.dictionaries(of_rules, below, max_size=6))
    if draw(st.booleans()):
        keys["b"] = draw(st.sampled_from(DECIDED))
    rule: dict[str, Any] = {"json": keys}
    if "*" not in keys and draw(st.booleans()):
        rule["rest"] = "keep (why)"
    if draw(st.integers(0, 3)) == 0:
        rule["only_with"] = draw(names)
    return rule


_RULES: Mapping[str, st.SearchStrategy[Any]] = {
    "t": st.sampled_from(WIDE),
    "Name": st.sampled_from(CUT),
    "w": st.sampled_from(WIDE),
    "x": st.sampled_from(CUT),
    "ci": st.sampled_from(WIDE),
    "n": st.sampled_from(["keep", "number.noise", "number.noise 90 % by t"]),
    "other": documents_rules(),
    "doc": documents_rules(),
    "docb": documents_rules(),
    "doct": documents_rules(),
    "tags": st.sampled_from(["keep (why)", "null", *({"each": rule} for rule in ("person.name", "null", "token"))])
    | st.sampled_from(["person.email as person", {"value": 'a "b"'}, {"one_of": ["NULL", "c,d", ""]}]).map(
        lambda rule: {"each": rule}
    ),
    "paid": st.sampled_from(["keep", "number.noise", "number.noise 0.5 %", "number.noise 100 % by id"]),
    "born": st.sampled_from(
        ["keep", "null", "date.shift 1 days", "date.shift 400 days by w", "date.shift as person by ci"]
    ),
}

# Rows.

_ANY = st.characters(codec="utf-8", exclude_characters="\0")
texts = (
    st.text(_ANY, max_size=8)
    | st.sampled_from(
        ["Ann Example", "ANN example", "ann@x.uk", "\\N", "\\.", "a\tb\nc\\", "ÀÉ×ß", "\r\b\v\f", "🙂" * 5]
    )
    # Around the edges of the keyed function: its step, and where values are worked off one by one.
    | st.tuples(st.sampled_from("aé\\"), st.sampled_from([15, 16, 17, 32, 511, 512, 513, 1023, 1024, 1025, 3000])).map(
        lambda drawn: drawn[0] * drawn[1]
    )
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.integers(-(10**6), 10**6).map(lambda number: number / 100)
    | texts
    | st.sampled_from(["2024-02-29", "0001-01-01 10:00:00+00", "2023-02-29", "infinity", "NaN", "12.50", "007", "-0"])
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=4),
    max_leaves=10,
)
some: st.SearchStrategy[Any] = st.sampled_from(
    ["Ann", "Bo Lee", "Cy", "bo@x.uk", "", None, 7, 12.5, True, "2024-02-29", "é", {}, []]
)
members = some | st.lists(some, max_size=2) | st.dictionaries(names, some)
usual = st.dictionaries(names, members, max_size=5) | st.fixed_dictionaries(
    {"a": some, "b": members}, optional={"é": some, "in": some, 'q"': members}
)
"""Documents as most are: of keys that rules name, and short values, which are worked off together."""
separators = st.tuples(st.sampled_from([", ", ",", " ,\n"]), st.sampled_from([": ", ":", "\t:\r\n"]))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document; some have a key twice, some write one with escapes."""
    if draw(st.integers(0, 2)):
        tight = draw(st.booleans())
        return json.dumps(draw(usual), separators=(",", ":") if tight else (", ", ": "), ensure_ascii=False)
    value = draw(st.dictionaries(names, json_values, max_size=5) | json_values)
    text = json.dumps(value, separators=draw(separators), ensure_ascii=draw(st.booleans()))
    if draw(st.integers(0, 3)) == 0:
        text = text.replace('"b"', '"a"')
    if draw(st.integers(0, 3)) == 0:
        text = text.replace('"a"', r'"\u0061"')
    return draw(st.sampled_from([text, text, f" {text}\n"]))


arrays = st.lists(st.none() | texts, max_size=4) | st.lists(st.lists(st.none() | texts, min_size=2, max_size=2))
_VALUES: Mapping[str, st.SearchStrategy[str]] = {
    "w": st.just("") | texts,
    "x": st.just("") | texts.filter(lambda text: len(text) <= 30),
    "ci": st.just("") | texts,
    "doc": documents(),
    "docb": documents(),
    "doct": st.just("") | documents(),
    "tags": arrays.map(write_array),
    "paid": st.integers(-(10**12) + 1, 10**12 - 1).map(lambda number: f"{number / 100:.2f}")
    | st.sampled_from(["NaN", "0.00", "-0.01", "9999999999.99", "-9999999999.99"]),
    "born": st.dates().map(str) | st.sampled_from(["0001-01-01", "9999-12-31", "infinity", "-infinity"]),
}


_decided = st.lists(st.tuples(*(st.none() | one for one in predicates.VALUES.values())), min_size=1, max_size=8)
"""What a condition is about, and the column behind it."""


@dataclass(frozen=True)
class Case:
    """Rules, rows, and what becomes of them in the slow way, line by line."""

    rules: dict[str, Any]
    lines: list[bytes]
    expected: bytes

    def table(self) -> TableSanitiser:
        ruleset = Ruleset.model_validate({"ruleset": 1, "tables": {"t": self.rules}})
        return compile_ruleset(ruleset, {"t": COLUMNS}, KEY).table("t", NAMES)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rules: dict[str, Any] = {"columns": dict.fromkeys(NAMES, "keep (why)")}
    rules["columns"] |= {name: draw(strategy) for name, strategy in _RULES.items()}
    if draw(st.booleans()):
        rules["rows"] = draw(predicates.predicates)
    rows = [(number, *row) for number, row in enumerate(draw(_decided), 1)]
    lines = draw(predicates.blocks(rows)).split(b"\n")[:-1]
    # A number that stands in a template is written as pg_dump writes it.
    drawn = [[b"%d" % number, *line.split(b"\t")[1:]] for number, line in enumerate(lines, 1)]
    cells = [row + [draw(_cell(_VALUES[name])) for name in _VALUES] for row in drawn]
    expected = Plainly(COLUMNS, rules_of(rules), KEY, condition_of(rules.get("rows"))).rows(cells)
    return Case(rules, [b"\t".join(row) + b"\n" for row in cells], b"".join(expected))


@st.composite
def _cell(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> bytes:
    """NULL, or a text, now and then with other escapes than pg_dump's."""
    if draw(st.integers(0, 5)) == 0:
        return rb"\N"
    text = draw(texts)
    return draw(predicates.spelt(text)) if len(text) < 20 and draw(st.integers(0, 5)) == 0 else write(text)


def rules_of(rules: dict[str, Any]) -> Mapping[str, Any]:
    columns = Ruleset.model_validate({"ruleset": 1, "tables": {"t": rules}}).tables["t"]
    assert isinstance(columns, Columns)
    return columns.columns


def condition_of(predicate: str | None) -> Callable[[Row], bool]:
    if predicate is None:
        return lambda row: True
    tree = read_predicate(predicate)
    decide = [column.name for column in predicates.COLUMNS if column.name not in ("id", "other")]

    def stays(row: Row) -> bool:
        known: dict[str, Any] = {name: read(row[name]) for name in ("id", "other")}
        for name in decide:
            text = read(row[name])
            known[name] = None if text is None else predicates.plain(name, text)
        return predicates.truth(tree, known) is True

    return stays


def applied(table: TableSanitiser, lines: Sequence[bytes], size: int, threads: int = 1) -> tuple[bytes, int, int]:
    """What becomes of the lines in blocks of so many, and how many went in and out."""
    blocks = [(first, b"".join(lines[first : first + size])) for first in range(0, len(lines), size)]
    if threads == 1:
        done = [table.apply(block, first + 1) for first, block in blocks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            done = list(pool.map(lambda drawn: table.apply(drawn[1], drawn[0] + 1), blocks))
    rows = b"".join(bytes(block.rows) for block in done)
    return rows, sum(block.count_in for block in done), sum(block.count_out for block in done)


@given(cases(), st.integers(1, 5), st.integers(1, 3000))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_fast_way_gives_the_bytes_of_the_slow_one_however_it_is_cut(case: Case, few: int, part: int) -> None:
    counts = len(case.lines), case.expected.count(b"\n")
    made = case.table()
    whole = b"".join(case.lines)
    for size in (len(case.lines), 1, few):
        assert applied(made, case.lines, size) == (case.expected, *counts)
    assert applied(made, case.lines, 1, threads=2) == (case.expected, *counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_module, "PART", part)
        block = made.apply(memoryview(whole))
    assert (bytes(block.rows), block.count_in, block.count_out) == (case.expected, *counts)


LARGE_RULES = {
    "rows": "id <> 13",
    "columns": {
        "id": "keep",
        "name": "person.name as person by mail",
        "mail": "person.email as person",
        "note": "text.lorem",
        "data": {"json": {"who": "person.name as person by mail", "mail": "person.email as person", "kept": "keep"}},
    },
}
LARGE_COLUMNS = (
    Column("id", "integer", not_null=True),
    Column("name"),
    Column("mail"),
    Column("note"),
    Column("data", "jsonb"),
)


def test_a_block_of_many_parts_gives_the_bytes_of_the_slow_way_in_one_thread_and_in_several() -> None:
    chance = random.Random(7)
    cells: list[list[bytes]] = []
    for number in range(3000):
        mail = f"ann{chance.randrange(500)}@x.uk"
        data = {"mail": mail, "who": f"Ann {number}", "kept": "k\\é" * chance.randrange(700), "gone": [number]}
        note = "n" * chance.randrange(3000)
        texts = [str(number), f"Ann {number % 60}", mail, note, json.dumps(data, ensure_ascii=number % 2 == 0)]
        cells.append([rb"\N" if chance.randrange(9) == 0 and place else write(t) for place, t in enumerate(texts)])
    lines = [b"\t".join(row) + b"\n" for row in cells]
    assert sum(map(len, lines)) > 2 * table_module.PART
    ruleset = Ruleset.model_validate({"ruleset": 1, "tables": {"t": LARGE_RULES}})
    made = compile_ruleset(ruleset, {"t": LARGE_COLUMNS}, KEY).table("t", [c.name for c in LARGE_COLUMNS])
    expected = b"".join(Plainly(LARGE_COLUMNS, rules_of(LARGE_RULES), KEY, lambda row: row["id"] != b"13").rows(cells))
    for size, threads in ((len(lines), 1), (300, 2), (900, 4)):
        assert applied(made, lines, size, threads) == (expected, 3000, 2999)
