"""What is noted beside a dump that was read back: `NAME.verified.json`.

The identity that stores backups may put objects, and neither delete nor tag them; so a dump that was not read back is
one that has no such note, and it is passed over for one that has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

SUFFIX = ".verified.json"
"""Ends the name of the note."""
LONGEST = 8 << 20
"""Bytes of a note; one of 20,000 tables has two million."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A dump that was read back, decrypted, and read to its end.

    Attributes:
        name: the object's.
        size: of its bytes.
        sha256: of its bytes, in hexadecimal.
        version_id: the version that was read; None where the bucket keeps none.
        rows: of each table, as rulesets write their names.
        tool: the version of dmrefresh that read it.
        at: when, in ISO 8601.
        signed: whether it carries the signature of the backups' key.
    """

    name: str
    size: int
    sha256: str
    version_id: str | None
    rows: Mapping[str, int] = field(default_factory=dict)
    tool: str = ""
    at: str = ""
    signed: bool = False


def as_json(verified: Verified) -> bytes:
    """The note's text."""
    return json.dumps({"dmrefresh": 1, **asdict(verified)}, indent=2, sort_keys=True).encode("ascii") + b"\n"


def from_json(text: bytes) -> Verified | None:
    """What a note says; None where it is no such note, whatever else it is."""
    if len(text) > LONGEST:
        return None
    try:
        said = json.loads(text)
        if said.pop("dmrefresh") != 1:
            return None
        found = Verified(**said)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if _is_right(found) else None


def _is_right(found: Verified) -> bool:
    """Whether each of the facts is of its kind; JSON may hold anything."""
    if not all(isinstance(one, str) for one in (found.name, found.sha256, found.tool, found.at)):
        return False
    version = found.version_id is None or isinstance(found.version_id, str)
    numbers = type(found.size) is int and isinstance(found.rows, dict)
    counts = numbers and all(type(count) is int for count in found.rows.values())
    return version and counts and isinstance(found.signed, bool) and _DIGEST.fullmatch(found.sha256) is not None
