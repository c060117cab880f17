"""runbook: its steps one by one, each confirmed by somebody, and what they decided kept in a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from dmrefresh.console.lines import printable
from dmrefresh.errors import UNCHANGED, UsageFailure
from dmrefresh.jobs.runbooks.showing import shown
from dmrefresh.machine.signals import Interrupted
from dmrefresh.runbooks.confirmations import Record
from dmrefresh.runbooks.runbook import Runbook, Step

Ask = Callable[[str], str]
"""Asks a person; raises EOFError where there is nobody any more."""
Say = Callable[[str], None]

_WORDS = "done, done by NAME, skip WHY, note TEXT, stop"
_ANSWER = re.compile(r"(done by|done|skip|note|stop)(?:[\s:,]+(.*))?", re.IGNORECASE)


def default_record(book: Runbook) -> Path:
    """Where the record goes if nobody says where: into the current folder, by the time."""
    return Path(f"{book.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")


def check_step(book: Runbook, number: int | None) -> int:
    """The step to begin with.

    Raises:
        UsageFailure: there is no such step.
    """
    if number is not None and not 1 <= number <= len(book.steps):
        raise UsageFailure(f"There is no step {number}: {book.name} has steps 1 to {len(book.steps)}.", state=UNCHANGED)
    return number or 1


def walk(book: Runbook, record: Record, by: str, first: int | None, width: int, say: Say, ask: Ask) -> bool:
    """Go through the steps that nobody has decided about; returns whether all of them are decided now.

    Nothing but a word that stands for a decision is taken for one, and each is in the record before the next step.

    Args:
        book: the steps.
        record: what was decided before, and is now.
        by: who answers.
        first: begin with this step, decided or not, and leave out those before it.
        width: of the terminal, in characters.
        say: shows text.
        ask: asks for a line.

    Raises:
        Interrupted: a signal came; that is in the record, too.
        Failure: the record cannot be read or written.
    """
    record.add(by, "resumed" if record.begun else "begun")
    try:
        for step in _undecided(book, record, first):
            say("\n" + shown(book, step, width))
            if not _decide(book, record, by, step, say, ask):
                break
    except Interrupted as interrupted:
        record.add(by, "interrupted", note=str(interrupted))
        raise
    return len(record.decided()) == len(book.steps)


def _undecided(book: Runbook, record: Record, first: int | None) -> Iterator[Step]:
    """The steps in their order, but for those that are decided by the time it is their turn, by whomever."""
    for step in book.steps[(first or 1) - 1 :]:
        if step.number == first or step.number not in record.decided():
            yield step


def _decide(book: Runbook, record: Record, by: str, step: Step, say: Say, ask: Ask) -> bool:
    """Ask until something is decided about the step; returns whether to go on."""
    while True:
        try:
            answer = ask(f"\n{step.number} of {len(book.steps)}, {by}: {_WORDS} > ").strip()
        except EOFError:
            record.add(by, "stopped", step, "nobody answered any more")
            return False
        found = _ANSWER.fullmatch(printable(answer))
        word, text = (found[1].lower(), found[2] or "") if found is not None else ("", "")
        text = re.sub(r"^\((.*)\)$", r"\1", text.strip())
        if (word == "done" and not text) or answer.casefold() == by.casefold():
            record.add(by, "done", step)
            return True
        if word == "stop":
            record.add(by, "stopped", step, text or None)
            return False
        if word == "done by" and text:
            record.add(text, "done", step, f"entered by {by}")
            return True
        if word == "skip" and text:
            record.add(by, "skipped", step, text)
            return True
        if word == "note" and text:
            record.add(by, "noted", step, text)
            say("noted")
        else:
            say(f"nothing is recorded: answer with {_WORDS}, or {by} for done")


def can_be_a_name(name: str) -> bool:
    """Whether a name cannot be taken for another answer."""
    return bool(name) and _ANSWER.fullmatch(name) is None
