"""The page of exit codes: each kind of failure, whether it is tried again, and what helps."""

from __future__ import annotations

from collections.abc import Iterator

from dmrefresh.jobs.topics import exit_codes
from documenting.markdown import page, table

ABOUT = """
10 to 19 want a person. 20 to 29 may heal by themselves: run it again. 30 and above are done and want a look. A
message says what happened, what state the target is in, and what to do next, mostly more exactly than this page.
`dmrefresh help exit-codes` says the same.
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


def text() -> str:
    """What the page holds."""
    head = ("code", "what it means", "what helps", "tried again")
    return page("Exit codes", ABOUT, table(head, _rows()), AFTER, SIGNALS)


def _rows() -> Iterator[tuple[str, str, str, str]]:
    yield "0", "done", "", ""
    for kind in exit_codes.kinds():
        first, _, rest = exit_codes.meaning(kind).partition(" ")
        meaning = f"{first.lower() if first.istitle() else first} {rest}"
        yield str(kind.exit_code), meaning, kind.way_on, "yes" if kind.retry else ""
    yield "128+N", "ended by signal N; what was begun is rolled back", "", ""
