"""Everything that can go wrong, as one small tree.

    Failure                       exit
     ├─ UsageFailure                 2   the command line, the settings or the ruleset file
     ├─ NoSuchDump                  10   ┐
     ├─ Busy                        11   │
     ├─ KeyUnusable                 12   │
     ├─ DumpDamaged                 13   ├ a person must act
     ├─ NotSanitised                14   │
     ├─ TargetUnfit                 15   │
     ├─ RightsMissing               16   │
     ├─ DumpRefused                 17   ┘
     ├─ SourceUnreachable           20   ┐
     ├─ TargetUnreachable           21   ├ may heal: run it again
     │   └─ TargetBusy              21   │
     ├─ ChecksFailed                22   │
     ├─ CommitInDoubt               23   │
     ├─ BackupNotStored             24   │
     ├─ ProgramFailed               25   │
     ├─ DeadlinePassed              26   ┘
     ├─ PublishedButUnfinished      30   ┐ done, look at it
     └─ BackupUnverified            31   ┘

A failure carries what happened, what state the target is in, and what to do next. None of the three ever
holds an original value: they name tables, columns, line numbers and byte offsets.
"""

from __future__ import annotations

import errno
import re

UNTOUCHED = "The target is as it was: nothing was published."
UNCHANGED = "Nothing was changed."
"""The same of a command that has no target."""
UNFINISHED = "What was done is not finished."
"""The state after a signal, of a command that has no target."""
NOT_STORED = "Nothing was stored."


_ACTS = re.compile(
    r"`|\bdmrefresh\b|(?<!\S)--[a-z]|\[[a-z_]+[\].]|\b[A-Z]{2,}_[A-Z]|\bTMPDIR\b|\w = |\bulimit\b|\bpg_dump\b"
    r"|\bcf [a-z]|\b(?:GRANT|ALTER|CREATE|DROP)\b"
)


def acts(advice: str) -> bool:
    """Whether advice names a command to run, or a setting to change."""
    return _ACTS.search(advice) is not None


class Failure(Exception):
    """Something a person is told in a sentence.

    Args:
        what: what happened, in one sentence without an original value.
        hint: what to do next, or None where its kind (`way_on`) says all that is known.
        state: what state the target is in.
    """

    exit_code = 1
    retry = False
    """Whether starting again from the beginning can help without anybody doing anything."""
    way_on = "run it again with --debug and report what it shows"
    """What to do next where whoever raises it knows nothing better: a command to run, or a setting to change."""

    def __init__(self, what: str, *, hint: str | None = None, state: str = UNTOUCHED) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.state = state

    @property
    def advice(self) -> str:
        """What to do next, with a command to run or a setting to change: the hint, or what its kind says, or both."""
        if self.hint is None:
            return self.way_on
        if acts(self.hint):
            return self.hint
        if "\n" in self.hint:  # it ends in lines to be pasted, which nothing may follow
            return f"{self.way_on}; {self.hint}"
        if self.hint.endswith("?"):
            return f"{self.hint} {self.way_on[0].upper()}{self.way_on[1:]}"
        return f"{self.hint.rstrip('.')}; {self.way_on}"


class UsageFailure(Failure):
    """The command line, the settings or the ruleset file cannot be used as they are."""

    exit_code = 2
    way_on = "`dmrefresh COMMAND --help` says what it takes, and `dmrefresh config show` what the settings say"


class NoSuchDump(Failure):
    """There is no such dump, or it is too old, too small, or was never read back."""

    exit_code = 10
    way_on = "`dmrefresh dumps` lists what there is"


class Busy(Failure):
    """Another refresh of the same target is under way, or another backup of the same name."""

    exit_code = 11
    way_on = (
        "wait until that is done, then run it again; "
        "`dmrefresh status --target NAME` tells of a refresh, `dmrefresh dumps` of a backup"
    )


class KeyUnusable(Failure):
    """The private key or its passphrase is missing, wrong, or does not open this dump."""

    exit_code = 12
    way_on = "`dmrefresh doctor` looks at the keys"


class DumpDamaged(Failure):
    """The dump is not whole: ciphertext, compression or text ends or differs where it must not."""

    exit_code = 13
    way_on = (
        "`dmrefresh dumps` lists others, "
        "`dmrefresh check-dump NAME` reads one to its end, and `--fall-back` takes one that is whole"
    )
    retry = True

    received: str | None = None
    """The SHA-256 (hexadecimal) of the object as it came, where all of it came: the same one twice, and the way is not
    to blame."""


class NotSanitised(Failure):
    """An unclassified column, rows that a rule cannot take, personal data in a definition, or what a rule replaces in
    what is kept."""

    exit_code = 14
    way_on = "mend the ruleset; `dmrefresh sanitisers check` tells all that would stop a run"


class TargetUnfit(Failure):
    """The target or a bucket is refused by a guard, or cannot take this dump."""

    exit_code = 15
    way_on = "`dmrefresh doctor` looks at targets and buckets, and `dmrefresh plan --target NAME` at a refresh"


class RightsMissing(Failure):
    """The target's role may not do what publishing needs."""

    exit_code = 16
    way_on = "`dmrefresh doctor` tells which rights are missing"


class DumpRefused(Failure):
    """The dump is whole but holds what is never published: a format, a version or a statement."""

    exit_code = 17
    way_on = "take it with `pg_dump --format=plain`; `dmrefresh help exit-codes` tells more"


class SourceUnreachable(Failure):
    """S3 does not answer, or refuses, or somebody must log in first."""

    exit_code = 20
    way_on = "`dmrefresh doctor` looks at the bucket and the way to it; run it again later"
    retry = True


class TargetUnreachable(Failure):
    """PostgreSQL does not answer or lets nobody in, or the connection was lost before the commit began."""

    exit_code = 21
    way_on = "`dmrefresh doctor` looks at the servers and the way to them"
    retry = True


class TargetBusy(TargetUnreachable):
    """Sessions on the target are in the way for now; trying again at once does not help."""

    retry = False


class ChecksFailed(Failure):
    """The data was loaded but a check before the commit did not hold; it was rolled back."""

    exit_code = 22
    way_on = "mend `checks` or `after_load` of the ruleset, or the data; then run it again"


class CommitInDoubt(Failure):
    """The connection was lost during the commit and the server cannot say what became of it."""

    exit_code = 23
    way_on = "`dmrefresh status --target NAME` tells which data is there"


class BackupNotStored(Failure):
    """A backup was not made or not stored; the bucket has no object of its name that could be taken for one."""

    exit_code = 24
    way_on = "`dmrefresh doctor` looks at what a backup needs; then run it again"

    def __init__(self, what: str, *, hint: str | None = None, state: str = NOT_STORED, retry: bool = False) -> None:
        super().__init__(what, hint=hint, state=state)
        self.retry = retry


class ProgramFailed(Failure):
    """A program that we run was killed or came to nothing, and that says nothing of what it was given."""

    exit_code = 25
    way_on = "`dmrefresh doctor` looks at the programs; run it again when there is more memory"
    retry = True


class DeadlinePassed(Failure):
    """The run took longer than it may; it was ended in order before anything was published."""

    exit_code = 26
    way_on = "give it more time with `deadline` under [job]"


class PublishedButUnfinished(Failure):
    """The target is refreshed, but something that comes after could not be done."""

    exit_code = 30
    way_on = "`dmrefresh status --target NAME` tells what a target holds, `dmrefresh dumps` what is stored"


class BackupUnverified(Failure):
    """A backup is stored, and nobody has read it back: whether it can be restored is not known."""

    exit_code = 31
    way_on = "`dmrefresh check-dump NAME --record` reads it back"


class FaultElsewhere(Exception):
    """What an exception of another process is here: one of the same name, and without its text.

    Attributes:
        frames: where in the code it happened, a line for each.
    """

    def __init__(self, frames: list[str]) -> None:
        super().__init__()
        self.frames = frames


def own_fault(error: BaseException) -> Failure:
    """What an exception that nobody expected is told as; its text is not, since it may quote what it stumbled over."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return UsageFailure("No more files can be opened here, and a run needs some.", hint="raise it: ulimit -n 256")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f"{error.filename} " if isinstance(error.filename, str) else "What was to be said or kept "
        return UsageFailure(
            f"{where}cannot be written: {error.strerror}.",
            hint="make room; `df -h` and `df -i` say where there is none",
        )
    return Failure(f"This is a fault of dmrefresh's own ({type(error).__name__}).")
