"""What became of a pg_dump, by its exit status and by those of its words that hold no data.

Its complaints pass on the server's, which may quote values. So of them only what is known here is understood, from
the beginning of a line, and only names and versions are passed on.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Mapping
from typing import TypeAlias

from dmrefresh.errors import Failure, RightsMissing, TargetUnfit, TargetUnreachable

_Made: TypeAlias = Callable[[str, re.Match[str]], Failure]
_SERVER = r"^pg_dump: (?:error: query failed|detail: Error message from server): (?:ERROR|FATAL):  "
_NAME = r"(?P<name>[^\n]{1,130})"


def _may_not(database: str, match: re.Match[str]) -> Failure:
    return RightsMissing(
        f"pg_dump may not read {match['name']} of {database}.",
        hint="grant its role the right, or membership of pg_read_all_data",
    )


def _object(database: str, match: re.Match[str]) -> Failure:
    return RightsMissing(
        f"pg_dump may not read {match['name']} of {database}.",
        hint="its role must own it, or be granted the right: GRANT SELECT ON LARGE OBJECT. No membership gives it",
    )


def _filtered(database: str, match: re.Match[str]) -> Failure:
    return RightsMissing(
        f"pg_dump may not read every row of the table {match['name']} of {database}: row level security hides some.",
        hint="its role needs BYPASSRLS, or to own the table without FORCE ROW LEVEL SECURITY",
    )


def _too_old(database: str, match: re.Match[str]) -> Failure:
    return TargetUnfit(
        f"pg_dump {match['program']} cannot dump {database}, whose server is of PostgreSQL {match['server']}.",
        hint="name a newer one: pg_dump under [programs] in dmrefresh.toml",
    )


def _lost(database: str, match: re.Match[str]) -> Failure:
    return TargetUnreachable(f"pg_dump lost its connection to {database}.", hint="run it again")


def _unreached(database: str, match: re.Match[str]) -> Failure:
    return TargetUnreachable(f"pg_dump does not get to {database}.", hint="does the server let it in?")


def _cancelled(database: str, match: re.Match[str]) -> Failure:
    return TargetUnreachable(
        f"The server of {database} cancelled what pg_dump asked of it.",
        hint="run it again; a standby cancels what takes longer than its max_standby_streaming_delay",
    )


def _no_snapshot(database: str, match: re.Match[str]) -> Failure:
    return TargetUnreachable(
        f"The snapshot of {database} that pg_dump was to read is gone.",
        hint="run it again; was the session that held it ended?",
    )


def _no_locks(database: str, match: re.Match[str]) -> Failure:
    return TargetUnfit(
        f"The server of {database} has no room for the locks of so many tables.",
        hint="raise its max_locks_per_transaction",
    )


def _no_memory(database: str, match: re.Match[str]) -> Failure:
    return TargetUnfit(f"pg_dump of {database} ran out of memory, here or on the server.")


_ENDS: Mapping[str, _Made] = {
    rf"{_SERVER}permission denied for {_NAME}": _may_not,
    r"^pg_dump: error: failed to get data for (?P<name>sequence \"[^\n]{1,130}\"); user may lack SELECT": _may_not,
    r"^pg_dump: error: could not open (?P<name>large object \d+): ERROR:  permission denied": _object,
    rf"{_SERVER}query would be affected by row-level security policy for table \"{_NAME}\"": _filtered,
    r"^pg_dump: (?:error: |detail: )server version: (?P<server>\d[\d.a-z]*)[^;\n]*; "
    r"pg_dump version: (?P<program>\d[\d.a-z]*)": _too_old,
    rf"{_SERVER}(?:invalid snapshot identifier|snapshot \"[-0-9A-F]*\" does not exist)": _no_snapshot,
    rf"{_SERVER}out of shared memory": _no_locks,
    rf"{_SERVER}out of memory|^pg_dump: error: out of memory": _no_memory,
    rf"{_SERVER}canceling statement due to": _cancelled,
    r"^(?:pg_dump: [^\n]{0,200}: )?FATAL:  terminating connection": _lost,
    r"^server closed the connection unexpectedly$": _lost,
    r"^pg_dump: (?:error: query failed|detail: Error message from server): "
    r"(?:server closed the connection|SSL |no connection to the server|could not (?:receive|send) data)": _lost,
    r"^pg_dump: error: connection to (?:server|database)": _unreached,
}
"""What a line begins with, and what it means; of several the first counts."""


def judge_end(database: str, status: int, said: str) -> Failure | None:
    """Say what is wrong with a dump, or None where pg_dump has ended well.

    Args:
        database: its name.
        status: pg_dump's exit status, or minus the number of the signal that ended it.
        said: what it wrote to standard error, in English; of other languages only the exit status is told.
    """
    if status == 0:
        return None
    if status < 0:
        return TargetUnfit(
            f"pg_dump of {database} was ended by {_signal(-status)} before it was done.",
            hint="did somebody end it, or had the machine no memory left?",
        )
    for beginning, made in _ENDS.items():
        match = re.search(beginning, said, re.MULTILINE)
        if match is not None:
            return made(database, match)
    return TargetUnfit(
        f"pg_dump of {database} ended with exit status {status}.",
        hint="run it by hand to see why, with --file=/dev/null; often the role may not read every table",
    )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
