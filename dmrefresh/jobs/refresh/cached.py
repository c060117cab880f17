"""A dump's bytes from the copy that this machine keeps, where there is one, and else from S3.

The cache never decides a refresh: where it cannot be used, that is said, and the dump is fetched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from urllib.parse import urlsplit, urlunsplit

from dmrefresh.bucket.cache import Cache, CacheUnusable, Copy, CopyDamaged, copy_of, folder_of_this_machine
from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.errors import DumpDamaged, SourceUnreachable
from dmrefresh.measured import Measured
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings
from dmrefresh.stages.s3 import fetch

_BLOCK = 1 << 20


def cache_of(settings: Settings) -> Cache | None:
    """Where copies are kept, if the settings want that."""
    return Cache(folder_of_this_machine()) if settings.dumps.cache else None


class Fetched:
    """One reading of a dump; `fetched` makes it."""

    def __init__(self, store: Store, dump: DumpRef, observer: Observer) -> None:
        self._store, self._dump, self._observer = store, dump, observer
        self._cache: Cache | None = None
        self._copy: tuple[Copy, BufferedReader] | None = None
        self._kept: Copy | None = None
        self._measured = Measured()

    def blocks(self) -> Iterator[bytes]:
        """Yield the dump's bytes, once.

        Raises:
            SourceUnreachable: S3 does not answer, or refuses; or the copy was changed while it was read.
            DumpDamaged: the bytes are not those that the backup noted.
        """
        if self._copy is None:
            fetched = fetch(self._store, self._dump)
            yield from fetched if self._cache is None else self._measured.all_of(fetched)
            return
        copy, file = self._copy
        with contextlib.suppress(OSError):
            yield from self._measured.all_of(iter(lambda: file.read(_BLOCK), b""))
        if self._measured.sha256 != copy.sha256:
            self.distrust()
            raise SourceUnreachable(
                f"The copy of {copy.key} on this machine was changed while it was read.", hint="run it again"
            )

    def keep(self, blocks: Callable[[], Iterable[bytes]]) -> None:
        """Keep a copy, where one is wanted and there is none.

        Args:
            blocks: gives the dump's bytes again. It was proved of them that they are encrypted, every one of them, or
                that they are cleaned and signed.
        """
        if self._cache is None or self._copy is not None:
            return
        copy = copy_of(_endpoint(self._store), self._dump, self._measured.sha256)
        try:
            if self._cache.add(copy, blocks()):
                self._kept = copy
                self._observer.note("a copy is kept on this machine for the next time (dmrefresh cache)")
        except CacheUnusable as why:
            self._observer.warn(f"no copy is kept on this machine: {why.what}")

    def distrust(self) -> None:
        """Throw the copy away that was read, or has been kept meanwhile: the next attempt fetches the dump."""
        for copy in (self._copy and self._copy[0], self._kept):
            if self._cache is not None and copy is not None:
                self._cache.discard(copy)

    def look_for_copy(self, cache: Cache) -> BufferedReader | None:
        """Look for a copy and compare every byte of it; returns its file, which somebody must close."""
        try:
            self._copy = cache.whole(_endpoint(self._store), self._dump)
        except CopyDamaged as why:
            self._observer.warn(f"{why.what} It was thrown away; the dump is fetched again.")
        except CacheUnusable as why:
            self._observer.warn(f"no copies on this machine are used: {why.what}")
            return None
        self._cache = cache
        if self._copy is None:
            return None
        self._observer.note("nothing is fetched: a copy on this machine is this very object, every byte of it")
        return self._copy[1]


@contextlib.contextmanager
def fetched(cache: Cache | None, store: Store, dump: DumpRef, observer: Observer) -> Iterator[Fetched]:
    """One reading of a dump.

    Args:
        cache: the copies that may be used, and where one is kept; None for none.
        store: the bucket.
        dump: the object, as S3 has told of it in this run.
        observer: is told where it comes from.
    """
    this = Fetched(store, dump, observer)
    with contextlib.ExitStack() as stack:
        file = this.look_for_copy(cache) if cache is not None else None
        if file is not None:
            stack.enter_context(file)
        try:
            yield this
        except DumpDamaged:
            # Whole by its note, and damaged all the same: the note is no proof of it.
            this.distrust()
            raise


def _endpoint(store: Store) -> str:
    """The URL of a store, without what lets one in: it is written down."""
    parts = urlsplit(store.client.meta.endpoint_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
