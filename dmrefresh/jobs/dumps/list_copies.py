"""cache: the copies of dumps that this machine keeps."""

from __future__ import annotations

from dmrefresh.bucket.cache import Cache, Copy, folder_of_this_machine
from dmrefresh.console.showing import CopyList, KeptCopy


def run(*, clear: bool = False) -> CopyList:
    """List the copies, the newest dump first; what is in them is compared when one is used, not now.

    Args:
        clear: throw them away; what is listed was there.

    Raises:
        CacheUnusable: their folder cannot be read or written to, or others may write to it.
    """
    cache = Cache(folder_of_this_machine())
    found = cache.clear() if clear else cache.copies()
    return CopyList(str(cache.folder), [_shown(copy) for copy in found], cleared=clear)


def _shown(copy: Copy) -> KeptCopy:
    return KeptCopy(copy.key, copy.bucket, copy.taken, copy.kept, copy.size, copy.sha256)
