"""Numbers that are PostgreSQL's own, the same for every server."""

from __future__ import annotations

LONGEST_NAME = 63
"""Bytes of a name (manual, chapter 4.1.1); the server cuts a longer one off, and so means another object."""

MOST_COLUMNS = 1600
"""Of a table (manual, appendix K)."""

FIRST_OF_USERS = 16384
"""Objects with lower oids came with the server (FirstNormalObjectId)."""
