"""Hashes of passwords, worked out in threads of their own while others go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import bcrypt

_LEAST = 4


class PasswordHash:
    """The bcrypt hash of one password, which by design takes long: a quarter of a second at cost 12."""

    def __init__(self, password: bytes, salt: bytes, cost: int) -> None:
        """Begin, with a salt as bcrypt writes it. Raises ValueError for a password that bcrypt does not take."""
        bcrypt.hashpw(password, b"$2b$%02d$%b" % (_LEAST, salt))  # at once, so that a mistake comes to light
        working = ThreadPoolExecutor(1, "bcrypt")
        self._made = working.submit(bcrypt.hashpw, password, b"$2b$%02d$%b" % (cost, salt))
        working.shutdown(wait=False)

    def text(self) -> str:
        """The hash, as soon as it is there; what went wrong in making it is raised here."""
        return self._made.result().decode()
