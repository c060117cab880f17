"""The leak check in plain Python, value by value: what the kernels must say, too."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sanitisers.detectors import in_plain_characters
from sanitisers.leaks.leak_check import Leak

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NUMBER = re.compile(rb"\d(?:[ ()-]{0,3}\d)*")
DATE = re.compile(
    rb"(?:19|20)..-..-|..-..-(?:19|20)|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?=.{4})", re.DOTALL
)


class Trace(NamedTuple):
    kind: str
    text: bytes
    telling: bool = True


WIDE = b"[" + bytes(byte for byte in range(0x80, 0x100) if byte not in (0xC2, 0xE2))


def traces(value: bytes) -> Iterator[Trace]:
    value = plain(value.rstrip(b" "))
    value = re.sub(rb"(?<=" + WIDE + rb"\w.%+'-])%40(?=" + WIDE + rb"\w.-])", b"@", value)
    yield from emails(value)
    yield from numbers(value)
    yield from whole(value)


def emails(value: bytes) -> Iterator[Trace]:
    for at in re.finditer(b"@", value):
        before, behind = value[: at.start()], value[at.end() :]
        spans = dict.fromkeys(
            (len(local), len(domain))
            for local, domain in (address(before, behind, b"["), address(before, behind, WIDE))
        )
        for local, domain in spans:
            text = value[at.start() - local : at.end() + domain]
            if local and b"." in text.partition(b"@")[2]:
                yield Trace("e-mail address", small(text))


def address(before: bytes, behind: bytes, letters: bytes) -> tuple[bytes, bytes]:
    """What is before and behind an @, where letters are these and those of ASCII."""
    local = re.findall(letters + rb"a-zA-Z0-9.%+'_-]*\Z", before[-32:])[0].lstrip(b"._%+'-")
    if local and before.removesuffix(local).endswith(b"\\"):
        local = local[1:]
    while local and 0x80 <= local[0] < 0xC0:
        local = local[1:]
    return local, re.findall(rb"\A" + letters + rb"a-zA-Z0-9.-]*", behind[:48])[0].rstrip(b".-")


def numbers(value: bytes) -> Iterator[Trace]:
    whole = set()
    for found in NUMBER.finditer(value):
        run, before, behind = found[0], value[: found.start()], value[found.end() :]
        digits = b"".join(re.findall(rb"\d", run))
        if len(digits) < 9 or 2 * len(re.findall(rb"\d+", run)) > len(digits) + 1:
            continue
        if re.search(rb"\w{3}\Z", before) or re.match(rb"\w", behind):
            continue
        if re.search(rb"\d\.\Z", before) or re.match(rb"\.\d", behind) or DATE.match(run):
            continue
        whole.add(found.span())
        yield number(value, *found.span())
    yield from (number(value, *span) for span in sorted(dialled(value) - whole))


def number(value: bytes, start: int, end: int) -> Trace:
    before, run = value[:start], value[start:end]
    digits = b"".join(re.findall(rb"\d", run))
    dialled = before.endswith(b"+") or re.fullmatch(rb"0[1-9]\d{8,9}|00[1-9]\d{8,}", digits)
    plain = digits.lstrip(b"0") if dialled else digits
    if plain.startswith(b"44") and 11 <= len(plain) <= 13:
        plain = plain[2:].lstrip(b"0")
    alone = len(value) - len(run) <= 4
    telling = alone or run.startswith(b"0") or before.endswith(b"+")
    return Trace("telephone number" if dialled else "number", plain, telling)


def dialled(value: bytes) -> set[tuple[int, int]]:
    """Where telephone numbers are among other digits."""
    found = set()
    groups = list(re.finditer(rb"\d+", value))
    for index, first in enumerate(groups):
        before = value[: first.start()]
        lengths = range(11, 14) if before.endswith(b"+") else range(10, 12)
        if not (before.endswith(b"+") or re.match(rb"0[1-9]\d", first[0])):
            continue
        if re.search(rb"\w{3}\Z|\d\.\Z", before):
            continue
        for last in range(index, min(index + 8, len(groups))):
            between = value[groups[last - 1].end() : groups[last].start()] if last > index else b" "
            if not re.fullmatch(rb"[ ()./-]{1,3}", between):
                break
            count = sum(len(group[0]) for group in groups[index : last + 1])
            if count in lengths and not re.match(rb"\w", value[groups[last].end() :]):
                found.add((first.start(), groups[last].end()))
            if count >= 13:
                break
    return found


def whole(value: bytes) -> Iterator[Trace]:
    if not 8 <= len(value) <= 64:
        return
    text = b" ".join(part for part in re.split(rb"[ \t\n\v\f\r]+", small(value)) if part)
    letters = sum(byte in LETTERS or byte >= 128 for byte in text)
    if b" " in text and letters >= 5 and len(text.decode()) >= 8:
        yield Trace("text", text)


def plain(text: bytes) -> bytes:
    """With the characters of ASCII in place of those that people write for them."""
    pairs = zip(text.decode(), in_plain_characters(text.decode()), strict=True)
    return "".join(usual if usual.isascii() else other for other, usual in pairs).encode()


def small(text: bytes) -> bytes:
    """A to Z and the capitals of Latin-1, and nothing else."""
    return "".join(c.lower() if c <= "Þ" and c.lower() <= "þ" else c for c in text.decode()).encode()


Shown = tuple[bool, str, str, bytes]
"""Whether it is an original, the table, the column, the value."""


def verdict(shown: Iterable[Shown], rows: Mapping[str, int]) -> list[Leak]:
    """The leaks by place and kind, in no order."""
    originals: dict[tuple[str, str], Counter[Trace]] = defaultdict(Counter)
    kept: dict[tuple[str, str], Counter[Trace]] = defaultdict(Counter)
    for is_original, table, column, value in shown:
        # What one row holds several times is one row's all the same.
        own = Counter(traces(value) if len(value) >= 5 else ())
        for trace in set(own) if is_original else own.elements():
            if not is_original:
                kept[table, column][trace._replace(telling=True)] += 1
            elif trace.telling:
                originals[table, column][trace] += 1
    leaks = []
    for (table, column), seen in kept.items():
        for kind in ("e-mail address", "telephone number", "number", "text"):
            here = {trace.text: count for trace, count in seen.items() if trace.kind == kind}
            origins: dict[str, None] = {}
            met: dict[bytes, int] = {}
            for (of, name), counts in originals.items():
                limit = max(50, rows.get(of, 0) // 100)
                both = {t.text for t in counts if t.text in here and counts[t] <= limit}
                if both:
                    origins[f"{of}.{name}"] = None
                    met |= {text: here[text] for text in both}
            if met:
                leaks.append(Leak(f"{table}.{column}", kind, len(met), sum(met.values()), tuple(sorted(origins))))
    return leaks
