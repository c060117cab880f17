"""The target: connect, guard, publish, check."""

from __future__ import annotations

from typing import Any, TypeAlias

import psycopg

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
