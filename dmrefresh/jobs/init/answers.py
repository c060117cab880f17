"""What somebody answers who sets dmrefresh up, each answer checked before the next question."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.rulesets.rules import read_ruleset
from dmrefresh.machine.folders import expanded
from dmrefresh.postgres.reach.conninfo import SECRET, refuse_misread

RULESETS = ".dmrefresh.yaml"
"""How the files of rulesets end, by which editors know them."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_STAGE = re.compile(r"[a-z][a-z0-9-]*")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_OF_LIBPQ = {"PGSERVICE": "service", "PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What a ruleset is suggested from: one of the three, or the newest dump if none is given.

    Attributes:
        dump: a dump's name in the bucket.
        file: a dump on this machine.
        database: where a live one is, as `place` returns it.
    """

    dump: str | None = None
    file: Path | None = None
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that the settings are written from.

    Attributes:
        bucket: where the encrypted dumps are; None where there is none yet.
        region: of the bucket.
        endpoint_url: of a store that is not AWS.
        stage: whose dumps they are, and the name of the database that is looked at.
        credentials_repo: the folder with the SOPS files of the key.
        recipient: whose key backups are encrypted to.
        target: what the database that is refreshed is called.
        place: where that is, as `place` returns it; None where nobody knows yet.
        ruleset: a ruleset that is there, by name or path; None where one is suggested.
        looked: what it is suggested from.
        name: what the suggested one is called.
    """

    bucket: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    stage: str = "production"
    credentials_repo: str | None = None
    recipient: str | None = None
    target: str = "local"
    place: str | None = None
    ruleset: str | None = None
    looked: LookedAt | None = None
    name: str = "own"


def bucket(said: str) -> str:
    """A bucket's name, also where it was written as a URL.

    Raises:
        UsageFailure: no bucket has such a name.
    """
    name = said.strip().removeprefix("s3://").rstrip("/")
    if not name or "/" in name or _UNFIT.search(name):
        raise UsageFailure("That is no bucket's name.", hint="give the name alone, such as shop-database-backups")
    return name


def word(said: str) -> str:
    """A region, or what else is one word.

    Raises:
        UsageFailure: it is none.
    """
    if not said.strip() or _UNFIT.search(said.strip()):
        raise UsageFailure("That is not one word.", hint="a region looks like eu-west-1")
    return said.strip()


def endpoint(said: str) -> str:
    """Where a store listens.

    Raises:
        UsageFailure: it is no URL, or lets somebody in.
    """
    try:
        parts = urlsplit(said.strip())
        known = parts.scheme in ("http", "https") and parts.hostname and not _UNFIT.search(said.strip())
    except ValueError:
        known = False
    if not known:
        raise UsageFailure("The endpoint is no URL.", hint="it looks like https://storage.example.com")
    if parts.username is not None or parts.password is not None or parts.query:
        raise UsageFailure(
            "The endpoint's URL has more in it than where it is.", hint="credentials stand in the environment (AWS_…)"
        )
    return said.strip()


def recipient(said: str) -> str:
    """Whose key is meant.

    Raises:
        UsageFailure: it names nobody.
    """
    if not said.strip() or _CONTROL.search(said):
        raise UsageFailure("That names nobody's key.", hint="a name, an e-mail address or a fingerprint of the key")
    return said.strip()


def stage(said: str) -> str:
    """A stage's name.

    Raises:
        UsageFailure: no stage is called so.
    """
    if not _STAGE.fullmatch(said.strip()):
        raise UsageFailure("That is no stage's name.", hint="small letters, digits and hyphens, such as production")
    return said.strip()


def called(said: str) -> str:
    """What a target or a ruleset is called.

    Raises:
        UsageFailure: it can be no such name.
    """
    name = said.strip().removesuffix(RULESETS)
    if not _NAME.fullmatch(name):
        raise UsageFailure("That is no name.", hint="letters, digits, hyphens and underscores, such as staging")
    return name


def folder(said: str) -> str:
    """A folder that is there.

    Raises:
        UsageFailure: it is not.
    """
    path = said.strip()
    if not path or _CONTROL.search(path) or not _is_folder(path):
        raise UsageFailure("There is no such folder.", hint="give the checkout of the credentials repository")
    return path


def _is_folder(path: str) -> bool:
    try:
        return expanded(Path(path)).is_dir()
    except (OSError, RuntimeError):  # a name that is too long, or the home of nobody
        return False


def dump_file(said: str) -> Path:
    """A dump on this machine.

    Raises:
        UsageFailure: there is no such file.
    """
    path = said.strip()
    try:
        there = bool(path) and not _CONTROL.search(path) and expanded(Path(path)).is_file()
    except (OSError, RuntimeError):
        there = False
    if not there:
        raise UsageFailure("There is no such file.", hint="pg_dump --format=plain --file=dump.sql DATABASE makes one")
    return Path(path)


def place(said: str) -> str:
    """Where a database is: a connection URL, or keywords and values, without what lets one in.

    Raises:
        UsageFailure: it is none, or has a password in it.
    """
    given = said.strip()
    if not given or _CONTROL.search(given):
        raise UsageFailure("That is no PostgreSQL connection URL.", hint="it looks like postgresql://me@localhost/shop")
    refuse_misread(given, "What was given")
    parts = conninfo_to_dict(given)
    if any(parts.get(name) for name in SECRET):
        raise UsageFailure(
            "There is a password in it, which neither a command line nor a settings file may hold.",
            hint="leave it out, and use ~/.pgpass, PGPASSWORD or a service of libpq's",
        )
    if not parts:
        raise UsageFailure("The url is empty: it does not say which database.", hint="postgresql://me@localhost/shop")
    return given


def ruleset(said: str) -> str:
    """A ruleset that is there and can be read.

    Raises:
        UsageFailure: there is none, or it cannot be meant.
    """
    name = said.strip()
    if not name or _CONTROL.search(name):
        raise UsageFailure("That is no ruleset.", hint="give the path of a YAML file, or digitalmarketplace")
    read_ruleset(name)
    return name


def place_of(environ: Mapping[str, str] = os.environ) -> str | None:
    """Where the environment says that a database is, without its password: DATABASE_URL, or libpq's own variables."""
    try:
        if environ.get("DATABASE_URL"):
            refuse_misread(environ["DATABASE_URL"], "DATABASE_URL")
            said = {key: str(value) for key, value in conninfo_to_dict(environ["DATABASE_URL"]).items()}
        else:
            said = {key: environ[name] for name, key in _OF_LIBPQ.items() if environ.get(name)}
        if not said.keys() & {"service", "dbname"}:
            return None
        return place(as_url(make_conninfo("", **{key: value for key, value in said.items() if key not in SECRET})))
    except (UsageFailure, psycopg.Error):
        return None


def as_url(given: str) -> str:
    """A connection string as a URL where it can be written as one."""
    parts = {key: str(value) for key, value in conninfo_to_dict(given).items()}
    host = parts.get("host", "")
    if set(parts) - {"user", "host", "port", "dbname"} or "," in host or host.startswith("/") or ":" in host:
        return given
    user = quote(parts["user"], safe="") + "@" if "user" in parts else ""
    port = f":{parts['port']}" if "port" in parts else ""
    return f"postgresql://{user}{host}{port}/{quote(parts.get('dbname', ''), safe='')}"


def database_name(given: str) -> str | None:
    """What a database is called, where its URL says so and it can name a file."""
    return name_of(str(conninfo_to_dict(given).get("dbname") or ""))


def name_of(text: str) -> str | None:
    """The text, where a ruleset can be called so."""
    return text if _NAME.fullmatch(text) else None
