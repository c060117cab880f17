from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmrefresh.dump.events import End, Event, Name, Place, Statement, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.text import transcoding
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.transcoding import Transcoder, transcoder_for
from dmrefresh.errors import DumpRefused, NotSanitised
from sanitisers import Ruleset
from sanitisers.ruleset.loading import parse_ruleset
from tests.dump.writing import PREAMBLE, a_dump, merged, read

KEY = bytes(32)
ONE_BYTE = (
    *(f"LATIN{number}" for number in range(1, 11)),
    *(f"ISO_8859_{number}" for number in range(5, 9)),
    *(f"WIN{number}" for number in (866, 874, *range(1250, 1259))),
    "KOI8R",
    "KOI8U",
)
MORE_BYTES = ("EUC_CN", "EUC_JIS_2004", "EUC_JP", "EUC_KR")
TABLE = Name("public", "person")

SCHEMA = "CREATE TABLE public.person (\n    id integer,\n    name text,\n    kept text,\n    doc json\n);"
OWN = {"EUC_JP": "髙橋①～", "EUC_JIS_2004": "山田", "EUC_KR": "김€", "WIN1251": "Ярослав"}
HEADER = "COPY public.person (id, name, kept, doc) FROM stdin;\n"
RULES = """\
ruleset: 1
leak_check: off (the same is kept and replaced, to be compared)
defaults:
  id: keep
tables:
  person:
    columns:
      name: {name}
      kept: keep (the codec's own)
      doc: {doc}
"""


def sequences(encoding: str) -> Iterator[bytes]:
    """Everything that could be one character of more than 7 bits, and everything that could be taken for one."""
    for first in range(0x80, 0x100):
        yield bytes([first])
        for second in range(0x100):
            if encoding in MORE_BYTES:
                yield bytes([first, second])
            if encoding.startswith("EUC_J") and first == 0x8F:
                yield from (bytes([first, second, third]) for third in range(0x100))


def rows(data: bytes, place: Place = Place(1, 0)) -> TableData:  # noqa: B008
    return TableData(TABLE, ("name",), data, data.count(b"\n"), place, last=True)


def dump_in(encoding: str, *rows: str, doc: str = "") -> bytes:
    """A dump of the table above, transcoded as a whole."""
    lines = "".join(f"{row}\t{doc or chr(92) + 'N'}\n" for row in rows)
    preamble = PREAMBLE.replace(b"UTF8", encoding.encode())
    parts = (SCHEMA, f"{HEADER}{lines}\\.\n")
    return a_dump(*(part.encode(codec_of(encoding)) for part in parts), preamble=preamble)


def rules(name: str = "person.name", doc: str = "{json: {note: keep, who: person.name}}") -> Ruleset:
    return parse_ruleset(RULES.format(name=name, doc=doc), "rules.yaml")


def clean(dump: bytes, ruleset: Ruleset | None = None) -> list[Event]:
    return merged(sanitise(read_dump([dump]), ruleset or rules(), KEY))


def rows_of(events: list[Event]) -> bytes:
    (found,) = (bytes(event.rows) for event in events if isinstance(event, TableData))
    return found


def place_of(part: bytes, dump: bytes) -> str:
    return str(Place(dump.count(b"\n", 0, dump.index(part)) + 1, dump.index(part)))


def refusal(dump: bytes) -> DumpRefused:
    with pytest.raises(DumpRefused) as caught:
        clean(dump)
    return caught.value


@pytest.mark.parametrize("encoding", [*ONE_BYTE, *MORE_BYTES])
def test_every_sequence_leads_back_to_its_bytes_or_is_caught(encoding: str) -> None:
    transcoder = transcoder_for(encoding)
    assert transcoder is not None
    read_well = 0
    for sequence in sequences(encoding):
        try:
            text = transcoder.to_utf8(rows(sequence), 1)
        except DumpRefused:
            continue
        read_well += 1
        assert transcoder.from_utf8(text, TABLE, 1) == sequence
        # Or a character could turn into a tab, a newline or a quote.
        assert [byte for byte in text if byte < 0x80] == [byte for byte in sequence if byte < 0x80]
    assert read_well > (7000 if encoding in MORE_BYTES else 80)


@cache
def characters(encoding: str) -> list[bytes]:
    """The sequences of an encoding that Python reads, and the bytes that cut columns and rows."""
    found = [b"a", b"\n", b"\t", b"\\"]
    for sequence in sequences(encoding):
        with suppress(UnicodeDecodeError):
            sequence.decode(codec_of(encoding))
            found.append(sequence)
    return found


@pytest.mark.parametrize("encoding", ["WIN1252", *MORE_BYTES])
@settings(deadline=None)
@given(st.data())
def test_a_block_worked_off_in_parts_of_any_size_is_the_same_as_in_one(encoding: str, data: st.DataObject) -> None:
    transcoder = transcoder_for(encoding)
    assert transcoder is not None
    block = b"".join(data.draw(st.lists(st.sampled_from(characters(encoding)), max_size=30)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcoding, "_PART", data.draw(st.integers(1, 8)))
        text = block.decode(transcoder.codec)
        try:
            utf8 = transcoder.to_utf8(rows(block), 1)
        except DumpRefused:
            with suppress(UnicodeEncodeError):
                assert text.encode(transcoder.codec) != block
            return
        assert utf8 == text.encode()
        assert transcoder.from_utf8(utf8, TABLE, 1) == block


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "LATIN9", "EUC_JP", "EUC_JIS_2004", "EUC_KR", "WIN1251"])
def test_the_same_person_becomes_the_same_fake_as_in_a_dump_in_utf8(encoding: str) -> None:
    own = OWN.get(encoding, "Zoé Brontë")
    people = [f"1\t{own}\t{own}", "2\tplain\tplain", f"3\t{own}\t\\N"]
    # In JSON once as it stands, and once escaped, which COPY escapes again.
    escaped = "".join(f"\\\\u{ord(char):04x}" for char in own)
    doc = f'{{"note": "{own} \\\\u20ac \\\\n", "who": "{escaped}", "gone": "{own}", "x": {{"y": "{own}"}}}}'
    ours = rows_of(clean(dump_in(encoding, *people, doc=doc))).decode(codec_of(encoding))
    assert ours == rows_of(clean(dump_in("UTF8", *people, doc=doc))).decode()
    values = [line.split("\t") for line in ours.splitlines()]
    assert [value[2] for value in values] == [own, "plain", r"\N"]
    assert values[0][1] == values[2][1] != own
    assert f'"who": "{values[0][1]}"' in values[0][3]
    assert own in values[0][3]
    assert "gone" not in values[0][3]


def test_a_rule_for_a_key_of_json_holds_for_the_key_as_the_server_reads_it() -> None:
    document = '{"\uff5e": "kept", "who": "x"}'
    done = rows_of(clean(dump_in("EUC_JP", "1\tx\tx", doc=document), rules(doc="{json: {\uff5e: keep}}")))
    assert '"\uff5e": "kept"'.encode(codec_of("EUC_JP")) in done


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("WIN1252", b"\x81"),
        ("EUC_JP", b"\xff"),
        ("EUC_JP", b"\x8f\xa2\xb7"),
        ("EUC_KR", "똠".encode("euc_kr")),
    ],
)
def test_bytes_that_cannot_be_believed_are_refused_at_their_place_without_a_value(encoding: str, bad: bytes) -> None:
    dump = dump_in(encoding, "1\tada\tx", "2\tSECRET\ty").replace(b"SECRET", b"SECRET" + bad)
    failure = refusal(dump)
    assert f"rows of person hold bytes that cannot be read as {encoding}: row 2, " in failure.what
    assert place_of(bad, dump) in failure.what
    assert failure.hint is not None
    assert "pg_dump --encoding=UTF8" in failure.hint
    assert "SECRET" not in failure.what
    assert failure.__context__ is None, "an error of Python's holds the row"


def test_a_place_far_into_a_block_is_that_of_the_dump_before_it_was_transcoded() -> None:
    block = rows("é\n".encode("latin-1") * 6_000_000 + b"\x81\n", Place(10, 1000))
    with pytest.raises(DumpRefused, match=r"row 6000007, line 6000010, byte 12001000\."):
        Transcoder("WIN1252", "cp1252").to_utf8(block, 7)


def test_a_table_without_rules_passes_as_the_bytes_it_is() -> None:
    dump = dump_in("WIN1252", "1\tx\ty").replace(b"x\ty", b"\x81\t\x8d")
    ruleset = rules(name="keep (x)", doc="keep (x)")
    assert rows_of(clean(dump, ruleset)) == b"1\t\x81\t\x8d\t\\N\n"


def test_a_fake_that_the_encoding_cannot_hold_stops_the_run_and_says_what_helps() -> None:
    with pytest.raises(NotSanitised) as caught:
        clean(dump_in("LATIN1", "1\t\\N\té", "2\tJosé\té"), rules(name="{value: Łódź}"))
    assert "row 2 of person becomes" in caught.value.what
    assert "LATIN1" in caught.value.what
    assert "pg_dump --encoding=UTF8" in (caught.value.hint or "")
    assert caught.value.__context__ is None


def test_a_fake_that_the_encoding_cannot_hold_is_not_said_to_be_in_a_row_that_it_is_not_in() -> None:
    text = "ruleset: 1\ntables: {person: {rows: id > 1, columns: {name: {value: Łódź}, "
    text += "id: keep (x), kept: keep (x), doc: keep (x)}}}"
    with pytest.raises(NotSanitised, match="What a row of person, from row 1 on, becomes has"):
        clean(dump_in("LATIN1", "1\ta\té", "2\tJosé\té"), parse_ruleset(text, "r.yaml"))


def test_a_syllable_that_the_server_would_read_as_four_letters_is_no_fake() -> None:
    with pytest.raises(NotSanitised, match="row 1 of person"):
        clean(dump_in("EUC_KR", "1\t김\tx"), rules(name="{value: 가똠방}"))
    assert "가펲시".encode("euc_kr") != "가".encode("euc_kr")


@pytest.mark.parametrize(
    "encoding", ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004", "EUC_TW", "MULE_INTERNAL", "x"]
)
def test_an_encoding_that_cannot_be_read_safely_is_refused_with_the_option_that_helps(encoding: str) -> None:
    with pytest.raises(DumpRefused) as caught:
        read(a_dump(preamble=PREAMBLE.replace(b"UTF8", encoding.encode())))
    assert "pg_dump --encoding=UTF8" in (caught.value.hint or "")


BAD_STATEMENTS = {
    "a name": b'CREATE TABLE public."\xe9" (a integer);',
    "a literal nobody needs": b"ALTER TABLE ONLY public.person ADD CONSTRAINT c CHECK ((name <> '\xe9'::text));",
    "an escaped literal": b"CREATE VIEW public.v AS SELECT E'\xe9';",
    "a function's body": b"CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $$ SELECT '\xe9' $$;",
}


@pytest.mark.parametrize("statement", BAD_STATEMENTS.values(), ids=BAD_STATEMENTS)
def test_a_statement_in_sql_ascii_is_utf8_or_refused_at_its_place(statement: bytes) -> None:
    preamble = PREAMBLE.replace(b"UTF8", b"SQL_ASCII")
    fine = read(a_dump(SCHEMA.encode(), statement.replace(b"\xe9", "é".encode()), preamble=preamble))
    assert isinstance(fine[-1], End)
    dump = a_dump(SCHEMA.encode(), statement, preamble=preamble)
    with pytest.raises(DumpRefused) as caught:
        read(dump)
    assert f"{place_of(statement, dump)} is not in the encoding" in caught.value.what
    assert caught.value.exit_code == 17


def test_rows_in_sql_ascii_are_sanitised_as_utf8() -> None:
    ours = clean(dump_in("SQL_ASCII", "1\tZoé\té"))
    assert rows_of(ours) == rows_of(clean(dump_in("UTF8", "1\tZoé\té")))


def test_statements_keep_their_bytes_and_the_mark_of_utf8_means_nothing() -> None:
    view = "CREATE VIEW public.v AS SELECT 'prénom';"
    dump = dump_in("LATIN1", "1\tx\té").replace(b"\n\nCOPY", b"\n\n" + view.encode("latin-1") + b"\n\nCOPY")
    for marked in (dump, b"\xef\xbb\xbf" + dump):
        head = next(iter(clean(marked)))
        statements: tuple[Statement, ...] = getattr(head, "statements", ())
        assert statements[-1].sql == view.removesuffix(";").encode("latin-1")


@pytest.mark.parametrize(("byte", "what"), [(b"\0", "NUL"), (b"\r", "carriage return")])
def test_what_no_dump_holds_in_any_encoding_is_refused(byte: bytes, what: str) -> None:
    assert what in refusal(dump_in("LATIN1", "1\té\té").replace(b"\xe9\t", b"\xe9" + byte + b"\t")).what
