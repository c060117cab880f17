"""Settings: `dmrefresh.toml`, the environment over it, the command line over both.

The file is looked for from the current folder upwards; what it does not say is taken from `dmrefresh.toml`
in the user's configuration folder. A setting `key` of section `[section]` is overridden by the environment
variable `DMREFRESH_SECTION_KEY`; `DM_CREDENTIALS_REPO` is read as well, since teams have it set already, and
`DMREFRESH_SLACK_URL` for `notify.slack_url`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from dmrefresh.errors import UsageFailure
from dmrefresh.settings.cloud_foundry import CloudFoundry
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.job import Job
from dmrefresh.settings.keys import Keys
from dmrefresh.settings.loading import LISTED, Gathered, Key, gather
from dmrefresh.settings.production import Production
from dmrefresh.settings.reports import Reports
from dmrefresh.settings.section import Duration, Section
from dmrefresh.settings.targets import Source, Target
from dmrefresh.settings.webhook import Webhook

__all__ = ["Job", "Production", "Source", "Target", "load", "loaded"]


class Backup(Section):
    """How a database is backed up; [sources] say where it is, and [dumps] where it goes."""

    recipient: str = "Digital Marketplace DB backups"
    """Which key of keys.public_key a backup is encrypted to: its name, address or fingerprint."""
    level: int = Field(default=2, ge=0, le=3)
    """How hard gzip tries: 0 to 3, where 2 comes close to zlib's 1 in size."""
    threads: int = Field(default=2, ge=1, le=32)
    """How many threads compress."""
    verify: Literal["full", "quick", "no"] = "full"
    """How a stored backup is read back: to its end, by its beginning alone, or not at all."""


def _listed(value: object) -> object:
    """The environment says a list with commas."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


class Notify(Section):
    """Who is told what became of a job; the URLs let anybody write there, so they stand best in the environment."""

    slack_url: Webhook | None = Field(default=None, repr=False)
    """A Slack incoming webhook."""
    webhook_url: Webhook | None = Field(default=None, repr=False)
    """Any other webhook: it is sent JSON."""
    channel: str | None = None
    """Of Slack, where the webhook may choose one."""
    on: Annotated[tuple[Literal["started", "succeeded", "failed"], ...], BeforeValidator(_listed)] = (
        "started",
        "succeeded",
        "failed",
    )
    """What is told of; what is done and wants a look (exit codes 30 to 39) is told of where `failed` is."""


class Doctor(Section):
    """What `dmrefresh doctor` expects of the buckets; whether that is so, it asks S3."""

    keep: Duration = timedelta(days=180)
    """How long the bucket of [dumps] keeps a dump."""
    replica_bucket: str | None = None
    """The bucket in another region that it is replicated to."""
    replica_region: str | None = None
    """That region."""
    replica_keep: Duration = timedelta(days=7)
    """How long the replica keeps a dump."""


class RulesetSettings(Section):
    """Which ruleset cleans the dump: one that ships by its name, or a YAML file."""

    path: str = "digitalmarketplace"
    """The name, or a file that ends in `.yaml` or `.yml`."""


class LimitSettings(Section):
    """What is refused rather than held in memory, in MiB."""

    statement_mib: int = Field(default=64, ge=1)
    """The longest SQL statement."""
    row_mib: int = Field(default=1024, ge=1)
    """The longest row; PostgreSQL itself cannot hold a field over 1 GiB."""
    head_mib: int = Field(default=512, ge=1)
    """All statements before the first row together."""


class Programs(Section):
    """Programs of PostgreSQL that are taken instead of those found on this machine."""

    pg_dump: Path | None = None
    """Of the version of the database that is backed up, or newer; the newest that is found, without it."""
    postgres: Path | None = None
    """The server, for scratch databases of its own; initdb is beside it."""


class Settings(Section):
    """Everything that can be set."""

    dumps: Dumps = Dumps()
    keys: Keys = Keys()
    ruleset: RulesetSettings = RulesetSettings()
    limits: LimitSettings = LimitSettings()
    job: Job = Job()
    programs: Programs = Programs()
    production: Production = Production()
    backup: Backup = Backup()
    notify: Notify = Notify()
    cloud_foundry: CloudFoundry = CloudFoundry()
    doctor: Doctor = Doctor()
    report: Reports = Reports()
    sources: dict[str, Source] = Field(default_factory=dict)
    targets: dict[str, Target] = Field(default_factory=dict)

    def source(self, stage: str) -> Source:
        """The database of this stage, which is backed up.

        Raises:
            UsageFailure: the settings name no such source.
        """
        if stage in self.sources:
            return self.sources[stage]
        known = ", ".join(sorted(self.sources)) or "none"
        raise UsageFailure(
            f"The settings name no source `{stage}` (known: {known}).",
            hint=f"{_near(stage, self.sources)}add [sources.{stage}] with the url of the database to dmrefresh.toml",
        )

    def target(self, name: str) -> Target:
        """The target of this name.

        Raises:
            UsageFailure: the settings name no such target.
        """
        if name in self.targets:
            return self.targets[name]
        known = ", ".join(sorted(self.targets)) or "none"
        if "=" in name or "@" in name:  # a connection string, which may have a password in it
            raise UsageFailure(
                f"What was given as the target is no name of one (known: {known}), and no connection URL.",
                hint="give a name, or postgresql://ROLE@localhost/DATABASE; a password in it everybody could read",
            )
        raise UsageFailure(
            f"The settings name no target `{name}` (known: {known}).",
            hint=f"{_near(name, self.targets)}add [targets.{name}] with a url to dmrefresh.toml, or give the url of a "
            "database on this machine",
        )


def _near(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant, as the beginning of advice."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}? Else " if near else ""


_FROM_THE_ENVIRONMENT: dict[str, type[Section]] = {
    "dumps": Dumps,
    "keys": Keys,
    "ruleset": RulesetSettings,
    "limits": LimitSettings,
    "job": Job,
    "programs": Programs,
    "backup": Backup,
    "notify": Notify,
    "cloud_foundry": CloudFoundry,
    "doctor": Doctor,
    "report": Reports,
}
"""The sections that the environment may override; sources, targets and what guards production are not."""


def overridable() -> dict[str, tuple[str, ...]]:
    """The keys that the environment may override, by their sections."""
    return {name: tuple(section.model_fields) for name, section in _FROM_THE_ENVIRONMENT.items()}


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
    gathered = gather(file, environ, folder, overridable())
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
        return UsageFailure(f"{where}: {message}.", hint=f"mend it there; {LISTED}")
    known = _known(key[:-1])
    near = difflib.get_close_matches(key[-1], known, n=1)
    if near:
        return UsageFailure(f"{where} is no setting.", hint=f"did you mean `{'.'.join((*key[:-1], near[0]))}`?")
    return UsageFailure(f"{where} is no setting.", hint=f"known there: {', '.join(known)}; {LISTED}")


def _known(above: Key) -> list[str]:
    """The keys of the table at `above`."""
    if not above:
        return list(Settings.model_fields)
    if above[0] == "targets":
        return list(Target.model_fields)
    if above[0] == "sources":
        return list(Source.model_fields)
    section = Settings.model_fields[above[0]].annotation
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
