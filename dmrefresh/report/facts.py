"""The figures of a run: those that stand first, its receipt, and its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmrefresh.report import words


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure or a name, what it is called, and how it differs from that of the run that it is compared with."""

    name: str
    value: str
    delta: str | None = None
    code: bool = False


def values_replaced(document: Mapping[str, Any]) -> int:
    """How many values rules have replaced, in all tables."""
    return sum(sum(table["replaced"].values()) for table in document.get("tables") or ())


def columns_replaced(replaced: Mapping[str, int]) -> int:
    """In how many columns of a table something was replaced.

    Args:
        replaced: values replaced, by column; what stands under keys of a document belongs to its column.
    """
    return sum(not any(name.startswith(f"{other}.") for other in replaced) for name in replaced)


def _columns(document: Mapping[str, Any]) -> int:
    return sum(columns_replaced(table["replaced"]) for table in document.get("tables") or ())


def _rows(document: Mapping[str, Any]) -> int | None:
    rows = document.get("rows")
    return sum(rows.values()) if isinstance(rows, dict) else rows


def _size(document: Mapping[str, Any]) -> int | None:
    dump = document.get("dump")
    return dump["size"] if dump else document.get("size")


def tiles(document: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[Fact]:
    """The figures that stand first.

    Args:
        document: the report.
        other: the report of another run, which this one is compared with.
    """
    before = other or {}
    found = [Fact("Time", words.seconds(document["total_seconds"]), _delta(document, other, "total_seconds"))]
    rows = _rows(document)
    if rows is not None:
        found.insert(0, Fact("Rows", words.count(rows), _more(rows, _rows(before), other)))
    if document.get("tables") and not document.get("cleaned_from"):
        values = values_replaced(document)
        found.insert(1, Fact("Values replaced", words.count(values), _more(values, values_replaced(before), other)))
        columns = _columns(document)
        found.insert(2, Fact("Columns", words.count(columns), _more(columns, _columns(before), other)))
    size = _size(document)
    if size is not None:
        found.append(Fact("Stored size", words.size(size), _more(size, _size(before), other)))
    if document.get("leak_check"):
        by_chance = document["leak_check"].get("by_chance")
        found.append(Fact("Leaks found", f"{words.count(by_chance)} by chance" if by_chance else "0"))
    if document.get("read_back"):
        found.append(
            Fact("Read back", {"full": "to its end", "quick": "only opened", "no": "no"}[document["read_back"]])
        )
    found.append(Fact("Attempts", words.count(max(document.get("attempts") or 0, 1))))
    if document["exit_code"]:
        found.append(Fact("Exit code", str(document["exit_code"])))
    return found


def _delta(document: Mapping[str, Any], other: Mapping[str, Any] | None, key: str) -> str | None:
    return None if other is None else _more(document[key], other.get(key), other)


def _more(now: float, before: float | None, other: object) -> str | None:
    """How much more it is than in the other run; None where there is no other."""
    if other is None:
        return None
    return "–" if before is None else words.changed(now, before)


def receipt(document: Mapping[str, Any]) -> list[Fact]:
    """What was published, from what, by whom: what the target's own receipt says."""
    dump = document.get("dump") or {}
    facts = [
        ("Run", document.get("run"), True),
        ("Target", document.get("target"), False),
        ("Stage", document.get("stage"), False),
        ("Dump", dump.get("name") or document.get("name") or _last_tried(document), True),
        ("Stored", words.moment(dump["modified"]) if dump else None, False),
        ("Cleaned from", document.get("cleaned_from"), True),
        ("Bucket", document.get("bucket"), True),
        ("Version", document.get("version_id"), True),
        ("SHA-256", document.get("sha256"), True),
        ("Encrypted to", document.get("encrypted_to"), True),
        ("Signed", None if "signed" not in document else "yes" if document["signed"] else "no", False),
        ("Note beside it", document.get("noted"), True),
        ("Ruleset and pools", document.get("ruleset"), True),
        ("Strategy", document.get("strategy"), False),
        ("Stored as", ", ".join(document.get("stored") or ()), True),
        ("Began", words.moment(document["began"]) if document.get("began") else None, False),
        ("By", document.get("by"), False),
        ("dmrefresh", document.get("dmrefresh"), False),
    ]
    return [Fact(name, words.plain(value), code=code) for name, value, code in facts if value]


def _last_tried(document: Mapping[str, Any]) -> str | None:
    """The dump of the last attempt."""
    return next((one["dump"] for one in reversed(document.get("tries") or []) if one["dump"]), None)


def sizes(document: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[Fact]:
    """Bytes stored and bytes of text; see `tiles`."""
    before = other or {}
    size, text = _size(document), document.get("bytes")
    facts = []
    if size is not None:
        facts.append(Fact("Stored object", words.size(size), _more(size, _size(before), other)))
    if text is not None:
        facts.append(Fact("Plain text of the dump", words.size(text), _more(text, before.get("bytes"), other)))
    if size and text:
        facts.append(Fact("Text for each stored byte", f"{text / size:.1f}"))
    if text and document["total_seconds"]:
        facts.append(Fact("Text over the whole run", words.rate(text, document["total_seconds"])))
    return facts
