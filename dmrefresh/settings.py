"""Settings: `dmrefresh.toml`, the environment over it, the command line over both.

The file is looked for from the current folder upwards; what it does not say is taken from `dmrefresh.toml`
in the user's configuration folder. A setting `key` of section `[section]` is overridden by the environment
variable `DMREFRESH_SECTION_KEY`; `DM_CREDENTIALS_REPO` is read as well, since teams have it set already.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dmrefresh.errors import UsageFailure
from dmrefresh.keys import KeyFiles

FILE_NAME = "dmrefresh.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Dumps(_Section):
    """Where the encrypted dumps are."""

    bucket: str = "digitalmarketplace-database-backups"
    region: str | None = "eu-west-1"
    endpoint_url: str | None = None
    stage: str = Field(default="production", pattern=r"^[a-z][a-z0-9-]*$")


class Keys(_Section):
    """The SOPS files with the private key; relative paths lie in the credentials repository."""

    credentials_repo: Path | None = None
    secret_key: Path = Path("gpg/database-backups/secret.key.enc")
    passphrase: Path = Path("gpg/database-backups/secret-key-passphrase.txt.enc")
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
            UsageFailure: it is relative and nothing says where the repository is.
        """
        if path.expanduser().is_absolute():
            return path.expanduser()
        if self.credentials_repo is None:
            raise UsageFailure(
                "Nothing says where the credentials repository is.",
                hint="set DM_CREDENTIALS_REPO, or credentials_repo under [keys] in dmrefresh.toml",
            )
        return self.credentials_repo.expanduser() / path


class RulesetSettings(_Section):
    """Which ruleset cleans the dump: one that ships by its name, or a YAML file."""

    path: str = "digitalmarketplace"


class LimitSettings(_Section):
    """What is refused rather than held in memory, in MiB."""

    statement_mib: int = Field(default=64, ge=1)
    """The longest SQL statement."""
    row_mib: int = Field(default=1024, ge=1)
    """The longest row; PostgreSQL itself cannot hold a field over 1 GiB."""
    head_mib: int = Field(default=512, ge=1)
    """All statements before the first row together."""


class Target(_Section):
    """A database that may be refreshed."""

    url: str = Field(repr=False)
    """A PostgreSQL connection URL, `postgresql://user@host/database`."""
    allow_superuser: bool = False
    """Publish as a superuser all the same: what the dump defines then runs with every right."""


class Settings(_Section):
    """Everything that can be set."""

    dumps: Dumps = Dumps()
    keys: Keys = Keys()
    ruleset: RulesetSettings = RulesetSettings()
    limits: LimitSettings = LimitSettings()
    targets: dict[str, Target] = {}

    def target(self, name: str) -> Target:
        """The target of this name.

        Raises:
            UsageFailure: the settings name no such target.
        """
        if name in self.targets:
            return self.targets[name]
        known = ", ".join(sorted(self.targets)) or "none"
        raise UsageFailure(
            f"The settings name no target `{name}` (known: {known}).",
            hint=f"add [targets.{name}] with a url to dmrefresh.toml",
        )


def find_file(folder: Path) -> Path | None:
    """The nearest `dmrefresh.toml` from `folder` upwards."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Settings:
    """Read the settings that hold here.

    Args:
        file: this file alone, instead of looking for one.
        environ: the environment.
        folder: where to start looking; the current folder if None.

    Raises:
        UsageFailure: a file cannot be read, or says something that no setting is.
    """
    if file is not None:
        files: list[Path] = [file]
    else:
        user = Path(platformdirs.user_config_dir("dmrefresh")) / FILE_NAME
        project = find_file(folder or Path.cwd())
        files = [f for f in (user, project) if f is not None and f.is_file()]
    merged: dict[str, Any] = {}
    for source in files:
        _merge(merged, _read(source))
    _merge(merged, _from_environment(environ))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        named = " and ".join(str(f) for f in files) or "the environment"
        raise UsageFailure(f"{named}: `{where}`: {first['msg']}.") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            found = tomllib.load(stream)
    except OSError as error:
        raise UsageFailure(f"{file} cannot be read: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageFailure(f"{file} is not valid TOML: {error}.") from None
    # Relative paths are relative to the file that says them, not to whoever runs it.
    for section, key, suffixes in (
        ("keys", "credentials_repo", ("",)),
        ("ruleset", "path", (".yaml", ".yml")),
    ):
        table = found.get(section)
        value = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(value, str) and value.endswith(suffixes):
            table[key] = str(file.parent.resolve() / Path(value).expanduser())
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if environ.get("DM_CREDENTIALS_REPO"):
        found["keys"] = {"credentials_repo": environ["DM_CREDENTIALS_REPO"]}
    sections: dict[str, type[BaseModel]] = {
        "dumps": Dumps,
        "keys": Keys,
        "ruleset": RulesetSettings,
        "limits": LimitSettings,
    }
    for section, model in sections.items():
        for key in model.model_fields:
            value = environ.get(f"DMREFRESH_{section}_{key}".upper())
            if value:
                found.setdefault(section, {})[key] = value
    return found


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Lay `more` over `into`: tables merge by name, everything else is replaced."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
