"""Two halves of a key that do not belong together are told with what mends that."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack

import pytest

from dmrefresh.errors import KeyUnusable
from dmrefresh.jobs.dumps.key_pair import prove
from dmrefresh.keys.private import Keyring
from dmrefresh.keys.public import public_keyring
from fixtures.parts.secrets import keyring
from tests.keys.public_keys import LONG_AGO, maker


def test_a_subkey_of_which_the_private_half_was_not_filed_is_not_told_as_a_stale_key() -> None:
    with maker() as making, ExitStack() as stack:
        mine = making.make("backups", "sign", *LONG_AGO)
        making.gpg(*LONG_AGO, "--quick-add-key", mine, "rsa2048", "encr", "never")
        filed = making.gpg("--armor", "--export-secret-keys", mine)
        making.gpg("--quick-add-key", mine, "rsa2048", "encr", "never")
        recipient = stack.enter_context(public_keyring(making.public(mine), "backups"))
        before = stack.enter_context(keyring())
        base = ["gpg", "--homedir", str(before), "--no-options", "--batch", "--quiet", "--pinentry-mode", "loopback"]
        subprocess.run([*base, "--passphrase", "", "--import"], input=filed, check=True)
        with pytest.raises(KeyUnusable) as caught:
            prove(recipient, Keyring(before, b"", mine, frozenset({mine[-16:]})))
    assert "is stale" not in caught.value.what
    assert "has a subkey" in caught.value.what
    assert "with all its subkeys" in str(caught.value.hint)
