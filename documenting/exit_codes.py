"""The page of exit codes: each kind of failure, whether it is tried again, and what helps."""

from __future__ import annotations

from collections.abc import Iterator

from dmrefresh import errors
from documenting.markdown import page, table

ABOUT = """
10 to 19 want a person. 20 to 29 may heal by themselves: run it again. 30 and above are done and want a look. A
message says what happened, what state the target is in, and what to do next.
"""
AFTER = """
`dmrefresh plan --exit-code` ends with 3 where something stands against the refresh; nothing else does. `dmrefresh
doctor` ends with the code of the first check that fails.

What may heal is tried again by the run itself, `attempts` times in all (`[job]`, three unless you say otherwise),
from a clean start, with longer waits, and never past the deadline. Those say **yes** in the table.
"""
SIGNALS = """
## Signals

TERM, INT and HUP end a run in order: it is rolled back, and what it has made is removed. The exit code is 128 and
the signal's number, so 130 after Ctrl-C and 143 after SIGTERM. What does not answer on the way out is waited for
ten seconds at most, and not at all after a second Ctrl-C. From the commit on a signal changes nothing. After a
SIGKILL the next run removes what was left of keyrings, agents, files and on the server. No core is written, neither
by dmrefresh nor by what it starts.
"""
MEANS = {
    0: ("done", ""),
    1: ("a fault of dmrefresh itself", "run it again with `--debug`, and report what it shows"),
    2: (
        "the command line, the settings or the ruleset file cannot be used",
        "the message names the option, or file and line",
    ),
    10: (
        "there is no such dump, or it is too old, too small, or was never read back",
        "`dmrefresh dumps`; `--dump NAME` takes one all the same",
    ),
    11: (
        "another refresh of this target is under way, or another backup of this name",
        "wait for it, then run it again; the message says who is at it, since when",
    ),
    12: ("the key is missing, wrong or unusable", "`dmrefresh doctor`; [rotating keys](../how-to/rotating-keys.md)"),
    13: (
        "the dump is damaged, also when fetched again",
        "`dmrefresh check-dump NAME`; `--fall-back` takes the newest older one that is whole",
    ),
    14: (
        "an unclassified column, rows that a rule cannot take, personal data in a definition, or what a rule"
        " replaces in what is kept",
        "the message has the lines to paste; `dmrefresh sanitisers check`",
    ),
    15: (
        "the target or a bucket is refused or unfit",
        "`dmrefresh plan --target NAME` says all that stands against it",
    ),
    16: ("the target's role lacks a right", "the message names the grant"),
    17: ("the dump is refused: its format, version, or a statement in it", "the message has the command that makes it"),
    20: ("the source does not answer, or refuses, or somebody must log in first", "`dmrefresh doctor`"),
    21: (
        "the target, or the database that is backed up, does not answer or lets nobody in; or it was lost before the"
        " commit",
        "`dmrefresh doctor --target NAME`",
    ),
    22: ("a check before the commit did not hold; rolled back", "the message names the check, or file and line"),
    23: (
        "the outcome of the commit is unknown",
        "the message says how to ask; `dmrefresh status --target NAME` tells as well",
    ),
    24: (
        "the backup was not made or not stored; where S3 took all of it and did not answer, the message says so",
        "run it again",
    ),
    25: ("a program that is run (gpg, sops) was killed, or stood still", "look at the machine's memory, then again"),
    26: ("the run's deadline passed; rolled back", "`deadline` under `[job]`"),
    30: ("published, but something after it could not be done", "the message names what, and what was left out"),
    31: ("the backup is stored, and has not been read back", "`dmrefresh check-dump NAME --record`"),
}
"""What each code means, and what helps."""


def text() -> str:
    """What the page holds."""
    return page(
        "Exit codes", ABOUT, table(("code", "what it means", "what helps", "tried again"), _rows()), AFTER, SIGNALS
    )


def _rows() -> Iterator[tuple[str, str, str, str]]:
    again = {kind.exit_code: kind.retry for kind in kinds()}
    for number, (meaning, help_) in sorted(MEANS.items()):
        yield str(number), meaning, help_, "yes" if again.get(number) else ""
    yield "128+N", "ended by signal N; rolled back", "", ""


def kinds() -> list[type[errors.Failure]]:
    """Every kind of failure that has an exit code of its own."""
    return [errors.Failure, *errors.Failure.__subclasses__()]
