"""Writes the fault matrix down, with what happened last: python -m tests.faults > docs/explanation/faults.md"""

from __future__ import annotations

import sys

from tests.faults.matrix import page

if __name__ == "__main__":
    sys.stdout.write(page())
