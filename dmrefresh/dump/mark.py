"""The mark at the end of a cleaned dump: what it is, over what, and signed; comments, which psql never notices.

    -- dmrefresh mark 1
    -- dmrefresh {"sha256": "…", "dump": "production-….sql.gz.gpg", …}
    -- dmrefresh -----BEGIN PGP SIGNATURE-----
    …
    -- dmrefresh -----END PGP SIGNATURE-----

The digest is over every byte before it. The signature is over the first two lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from dmrefresh.errors import DumpDamaged

_BEGINNING = b"-- dmrefresh mark 1\n"
_LINE = b"-- dmrefresh "
_LONGEST = 16 << 10
"""Bytes; a signature with an RSA key of 4096 bits has about 850."""


class NoMark(DumpDamaged):
    """An object is no cleaned dump of ours; fetched again it would be the same."""

    retry = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What a cleaned dump says of itself.

    Attributes:
        name: the object's name, so that an older one cannot be passed off for a newer one.
        dump: the name of the dump it was made of.
        ruleset: the fingerprint of the ruleset, the pools and the key.
        rows: rows in it.
        made: when, in ISO 8601.
        run: of the run that made it.
        version: of dmrefresh.
        sha256: of every byte before the mark, in hexadecimal.
        size: these bytes.
    """

    name: str
    dump: str
    ruleset: str
    rows: int
    made: str
    run: str
    version: str
    sha256: str = ""
    size: int = 0


def write_mark(
    blocks: Iterable[bytes], mark: Callable[[str, int], Mark], sign: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    """Yield the text of a dump, then its mark.

    Args:
        blocks: the text.
        mark: is given the digest and the size of the text, once it has ended.
        sign: makes an armoured signature.

    Raises:
        Failure: whatever the stages before and the signing raise; then there is no mark.
    """
    digest, size = hashlib.sha256(), 0
    for block in _whole_lines(blocks):
        digest.update(block)
        size += len(block)
        yield block
    facts = json.dumps(asdict(mark(digest.hexdigest(), size))).encode("ascii")
    signed = _BEGINNING + _LINE + facts + b"\n"
    yield signed + b"".join(_LINE + line + b"\n" for line in sign(signed).splitlines())


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks; the mark begins on a line of its own."""
    last = b""
    for block in blocks:
        last = block[-1:] or last
        yield block
    if last != b"\n":
        yield b"\n"


def read_mark(blocks: Iterable[bytes], check: Callable[[bytes, bytes], object]) -> Mark:
    """Read a cleaned dump to its end and see that its mark is true.

    Args:
        blocks: the text, mark included.
        check: is given what is signed and the signature; raises where it is not ours.

    Raises:
        NoMark: there is no mark, or one of another form.
        DumpDamaged: the text is not the one that the mark is about.
        Failure: what `check` raises, and the stages before.
    """
    digest, size, end = hashlib.sha256(), 0, b""
    for block in blocks:
        end += block
        if len(end) > 2 * _LONGEST:
            digest.update(end[:-_LONGEST])
            size += len(end) - _LONGEST
            end = end[-_LONGEST:]
    start = end.rfind(b"\n" + _BEGINNING) + 1
    if not start:
        raise NoMark("The object has no mark of dmrefresh's at its end: it is no cleaned dump.", hint=_HINT)
    digest.update(end[:start])
    size += start
    signed, signature = _parts(end[start:])
    check(signed, signature)
    mark = _facts(signed)
    if (mark.sha256, mark.size) != (digest.hexdigest(), size):
        raise DumpDamaged("The cleaned dump is not the one that its mark is about: it was changed, or is damaged.")
    return mark


_HINT = "look at who wrote it; `clean-and-apply` to a target with `s3` makes one"


def _parts(text: bytes) -> tuple[bytes, bytes]:
    """What is signed, and the signature."""
    lines = text.splitlines(keepends=True)
    strange = any(not line.startswith(_LINE) or not line.endswith(b"\n") for line in lines)
    if strange or len(lines) < 4 or b"BEGIN PGP SIGNATURE" not in lines[2] or b"END PGP SIGNATURE" not in lines[-1]:
        raise NoMark("The mark at the end of the object is not as dmrefresh writes it.", hint=_HINT)
    return b"".join(lines[:2]), b"".join(line[len(_LINE) :] for line in lines[2:])


def _facts(signed: bytes) -> Mark:
    try:
        return Mark(**json.loads(signed[len(_BEGINNING) + len(_LINE) :]))
    except (ValueError, TypeError):
        raise NoMark(
            "The mark at the end of the object says what this version of dmrefresh does not know.",
            hint="update dmrefresh",
        ) from None
