"""Names as statements have them, for hints that somebody pastes."""

from __future__ import annotations

from dmrefresh.postgres import Connection


def quoted(connection: Connection, *names: str) -> list[str]:
    """Names in quotes where they need them, as the server itself says: it knows which words it has taken.

    Raises:
        psycopg.Error: the server refuses.
    """
    asked = "SELECT pg_catalog.quote_ident(n) FROM pg_catalog.unnest(%s::text[]) WITH ORDINALITY u (n, at) ORDER BY at"
    return [name for (name,) in connection.execute(asked, (list(names),))]
