"""Public keys of every kind, made with gpg's own short words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dmrefresh.keys.private import Keyring
from fixtures.parts.secrets import keyring

LONG_AGO = ("--faked-system-time", "20200101T000000")
"""The clock stands in 2020 for this one call, so that what ends after a day has ended."""


class Maker:
    """A home in which keys without a passphrase are made."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        base = ["gpg", "--homedir", str(self.home), "--no-options", "--batch", "--quiet", "--yes", "--passphrase", ""]
        argv = [*base, "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(argv, input=stdin, check=True, capture_output=True).stdout

    def make(self, name: str, usage: str, *options: str, until: str = "never") -> str:
        """Make a key; returns its fingerprint."""
        done = self.gpg(*options, "--status-fd", "1", "--quick-gen-key", name, "rsa2048", usage, until)
        return next(line.split()[3] for line in done.decode().splitlines() if " KEY_CREATED " in line)

    def revoke(self, fingerprint: str) -> None:
        """Make a key one that has been revoked."""
        certificate = (self.home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes()
        self.gpg("--import", stdin=certificate.replace(b":-----BEGIN", b"-----BEGIN"))

    def public(self, *fingerprints: str) -> bytes:
        """The public keys, armoured; all there are unless some are named."""
        return self.gpg("--armor", "--export", *fingerprints)

    def keyring(self, fingerprint: str) -> Keyring:
        """One that holds the private keys; none has a passphrase."""
        return Keyring(self.home, b"", fingerprint)


@contextmanager
def maker() -> Iterator[Maker]:
    """A home for the length of the block."""
    with keyring() as home:
        yield Maker(home)
