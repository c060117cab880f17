"""The leak check at the end of a dump: refused before the End goes on, in any encoding, in any order of tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dmrefresh.dump.events import End, Event, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import NotSanitised
from sanitisers.engine.sightings import Sightings
from sanitisers.leaks import leak_check
from sanitisers.ruleset.loading import parse_ruleset

DUMP = """\
--
-- PostgreSQL database dump
--

-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET client_encoding = '{encoding}';
SET standard_conforming_strings = on;

CREATE TABLE public.note (
    body text
);

CREATE TABLE public.person (
    id integer,
    name text
);

COPY public.note (body) FROM stdin;
{note}
\\.

COPY public.person (id, name) FROM stdin;
{people}
\\.

--
-- PostgreSQL database dump complete
--

"""
RULES = """
ruleset: 1
tables:
  note:
    columns: {{body: {body}}}
  person:
    columns: {{id: keep (a number), name: person.name}}
"""


def run(note: str, *people: str, encoding: str = "UTF8", body: str = "keep (as it is)", more: str = "") -> list[str]:
    """Read to the end; returns the warnings. The last event before a failure is in `events`."""
    rows = "\n".join(f"{n}\t{one}" for n, one in enumerate(people))
    codec = {"UTF8": "utf-8", "LATIN1": "latin-1", "EUC_JP": "euc_jp"}[encoding]
    text = DUMP.format(encoding=encoding, note=note, people=rows).encode(codec)
    warnings: list[str] = []
    rules = parse_ruleset(RULES.format(body=body) + more, "rules.yaml")
    events.clear()
    for event in sanitise(read_dump([text]), rules, bytes(32), on_warning=warnings.append):
        events.append(event)
    return warnings


events: list[Event] = []


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    events.clear()


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "EUC_JP"])
@pytest.mark.parametrize("body", ["keep (as it is)", "{json: {a: keep}}"], ids=["passes", "has a rule"])
def test_a_leak_is_refused_at_the_end_in_any_encoding(encoding: str, body: str) -> None:
    name = "Jo 山田山田山田" if encoding == "EUC_JP" else "ZOË Quimbly"
    if encoding == "EUC_JP":
        name = "Yamada 山田山田"
    note = name if body.startswith("keep") else f'{{"a": ["{name}"]}}'
    with pytest.raises(NotSanitised) as refused:
        run(note, name, encoding=encoding, body=body)
    place = "note.body" if body.startswith("keep") else "note.body.a"
    assert f"{place}: 1 text of person.name, once" in str(refused.value)
    assert refused.value.hint is not None
    assert f'"{place}": keep (say why)' in refused.value.hint
    assert name not in str(refused.value) + refused.value.hint
    assert events
    assert not any(isinstance(event, End) for event in events)
    assert run(note, "Somebody Else", encoding=encoding, body=body) == []
    assert isinstance(events[-1], End)


def test_a_kept_row_that_is_not_in_the_encoding_is_looked_at_as_far_as_it_can_be_read() -> None:
    text = DUMP.format(encoding="EUC_JP", note="?? jo@suppliers.co.uk", people="1\tjo@suppliers.co.uk")
    rules = parse_ruleset(RULES.format(body="keep (as it is)"), "rules.yaml")
    with pytest.raises(NotSanitised, match=r"note\.body"):
        list(sanitise(read_dump([text.encode().replace(b"??", b"\xff\xfe")]), rules, bytes(32)))


def test_a_line_about_nothing_is_warned_of_with_its_line() -> None:
    assert run("nothing", "Jo Quimbly", more="leaks:\n  note.gone: keep (old)\n") == [
        "rules.yaml:9: leaks.note.gone: nothing of the dump is there"
    ]


def test_it_is_said_where_not_everything_could_be_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leak_check, "Sightings", lambda: Sightings(16))
    people = [f"Quimbly number {'abcdefgh'[n % 8]}{'ijklmnop'[n // 8]}" for n in range(64)]
    (warning,) = run("nothing to see", *people)
    assert warning.startswith("too much is replaced to be remembered: one in ")
    assert warning.split("one in ")[1].split()[0] in {"4", "8", "16"}


def test_numbers_that_may_be_the_same_by_chance_are_warned_of() -> None:
    notes, people = ([str(10**8 + start + step * n) for n in range(1200)] for start, step in ((0, 7), (7 * 1199, 11)))
    (warning,) = run("\n".join(notes), *people)
    assert warning == (
        "note.body: 1 number of person.name, once; so many are the same by chance, where there are so many numbers"
    )
    with pytest.raises(NotSanitised, match=r"note\.body: 1 number of person\.name, once"):
        run("\n".join(notes[600:]), *people[:600])


def test_what_looks_personal_is_warned_of_once_for_each_place() -> None:
    note = "write to jo@suppliers.co.uk\nor 07711 654321\nor him@suppliers.co.uk"
    for encoding in ("UTF8", "LATIN1", "EUC_JP"):
        assert run(note, "Jo Quimbly", encoding=encoding) == [
            "note.body keeps what looks like 2 e-mail addresses, 1 phone number; "
            "give it a rule, or a line of `leaks:` that says why it may stay"
        ]
    assert run(note, "Jo Quimbly", more="detectors: off (we know)\n") == []
    assert run(note, "Jo Quimbly", more="leaks:\n  note.body: keep (the public desk)\n") == []


def test_what_looks_personal_stops_the_run_where_the_ruleset_says_so() -> None:
    with pytest.raises(NotSanitised) as refused:
        run("write to jo@suppliers.co.uk", "Jo Quimbly", more="detectors: stop\n")
    assert str(refused.value).endswith("\n  note.body keeps what looks like 1 e-mail address")
    assert refused.value.hint is not None
    assert '"note.body": keep (say why)' in refused.value.hint
    assert "suppliers" not in str(refused.value) + refused.value.hint
    assert not any(isinstance(event, End) for event in events)


@pytest.mark.parametrize(("encoding", "codec", "word"), [("LATIN1", "latin-1", "Zoë"), ("EUC_JP", "euc_jp", "山田")])
def test_free_text_is_redacted_in_its_own_encoding(encoding: str, codec: str, word: str) -> None:
    assert run(f"{word}\\nat jo@suppliers.co.uk\\\\", "Jo Quimbly", encoding=encoding, body="text.redact") == []
    rows = next(event.rows for event in events if isinstance(event, TableData))
    assert bytes(rows) == f"{word}\\nat [e-mail address]\\\\\n".encode(codec)


def test_who_is_left_in_redacted_text_stops_the_run() -> None:
    with pytest.raises(NotSanitised, match=r"note\.body: 1 text of person\.name, once"):
        run("jo QUIMBLY", "Jo Quimbly", body="text.redact")
