"""How the server compresses the long values of what is loaded: in the way that it has by default, or one that is named.

It is a setting of the sessions that load. A column for which the dump names its own way (ALTER TABLE … SET COMPRESSION)
keeps to that, and so does what sessions of the application write later to theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dmrefresh.errors import TargetUnfit
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated

if TYPE_CHECKING:
    from dmrefresh.postgres.errand import Errand

Compression = Literal["pglz", "lz4"]

# https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-DEFAULT-TOAST-COMPRESSION
_NAME = "default_toast_compression"
_KNOWN = "SELECT enumvals FROM pg_catalog.pg_settings WHERE name = %s"


def refuse(errand: Errand) -> None:
    """Look whether the server can compress as the settings say. Nothing is changed.

    Raises:
        TargetUnfit: it is older than version 14, or built without that way.
    """
    if errand.toast_compression is not None:
        row = errand.connection.execute(_KNOWN, (_NAME,)).fetchone()
        judge(errand.toast_compression, None if row is None else row[0])


def judge(wanted: Compression, known: Sequence[str] | None) -> None:
    """Hold a way of compressing against those that a server knows; None where it has no such setting.

    Raises:
        TargetUnfit: it is not among them.
    """
    said = f'toast_compression = "{wanted}"'
    if known is None:
        raise TargetUnfit(
            f"The settings say {said} for this target, and its server is older than PostgreSQL 14: it has no choice.",
            hint=f"leave {said} out of the target's settings",
        )
    if wanted not in known:
        raise TargetUnfit(
            f"The settings say {said} for this target, whose server was built without it "
            f"(it knows {', '.join(known) or 'none'}).",
            hint=f"leave {said} out of the target's settings, or have a server built with {wanted}",
        )


def use(connection: Connection, wanted: Compression | None) -> None:
    """Have a session store what it writes in the wanted way; None for what the server has by default.

    Raises:
        TargetUnfit: the server cannot.
    """
    if wanted is not None:
        with translated("while the session was set up"):
            connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (_NAME, wanted))
