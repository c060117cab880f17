"""Keep a dump's ciphertext on this machine, so that gpg can verify all of it before any of it is believed.

gpg hands out the text of a damaged message too, and only then says that it is damaged. Decompressed, such a text
has pieces of other rows in the wrong places, where no rule looks for them. So the message is decrypted twice:
once to hear gpg's verdict, with the text thrown away, and once more to use it. Only what is encrypted or sanitised
touches the disk, in a file without a name that is gone with the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable, Iterator
from typing import IO

from dmrefresh.machine.folders import no_room

_BLOCK = 1 << 20


class Spool:
    """A nameless temporary file for one dump, encrypted or sanitised; make it with `spool`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def keep(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks and keep a copy of each.

        Raises:
            NoRoom: the disk is full.
        """
        self._file.seek(0)
        self._file.truncate()
        for block in blocks:
            rest = memoryview(block)
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                raise no_room("The dump", error.strerror or "an error") from None
            yield block

    def reader(self) -> IO[bytes]:
        """A file of its own to read what was kept, from its beginning; only one at a time is of use."""
        self._file.seek(0)
        return os.fdopen(os.dup(self._file.fileno()), "rb")

    def blocks(self) -> Generator[bytes]:
        """Yield again what was kept."""
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            yield block

    def sha256(self, rest: Iterable[bytes] = ()) -> str:
        """The SHA-256, in hexadecimal, of what was kept and of the rest, which is not."""
        digest, position = hashlib.sha256(), 0
        while block := os.pread(self._file.fileno(), _BLOCK, position):  # whoever reads it now goes on where it was
            digest.update(block)
            position += len(block)
        for block in rest:
            digest.update(block)
        return digest.hexdigest()


@contextlib.contextmanager
def spool(size: int) -> Iterator[Spool]:
    """A place for `size` bytes of ciphertext in the folder for temporary files (TMPDIR).

    Raises:
        NoRoom: there is not enough room.
    """
    folder = tempfile.gettempdir()
    try:
        if shutil.disk_usage(folder).free < size:
            raise no_room("The dump", f"{size / 1e6:.0f} MB are needed")
        file = tempfile.TemporaryFile(dir=folder, prefix="dmrefresh-", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise no_room("The dump", error.strerror or "an error") from None
    with file:
        yield Spool(file)
