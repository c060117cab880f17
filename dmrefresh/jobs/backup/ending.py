"""What ends the stream of a backup, as it is told: nothing was stored, unless a person must see to something first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dmrefresh.errors import (
    BackupNotStored,
    Busy,
    CommitInDoubt,
    DumpDamaged,
    Failure,
    KeyUnusable,
    NoSuchDump,
    RightsMissing,
    UsageFailure,
)

_FOR_A_PERSON = (UsageFailure, NoSuchDump, Busy, KeyUnusable, RightsMissing)
"""What is told as it is, since a person must see to it first."""


@contextmanager
def not_stored() -> Iterator[None]:
    """Inside the block, whatever ends the stream ends the backup, unless a person must see to something else."""
    try:
        yield
    except (BackupNotStored, CommitInDoubt, DumpDamaged):  # the last is about what is stored already
        raise
    except _FOR_A_PERSON:
        raise
    except Failure as failure:
        raise BackupNotStored(failure.what, hint=failure.hint, retry=failure.retry) from None
    except MemoryError:
        raise BackupNotStored("This machine has no memory left for the backup.") from None
