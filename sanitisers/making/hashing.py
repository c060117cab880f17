"""Hashes of passwords, worked out in threads of their own while others go on."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from sanitisers.engine.prf import derive_key
from sanitisers.making.fitting import Misfit

BCRYPT_COST = 12
HASH_LENGTH = 60
"""Characters of a hash."""
_LEAST = 4
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT64 = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
"""The same places in the alphabet of bcrypt."""
_SALT_LENGTH = 22


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


class PasswordHashes:
    """The hashes of a run, each made once; salts come from the key, so that the same run gives the same."""

    def __init__(self, key: bytes) -> None:
        """Take the secret key of the run."""
        self._key = key
        self._made: dict[str, PasswordHash] = {}

    def of(self, password: str) -> PasswordHash:
        """The hash of a password. Raises Misfit where bcrypt does not take it."""
        if password not in self._made:
            salt = base64.b64encode(derive_key(self._key, f"bcrypt {password}")[:16])
            salt = salt.translate(bytes.maketrans(_BASE64, _BCRYPT64))[:_SALT_LENGTH]
            try:
                self._made[password] = PasswordHash(password.encode(), salt, BCRYPT_COST)
            except ValueError:
                raise Misfit("bcrypt takes passwords of at most 72 bytes") from None
        return self._made[password]

    def nobodys(self) -> PasswordHash:
        """The hash of a password that nobody knows."""
        return self.of(derive_key(self._key, "a password that nobody knows").hex())
