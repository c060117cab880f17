"""How this process takes memory: a dump goes by in blocks, and what one has used is there for the next."""

from __future__ import annotations

import contextlib
import gc
import os
import sys

_MIB = 1 << 20
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3), by their numbers in malloc.h."""
_OBJECTS = 10_000
"""So many new objects are let be before it is looked for circles among them."""


def settle() -> None:
    """Take memory as a pipeline of threads needs it; to be called before there are any, and before numpy and pyarrow
    are loaded.

    Left alone, each thread gets memory of its own, and so does pyarrow: what one of them has used and let go of is of
    no use to another, though each block passes through all of them. And the interpreter looks for circles again and
    again while a program is loaded, of which everything stays.
    """
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    # https://arrow.apache.org/docs/cpp/memory.html#default-memory-pool
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads for matrices, of which there are none here
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError):  # another C library than GNU's
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_ARENA_MAX, 1)
            # Said once, they do not grow by themselves; blocks of rows stay below, and what is larger is given back.
            mallopt(_MMAP_THRESHOLD, 4 * _MIB)
            mallopt(_TRIM_THRESHOLD, _MIB)
