"""What the settings say about databases: where they are, how targets are refreshed, what never is one, and where else
a backup can be made."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from dmrefresh.bucket.presigned import EXPIRES
from dmrefresh.durations import duration


class Section(BaseModel):
    """A table of the settings file; keys that it does not know are refused."""

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


class Located(Section):
    """Where a database is: exactly one of `url`, `service` and `vcap` says it, and a tunnel may lead there."""

    KIND: ClassVar[str] = "database"
    """What it is called in messages."""

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

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.tunnel and not any("{port}" in argument for argument in self.tunnel):
            raise PydanticCustomError(self.KIND, "a tunnel's command holds {port}, the port it must listen at")
        return self


class Source(Located):
    """A database that is backed up; the settings call it by its stage."""

    KIND: ClassVar[str] = "source"

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if sum(one is not None for one in (self.url, self.service, self.vcap)) != 1:
            raise PydanticCustomError("source", "say where it is with exactly one of url, service and vcap")
        return self


class Target(Located):
    """What may be refreshed: a database, or with `s3` a bucket that cleaned dumps are put into.

    Exactly one of `url`, `service`, `vcap` and `s3` says where it is.
    """

    KIND: ClassVar[str] = "target"

    s3: str | None = None
    """A bucket for cleaned dumps, from which other targets can be refreshed (`--from`)."""
    region: str | None = None
    """Of the bucket; boto3's own choice without it."""
    endpoint_url: str | None = None
    """Where a store that is not AWS listens."""
    scratch: str = Field(default="embedded", repr=False)
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
    toast_compression: Literal["pglz", "lz4"] | None = None
    """How the server compresses long values of what is loaded, from PostgreSQL 14 on; unset, as it does by default."""
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
        return self


_OF_BUCKETS = {"region", "endpoint_url", "scratch"}
_OF_DATABASES = {
    "vcap_command",
    "tunnel",
    "allow_superuser",
    "not_production",
    "strategy",
    "maintenance_database",
    "connections",
    "toast_compression",
    "keep_previous",
}


class GivenTarget(Target):
    """A database that the command line names by its URL; it must be on this machine."""


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


class Production(Section):
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


_NOT_AN_OPTION = r"^[^\s-].*$"
_QUOTA = r"^[1-9][0-9]{0,5}[MG]$"


class CloudFoundry(Section):
    """The worker's application; it is pushed into the space that `cf target` names."""

    app: str = Field(default="db-backup", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Its name; what has this name is deleted before and after."""
    image: str | None = Field(default=None, pattern=_NOT_AN_OPTION)
    """The worker's image, for a foundation that runs images."""
    path: Path | None = None
    """Or a folder that is pushed, for one that makes its own with buildpacks."""
    manifest: Path | None = None
    """What `cf push` is given beside the folder."""
    service: str | None = Field(default=None, pattern=_NOT_AN_OPTION)
    """The service instance of the database, which is bound to it."""
    memory: str = Field(default="5G", pattern=_QUOTA)
    """How much memory the task may take."""
    disk: str = Field(default="5G", pattern=_QUOTA)
    """How much disk the task may take; the ciphertext is kept on it."""
    command: str = "dmrefresh backup-production --worker"
    """What the task runs."""
    expires: Duration = EXPIRES
    """How long the worker has for all of it: the presigned POST is valid for so long."""
    poll: Duration = timedelta(seconds=10)
    """How often its state is asked for."""
    timeout: Duration = timedelta(hours=3)
    """How long the task may take."""
