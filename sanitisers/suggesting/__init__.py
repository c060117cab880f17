"""What a ruleset for a schema might say: what names mean, what shapes values have, and what follows from both."""

from __future__ import annotations
