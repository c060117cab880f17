"""What the settings say about keys: the files in which they lie."""

from __future__ import annotations

from pathlib import Path

from dmrefresh.errors import UsageFailure
from dmrefresh.keys.private import KeyFiles
from dmrefresh.settings.section import Section


class Keys(Section):
    """The SOPS files with the private key; relative paths lie in the credentials repository."""

    credentials_repo: Path | None = None
    """The folder in which the credentials repository is checked out; DM_CREDENTIALS_REPO says it as well."""
    secret_key: Path = Path("gpg/database-backups/secret.key.enc")
    """The private key, encrypted with SOPS in binary mode."""
    passphrase: Path = Path("gpg/database-backups/secret-key-passphrase.txt.enc")
    """What opens that key, encrypted likewise."""
    public_key: Path = Path("gpg/database-backups/public.key")
    """The public key, in clear; with it cleaned dumps are told from what somebody else has put there."""
    sanitiser_key: Path | None = None
    """A SOPS file (binary mode) whose content keys the fakes, for teams that want the same ones every week."""

    def files(self) -> KeyFiles:
        """The files of the private key.

        Raises:
            UsageFailure: a path is relative and nothing says where the credentials repository is.
        """
        return KeyFiles(self.locate(self.secret_key), self.locate(self.passphrase))

    def locate(self, path: Path) -> Path:
        """`path` within the credentials repository.

        Raises:
            UsageFailure: it is relative and nothing says where the repository is, or below ~ of nobody.
        """
        path = _expanded(path)
        if path.is_absolute():
            return path
        if self.credentials_repo is None:
            raise UsageFailure(
                "Nothing says where the credentials repository is.",
                hint="set DM_CREDENTIALS_REPO, or credentials_repo under [keys] in dmrefresh.toml",
            )
        return _expanded(self.credentials_repo) / path


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageFailure(
            f"{path} is below ~, and there is no such home.", hint="give the whole path under [keys]"
        ) from None
