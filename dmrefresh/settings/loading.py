"""Where settings come from: files and the environment laid over one another, each value with its origin."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import platformdirs

from dmrefresh.errors import UsageFailure

FILE_NAME = "dmrefresh.toml"
LISTED = "`dmrefresh help environment` lists the settings"
"""What helps where the settings cannot be read: a command that does not read them."""

_PLACES = {"url", "service", "vcap", "s3"}
_WAYS = {"vcap_command", "tunnel"}
"""What says where a target is, and what else leads there."""

Key: TypeAlias = tuple[str, ...]
"""The way to a value: `("targets", "local", "url")`."""


@dataclass(slots=True)
class Gathered:
    """Everything that files and the environment say, unchecked.

    Attributes:
        values: what they say, as one TOML file would.
        origins: the file or the environment variable of each value.
        files: the files that were read, later ones over earlier ones.
    """

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    origins: dict[Key, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    _lists: dict[Key, list[str]] = field(default_factory=dict, repr=False)

    def lay(self, more: Mapping[str, Any], origin: str) -> None:
        """Lay `more` over what there is: tables merge by name, everything else is replaced."""
        self._lay(self.values, more, (), origin)

    def lay_file(self, more: Mapping[str, Any], origin: str) -> None:
        """Lay a file's values over those of others, which may add to what guards production and lift nothing of it.

        Raises:
            UsageFailure: it contradicts another file about production, or has a reason without what that is about.
        """
        targets = more.get("targets")
        for name, said in targets.items() if isinstance(targets, Mapping) else ():
            if isinstance(said, Mapping):
                self._lift_reason(str(name), said, origin)
        production = more.get("production")
        if isinstance(production, Mapping):
            more = {**more, "production": self._united(production, origin)}
        self.lay(more, origin)
        for key, files in self._lists.items():
            self.origins[key] = " and ".join(files)

    def _united(self, said: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """The section [production] with what the lists of all files so far have in them."""
        before = self.values.get("production")
        before = before if isinstance(before, Mapping) else {}
        united = dict(said)
        for name, value in said.items():
            held, key = before.get(name), ("production", name)
            if isinstance(value, list):
                held = held if isinstance(held, list) else []
                united[name] = [*held, *(one for one in value if one not in held)]
                self._lists.setdefault(key, []).append(origin)
            elif held is not None and held != value:
                raise UsageFailure(
                    f"{origin}: `production.{name}` differs from what {self.origins[key]} says.",
                    hint="say it in one of the two files alone",
                )
        return united

    def _lift_reason(self, name: str, said: Mapping[str, Any], origin: str) -> None:
        """A reason why a target is no production is about the place that the same file names, and no other."""
        if "not_production" in said and not said.keys() & _PLACES:
            raise UsageFailure(
                f"{origin}: `targets.{name}.not_production` is about no place.",
                hint="give the reason in the file that says where the target is, beside its url, service or vcap",
            )
        held = self.values.get("targets")
        held = held.get(name) if isinstance(held, Mapping) else None
        if isinstance(held, dict) and "not_production" in held and said.keys() & (_PLACES | _WAYS):
            del held["not_production"], self.origins["targets", name, "not_production"]

    def origin(self, key: Key) -> str | None:
        """Who says the value at `key`, or the table that holds it; None where nobody does."""
        for length in range(len(key), 0, -1):
            below = [one for at, one in self.origins.items() if at[:length] == key[:length]]
            if below:
                return below[-1]
        return None

    def _lay(self, into: dict[str, Any], more: Mapping[str, Any], above: Key, origin: str) -> None:
        for name, value in more.items():
            key = (*above, name)
            if isinstance(value, Mapping):
                if not isinstance(into.get(name), dict):
                    into[name] = {}
                    self.origins[key] = origin
                self._lay(into[name], value, key, origin)
            else:
                into[name] = value
                self.origins[key] = origin


def find_file(folder: Path) -> Path | None:
    """The nearest `dmrefresh.toml` from `folder` upwards."""
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def gather(
    file: Path | None, environ: Mapping[str, str], folder: Path | None, sections: Mapping[str, Iterable[str]]
) -> Gathered:
    """Read what holds here.

    Args:
        file: this file alone, instead of looking for one.
        environ: the environment.
        folder: where to start looking; the current folder if None.
        sections: the keys of each section which the environment may override.

    Raises:
        UsageFailure: a file cannot be read.
    """
    found = Gathered()
    if file is not None:
        found.files = [file]
    else:
        user = _of_user()
        project = find_file(folder or Path.cwd())
        found.files = [one for one in (user, project) if one is not None and one.is_file()]
    for one in found.files:
        found.lay_file(_read(one), str(one))
    if file is not None:
        _keep_guard(found, file)
    variables = [("DM_CREDENTIALS_REPO", "keys", "credentials_repo"), ("DMREFRESH_SLACK_URL", "notify", "slack_url")]
    variables += [(f"DMREFRESH_{at}_{key}".upper(), at, key) for at, keys in sections.items() for key in keys]
    for variable, section, key in variables:
        if environ.get(variable):
            found.lay({section: {key: environ[variable]}}, variable)
    return found


def _of_user() -> Path | None:
    """The user's own file, whether it is there or not; None where this user has no home."""
    try:
        return Path(platformdirs.user_config_dir("dmrefresh")) / FILE_NAME
    except RuntimeError:
        return None


def _keep_guard(found: Gathered, file: Path) -> None:
    """What the user's own file says about production counts also where another file is named."""
    user = _of_user()
    if user is None or not user.is_file() or user.resolve() == file.resolve():
        return
    said = _read(user).get("production")
    if said is not None:
        found.lay_file({"production": said}, str(user))
        found.files.append(user)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            found = tomllib.load(stream)
    except OSError as error:
        hint = "see that it is there and yours to read, or name another with `dmrefresh --config FILE`"
        raise UsageFailure(f"{file} cannot be read: {error.strerror}.", hint=hint) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it is not encoded in UTF-8"
        raise UsageFailure(f"{file} is not valid TOML: {reason}.", hint=f"mend that line; {LISTED}") from None
    # Relative paths are relative to the file that says them, not to whoever runs it.
    for section, key, suffixes in (
        ("keys", "credentials_repo", ("",)),
        ("programs", "pg_dump", ("",)),
        ("programs", "postgres", ("",)),
        ("cloud_foundry", "path", ("",)),
        ("cloud_foundry", "manifest", ("",)),
        ("report", "runs", ("",)),
        ("ruleset", "path", (".yaml", ".yml")),
    ):
        table = found.get(section)
        value = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(value, str) and value.endswith(suffixes):
            try:
                table[key] = str(file.parent.resolve() / Path(value).expanduser())
            except RuntimeError:
                if section != "report":  # no run fails for want of a place for its report
                    raise UsageFailure(
                        f"{file}: {section}.{key} is below ~, and this user has no home.", hint="give the whole path"
                    ) from None
    return found
