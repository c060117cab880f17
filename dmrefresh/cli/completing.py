"""What a shell proposes: names from the settings, the ruleset, and the dumps that were listed last.

Files alone are read, nobody is asked, and nothing heavy is imported: an answer comes while somebody waits for it.
Shells evaluate what they are given, so only names pass in which none of them finds anything to evaluate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import typer

Names: TypeAlias = Callable[["typer.Context", str], Iterable[str]]
"""What may stand where the cursor is, given how the word begins."""

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@%+=,-]*")
_KEY = re.compile(r"""( *)("[^"]*"|'[^']*'|[^\s#'"\[{&*!|>%@`-][^:#]*) *:(?: +([&*][^\s#]+))?(?: .*)?""")
_LONGEST = 4 << 20
"""Characters of a ruleset that are read."""
_SHIPPED = "digitalmarketplace"


def targets(ctx: typer.Context, word: str) -> Iterable[str]:
    """What can be refreshed."""
    return list(_said(ctx).get("targets", {}))


def buckets(ctx: typer.Context, word: str) -> Iterable[str]:
    """The targets that are buckets of cleaned dumps."""
    return (name for name, one in _said(ctx).get("targets", {}).items() if isinstance(one, Mapping) and "s3" in one)


def databases(ctx: typer.Context, word: str) -> Iterable[str]:
    """Everything that the settings know a database of."""
    said = _said(ctx)
    return [*said.get("targets", {}), *said.get("sources", {})]


def stages(ctx: typer.Context, word: str) -> Iterable[str]:
    """The stages that the settings name, and those of dumps that were listed."""
    said = _said(ctx)
    listed = (name.rpartition("-")[0] for name in dumps(ctx, word))
    return [str(said.get("dumps", {}).get("stage", "production")), *said.get("sources", {}), *listed]


def dumps(ctx: typer.Context, word: str) -> Iterable[str]:
    """The dumps that were listed last: in the bucket of the settings, or in that of `--from`."""
    from dmrefresh.jobs.dumps.seen import seen

    said = _said(ctx)
    cleaned = said.get("targets", {}).get(ctx.params.get("cleaned") or "", {})
    where = cleaned if "s3" in cleaned else said.get("dumps", {})
    bucket = where.get("s3") or where.get("bucket", "")
    endpoint = where.get("endpoint_url")
    return seen(str(bucket), None if endpoint is None else str(endpoint))


def rulesets(ctx: typer.Context, word: str) -> Iterable[str]:
    """The one that ships, and YAML files where the word begins to lead."""
    folder = Path(word).parent if "/" in word else Path()
    files = (one for one in folder.iterdir() if one.suffix in (".yaml", ".yml") and one.is_file())
    return [_SHIPPED, *map(str, files)]


def tables(ctx: typer.Context, word: str) -> Iterable[str]:
    """The tables of the ruleset."""
    return _columns(ctx)


def columns(ctx: typer.Context, word: str) -> Iterable[str]:
    """The columns of the ruleset, each with its table; tables alone until one is chosen."""
    found = _columns(ctx)
    if not any(word.startswith(f"{table}.") for table in found):
        return [f"{table}." for table in found]
    return [f"{table}.{column}" for table, names in found.items() for column in names]


def topics(ctx: typer.Context, word: str) -> Iterable[str]:
    """What `help` explains: topics and commands."""
    command: Any = ctx.find_root().command
    return ["exit-codes", "environment", "ruleset", *command.commands]


def runbooks(ctx: typer.Context, word: str) -> Iterable[str]:
    """The runbooks that there are."""
    return ["restore-production"]


def runs(ctx: typer.Context, word: str) -> Iterable[str]:
    """The runs that have left a report, the newest first."""
    import platformdirs

    said = _said(ctx).get("report", {}).get("runs")
    place = Path(str(said)).expanduser() if said else Path(platformdirs.user_state_dir("dmrefresh")) / "runs"
    return sorted((one.name for one in place.iterdir() if (one / "report.json").is_file()), reverse=True)


OPTIONS: dict[str, Names] = {
    "--target": targets,
    "--confirm": targets,
    "--from": buckets,
    "--database": databases,
    "--from-database": databases,
    "--stage": stages,
    "--dump": dumps,
    "--ruleset": rulesets,
    "--compare": runs,
}
"""What follows an option, in whichever command."""
ARGUMENTS: dict[tuple[str, str], Names] = {
    ("check-dump", "name"): dumps,
    ("check", "dump"): dumps,
    ("suggest", "dump"): dumps,
    ("explain", "name"): columns,
    ("preview", "tables"): tables,
    ("help", "about"): topics,
    ("runbook", "name"): runbooks,
    ("report", "run"): runs,
}
"""What an argument may be, by the names of its command and of the argument."""


def complete(command: str, param: Any) -> None:
    """Have a parameter of a command completed, where there is something to propose."""
    names = ARGUMENTS.get((command, param.name)) if param.param_type_name == "argument" else OPTIONS.get(param.opts[0])
    if names is None:
        return

    def proposed(ctx: typer.Context, incomplete: str) -> list[Any]:
        from typer._click.shell_completion import CompletionItem

        try:
            found = dict.fromkeys(map(str, names(ctx, incomplete)))
        except Exception:  # half a settings file is no reason to spoil somebody's command line
            return []
        return [CompletionItem(one) for one in found if one.startswith(incomplete) and _PLAIN.fullmatch(one)]

    param.shell_complete = proposed


def hasten(params: Iterable[Any]) -> None:
    """Have words on their way to a proposal taken as they are: to convert them takes twice as long as all the rest."""

    def unconverted(param: Any) -> Callable[[typer.Context, Any], Any]:
        convert = type(param).process_value
        return lambda ctx, value: value if ctx.resilient_parsing else convert(param, ctx, value)

    for param in params:
        param.process_value = unconverted(param)


def leave_plain() -> None:
    """What is proposed has sentences beside it, in which no markup is to be looked for: that would load rich."""
    from typer import _completion_classes

    setattr(_completion_classes, "_sanitize_help_text", str)  # noqa: B010 - it is another module's own


def _said(ctx: typer.Context) -> dict[str, Any]:
    """What the files of settings and the environment say, unchecked."""
    from dmrefresh.settings.loading import gather

    config = ctx.find_root().params.get("config")
    sections = {"dumps": ("bucket", "endpoint_url", "stage"), "ruleset": ("path",)}
    return gather(None if config is None else Path(config), os.environ, None, sections).values


def _columns(ctx: typer.Context) -> dict[str, list[str]]:
    """The columns that the ruleset has rules for, by their tables."""
    name = str(ctx.params.get("ruleset") or _said(ctx).get("ruleset", {}).get("path", _SHIPPED))
    path = _shipped(name) if "/" not in name and not name.endswith((".yaml", ".yml")) else Path(name).expanduser()
    with path.open(encoding="utf-8") as stream:
        return keys_of(stream.read(_LONGEST))


def _shipped(name: str) -> Path:
    """Where a ruleset that ships is, found without importing what reads it."""
    from importlib.util import find_spec

    spec = find_spec("sanitisers")
    return Path((spec.origin if spec else None) or "").with_name(f"{name}.yaml")


def keys_of(text: str) -> dict[str, list[str]]:
    """The tables and columns that a ruleset names, read off its indentation; a parser takes longer than people wait."""
    found: dict[str, list[str]] = {}
    above: list[tuple[int, str]] = []
    anchors: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = _KEY.fullmatch(line)
        if match is None:
            continue
        depth, key = len(match[1]), match[2].strip()
        while above and above[-1][0] >= depth:
            above.pop()
        way = [name for _, name in above]
        above.append((depth, key))
        if not way or way[0] != "tables":
            continue
        names = _names(key)
        if len(way) == 1:
            alias = match[3] or ""
            own = anchors.get(alias[1:], []) if alias.startswith("*") else []
            if alias.startswith("&"):
                anchors[alias[1:]] = own
            found.update((name, own) for name in names)
        elif len(way) == 3 and way[2] == "columns":
            found[_names(way[1])[0]] += names
    return found


def _names(key: str) -> list[str]:
    """The names in a key: in quotes it is one, else there may be commas between several."""
    if key[:1] in ("'", '"'):
        return [key.strip(key[0])]
    return [one.strip().strip("\"'") for one in key.split(",")]
