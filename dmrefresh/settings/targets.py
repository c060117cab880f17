"""What the settings say about databases and buckets: where they are, and how targets are refreshed."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dmrefresh.settings.section import Command, Duration, Section


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
