"""What stands on the page of a report, in words: the report's own figures, ordered by what a reader looks for first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dmrefresh.report import words
from dmrefresh.report.facts import Fact, receipt, sizes, tiles, values_replaced
from dmrefresh.report.next_steps import next_commands
from dmrefresh.report.table_rows import Faked, TableRow, fakes_by_table, table_rows

_PUBLISHED = 30
"""Exit codes from here to 39: done, and wants a look."""
_DRIFT = 14


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page but its charts; see the template for where each stands."""

    kind: Literal["good", "look", "bad"]
    verdict: str
    headline: str
    what: str
    paste: str
    state: str
    hint: str
    commands: Sequence[str]
    tiles: Sequence[Fact]
    receipt: Sequence[Fact]
    sizes: Sequence[Fact]
    tables: Sequence[TableRow]
    clean: Sequence[TableRow]
    fakes: Sequence[tuple[str, Sequence[Faked]]]
    sanitised: bool
    leak: str
    drift: Sequence[str]
    drifted: bool
    warnings: Sequence[str]
    remarks: Sequence[str]
    attempts: Sequence[Mapping[str, Any]] = field(default_factory=list)


def view_of(document: Mapping[str, Any], other: Mapping[str, Any] | None) -> View:
    """What the page of a report shows.

    Args:
        document: the report.
        other: the report of another run, which this one is compared with.
    """
    kind = _kind(document)
    tables = table_rows(document, other)
    changed = [one for one in tables if one.warned or one.removed or one.replaced]
    failed = kind == "bad"
    what, _, paste = str(document.get("what") or _what(document)).partition("\n")
    return View(
        kind=kind,
        verdict={"good": "Succeeded", "look": "Done, wants a look", "bad": "Failed"}[kind],
        headline=_headline(document, kind),
        what=words.plain(what),
        paste=words.lines(paste.strip("\n")),
        state=words.plain(document.get("state") or ""),
        hint=words.lines(document.get("hint") or ""),
        commands=[words.plain(one) for one in next_commands(document)],
        tiles=tiles(document, other),
        receipt=receipt(document),
        sizes=sizes(document, other),
        tables=changed,
        clean=[one for one in tables if one not in changed],
        fakes=fakes_by_table(document),
        sanitised=_is_refresh(document) and bool(tables),
        leak=_leak(document),
        drift=[words.plain(one) for one in document.get("gone") or ()],
        drifted=failed and document["exit_code"] == _DRIFT,
        warnings=[words.plain(one) for one in document.get("warnings") or ()],
        remarks=[words.plain(one) for one in _remarks(document)],
        attempts=document.get("tries") or (),
    )


def _is_refresh(document: Mapping[str, Any]) -> bool:
    return document.get("job") == "clean-and-apply"


def _kind(document: Mapping[str, Any]) -> Literal["good", "look", "bad"]:
    code = document["exit_code"]
    if code == 0:
        return "good"
    return "look" if _PUBLISHED <= code < _PUBLISHED + 10 else "bad"


def _subject(document: Mapping[str, Any]) -> str:
    return words.plain(document.get("target") or document.get("stage") or document.get("job") or "the run")


def _headline(document: Mapping[str, Any], kind: str) -> str:
    subject = _subject(document)
    if kind == "bad":
        return f"{subject} was not {'refreshed' if _is_refresh(document) else 'backed up'}"
    return f"{subject} is {'refreshed' if _is_refresh(document) else 'backed up'}"


def _what(document: Mapping[str, Any]) -> str:
    if _is_refresh(document):
        replaced = values_replaced(document)
        done = f"{words.these(replaced, 'value')} replaced"
        if document.get("cleaned_from"):
            done = "sanitised when it was cleaned"
        return (
            f"{words.these(document['rows'], 'row')} in {words.these(len(document['tables']), 'table')}, {done}. "
            f"{document.get('fell_back') or ''}"
        ).strip()
    rows = document["rows"]
    return f"{document['name']}: {words.these(sum(rows.values()), 'row')} in {words.these(len(rows), 'table')}."


def _leak(document: Mapping[str, Any]) -> str:
    """What the leak check came to, as a sentence."""
    if not _is_refresh(document):
        return ""
    found = document.get("leak_check")
    if found is None:
        if document.get("cleaned_from"):
            return "It was made when the dump was cleaned; nothing was compared now."
        if "tables" not in document:
            return "The run ended before it was finished."
        return "The ruleset turns it off (leak_check): nothing was compared."
    said = (
        f"{words.these(found['originals'], 'original')} that rules have replaced were looked for among "
        f"{words.these(found['kept'], 'kept value')}: {_found(found)}."
    )
    if found["one_in"] > 1:
        said += f" There were too many to remember all: one in {found['one_in']:,} was looked for."
    return said


def _found(checked: Mapping[str, Any]) -> str:
    by_chance = checked.get("by_chance")
    if not by_chance:
        return "none was found"
    return f"{by_chance:,} {'was' if by_chance == 1 else 'were'} found, as many as are the same by chance"


def _remarks(document: Mapping[str, Any]) -> list[str]:
    """What else came of it, a sentence each."""
    found = []
    if document.get("disconnected_seconds") is not None:
        found.append(
            f"Nobody could connect for {words.seconds(document['disconnected_seconds'])}, during the renaming."
        )
    left = document.get("left_out") or {}
    if left:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(left.items(), key=lambda one: -one[1]))
        found.append(f"Statements of the dump that were left out: {kinds}.")
    if document.get("carried_types"):
        found.append(f"Types that stayed the same, also to open sessions: {', '.join(document['carried_types'])}.")
    if document.get("changed_types"):
        found.append(f"Types that differ from before: {', '.join(document['changed_types'])}.")
    if document.get("damaged"):
        found.append(f"Newer dumps that were damaged: {', '.join(document['damaged'])}.")
    if document.get("refused"):
        found.append(f"A refresh would refuse this backup, though it is whole: {document['refused']}.")
    if document.get("why_not"):
        found.append(f"It was not read back: {document['why_not']}.")
    return found
