"""The text of a first `dmrefresh.toml`: what was answered, and beside it, as comments, what may come to be wanted."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.init.answers import RULESETS, Answers
from dmrefresh.settings.model import Settings
from dmrefresh.settings.writing import as_toml

_HEAD = """\
# Settings of dmrefresh; it looks for this file from the current folder upwards.
# `dmrefresh config show` prints every setting that holds, `dmrefresh help environment` what overrides it.
# No password belongs here: ~/.pgpass, PGPASSWORD and a service of ~/.pg_service.conf are read.
"""
_LATER = """\
# A database on another machine, through a tunnel; its name is typed, or given with --confirm, before it is replaced.
# [targets.staging]
# service = "staging"                      # of ~/.pg_service.conf; or url, or vcap
# tunnel = ["ssh", "-N", "-o", "ExitOnForwardFailure=yes", "-L", "{port}:{host}:{hostport}", "jump.example.com"]
# keep_previous = "7 days"                 # so that `dmrefresh rollback` has something to go back to

# A bucket for cleaned dumps, from which everybody refreshes without a key: clean-and-apply --from cleaned
# [targets.cleaned]
# s3 = "cleaned-database-dumps"

# What is never refreshed, whatever a target says; `dmrefresh protect URL` marks the database itself.
# [production]
# hosts = ["*.production.example.com"]
"""


def settings_text(answers: Answers, file: Path) -> str:
    """The text of the settings file.

    Args:
        answers: what it says.
        file: where it will be; paths in it are relative to its folder.

    Raises:
        UsageFailure: what was answered makes no settings.
    """
    parts = [_HEAD, _dumps(answers), _keys(answers, file), _ruleset(answers, file)]
    if answers.looked is not None and answers.looked.database not in (None, answers.place):
        parts.append(_source(answers.stage, str(answers.looked.database)))
    parts += [_target(answers), _LATER]
    text = "\n".join(parts)
    _prove(text)
    return text


def _prove(text: str) -> None:
    """What is written is read again before anybody needs it."""
    try:
        text.encode()
        Settings.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise UsageFailure(
            f"What was answered makes no settings: `{key}`: {first['msg']}.", hint="see dmrefresh init --help"
        ) from None
    except (UnicodeEncodeError, tomllib.TOMLDecodeError):
        raise UsageFailure(
            "What was answered cannot be written into a settings file.", hint="see dmrefresh init --help"
        ) from None


def _dumps(answers: Answers) -> str:
    comment = f"# takes {answers.stage}-yyyyMMddHHmm.sql.gz.gpg, the newest that was read back"
    lines = ["[dumps]"]
    if answers.bucket is None:
        lines += ["# There is no bucket yet. Once there is one, its name here is all that backup and refresh need:"]
        lines += ['# bucket = "shop-database-backups"', '# region = "eu-west-1"']
    else:
        lines += [f"bucket = {as_toml(answers.bucket)}"]
        lines += [f"region = {as_toml(answers.region)}" if answers.region else '# region = "eu-west-1"']
    if answers.endpoint_url is not None:
        lines += [f"endpoint_url = {as_toml(answers.endpoint_url)}"]
    lines += [f"{f'stage = {as_toml(answers.stage)}':<40} {comment}"]
    lines += [f"{'# cache = true':<40} # keeps the newest two on this machine, encrypted as they lie there"]
    return "\n".join(lines) + "\n"


def _keys(answers: Answers, file: Path) -> str:
    if answers.credentials_repo is None:
        said = '# credentials_repo = "../credentials"'
    else:
        said = f"credentials_repo = {as_toml(_from(file, answers.credentials_repo))}"
    recipient = '# recipient = "Shop DB backups"'
    if answers.recipient is not None:
        recipient = f"recipient = {as_toml(answers.recipient)}"
    return "\n".join(
        [
            "[keys]",
            f"{said:<40} # or DM_CREDENTIALS_REPO; these lie in it, encrypted by SOPS in binary mode:",
            '# secret_key = "gpg/database-backups/secret.key.enc"',
            '# passphrase = "gpg/database-backups/secret-key-passphrase.txt.enc"',
            '# public_key = "gpg/database-backups/public.key"                       in clear',
            "",
            "[backup]",
            f"{recipient:<40} # whose key in public_key a backup is encrypted to",
            "",
        ]
    )


def _ruleset(answers: Answers, file: Path) -> str:
    named = f"{answers.name}{RULESETS}" if answers.ruleset is None else answers.ruleset
    if answers.ruleset is not None and named.endswith((".yaml", ".yml")):
        named = _from(file, named)
    return f"[ruleset]\n{f'path = {as_toml(named)}':<40} # what becomes of each column\n"


def _source(stage: str, place: str) -> str:
    return f"# What `dmrefresh backup-production` backs up.\n[sources.{stage}]\n{_where(place)}\n"


def _target(answers: Answers) -> str:
    if answers.place is not None:
        comment = "# by the role that owns the database; superusers are refused"
        return f"[targets.{answers.target}]\n{_where(answers.place):<40} {comment}\n"
    return f'# What is refreshed.\n# [targets.{answers.target}]\n# url = "postgresql://me@localhost/shop_copy"\n'


def _where(place: str) -> str:
    said = conninfo_to_dict(place)
    if "://" not in place and set(said) == {"service"}:
        return f"service = {as_toml(str(said['service']))}"
    return f"url = {as_toml(place)}"


def _from(file: Path, path: str) -> str:
    """A path as it is written into a file: relative to that file's folder, unless it says where it begins."""
    if path.startswith("~") or Path(path).is_absolute():
        return path
    return os.path.relpath(path, file.parent)
