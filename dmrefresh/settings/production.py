"""What the settings say about production: what never is a target."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Self

from pydantic import PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from dmrefresh.settings.section import Section


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
