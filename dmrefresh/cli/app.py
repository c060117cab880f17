"""What all commands have in common: the program's own options, and how a command ends."""

from __future__ import annotations

import contextlib
import functools
import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TextIO

import typer

from dmrefresh import __version__
from dmrefresh.cli.shown import GROUPS, Commands, Grouped

__all__ = ["GROUPS", "Grouped", "Options", "app", "confirming", "guarded", "is_terminal", "shown_at_the_end"]

if TYPE_CHECKING:
    from dmrefresh.console.voice import Voice
    from dmrefresh.machine.signals import Interrupted

app = Commands(
    name="dmrefresh",
    cls=Grouped,
    help="Fresh production data in preview, staging and on a laptop, with nothing personal in it.",
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)


P = ParamSpec("P")

_PR_SET_DUMPABLE = 4


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command end in one of two ways: it returns, or what went wrong is said and becomes an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from dmrefresh.console.silence import silence_others
        from dmrefresh.machine import aside, memory, signals

        try:
            signals.install()
            memory.settle()
            _keep_memory_to_ourselves()
            silence_others(lambda: Options.debug)
            command(*args, **kwargs)
            signals.over()
        except typer.Exit:
            raise
        except signals.Interrupted as interrupted:
            raise typer.Exit(_interrupted(interrupted)) from None
        except BrokenPipeError:  # whoever read the output has had enough
            signals.over()
            raise typer.Exit(_unread()) from None
        except Exception as error:
            signals.over()
            raise typer.Exit(_failed(error)) from None
        finally:
            with contextlib.suppress(Exception):
                aside.end()
            if Options.voice is not None:
                with contextlib.suppress(Exception):  # how it has ended is settled, also where that cannot be drawn
                    Options.voice.close()

    return run


class Options:
    """Options of the whole program."""

    config: Path | None = None
    debug = False
    publishes = True
    """Whether the command has a target, which an error must say the state of."""
    voice: Voice | None = None
    """What the command speaks with, once that is chosen."""


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings, errors, and the last line.")]
AsEvents = Annotated[bool, typer.Option("--json", help="Say it all as JSON, one event a line, on standard output.")]


def speaking(
    command: str,
    *,
    quiet: bool = False,
    as_json: bool = False,
    about: str = "",
    steps: Mapping[str, str] | None = None,
) -> Voice:
    """What the command speaks with from now on, in the manner that options and environment ask for.

    Raises:
        UsageFailure: they ask for none that there is.
    """
    from dmrefresh.console.choosing import voice

    Options.voice = voice(command, quiet=quiet, as_json=as_json, about=about, steps=steps)
    return Options.voice


def shown_at_the_end(say: Callable[[], None]) -> None:
    """Show what was done. It is done whether or not that can be shown: what is in the way is warned of."""
    try:
        say()
    except Exception as error:
        with contextlib.suppress(Exception):
            _voice().warn(f"it is done, but how cannot be shown whole ({type(error).__name__})")


def confirming(given: str | None, target: str) -> Callable[[str, str], None]:
    """What asks a person whether a remote target is meant: by its name, typed now or given with `--confirm`.

    Args:
        given: what came with `--confirm`.
        target: the target's name.

    Returns:
        a function of the target's name and place; it raises UsageFailure where the name is wrong or cannot be asked
        for. Nobody but a terminal is asked, so nothing can wait for an answer that never comes.

    Raises:
        UsageFailure: another target's name was given, wherever this one is.
    """
    from dmrefresh.errors import UsageFailure

    if given not in (None, target):
        raise UsageFailure("--target and --confirm name different targets.")

    def confirm(name: str, place: str) -> None:
        answer = given
        if answer is None:
            voice = _voice()
            if not (voice.asks and is_terminal(sys.stdin) and is_terminal(sys.stderr)):
                raise UsageFailure(
                    f"The target {name} is not on this machine ({place}), and there is no terminal to confirm it on.",
                    hint=f"add --confirm {name}",
                )
            what = (
                "A new dump goes to" if place.startswith("the bucket ") else f"All data of {name} will be replaced on"
            )
            with voice.asking():
                typer.echo(f"\n{what} {place}. To go on, type {name}: ", nl=False, err=True)
                answer = sys.stdin.readline().strip()
        if answer != name:
            raise UsageFailure(
                f"That is not the name of the target, {name}, so nothing is done.",
                hint=f"type it as it is, or add --confirm {name}",
            )

    return confirm


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody may sit at the other end."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dmrefresh {__version__}")
        raise typer.Exit


@app.callback()
def options(
    config: Annotated[
        Path | None, typer.Option(help="Read this settings file instead of looking for dmrefresh.toml.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error happened.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""
    Options.config, Options.debug, Options.publishes, Options.voice = config, debug, True, None


def _voice() -> Voice:
    """What the command speaks with; lines where it has not come to choose."""
    from dmrefresh.console.lines import Lines

    return Options.voice or Lines()


def _failed(error: Exception) -> int:
    """Say what happened; returns the exit code."""
    from dmrefresh.errors import UNCHANGED, UNTOUCHED, Failure, own_fault

    failure = error if isinstance(error, Failure) else own_fault(error)
    if not Options.publishes and failure.state == UNTOUCHED:
        failure.state = UNCHANGED
    failure.way_on = _said_of_this_call(failure.way_on)
    voice = _voice()
    voice.failed(failure)
    if Options.debug:
        voice.trace(error)
    return failure.exit_code


def _said_of_this_call(way_on: str) -> str:
    """What helps, with the command and the target that were meant, in place of words for any."""
    from typer._click.globals import get_current_context

    context = get_current_context(silent=True)
    if context is None:
        return way_on
    target = context.params.get("target")
    if isinstance(target, str) and re.fullmatch(r"\w[\w-]*", target):
        way_on = way_on.replace("--target NAME", f"--target {target}")
    return way_on.replace("dmrefresh COMMAND", context.command_path)


def _interrupted(interrupted: Interrupted) -> int:
    """Say that a signal ended the run; returns the exit code."""
    state = "rolled back, the target is as it was" if Options.publishes else "what was done is not finished"
    name, exit_code = signal.Signals(interrupted.number).name, 128 + interrupted.number
    _voice().ended(name, interrupted.state or state, exit_code, interrupted.hint)
    return exit_code


def _unread() -> int:
    """Nobody reads the output any more: said to whoever is told of the run; returns the exit code.

    A command that speaks with nobody ends quietly, as behind `| head`.
    """
    exit_code = 128 + signal.SIGPIPE
    if Options.voice is not None:
        hint = "`dmrefresh status --target NAME` tells which data is there" if Options.publishes else None
        hint = hint and _said_of_this_call(hint)
        Options.voice.ended(signal.SIGPIPE.name, "what was done may not be finished", exit_code, hint)
    return exit_code


def _keep_memory_to_ourselves() -> None:
    """A core file would put the key and original rows on a disk, and a debugger could read them where they are.

    No child can dump core either. Where cores go to a program, Linux asks for no limit but this: of one byte nothing is
    written, and no program is given anything (core(5), and do_coredump in the kernel's fs/coredump.c).
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
