"""Hashes of passwords, worked out in threads of their own while others go on."""

from __future__ import annotations

from threading import Thread

import bcrypt

_LEAST = 4


class PasswordHash:
    """The bcrypt hash of one password, which by design takes long: a quarter of a second at cost 12."""

    def __init__(self, password: bytes, salt: bytes, cost: int) -> None:
        """Begin, with a salt as bcrypt writes it. Raises ValueError for a password that bcrypt does not take."""
        bcrypt.hashpw(password, b"$2b$%02d$%b" % (_LEAST, salt))  # at once, so that a mistake comes to light
        self._made = b""
        self._making = Thread(target=self._make, args=(password, b"$2b$%02d$%b" % (cost, salt)), name="bcrypt")
        self._making.start()

    def _make(self, password: bytes, salt: bytes) -> None:
        self._made = bcrypt.hashpw(password, salt)

    def text(self) -> str:
        """The hash, as soon as it is there."""
        self._making.join()
        return self._made.decode()
