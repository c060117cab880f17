"""Signals, children, and the surroundings of a run."""

from __future__ import annotations

from tests.faults.row import EITHER, OLD, Row

TITLE = "A run, its children and its surroundings"

_SIGNALS = "A refresh gets SIGTERM, SIGINT, two SIGINT, or SIGHUP"
_ENDED = "143, 130, 129: ended in order, though what it waits for never answers; the old data, and nothing left"
_HELD = "it is finished: exit 0, the new data"

ROWS = (
    Row("14a", "gpg is not installed.", "exit 12, which says so; not tried again"),
    Row("14b", "The gpg on PATH may not be run.", "exit 12, which says so; not tried again"),
    Row("14c", "gpg gets SIGKILL in the middle of the message, each time.", "exit 25 after the third attempt"),
    Row("14d", "gpg gets SIGKILL in the middle of the message, once.", "the second attempt publishes"),
    Row("14e", "gpg stands still.", "exit 26 at the run's deadline; the old data"),
    Row(
        "14f",
        "gpg takes nothing of what is there for it, and writes nothing, for five minutes.",
        "it is ended, and the attempt with it: exit 25 after the third",
    ),
    Row("80a", f"{_SIGNALS} while SOPS stands still.", _ENDED),
    Row("80b", f"{_SIGNALS} while S3 says no more of the dump.", _ENDED),
    Row("80c", f"{_SIGNALS} while gpg stands still.", _ENDED),
    Row("80d", f"{_SIGNALS} in the middle of a table's rows.", _ENDED),
    Row("80e", f"{_SIGNALS} while an index is made.", _ENDED),
    Row("80f", f"{_SIGNALS} while a check is run.", _ENDED),
    Row("80g", f"{_SIGNALS} while the COMMIT is on its way.", _HELD),
    Row("80h", f"{_SIGNALS} while the previous data is dropped.", _HELD),
    Row(
        "80i",
        "On the way out of a run that was ended, a server, a tunnel, or what a child is fed with never answers.",
        "after ten seconds, or at a second SIGINT, it is not waited for any more; the exit code is the signal's",
    ),
    Row(
        "80j",
        "A backup gets SIGTERM while S3 does not answer: to its beginning, to a part of it, or to their end.",
        "no answer is waited for; the exit code is the signal's; parts may be left, which nobody takes for an object",
    ),
    Row(
        "80k",
        "A refresh gets two SIGINT, one right after the other, in the rows, before the COMMIT, or while it is at it.",
        f"{EITHER}exit 130; {OLD}; from the COMMIT on exit 0, the new data",
    ),
    Row("80l", "`dmrefresh dumps` gets SIGINT while S3 does not answer.", "130; no answer is waited for"),
    Row(
        "81a",
        "A refresh gets SIGKILL at the download, the decryption, the rows, an index, a check.",
        "the old data; the next run clears up and succeeds",
    ),
    Row(
        "81b",
        "A refresh gets SIGKILL while the COMMIT is on its way, or the previous data is dropped.",
        "the old data or the new, whole; the next run clears up and succeeds",
    ),
    Row(
        "81c",
        "A run gets SIGKILL at any step of making a keyring's folder.",
        "the next run removes it; none that is made in that moment by others",
    ),
    Row("82a", "SOPS gets SIGKILL, each time.", "exit 25 after the third attempt"),
    Row("82b", "SOPS says that all is well, and nothing else.", "exit 12; not tried again"),
    Row("82c", "gpg says that all is well, and nothing else.", "exit 13; the old data"),
    Row("82d", "gpg has no output that it could write to.", "exit 13; the old data"),
    Row("82e", "SOPS stands still.", "exit 26 at the run's deadline, or 12 after two minutes; the old data"),
    Row("82f", "gpg and SOPS write 10 MB to their standard error.", "published"),
    Row("82g", "pg_dump writes 10 MB to its standard error.", "the backup is stored"),
    Row("82h", "pg_dump has no output that it could write to.", "exit 24; nothing stored"),
    Row("82i", "pg_dump stands still.", "exit 26 at the run's deadline; nothing stored"),
    Row(
        "82j",
        "Each program that a refresh and a backup start writes down the environment that it gets.",
        "a few variables that it needs, by name; no password, no token",
    ),
    Row(
        "83", "Nobody reads what a run says, as behind `| head`.", "a refresh goes on; a filter ends with 141, quietly"
    ),
    Row("84a", "Standard output and error are full (/dev/full).", "published"),
    Row("84b", "TMPDIR cannot be written to.", "the next folder that the system has for it is used; published"),
    Row("84c", "The umask is 000.", "the keyring is its owner's alone all the same"),
    Row("84d", "A run may have 32 files open.", "published; with too few, exit 2 with what helps, and the old data"),
    Row("84e", "There is no HOME, no terminal and no input, and the locale is C.", "published"),
    Row("85", "A dump is ten times larger.", "a refresh takes no more than a third more memory"),
)
