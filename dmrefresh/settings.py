"""Settings: `dmrefresh.toml`, the environment over it, the command line over both.

The file is looked for from the current folder upwards; what it does not say is taken from `dmrefresh.toml`
in the user's configuration folder. A setting `key` of section `[section]` is overridden by the environment
variable `DMREFRESH_SECTION_KEY`; `DM_CREDENTIALS_REPO` is read as well, since teams have it set already.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dmrefresh.durations import duration
from dmrefresh.errors import UsageFailure
from dmrefresh.keys import KeyFiles
from dmrefresh.loading import Gathered, Key, gather


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _duration(value: object) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else duration(str(value))
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


Duration = Annotated[timedelta, PlainValidator(_duration)]
"""A length of time, written as `90 minutes` or `7 days`."""

Command = Annotated[tuple[str, ...], Field(min_length=1)]
"""A program and its arguments; no shell reads them."""


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


class Programs(_Section):
    """Programs of PostgreSQL that are taken instead of those found on this machine."""

    pg_dump: Path | None = None
    postgres: Path | None = None
    """The server, for scratch databases of its own; initdb is beside it."""


class Target(_Section):
    """What may be refreshed: a database, or with `s3` a bucket that cleaned dumps are put into.

    Exactly one of `url`, `service`, `vcap` and `s3` says where it is.
    """

    url: str | None = Field(default=None, repr=False)
    """A PostgreSQL connection URL, `postgresql://user@host/database`, or libpq's keywords and values."""
    service: str | None = None
    """A service of libpq's (pg_service.conf)."""
    vcap: str | None = None
    """The name of a service bound to an application, in its VCAP_SERVICES; `*` where there is only one PostgreSQL."""
    vcap_command: tuple[str, ...] = ()
    """A command that prints the VCAP_SERVICES; without one it is taken from the environment."""
    tunnel: tuple[str, ...] = ()
    """A command that makes the server reachable at {port} of this machine for as long as it runs; {host} and
    {hostport} stand for where the server is."""
    s3: str | None = None
    """A bucket for cleaned dumps, from which other targets can be refreshed (`--from`)."""
    region: str | None = None
    """Of the bucket; boto3's own choice without it."""
    endpoint_url: str | None = None
    """Where a store that is not AWS listens."""
    scratch: str = "embedded"
    """Where what a ruleset does after the load is done for a bucket: `embedded`, a server of its own for that moment,
    or the connection URL of a server on which the role may create databases."""
    allow_superuser: bool = False
    """Publish as a superuser all the same: what the dump defines then runs with every right."""
    not_production: str | None = Field(default=None, min_length=1)
    """Why this is no production, though it is a copy of one and looks like it: a reason, shown on every run."""
    strategy: Literal["schema", "database", "auto"] = "schema"
    """How the new data takes the place of the old."""
    maintenance_database: str = "postgres"
    """Another database of the same server, from which the strategy `database` renames the target."""
    connections: int = Field(default=2, ge=1, le=8)
    """How many sessions load at once with the strategy `database`; `schema` is one transaction."""
    keep_previous: Duration | None = Field(default=None, gt=timedelta(0), le=timedelta(days=3650))
    """How long the previous data is kept for a rollback, such as `7 days`; without it, it is dropped at once."""
    verify_first: bool | None = None
    """Read and sanitise the whole dump once before the target sees a byte; on unless the target is local."""
    before: tuple[Command, ...] = ()
    """Commands to run before the refresh; one that fails stops it."""
    after: tuple[Command, ...] = ()
    """Commands to run once the data is published."""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if sum(one is not None for one in (self.url, self.service, self.vcap, self.s3)) != 1:
            raise PydanticCustomError("target", "say where it is with exactly one of url, service, vcap and s3")
        foreign = self.model_fields_set & (_OF_DATABASES if self.s3 is not None else _OF_BUCKETS)
        if foreign:
            kind = "a bucket" if self.s3 is not None else "a database"
            raise PydanticCustomError(
                "target", "{key} means nothing for {kind}", {"key": sorted(foreign)[0], "kind": kind}
            )
        if self.tunnel and not any("{port}" in argument for argument in self.tunnel):
            raise PydanticCustomError("target", "a tunnel's command holds {port}, the port it must listen at")
        return self


_OF_BUCKETS = {"region", "endpoint_url", "scratch"}
_OF_DATABASES = {
    "vcap_command",
    "tunnel",
    "allow_superuser",
    "not_production",
    "strategy",
    "maintenance_database",
    "keep_previous",
}


def _production_host(value: object) -> str:
    """A host that something can match: with a port, or as a URL, it would guard nothing."""
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"[\w.*?-]+|/[^:@,]+", text):
        return text
    try:
        ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        raise PydanticCustomError(
            "host", "a host is a name, an address or a network such as 10.1.0.0/16; no port, no URL"
        ) from None
    return text.strip("[]")


ProductionHost = Annotated[str, PlainValidator(_production_host)]
"""The name or address of a server, a pattern of names, or a network."""


class Production(_Section):
    """What is never published to, whatever a target says."""

    hosts: tuple[ProductionHost, ...] = ()
    """Host names, addresses and networks (`10.1.0.0/16`); `*.db.example.com` stands for all that end so."""
    databases: tuple[str, ...] = ()
    """Names of databases, wherever they are."""
    system_identifier: int | None = None
    """Of production's server: `SELECT system_identifier FROM pg_control_system()`."""
    database: str | None = None
    """The database on that server; copies of its disk have the identifier too, and other databases beside it."""

    @model_validator(mode="after")
    def _is_a_pair(self) -> Self:
        if (self.system_identifier is None) != (self.database is None):
            raise PydanticCustomError("production", "system_identifier and database are given together or not at all")
        return self


class Job(_Section):
    """How long things may take, such as `90 minutes` or `3 hours`."""

    deadline: Duration = timedelta(hours=6)
    """A whole run; at its deadline it ends in order, and nothing is published."""
    hook_limit: Duration = timedelta(minutes=30)
    """Each command of a target's `before` and `after`."""


class Settings(_Section):
    """Everything that can be set."""

    dumps: Dumps = Dumps()
    keys: Keys = Keys()
    ruleset: RulesetSettings = RulesetSettings()
    limits: LimitSettings = LimitSettings()
    job: Job = Job()
    programs: Programs = Programs()
    production: Production = Production()
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


_FROM_THE_ENVIRONMENT: dict[str, type[_Section]] = {
    "dumps": Dumps,
    "keys": Keys,
    "ruleset": RulesetSettings,
    "limits": LimitSettings,
    "job": Job,
    "programs": Programs,
}
"""The sections that the environment may override; targets, and what keeps production from being one, are not."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings that hold, and who says so.

    Attributes:
        settings: them.
        gathered: what the files and the environment say, and which of them says what.
    """

    settings: Settings
    gathered: Gathered


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Settings:
    """The settings that hold here; see `loaded`."""
    return loaded(file, environ, folder).settings


def loaded(file: Path | None = None, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Loaded:
    """Read the settings that hold here, and keep where each comes from.

    Args:
        file: this file alone, instead of looking for one.
        environ: the environment.
        folder: where to start looking; the current folder if None.

    Raises:
        UsageFailure: a file cannot be read, or says something that no setting is.
    """
    keys = {name: tuple(section.model_fields) for name, section in _FROM_THE_ENVIRONMENT.items()}
    gathered = gather(file, environ, folder, keys)
    try:
        return Loaded(Settings.model_validate(gathered.values), gathered)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise _refused(tuple(str(part) for part in first["loc"]), first["type"], first["msg"], gathered) from None


def _refused(key: Key, kind: str, message: str, gathered: Gathered) -> UsageFailure:
    """What a mistake in the settings is told as: who says it, where, and what may have been meant."""
    origin = gathered.origin(key) or " and ".join(str(file) for file in gathered.files) or "the environment"
    where = f"{origin}: `{'.'.join(key)}`"
    if kind != "extra_forbidden":
        return UsageFailure(f"{where}: {message}.")
    known = _known(key[:-1])
    near = difflib.get_close_matches(key[-1], known, n=1)
    if near:
        return UsageFailure(f"{where} is no setting.", hint=f"did you mean `{'.'.join((*key[:-1], near[0]))}`?")
    return UsageFailure(f"{where} is no setting.", hint=f"known there: {', '.join(known)}")


def _known(above: Key) -> list[str]:
    """The keys of the table at `above`."""
    if not above:
        return list(Settings.model_fields)
    if above[0] == "targets":
        return list(Target.model_fields)
    section = Settings.model_fields[above[0]].annotation
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
