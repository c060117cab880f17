"""A PostgreSQL server of our own, for as long as it is needed: no network, nobody else, and gone afterwards.

It holds sanitised rows alone, in the folder for temporary files.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from dmrefresh.errors import ProgramFailed, UsageFailure
from dmrefresh.machine import process
from dmrefresh.machine.folders import private_folder, sweep
from dmrefresh.machine.lasting import Lasting, lasting
from dmrefresh.machine.postgres_programs import Program, programs
from dmrefresh.postgres.failures import translated

ROLE = "dmrefresh"
"""The ordinary role that owns the database: what a dump defines runs with its rights."""
_PREFIX = "dmrefresh-server-"
_SUPERUSER = "postgres"
_LONGEST_FOLDER = 60
"""Bytes; a socket's whole name may have 107 (unix(7))."""
_ANSWER_WITHIN = 60.0
_NOTICES_FROM = 14
"""The first version that can notice that a client has gone while a statement runs."""
_HINT = 'name a server instead: scratch = "postgresql://…" for this target, whose role may create databases'
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # It is thrown away: nothing of it need survive a crash.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "max_locks_per_transaction": "1024",
    "maintenance_work_mem": "256MB",
    "dynamic_shared_memory_type": "mmap",  # containers have little of /dev/shm
}


@contextlib.contextmanager
def embedded(major: int, wanted: Path | None = None) -> Iterator[str]:
    """Run a server with an empty database for the length of the block.

    Args:
        major: of this version, or the next newer one there is; else of the newest.
        wanted: the `postgres` that the settings name.

    Yields:
        the URL of the database, as its owner, an ordinary role.

    Raises:
        UsageFailure: there is no server on this machine, or it does not start.
        TargetUnfit: there is no room for it.
    """
    program, account = _choose(major, wanted), _unprivileged()
    place = _place(account)
    sweep(place, _PREFIX)
    with private_folder(place, _PREFIX) as folder:
        home = folder / "server"
        home.mkdir(mode=0o700)
        if account is not None:
            folder.chmod(0o711)
            os.chown(home, *account)
        _initialise(program, home / "data", account)
        _let_only_us_in(home / "data")
        settings = {**_SETTINGS, "unix_socket_directories": str(home)}
        if program.major >= _NOTICES_FROM:
            settings["client_connection_check_interval"] = "1s"  # when we are killed, it ends what we asked for
        argv = [str(program.path), "-D", str(home / "data")]
        argv += [f"--{name}={value}" for name, value in settings.items()]
        with lasting(_as(account, argv), env=_environment()) as server:
            _wait(server, home, program)
            yield make_conninfo("", host=str(home), dbname=ROLE, user=ROLE)


def _choose(major: int, wanted: Path | None) -> Program:
    found = [one for one in programs("postgres", wanted) if one.path.with_name("initdb").exists()]
    if not found:
        where = f"{wanted} is none" if wanted is not None else "there is none on this machine"
        raise UsageFailure(
            f"What the ruleset does after the load needs a PostgreSQL server of its own, and {where}.",
            hint=f"pip install 'dmrefresh[embedded]', or {_HINT}",
        )
    return next((one for one in found if one.major >= major), found[-1])


def _unprivileged() -> tuple[int, int] | None:
    """The user and group that the server runs as, where we are root: PostgreSQL refuses to be root's."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise UsageFailure("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.", hint=_HINT)


def _as(account: tuple[int, int] | None, argv: list[str]) -> list[str]:
    """A command as another user's; it still ends when we do (setpriv(1), of util-linux)."""
    if account is None:
        return argv
    uid, gid = account
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--pdeathsig=TERM", "--", *argv]


def _place(account: tuple[int, int] | None) -> Path:
    """The folder for temporary files, or /tmp where that is too long for a socket, or not for the account to enter."""
    usual = Path(tempfile.gettempdir())
    reachable = account is None or all(step.stat().st_mode & 0o001 for step in (usual, *usual.parents))
    return usual if reachable and len(os.fsencode(usual)) <= _LONGEST_FOLDER else Path("/tmp")  # noqa: S108


def _initialise(program: Program, data: Path, account: tuple[int, int] | None) -> None:
    common = [str(program.path.with_name("initdb")), "-D", str(data), "-U", _SUPERUSER, "--auth=peer", "--no-sync"]
    for locale in ("C.UTF-8", "C"):
        argv = _as(account, [*common, "--encoding=UTF8", f"--locale={locale}"])
        try:
            done = process.run(argv, env=_environment(), timeout=120)
        except (OSError, subprocess.TimeoutExpired, ProgramFailed):
            break
        if done.returncode == 0:
            return
    as_root = " as another user than root" if account is not None else ""
    raise UsageFailure(f"The initdb of PostgreSQL {program.major} does not run{as_root}.", hint=_HINT)


def _let_only_us_in(data: Path) -> None:
    """Other processes of the account that the server runs as are nobody here: the socket tells who is at its other end.

    https://www.postgresql.org/docs/current/auth-peer.html
    """
    us = pwd.getpwuid(os.geteuid()).pw_name.replace('"', '""')
    (data / "pg_hba.conf").write_text("local all all peer map=dmrefresh\n")
    (data / "pg_ident.conf").write_text("".join(f'dmrefresh "{us}" {role}\n' for role in (_SUPERUSER, ROLE)))


def _wait(server: Lasting, home: Path, program: Program) -> None:
    """Wait until the server answers, then make the role and its database."""
    url = make_conninfo("", host=str(home), dbname="postgres", user=_SUPERUSER, connect_timeout=5)
    deadline = time.monotonic() + _ANSWER_WITHIN
    while server.wait(0.05) is None and time.monotonic() < deadline:
        try:
            connection = psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            continue
        with connection, translated("while its database was made", called="embedded server"):
            connection.execute(f"CREATE ROLE {ROLE} LOGIN".encode())
            connection.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}".encode())
            return
    raise UsageFailure(f"PostgreSQL {program.major} does not start in {home.parent.parent}.", hint=_HINT)


def _environment() -> dict[str, str]:
    return {**process.environment(), "LC_ALL": "C"}
