"""What the S3 front of the tests is asked, and what it is told to answer; see `tests.front`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from dmrefresh.bucket.verified import SUFFIX


@dataclass(frozen=True)
class Request:
    """What was asked: the path without the bucket, the query, and the headers by their names in lower case."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]

    @classmethod
    def read(cls, method: str, path: str, headers: Mapping[str, str]) -> Request:
        """What a request's first line and headers say."""
        parts = urlsplit(path)
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, bucket, key, query, {name.lower(): value for name, value in headers.items()})

    @property
    def range_from(self) -> int:
        """From which byte of the object on."""
        return int(self.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])

    @property
    def if_match(self) -> str | None:
        return self.headers.get("if-match")

    @property
    def version(self) -> str | None:
        return self.query.get("versionId")


@dataclass(frozen=True)
class Answer:
    """For which request, and what becomes of it; each method returns another one that does this as well, in order.

    After the last step the rest of the store's answer is passed on, unless the connection is gone by then.
    """

    method: str | None = None
    key: str | None = None
    """How the object's name must end; None takes each, but for notes beside dumps."""
    from_byte: int | None = None
    steps: tuple[Step, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    flips: tuple[int, ...] = ()
    more: bytes = b""
    error: tuple[int, bytes] | None = None
    whole_object: bool = False
    no_length: bool = False

    def fits(self, request: Request) -> bool:
        """Whether it is for this request."""
        if self.method not in (None, request.method):
            return False
        if self.key is not None:
            return request.key.endswith(self.key)
        if self.method is not None and (not request.key or request.key.endswith(SUFFIX)):
            return False
        return self.from_byte in (None, request.range_from)

    def ok(self) -> Answer:
        """The rest as it is."""
        return self

    def send(self, size: int) -> Answer:
        """So many bytes of the store's answer; before the first of them the headers, even for none."""
        return self._then(("send", size))

    def cut(self) -> Answer:
        """End the connection."""
        return self._then(("cut", None))

    def reset(self) -> Answer:
        """End the connection the hard way."""
        return self._then(("reset", None))

    def stall(self) -> Answer:
        """Say nothing more, until the client goes away."""
        return self._then(("stall", None))

    def dribble(self, seconds: float = 1.0) -> Answer:
        """A byte every so often, for ever."""
        return self._then(("dribble", seconds))

    def do(self, deed: Callable[[], object]) -> Answer:
        """Have something happen meanwhile."""
        return self._then(("do", deed))

    def lost(self) -> Answer:
        """The store has done it, and the answer never comes."""
        return self._then(LOST)

    def status(self, number: int, code: str) -> Answer:
        """An error as S3 words it; the store is not asked."""
        return self.says(number, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())

    def says(self, number: int, body: bytes) -> Answer:
        """This instead; the store is not asked. Where a header names a greater length, the connection ends after it."""
        return replace(self, error=(number, body))

    def header(self, name: str, value: str) -> Answer:
        """This header instead of the store's."""
        return replace(self, headers=(*self.headers, (name, value)))

    def flip(self, position: int) -> Answer:
        """Another bit in this byte of the object, where it is in the answer."""
        return replace(self, flips=(*self.flips, position))

    def and_more(self, bytes_more: bytes) -> Answer:
        """These bytes after the last one; the length says so, unless a header is set."""
        return replace(self, more=bytes_more)

    def unmeasured(self) -> Answer:
        """Without a length: the end of the connection is the end of the answer."""
        return replace(self, no_length=True)

    def whole(self) -> Answer:
        """The whole object with a 200, whatever range was asked for."""
        return replace(self, whole_object=True)

    def times(self, number: int) -> tuple[Answer, ...]:
        """So often, in a script: `*get().status(503, "SlowDown").times(3)`."""
        return (self,) * number

    def _then(self, step: Step) -> Answer:
        return replace(self, steps=(*self.steps, step))


Step: TypeAlias = tuple[Literal["send", "cut", "reset", "stall", "dribble", "do", "lost"], Any]
LOST: Step = ("lost", None)
Rule: TypeAlias = Callable[[Request], Answer | None]


def get(key: str | None = None, *, range_from: int | None = None) -> Answer:
    """For a GET of a dump: of this name's end, from this byte on (0: from the beginning, with a range or without)."""
    return Answer("GET", key, range_from)


def head(key: str | None = None) -> Answer:
    """For a HEAD of a dump."""
    return Answer("HEAD", key)


def put(key: str | None = None) -> Answer:
    """For a PUT of an object or of a part of one."""
    return Answer("PUT", key)


def post(key: str | None = None) -> Answer:
    """For a POST: the beginning and the end of what is sent in parts."""
    return Answer("POST", key)


def anything() -> Answer:
    """For any request at all, lists and notes among them."""
    return Answer()
