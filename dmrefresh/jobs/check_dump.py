"""check-dump: a stored dump read to its end marker, or only opened; nothing is published or kept."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from dmrefresh import process
from dmrefresh.dump.against_note import held_to_note
from dmrefresh.dump.course import in_order
from dmrefresh.dump.deciding import check
from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.limits import Limits
from dmrefresh.dump.policy import Action
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import DumpDamaged, DumpRefused
from dmrefresh.jobs.attempts import attempts
from dmrefresh.jobs.choosing import said_of_age_and_size
from dmrefresh.jobs.dumps import choose, introduce, limits_of
from dmrefresh.keys import KeyFiles, Keyring, private_keyring
from dmrefresh.observer import Observer
from dmrefresh.report import Checked, Contents
from dmrefresh.settings import Settings
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.s3 import fetch
from dmrefresh.store import DumpRef, Store

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a check needs to know; `signed` where the backups' own key must have signed the dump, `doubts` what its age
    and its size say against it."""

    store: Store
    dump: DumpRef
    keys: KeyFiles
    limits: Limits
    signed: bool = False
    doubts: tuple[str, ...] = ()


def prepare(settings: Settings, *, name: str | None = None, stage: str | None = None) -> Plan:
    """Find the dump and the keys' files.

    Args:
        settings: the settings that hold.
        name: the object of this name instead of the newest.
        stage: whose dumps to look at, instead of the one in the settings.

    Raises:
        Failure: something is missing.
    """
    store, dump = choose(settings, name, stage)
    doubts = () if name else tuple(said_of_age_and_size(settings.dumps, store, dump))
    return Plan(store, dump, settings.keys.files(), limits_of(settings), settings.dumps.signed, doubts)


def run(plan: Plan, observer: Observer | None = None, *, quick: bool = False) -> Checked:
    """Read every byte up to the end marker; what may heal is tried again.

    Args:
        plan: which dump.
        observer: is told about progress.
        quick: only see that the private key opens the dump, by its beginning.

    Raises:
        Failure: the dump, the key or the bucket is not as it must be.
    """
    watching = observer or Observer()
    introduce(plan.store, plan.dump, watching, plan.doubts)
    if quick and plan.signed:
        watching.warn("whether the dump is signed shows only at its end, which a quick check does not read")
    check_one = _open if quick else _read
    contents = attempts(lambda _: check_one(plan, watching), watching)
    return Checked(plan.dump.key, plan.dump.size, contents)


def _open(plan: Plan, observer: Observer) -> None:
    """See that gpg hands anything out, which it does once the private key has opened the message."""
    with _keyring(plan) as keyring, contextlib.closing(_plain(plan, keyring)) as blocks:
        beginning = b""
        while len(beginning) < len(_GZIP) and (block := next(blocks, b"")):
            beginning += block
        if not beginning.startswith(_GZIP):
            raise DumpDamaged("The decrypted dump is not gzip data.")


def _read(plan: Plan, observer: Observer) -> Contents:
    with _keyring(plan) as keyring, contextlib.closing(_plain(plan, keyring)) as blocks:
        try:
            read = read_dump(gunzip(blocks), limits=plan.limits)
            held = held_to_note(read, key=plan.dump.key, signed=plan.signed, on_warning=observer.warn)
            return contents_of(held, observer)
        except (DumpDamaged, DumpRefused):
            # Damage may look like anything by the time it is text; gpg's verdict, which comes last, goes first.
            for _ in blocks:
                pass
            raise


def contents_of(events: Iterable[Event], observer: Observer) -> Contents:
    """Read a dump's events to the End.

    Raises:
        DumpRefused: a refresh would refuse it: a statement, or tables without data.
        Failure: whatever the stages before raise.
    """
    contents = Contents()
    seen: dict[Name, int] = {}
    stream = iter(events)
    head = next(stream)
    assert isinstance(head, Head), "the Head comes first"
    contents.server_version, contents.dump_version = head.server_version, head.dump_version
    contents.encoding = head.encoding
    for event in chain(head.statements, in_order(head, stream)):
        if isinstance(event, Statement):
            _count(event, contents.left_out)
        elif isinstance(event, TableData):
            seen[event.table] = seen.get(event.table, 0) + event.count
            observer.progress(str(event.table), seen[event.table])
        elif isinstance(event, End):
            contents.rows, contents.bytes = event.rows, event.size
    contents.tables = {str(name): count for name, count in seen.items()}
    return contents


def _count(statement: Statement, left_out: dict[str, int]) -> None:
    if check(statement).action is Action.LEAVE_OUT:
        left_out[statement.kind] = left_out.get(statement.kind, 0) + 1


def _plain(plan: Plan, keyring: Keyring) -> Generator[bytes]:
    return decrypt(fetch(plan.store, plan.dump), keyring, signed=plan.signed)


@contextlib.contextmanager
def _keyring(plan: Plan) -> Iterator[Keyring]:
    """The private key's keyring; whatever is still running behind it is ended."""
    try:
        with private_keyring(plan.keys) as keyring:
            yield keyring
    finally:
        process.kill_all()
