"""The page of commands: what `--help` says of each, in one place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import typer.main

from documenting.markdown import block, code, page, table

ABOUT = """
`dmrefresh COMMAND --help` says the same of one command. Options of the whole program stand before the command. Data
goes to standard output, and all that is said to people to standard error. What a command ends with: [exit
codes](exit-codes.md). `--debug` may also stand behind any command.
"""
EVERYWHERE = {"debug"}
"""What every command takes: it is said once."""


def text() -> str:
    """What the page holds."""
    from dmrefresh.cli import app
    from dmrefresh.cli.shown import GROUPS

    program: Any = typer.main.get_command(app)
    named = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, "Others": tuple(name for name in program.commands if name not in named)}
    pieces = [ABOUT, "## The program itself", _options(program)]
    for title, names in groups.items():
        there = [name for name in names if name in program.commands]
        if there:
            pieces.append(f"## {title}")
        for name in there:
            pieces += _described(f"dmrefresh {name}", program.commands[name])
    return page("Commands", *pieces)


def _described(path: str, command: Any) -> Iterator[str]:
    """A command, or all of a group."""
    if hasattr(command, "commands"):
        for name, one in command.commands.items():
            yield from _described(f"{path} {name}", one)
        return
    yield f"### {path.removeprefix('dmrefresh ')}"
    yield from (_plain(paragraph) for paragraph in (command.help or "").split("\n\n"))
    yield block("text", f"{path} {' '.join(_usage(command))}")
    yield _options(command, EVERYWHERE)
    if command.epilog:
        yield block("sh", command.epilog)


def _usage(command: Any) -> Iterator[str]:
    for one in command.params:
        if one.required and one.param_type_name == "option":
            yield f"{one.opts[0]} {_value(one)}"
    yield "[OPTIONS]"
    for one in command.params:
        if one.param_type_name == "argument":
            name = one.metavar or one.name.upper()
            yield name if one.required or name.startswith("[") else f"[{name}]"


def _options(command: Any, left_out: Collection[str] = ()) -> str:
    context = command.make_context(command.name, [], resilient_parsing=True)
    records = [(one, one.get_help_record(context)) for one in command.params if one.name not in left_out]
    rows = [(code(_name(one, record[0])), _about(one, record[1])) for one, record in records if record]
    return table(("", "what it does"), rows) if rows else ""


def _name(one: Any, left: str) -> str:
    """`--target TARGET`: the kind of a value says less than what it is; words to choose from stay."""
    if one.param_type_name == "argument":
        return str(one.metavar or one.name.upper())
    return re.sub(r"<([^<>]*)>", lambda found: _value(one, found[1]), left)


def _value(one: Any, kind: str = "str") -> str:
    """What stands for an option's value."""
    named = one.opts[0].lstrip("-").upper().replace("-", "_")
    path = "FOLDER" if named.endswith("_DIR") else "FILE"
    return str(one.metavar or {"str": named, "path": path, "int": "NUMBER", "float": "NUMBER"}.get(kind, kind))


def _about(one: Any, said: str) -> str:
    several = one.param_type_name == "option" and one.multiple
    return _plain(said) + (" May be given several times." if several else "")


def _plain(text: str) -> str:
    """A sentence of the help, with what stands in brackets behind it as a sentence of its own."""
    words = " ".join(text.split())
    words = re.sub(r"\s*\[default: ([^\]]+)\]\.?", r". Default: \1.", words)
    words = re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", words)
    words = re.sub(r"\s*\[required\]\.?", ". Required.", words)
    return words.replace("..", ".")
