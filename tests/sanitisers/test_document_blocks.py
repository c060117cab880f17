"""Documents worked off together become what they become one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures.production.filling import text
from sanitisers import Sanitiser, ValueRefused, compile_ruleset, load_ruleset, ships
from sanitisers.engine.copy_text import encode
from sanitisers.engine.document_blocks import BlockWriter, Written
from sanitisers.engine.json_tokens import may_begin
from sanitisers.engine.tally import TableReport
from sanitisers.engine.values import Bytes, Positions
from sanitisers.engine.watch import DocumentWatch
from tests.sanitisers.columns import Column, production_schema
from tests.sanitisers.making import KEY, sanitiser

RULES = (
    "{json: {a: keep, b: person.name, é: keep, 'q\"': keep}}",
    "{json: {a: {b: person.email, '*': keep}, b: {a: keep, b: {value: x}}, '*': text.lorem}}",
    "{json: {a: {a: {a: {'*': person.name}}}, b: null, '': keep}, rest: keep (why)}",
    "{only_with: a, json: {b: keep, c: {value: [1]}, '*': {a: keep, '*': person.phone}}}",
    "{only_with: 'q\"', json: {a: keep, '*': null}}",
    "{json: {}}",
    "{json: {'*': {'*': {'*': keep}}}}",
    "{json: {a: person.name as p by b, b: person.email as p, c: {'*': person.phone as p by a}, '*': number.noise}}",
    "{json: {a: date.shift 9 days by c, b: {pattern: '[A-Z]{2}[0-9]{3}'}, '*': {one_of: [x, y], by: a}}}",
    "{json: {a: {a: person.name by é, '*': text.lorem by a}, '*': person.email by 'q\"'}}",
    "{json: {a: text.redact, b: {b: text.redact, '*': keep}, '*': text.redact}}",
)
Outcome = tuple[bytes, TableReport] | str


def outcome(rule: str, rows: bytes) -> Outcome:
    """What becomes of the rows, and what is reported of them; or the refusal."""
    both = sanitiser([Column("i"), Column("c", "json")], f"i: keep (why)\nc: {rule}")
    try:
        block = both.table("t", ["i", "c"]).apply(rows)
    except ValueRefused as refused:
        return str(refused)
    return bytes(block.rows), both.report()["t"]


def nothing_together(
    writer: BlockWriter,
    text: Bytes,
    starts: Positions,
    ends: Positions,
    watch: DocumentWatch | None = None,
    words: Sequence[bytes] = (),
    wanted: Sequence[int] = (),
) -> Written:
    return write(writer, text, starts[:0], ends[:0], watch)


write = BlockWriter.write


def one_by_one(rule: str, rows: bytes) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockWriter, "write", nothing_together)
        return outcome(rule, rows)


def rows_of(documents: list[bytes]) -> bytes:
    return b"".join(b"%d\t%b\n" % (number, document) for number, document in enumerate(documents))


names = st.sampled_from(["a", "b", "c", "", "é", "a" * 9, 'q"', "x" * 70, "\n", "a b"])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars
    | st.text(max_size=6)
    | st.sampled_from(["", '"', "\\", "C:\\a", "a" * 40, "\ud83d", "{", "[1,", "é£", "a\n@\\ x@b.uk"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)
separators = st.tuples(st.sampled_from([", ", ",", " ,\n", "\t, "]), st.sampled_from([": ", ":", " : ", ":\r\n"]))
damage = st.sampled_from([*b'{}[]",:\\ \n\t\r\x00\x0b01.-eEtnu\xc3\xff'])


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A document in COPY text; some are damaged, some hold a key twice."""
    value = draw(st.dictionaries(names, values, max_size=5) | values)
    written = json.dumps(value, separators=draw(separators), ensure_ascii=draw(st.booleans()))
    plain = written.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        plain = plain.replace(b'"b"', b'"a"')
    if draw(st.integers(0, 4)) == 0:
        plain = plain.replace(b'"a"', rb'"\u0061"')
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        at, byte = draw(st.integers(0, len(plain))), bytes([draw(damage)])
        plain = draw(st.sampled_from([plain[:at] + byte + plain[at:], plain[:at] + byte + plain[at + 1 :], plain[:at]]))
    copied = encode(plain)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(copied)))
        copied = copied[:at] + draw(st.sampled_from([b"\\", rb"\x41", rb"\101", rb"\n", rb"\q"])) + copied[at:]
    return copied


@settings(deadline=None)
@given(st.sampled_from(RULES), st.lists(documents(), min_size=1, max_size=6))
@example(RULES[0], [b'{"a": 1, "a": 2}', b'{"b": "x"}'])
@example(RULES[1], [b'{"a": {"c": 1, "c": 2}}', rb'{"a":\n{"c" :1,"b":"x"}}', b"[]", rb"\N", b""])
@example(RULES[0], [b'{"x": [1}, "y": 2]}', b'{"a": 1}'])
@example(RULES[0], [b'{"a": "x}', b'{"a": 1}', b'"}'])
@example(RULES[0], [b'{"a": 1}}', b'{{"a": 1}'])
@example(RULES[0], [b'{"a" 1}'])
@example(RULES[0], [b'{"a": tru}'])
@example(RULES[0], [b'{"x": 1e}'])
@example(RULES[0], [b'{"\xff": 1, "a": 1}'])
@example(RULES[0], [b'{"a": 1 2}', b'{"a": 1}'])
@example(RULES[3], [rb'{"\\u0061": 1, "b": 2}', b'{"a": 1, "b": 2}', b'{"b": 2, "\xff": 1}'])
@example(RULES[2], [b"[" * 80 + b"]" * 80, b'{"a": ' * 80 + b"{}" + b"}" * 80])
@example(RULES[7], [b'{"a": "x", "b": "y", "b": null}', b'{"a": ["x", ["y"], {"a": "z"}], "b": 1}', b'["x"]'])
@example(RULES[8], [b'{"a": "2024-02-29", "c": "y"}', b'{"a": ["2024-02-30", "0000-01-01", "infinity", 2024]}'])
@example(RULES[10], [b'{"a": ["to x@b.uk", 1, "y"], "b": {"b": "x@b.uk"}, "c": "z"}', rb'{"a": "\\ud83d x@b.uk"}'])
def test_together_is_the_same_as_one_by_one(rule: str, written: list[bytes]) -> None:
    rows = rows_of([document.replace(b"\t", b"").replace(b"\n", b"") for document in written])
    assert outcome(rule, rows) == one_by_one(rule, rows)


@settings(deadline=None)
@given(st.sampled_from(RULES), documents(), st.integers(0, 2))
def test_a_document_that_is_refused_alone_is_refused_among_others(rule: str, document: bytes, place: int) -> None:
    others = [b'{"a": {"b": "x"}, "c": [1, "y"]}', b"{}"]
    among = [*others[:place], document, *others[place:]]
    alone = one_by_one(rule, b"".join([b"\\N\t\\N\n"] * place) + rows_of([document]))
    found = outcome(rule, rows_of(among))
    assert isinstance(found, str) == isinstance(alone, str)
    if isinstance(found, str):
        assert found == alone


SCHEMA = production_schema()
KEEPING = Path(__file__).parents[2] / "bench" / "keep_every_row.yaml"


@pytest.fixture(scope="module")
def production() -> dict[str, bytes]:
    lines: dict[str, list[bytes]] = {}
    for table, line in text(6000, 5):
        lines.setdefault(table, []).append(line)
    return {table: b"".join(rows) for table, rows in lines.items()}


@pytest.mark.parametrize("ruleset", [ships("digitalmarketplace"), KEEPING], ids=["shipped", "keeping"])
def test_the_documents_of_the_production_become_the_same_and_nearly_all_of_them_together(
    production: dict[str, bytes], ruleset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refreshed() -> dict[str, Any]:
        made: Sanitiser = compile_ruleset(load_ruleset(ruleset), SCHEMA, KEY)
        blocks = {
            table: bytes(made.table(table, [column.name for column in SCHEMA[table]]).apply(rows).rows)
            for table, rows in production.items()
        }
        return {"blocks": blocks, "report": made.report()}

    seen, together = 0, 0

    def counted(
        self: BlockWriter,
        text: Bytes,
        starts: Positions,
        ends: Positions,
        watch: DocumentWatch | None = None,
        words: Sequence[bytes] = (),
        wanted: Sequence[int] = (),
    ) -> Written:
        nonlocal seen, together
        written = write(self, text, starts, ends, watch, words, wanted)
        # A value that is no object and no list has nothing to look into.
        seen += int(may_begin(text, starts, ends).sum())
        together += len(written.plain)
        return written

    monkeypatch.setattr(BlockWriter, "write", counted)
    found = refreshed()
    assert seen > 300
    assert together > 0.95 * seen
    monkeypatch.setattr(BlockWriter, "write", nothing_together)
    assert refreshed() == found


def in_blocks(production: dict[str, bytes], size: int) -> dict[str, tuple[bytes, TableReport]]:
    """What becomes of each table in blocks of about so many bytes, and the report without its samples."""
    made = compile_ruleset(load_ruleset(KEEPING), SCHEMA, KEY)
    found: dict[str, bytes] = {}
    for table, rows in production.items():
        of_table = made.table(table, [column.name for column in SCHEMA[table]])
        lines, blocks = rows.splitlines(keepends=True), [[b""]]
        for line in lines:
            if sum(map(len, blocks[-1])) >= size:
                blocks.append([])
            blocks[-1].append(line)
        found[table] = b"".join(bytes(of_table.apply(b"".join(block)).rows) for block in blocks)
    return {table: (found[table], replace(report, samples={})) for table, report in made.report().items()}


@pytest.fixture(scope="module")
def alone(production: dict[str, bytes]) -> dict[str, tuple[bytes, TableReport]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockWriter, "write", nothing_together)
        return in_blocks(production, 1 << 16)


@pytest.mark.parametrize("size", [4 << 10, 64 << 10, 1 << 20, 4 << 20])
def test_the_whole_production_becomes_the_same_in_blocks_of_any_size(
    production: dict[str, bytes], alone: dict[str, tuple[bytes, TableReport]], size: int
) -> None:
    assert in_blocks(production, size) == alone


def test_the_first_fakes_are_shown_however_many_blocks_they_come_in() -> None:
    rows = rows_of([b'{"a": "Ann", "b": "x"}', b'{"a": "Bob"}', b'{"a": "Cid", "b": "y"}', b'{"b": "z"}'])
    rule = "{json: {a: person.name, b: text.words}}"
    together = outcome(rule, rows)
    both = sanitiser([Column("i"), Column("c", "json")], f"i: keep (why)\nc: {rule}")
    for row in rows.splitlines(keepends=True):
        both.table("t", ["i", "c"]).apply(row)
    assert not isinstance(together, str)
    assert both.report()["t"] == together[1]
    assert [len(both.report()["t"].samples[path]) for path in ("c.a", "c.b")] == [2, 2]
