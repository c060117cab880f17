"""A download goes on to its end where damage was found, and ends at once where anything else was."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator

import pytest

from dmrefresh.errors import DumpDamaged, Failure, KeyUnusable, SourceUnreachable
from dmrefresh.keys.signatures import NotSigned
from dmrefresh.stages.received import Received, receiving
from dmrefresh.stages.spool import spool

BLOCKS = [b"one", b"two", b"three", b"four"]
DIGEST = hashlib.sha256(b"".join(BLOCKS)).hexdigest()


class Download:
    """Yields blocks, ends as it is told, and notes how far it came."""

    def __init__(self, ending: Failure | None = None) -> None:
        self.ending, self.yielded, self.closed = ending, 0, False

    def blocks(self) -> Iterator[bytes]:
        try:
            for block in BLOCKS:
                self.yielded += 1
                yield block
            if self.ending is not None:
                raise self.ending
        finally:
            self.closed = True


def failing(download: Download, failure: Failure, *, take: int = 2, known: str | None = None) -> None:
    """A block that takes so many blocks of it, and fails."""
    with spool(100) as kept, receiving(download.blocks(), known, kept.sha256) as received:
        taken = kept.keep(received)
        for _ in range(take):
            next(taken)
        taken.close()  # type: ignore[attr-defined]
        raise failure


@pytest.mark.parametrize("take", range(5))
@pytest.mark.parametrize("ending", [None, DumpDamaged("It is too long.")], ids=["whole", "damaged"])
def test_what_damage_was_found_in_is_received_to_its_end(take: int, ending: Failure | None) -> None:
    download, damage = Download(ending), DumpDamaged("It is damaged.")
    with pytest.raises(DumpDamaged) as caught:
        failing(download, damage, take=min(take, len(BLOCKS)))
    assert caught.value is damage
    assert (damage.received, damage.retry, damage.what) == (DIGEST, True, "It is damaged.")
    assert (download.yielded, download.closed) == (len(BLOCKS), True)


def test_what_has_come_as_it_was_stored_is_not_tried_again() -> None:
    for known, retry in ((DIGEST.upper(), False), ("0" * 64, True)):
        damage = DumpDamaged("It is damaged.")
        with pytest.raises(DumpDamaged):
            failing(Download(), damage, known=known)
        assert damage.retry is retry
        assert ("the object itself is damaged" in damage.what) is not retry


@pytest.mark.parametrize("failure", [KeyUnusable("No."), SourceUnreachable("No."), NotSigned("No.")], ids=repr)
def test_after_anything_else_nothing_more_is_received(failure: Failure) -> None:
    download = Download()
    with pytest.raises(type(failure)):
        failing(download, failure)
    assert (download.yielded, download.closed) == (2, True)


def test_a_rest_that_does_not_come_leaves_the_digest_unknown() -> None:
    damage = DumpDamaged("It is damaged.")
    with pytest.raises(DumpDamaged):
        failing(Download(SourceUnreachable("It stands still.")), damage)
    assert (damage.received, damage.retry) == (None, True)


def test_a_block_that_another_thread_waits_for_is_not_waited_for() -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def blocks() -> Iterator[bytes]:
        waiting.set()
        go_on.wait(30)
        yield b"one"

    def never(rest: Iterable[bytes]) -> str:
        return str(list(rest))

    def fails() -> None:
        with receiving(blocks(), None, never) as received:
            threading.Thread(target=next, args=(received,), daemon=True).start()
            waiting.wait(30)
            raise damage

    damage = DumpDamaged("It is damaged.")
    with pytest.raises(DumpDamaged):
        fails()
    assert damage.received is None
    go_on.set()


def test_nobody_who_takes_blocks_can_end_it() -> None:
    download = Download()
    received = Received(download.blocks())
    assert not hasattr(received, "close")
    next(received)
    assert not download.closed
    received.end()
    assert download.closed
