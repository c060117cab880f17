"""The receipt: what was published, when, from which dump, written in the publishing transaction itself."""

from __future__ import annotations

from dataclasses import dataclass

from dmrefresh.postgres import Connection

SCHEMA = "dmrefresh"
"""Holds the receipts alone; it is no part of the refreshed data and is never swapped."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known about a refresh before it begins.

    Attributes:
        run: the run's identifier.
        dump: the object's name.
        ruleset: fingerprint of the ruleset, the pools and the key.
        version: of dmrefresh.
    """

    run: str
    dump: str
    ruleset: str
    version: str


def write(connection: Connection, receipt: Receipt, rows: int) -> None:
    """Write the receipt; it becomes visible with the data or not at all.

    Args:
        connection: the publishing transaction.
        receipt: what to write.
        rows: rows published.
    """
    exists = connection.execute("SELECT pg_catalog.to_regclass('dmrefresh.receipts') IS NOT NULL").fetchone()
    if exists is None or not exists[0]:
        connection.execute("CREATE SCHEMA IF NOT EXISTS dmrefresh")
        connection.execute(
            "CREATE TABLE dmrefresh.receipts ("
            "run text PRIMARY KEY, published_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), "
            "dump text NOT NULL, ruleset text NOT NULL, rows bigint NOT NULL, version text NOT NULL)"
        )
    connection.execute(
        "INSERT INTO dmrefresh.receipts (run, dump, ruleset, rows, version) VALUES (%s, %s, %s, %s, %s)",
        (receipt.run, receipt.dump, receipt.ruleset, rows, receipt.version),
    )
