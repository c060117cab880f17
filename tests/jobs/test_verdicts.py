"""Of what is found wrong with a dump that is read back, gpg's word counts first, then the reader's."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Generator

import pytest

from dmrefresh.errors import DumpDamaged, DumpRefused
from dmrefresh.jobs.dumps.reading_back import _Plain
from dmrefresh.stages.prefetch import prefetch

WHOLE = gzip.compress(bytes(1 << 20))
DAMAGED = WHOLE[:-8] + bytes(8)
BY_GPG, BY_READER = DumpDamaged("gpg says so"), DumpRefused("the reader says so")


class _Decrypted:
    """What gpg hands out, in pieces, and its verdict at the end of it."""

    def __init__(self, packed: bytes, verdict: DumpDamaged | None) -> None:
        self.packed, self.verdict, self.ended = packed, verdict, False

    def blocks(self) -> Generator[bytes]:
        for start in range(0, len(self.packed), 100):
            yield self.packed[start : start + 100]
        self.ended = True
        if self.verdict is not None:
            raise self.verdict


def _read(decrypted: _Decrypted, *, refusing: bool) -> None:
    plain = _Plain(decrypted.blocks())
    with contextlib.closing(prefetch(plain.text())) as text, plain.verdict_first(text):
        for _ in text:
            if refusing:
                raise BY_READER


@pytest.mark.parametrize("packed", [WHOLE, DAMAGED], ids=["whole", "damaged"])
@pytest.mark.parametrize("refusing", [True, False], ids=["refused", "read"])
def test_gpg_s_verdict_goes_first(packed: bytes, refusing: bool) -> None:
    with pytest.raises(DumpDamaged) as caught:
        _read(_Decrypted(packed, BY_GPG), refusing=refusing)
    assert caught.value is BY_GPG


@pytest.mark.parametrize("packed", [WHOLE, DAMAGED], ids=["whole", "damaged"])
def test_what_the_reader_refuses_is_told_once_gpg_has_nothing_against_it(packed: bytes) -> None:
    decrypted = _Decrypted(packed, None)
    with pytest.raises(DumpRefused) as caught:
        _read(decrypted, refusing=True)
    assert caught.value is BY_READER
    assert decrypted.ended


def test_what_cannot_be_unpacked_is_told_once_gpg_has_nothing_against_it() -> None:
    decrypted = _Decrypted(DAMAGED + bytes(1000), None)
    with pytest.raises(DumpDamaged, match="compressed dump is damaged"):
        _read(decrypted, refusing=False)
    assert decrypted.ended
