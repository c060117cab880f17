"""A database that Cloud Foundry bound to an application: VCAP_SERVICES.

https://docs.cloudfoundry.org/devguide/deploy-apps/environment-variable.html#VCAP-SERVICES
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from dmrefresh.errors import TargetUnreachable, UsageFailure
from dmrefresh.machine import process
from dmrefresh.postgres.reach.conninfo import is_misread

ENVIRONMENT = (
    "AWS_",
    "AZURE_",
    "CF_",
    "CLOUDSDK_",
    "GOOGLE_",
    "KUBECONFIG",
    "SSH_AUTH_SOCK",
    "XDG_",
)
"""What the commands that reach a target get of our environment, beside a few harmless variables."""

_VARIABLE = "VCAP_SERVICES"
_ANY = "*"
_PARTS = {
    "host": ("host", "hostname"),
    "port": ("port",),
    "user": ("username", "user"),
    "password": ("password",),
    "dbname": ("name", "dbname", "database"),
}


def credentials(service: str, command: Sequence[str], whose: str) -> str:
    """The connection string of a bound service; nothing of where it stood is ever shown but services' names.

    Args:
        service: the service instance's name, or `*` for the only PostgreSQL.
        command: prints the VCAP_SERVICES; the environment holds it if empty.
        whose: what it is for in messages, such as target `staging`.

    Raises:
        UsageFailure: the variable, the service or its credentials are not there.
        TargetUnreachable: the command failed.
    """
    printed = _printed(command, whose) if command else os.environ.get(_VARIABLE, "")
    origin = f"what the vcap_command of the {whose} printed" if command else "the environment"
    if not printed.strip():
        raise UsageFailure(
            f"There is no {_VARIABLE} in {origin}.", hint=f"name a vcap_command for the {whose} that prints it"
        )
    found = _services(printed)
    if found is None:
        raise UsageFailure(
            f"There is no readable {_VARIABLE} in {origin}.",
            hint="such as `cf curl /v3/apps/GUID/env` prints: is somebody logged in?",
        )
    return _conninfo(_chosen(found, service, whose), whose)


def _printed(command: Sequence[str], whose: str) -> str:
    try:
        done = process.run(command, env=process.environment(*ENVIRONMENT))
    except (OSError, ValueError):
        raise UsageFailure(f"The vcap_command of the {whose} cannot be run: is it installed?") from None
    except subprocess.TimeoutExpired:
        raise TargetUnreachable(f"The vcap_command of the {whose} did not end within a minute.") from None
    if done.returncode:
        raise TargetUnreachable(
            f"The vcap_command of the {whose} ended with exit status {done.returncode}.",
            hint="run it by hand to see why: is somebody logged in?",
        )
    return done.stdout.decode(errors="replace")


def _services(printed: str) -> list[Mapping[str, Any]] | None:
    """The bound services, from the variable's own value or from an answer that holds it somewhere."""
    value = _parsed(printed)
    if isinstance(value, dict):
        inside = value.get("system_env_json", value)
        value = inside.get(_VARIABLE, value) if isinstance(inside, dict) else None
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, dict) or "system_env_json" in value:
        return None
    bound = [(label, one) for label, ones in value.items() if isinstance(ones, list) for one in ones]
    return [{"label": label, **one} for label, one in bound if isinstance(one, dict)]


def _parsed(printed: str) -> Any:
    """JSON; or, of a text such as `cf env` prints, the JSON that follows the variable's name."""
    try:
        return json.loads(printed)
    except ValueError:
        start = printed.find("{", printed.find(_VARIABLE))
        if _VARIABLE not in printed or start < 0:
            return None
    try:
        return json.JSONDecoder().raw_decode(printed, start)[0]
    except ValueError:
        return None


def _chosen(found: list[Mapping[str, Any]], service: str, whose: str) -> Mapping[str, Any]:
    if service == _ANY:
        chosen = [one for one in found if _is_postgres(one)]
        what = "PostgreSQL"
    else:
        chosen = [one for one in found if service in (one.get("name"), one.get("instance_name"))]
        what = f"service `{service}`"
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(sorted(str(one.get("name")) for one in chosen or found)) or "none"
    if chosen:
        raise UsageFailure(
            f"More than one {what} is bound for the {whose} ({names}).",
            hint=f'say which in dmrefresh.toml: vcap = "…" for the {whose}',
        )
    raise UsageFailure(f"No {what} is bound for the {whose} (bound: {names}).")


def _is_postgres(service: Mapping[str, Any]) -> bool:
    tags = service.get("tags")
    words = [service.get("label"), *(tags if isinstance(tags, list) else [])]
    return any("postgres" in str(word).lower() for word in words)


def _conninfo(service: Mapping[str, Any], whose: str) -> str:
    """The URL among the credentials if libpq takes it, else what they say piece by piece."""
    held = service.get("credentials")
    held = held if isinstance(held, dict) else {}
    for url in (held.get("uri"), held.get("url")):
        if isinstance(url, str) and url.startswith(("postgres://", "postgresql://")):
            try:
                if is_misread(url):
                    continue
            except psycopg.Error:
                continue
            return url
    parts = {key: next((str(held[one]) for one in spelt if held.get(one)), None) for key, spelt in _PARTS.items()}
    missing = [spelt[0] for key, spelt in _PARTS.items() if parts[key] is None and key not in ("port", "password")]
    if missing:
        raise UsageFailure(
            f"The credentials of the service bound for the {whose} hold neither a usable uri nor {', '.join(missing)}."
        )
    return make_conninfo("", **parts)
