"""Some lines of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sanitisers.engine.grid import binary_array

if TYPE_CHECKING:
    from sanitisers.engine.values import Positions


def only_lines(rows: bytes | memoryview, grid: Positions, chosen: Positions) -> tuple[memoryview, Positions]:
    """The lines with these indexes, of which there is at least one, and their separators; see `separators`."""
    ends = grid[:, -1] + 1
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    edges = np.append(starts, ends[-1])
    lines = binary_array(edges if len(rows) >= 2**30 else edges.astype(np.int32), pa.py_buffer(rows))
    data = lines.take(pa.array(chosen, pa.int64())).buffers()[2]
    assert data is not None, "no line is without its newline"
    after = np.cumsum((ends - starts).take(chosen))
    moved = ends.take(chosen) - after
    return memoryview(data)[: int(after[-1])], grid.take(chosen, axis=0) - moved[:, np.newaxis]
