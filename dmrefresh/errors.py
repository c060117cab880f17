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

UNTOUCHED = "The target is as it was: nothing was published."
UNCHANGED = "Nothing was changed."
"""The same of a command that has no target."""
UNFINISHED = "What was done is not finished."
"""The state after a signal, of a command that has no target."""
NOT_STORED = "Nothing was stored."


class Failure(Exception):
    """Something a person is told in a sentence.

    Args:
        what: what happened, in one sentence without an original value.
        hint: what to do next, or None where there is nothing useful to say.
        state: what state the target is in.
    """

    exit_code = 1
    retry = False
    """Whether starting again from the beginning can help without anybody doing anything."""

    def __init__(self, what: str, *, hint: str | None = None, state: str = UNTOUCHED) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.state = state


class UsageFailure(Failure):
    """The command line, the settings or the ruleset file cannot be used as they are."""

    exit_code = 2


class NoSuchDump(Failure):
    """The bucket holds no dump of that name or stage."""

    exit_code = 10


class Busy(Failure):
    """Another refresh of the same target is under way."""

    exit_code = 11


class KeyUnusable(Failure):
    """The private key or its passphrase is missing, wrong, or does not open this dump."""

    exit_code = 12


class DumpDamaged(Failure):
    """The dump is not whole: ciphertext, compression or text ends or differs where it must not."""

    exit_code = 13
    retry = True

    received: str | None = None
    """The SHA-256 (hexadecimal) of the object as it came, where all of it came: the same one twice, and the way is not
    to blame."""


class NotSanitised(Failure):
    """Something would have passed that nobody classified, or a rule cannot do what it says."""

    exit_code = 14


class TargetUnfit(Failure):
    """The target is refused by a guard, or cannot take this dump."""

    exit_code = 15


class RightsMissing(Failure):
    """The target's role may not do what publishing needs."""

    exit_code = 16


class DumpRefused(Failure):
    """The dump is whole but holds what is never published: a format, a version or a statement."""

    exit_code = 17


class SourceUnreachable(Failure):
    """S3 does not answer, or refuses."""

    exit_code = 20
    retry = True


class TargetUnreachable(Failure):
    """PostgreSQL does not answer, or the connection was lost before the commit began."""

    exit_code = 21
    retry = True


class TargetBusy(TargetUnreachable):
    """Sessions on the target are in the way for now; trying again at once does not help."""

    retry = False


class ChecksFailed(Failure):
    """The data was loaded but a check before the commit did not hold; it was rolled back."""

    exit_code = 22


class CommitInDoubt(Failure):
    """The connection was lost during the commit and the server cannot say what became of it."""

    exit_code = 23


class BackupNotStored(Failure):
    """A backup was not made or not stored; the bucket has no object of its name that could be taken for one."""

    exit_code = 24

    def __init__(self, what: str, *, hint: str | None = None, state: str = NOT_STORED, retry: bool = False) -> None:
        super().__init__(what, hint=hint, state=state)
        self.retry = retry


class ProgramFailed(Failure):
    """A program that we run was killed or came to nothing, and that says nothing of what it was given."""

    exit_code = 25
    retry = True


class DeadlinePassed(Failure):
    """The run took longer than it may; it was ended in order before anything was published."""

    exit_code = 26


class PublishedButUnfinished(Failure):
    """The target is refreshed, but something that comes after could not be done."""

    exit_code = 30


class BackupUnverified(Failure):
    """A backup is stored, and nobody has read it back: whether it can be restored is not known."""

    exit_code = 31


def own_fault(error: BaseException) -> Failure:
    """What an exception that nobody expected is told as; its text is not, since it may quote what it stumbled over."""
    return Failure(
        f"This is a fault of dmrefresh's own ({type(error).__name__}).",
        hint="run it again with --debug and report what it shows",
    )
