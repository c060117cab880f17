"""A session on the target, and who is not let in."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import RightsMissing, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.machine import signals
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.reach.server_names import shown
from dmrefresh.postgres.reach.session_facts import is_superuser

# Whatever a role or a database carries, a load of hours must not be ended by it; a wait for a lock must be.
# https://www.postgresql.org/docs/current/runtime-config-client.html
_SETTINGS = {
    "statement_timeout": ("0", 0),
    "lock_timeout": ("10s", 0),
    "idle_in_transaction_session_timeout": ("0", 0),
    "idle_session_timeout": ("0", 140000),
    "transaction_timeout": ("0", 170000),
    "standard_conforming_strings": ("on", 0),
    # A session may say nothing for the whole of a load, and what lies between forgets a silent one, or us.
    "tcp_keepalives_idle": ("60", 0),
    "tcp_keepalives_interval": ("15", 0),
    "tcp_keepalives_count": ("4", 0),
    "search_path": ("", 0),
}


# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES-IDLE
_KEEPALIVES = {"keepalives_idle": "60", "keepalives_interval": "15", "keepalives_count": "4"}

# libpq hands on no SQLSTATE of a session that never was. A server that speaks another language is asked again.
_ANSWERED = b"FATAL:"
"""With this the server's own answer begins, in nearly every language."""
_ANSWERS = (
    (
        re.compile(rb'database "[^\n]*" does not exist'),
        "is not there: its server knows no such database.",
        "make it with createdb, or mend the url; `psql -l` lists the databases that there are",
    ),
    (
        re.compile(rb'role "[^\n]*" does not exist'),
        "does not let this role in: its server knows no such role.",
        "make it with CREATE ROLE, or mend the url",
    ),
    (
        re.compile(rb"no pg_hba\.conf entry|permission denied for database|is not permitted to log in"),
        "answers, and does not let this role in.",
        "GRANT CONNECT ON DATABASE and ALTER ROLE with LOGIN say who may come in, and its pg_hba.conf from where",
    ),
)
"""What a server says to whom waiting does not help."""
_WITHOUT_TLS = b"no encryption"
_WRONG_PASSWORD = (b"password authentication failed", b"SASL authentication failed")


@contextmanager
def session(url: str, application_name: str = "dmrefresh", *, called: str = "target") -> Iterator[Connection]:
    """A connection in autocommit mode, with time limits of ours; closed at the end.

    Args:
        url: the target's connection URL.
        application_name: what pg_stat_activity shows.
        called: what the database is called in messages.

    Raises:
        TargetUnreachable: the server does not answer or does not let us in.
        UsageFailure: the URL is none.
        Interrupted: a signal has ended the run, and what failed on the way out must not hide that.
    """
    if signals.hurried():
        signals.tell_ending()  # what is not done by now, the next run does
    try:
        said = conninfo_to_dict(url)
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name=application_name,
            connect_timeout=15,
            prepare_threshold=None,
            client_encoding="UTF8",
            **{name: value for name, value in _KEEPALIVES.items() if name not in said},  # type: ignore[arg-type]
        )
    except psycopg.OperationalError as error:
        raise _kept_out(f"The {called} {shown(url)}", error) from None
    except psycopg.Error:
        raise UsageFailure(f"The {called}'s url is no PostgreSQL connection URL.") from None
    try:
        with translated("while the session was set up", called=called):
            version = connection.info.server_version
            known = {name: value for name, (value, since) in _SETTINGS.items() if version >= since}
            one = sql.SQL("pg_catalog.set_config({}, {}, false)")
            each = sql.SQL(", ").join(one.format(name, value) for name, value in known.items())
            connection.execute(sql.SQL("SELECT {}").format(each))  # at once: the server may be far away
        # A statement that is cancelled is waited for, and a server that stands still does not cancel it.
        with signals.cut_short_by(partial(cut, connection)):
            yield connection
    except (psycopg.OperationalError, TargetUnreachable):
        if connection.broken:
            signals.tell_ending()
        raise
    finally:
        connection.close()


def cut(connection: Connection) -> None:
    """End a connection under the feet of whoever waits for it."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def _kept_out(who: str, error: psycopg.OperationalError) -> TargetUnreachable:
    """Why there is no session, as far as that is known: libpq tells no code, but whether a password was asked for."""
    tried = error.pgconn
    said = b"" if tried is None else tried.error_message
    wrong_password = any(words in said for words in _WRONG_PASSWORD)
    for words, what, hint in _ANSWERS:
        if _is_all(words, said):
            return _for_good(f"{who} {what}", hint)
    if tried is not None and tried.needs_password:
        return _for_good(f"{who} wants a password, and none was given.", "put it into the url, or into a ~/.pgpass")
    if wrong_password or (tried is not None and tried.used_password):
        hint = "is the password right, and may the role log in to that database?"
        refused = TargetUnreachable(f"{who} answers, and does not let this role in.", hint=hint)
        refused.retry = not wrong_password
        return refused
    if _ANSWERED in said:
        hint = "is it starting, or out of connections? Its own log says why"
        return TargetUnreachable(f"{who} answers, and does not let this role in.", hint=hint)
    hint = "is the server running, and the url right?"
    return TargetUnreachable(f"{who} does not answer, or does not let this role in.", hint=hint)


def _is_all(words: re.Pattern[bytes], said: bytes) -> bool:
    """Whether a server, or each of several, says this and nothing else.

    Where one has refused a session with TLS, libpq tries again without, and has both answers: the first one counts.
    """
    answers = [line for line in said.splitlines() if _ANSWERED in line]
    first = [line for line in answers if _WITHOUT_TLS not in line] or answers
    return bool(first) and all(words.search(line) for line in first)


def _for_good(what: str, hint: str) -> TargetUnreachable:
    """What stays so until somebody changes it."""
    failure = TargetUnreachable(what, hint=hint)
    failure.retry = False
    return failure


def refuse_superuser(connection: Connection, *, allowed: bool) -> None:
    """Let only an ordinary role through: what a dump defines then runs with its rights and no more.

    Raises:
        RightsMissing: the role is a superuser and the settings do not allow that.
    """
    if is_superuser(connection) and not allowed:
        raise RightsMissing(
            "The target's role is a superuser; functions in the dump would run with every right.",
            hint="use the role that owns the database; where it is no production, allow_superuser = true lets this one",
        )


def refuse_standby(connection: Connection) -> None:
    """Raises TargetUnfit where the server is a standby, which takes no data."""
    with translated("while the target was looked at"):
        row = connection.execute("SELECT pg_catalog.pg_is_in_recovery()").fetchone()
    if row is not None and row[0]:
        raise TargetUnfit("The target is a standby server: it takes no data.")
