"""What the jobs that sanitise have in common: the ruleset and the key of its fakes."""

from __future__ import annotations

import secrets
from pathlib import Path

from dmrefresh.errors import KeyUnusable, NotSanitised, UsageFailure
from dmrefresh.keys.private import decrypt_with_sops
from dmrefresh.machine.folders import expanded
from dmrefresh.settings.model import Settings
from sanitisers import Ruleset, RulesetError, Sanitiser, load_ruleset, ships

_SHORTEST_KEY = 16
"""Bytes: with fewer, somebody could try all keys."""


def read_ruleset(name: str) -> Ruleset:
    """Read a ruleset: one that ships by its name, or a file.

    Raises:
        UsageFailure: there is none, or it says something that cannot be meant; with file and line.
    """
    path = ships(name) or expanded(Path(name))
    if not path.is_file():
        raise UsageFailure(f"There is no ruleset {name}.", hint="give the path of a YAML file, or digitalmarketplace")
    try:
        return load_ruleset(path)
    except RulesetError as error:
        raise UsageFailure(
            str(error), hint="mend it there; `dmrefresh sanitisers check` tells when it is right"
        ) from None


def refuse_gone(sanitiser: Sanitiser) -> None:
    """Refuse rules for tables and columns that are not there, as `--strict` asks for.

    Raises:
        NotSanitised: there are some; all are in the message.
    """
    if sanitiser.gone:
        raise NotSanitised(
            "The ruleset has rules for what is not in the dump:\n  " + "\n  ".join(sanitiser.gone),
            hint="take them out of the ruleset; without --strict they are warned of only",
        )


def sanitiser_key(settings: Settings) -> bytes:
    """The key of the fakes: random for each run, so that nobody can ever test a guess, unless the secrets hold one.

    Raises:
        KeyUnusable: the secrets hold one that cannot be read, or is too short.
        UsageFailure: nothing says where the secrets are.
    """
    if settings.keys.sanitiser_key is None:
        return secrets.token_bytes(32)
    key = decrypt_with_sops(settings.keys.locate(settings.keys.sanitiser_key))
    if len(key) < _SHORTEST_KEY:
        raise KeyUnusable(
            f"The sanitiser's key has {len(key)} bytes; it needs {_SHORTEST_KEY} at least.",
            hint="encrypt a longer one with SOPS: `sanitiser_key` under [keys]",
        )
    return key
