"""How help is written: commands and options in groups, with examples at the end, in plain text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from dmrefresh.cli.completing import complete, hasten, leave_plain
from dmrefresh.cli.examples import EXAMPLES, OPTION_GROUPS, OWN_GROUPS

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer._click.shell_completion import CompletionItem

GROUPS = {
    "Begin": ("init", "doctor", "help"),
    "Refresh": ("clean-and-apply", "plan", "status", "report", "rollback", "protect"),
    "Back up": ("backup-production", "presign", "dumps", "check-dump"),
    "Rulesets": ("sanitisers", "sanitise"),
    "Look after it": ("config", "cache", "runbook"),
}
"""The commands as `--help` lists them, by what somebody wants to do."""
_FEW = 8
"""Options that need no groups."""
_REST = "More"


class Grouped(TyperGroup):
    """Lists its commands in GROUPS, each with the whole of its sentence: cut, it says nothing. Options come last."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """As of Typer, and quick where a shell waits."""
        hasten(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, as `--help` lists them, and options."""
        leave_plain()
        order = [name for names in GROUPS.values() for name in names]
        found = super().shell_complete(ctx, incomplete)
        return sorted(found, key=lambda one: order.index(one.value) if one.value in order else len(order))

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands, then what stands before any of them."""
        self.format_commands(ctx, formatter)
        records = [record for record in (param.get_help_record(ctx) for param in self.get_params(ctx)) if record]
        with formatter.section("Options, before the command" if ctx.parent is None else "Options"):
            formatter.write_dl(records)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write what helps on."""
        if ctx.parent is None:
            with formatter.section("To begin with"):
                formatter.write(
                    "  dmrefresh init                 a few questions, and there are settings and a ruleset\n"
                )
                formatter.write("  dmrefresh COMMAND --help       each ends with examples\n")
                formatter.write("  dmrefresh help exit-codes      and environment, and ruleset\n")

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the sections of the commands."""
        named = {name for names in GROUPS.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in named)
        width = max(map(len, self.commands))
        for title, names in {**GROUPS, "Commands": others}.items():
            rows = [(name, self.commands[name].get_short_help_str(1000)) for name in names if name in self.commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(f"{name:<{width}}", sentence) for name, sentence in rows])


class Shown(TyperCommand):
    """A command whose help lists many options in groups, and ends with examples; a shell completes what can be."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        for param in self.params:
            complete(name or "", param)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """As of Typer, and quick where a shell waits."""
        hasten(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """The options that begin so."""
        leave_plain()
        return super().shell_complete(ctx, incomplete)

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the arguments, then the options."""
        arguments, options = [], {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and param.param_type_name == "argument":
                arguments.append(record)
            elif record is not None:
                options[param.opts[0]] = record
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        for title, names in _grouped(words_of(ctx), list(options)).items():
            with formatter.section(title):
                formatter.write_dl([options[name] for name in names])

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the examples as they would be typed."""
        examples = (self.epilog or "").splitlines()
        if examples:
            with formatter.section("Examples" if len(examples) > 1 else "Example"):
                formatter.write("".join(f"  {example}\n" for example in examples))


class Commands(typer.Typer):
    """Commands that are shown as above, each with its examples.

    Args:
        above: the words before the names of these commands, with a blank behind them.
    """

    def __init__(self, *, above: str = "", **settings: Any) -> None:
        super().__init__(**settings)
        self._above = above

    def command(self, name: str, **settings: Any) -> Callable[[Any], Any]:  # type: ignore[override]
        """As of Typer."""
        epilog = "\n".join(EXAMPLES.get(self._above + name, ()))
        return super().command(name, cls=Shown, epilog=epilog, **settings)


def words_of(ctx: Context) -> str:
    """The words that call a command, without the program's name."""
    return ctx.command_path.partition(" ")[2]


def _grouped(command: str, options: list[str]) -> dict[str, list[str]]:
    """The options of a command, by the title that they are listed under."""
    if len(options) <= _FEW:
        return {"Options": options}
    titles = OWN_GROUPS.get(command, {}) | {"What is told": OPTION_GROUPS["What is told"]}
    if command not in OWN_GROUPS:
        titles = OPTION_GROUPS
    named = {name for names in titles.values() for name in names}
    groups = {title: [name for name in names if name in options] for title, names in titles.items()}
    last = groups.pop("What is told")
    groups[_REST] = [name for name in options if name not in named]
    return {title: names for title, names in {**groups, "What is told": last}.items() if names}
