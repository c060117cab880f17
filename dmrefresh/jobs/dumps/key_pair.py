"""Whether the public key that backups are encrypted to belongs to the private key that opens them.

Whoever rotates the private key and forgets its public twin makes backups that nobody can open; that is said with both
keys, and on the night it happens.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.errors import KeyUnusable
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import Recipient
from dmrefresh.stages.encrypt import encrypt
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.recipients import ENOUGH, recipients

_MEND = (
    "put the public key of that private key where backups take it from (gpg/database-backups/public.key in the "
    "credentials repository, PUBKEY of a worker), then back up again"
)


def prove(recipient: Recipient, keyring: Keyring) -> None:
    """See that the private key opens what is encrypted to the public one, by doing so with a few bytes.

    Args:
        recipient: the public key.
        keyring: holds the private key.

    Raises:
        KeyUnusable: it does not, and why.
    """
    message = b"".join(encrypt([b"dmrefresh"], recipient))
    try:
        for _ in decrypt([message], keyring):
            pass
    except KeyUnusable:
        others = _others(message, keyring)
        if others is None:
            raise
        raise apart(recipient.fingerprint, keyring.fingerprint, others) from None


def apart(public: str, private: str, others: str) -> KeyUnusable:
    """What is wrong with two halves, of which the private one does not open what is encrypted to the public one.

    Args:
        public, private: their fingerprints.
        others: the identifiers of the subkeys that are encrypted to.
    """
    if public == private:
        return KeyUnusable(
            f"The public key has a subkey {others}, whose private part is not in the private key of the credentials "
            "repository: it would not open the backup.",
            hint="export the private key again, with all its subkeys, and encrypt the file with SOPS",
        )
    return KeyUnusable(
        f"The public key is stale: it is {public}, and the private key in the credentials repository is {private}, "
        "which would not open the backup.",
        hint=_MEND,
    )


@contextlib.contextmanager
def naming_keys(store: Store, dump: DumpRef, keyring: Keyring) -> Iterator[None]:
    """Name both keys where a dump in a bucket turns out inside the block to be for another one.

    Raises:
        KeyUnusable: it is, or the private key is of no use.
    """
    try:
        yield
    except KeyUnusable:
        others = _others(store.beginning(dump.key, ENOUGH), keyring)
        if others is None:
            raise
        raise KeyUnusable(
            f"{dump.key} is not encrypted to this private key: it is to the key {others}, and the private key in the "
            f"credentials repository is {keyring.fingerprint}. The public key that it was made with is stale.",
            hint=_MEND,
        ) from None


def _others(message: bytes, keyring: Keyring) -> str | None:
    """To whom a message is encrypted, where that is somebody else alone."""
    to = recipients(message[:ENOUGH])
    if not to or any(one in keyring.key_ids or not one.isalnum() or one == "hidden" for one in to):
        return None
    return " and ".join(to)
