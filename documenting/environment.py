"""The page of the environment: every variable that is read, and what children get."""

from __future__ import annotations

from collections.abc import Iterator

from dmrefresh.jobs.backup import worker
from dmrefresh.jobs.topics import environment
from dmrefresh.machine import process
from dmrefresh.settings import model
from documenting.markdown import code, page, table

ABOUT = """
A variable stands over the files of settings, and an option of the command line over both. One that is empty counts
as unset. `dmrefresh config show` names the variable that says a value. Sources, targets and what guards production
cannot be said by variables.
"""
WORKER = {
    worker.NAME: "the name that it was signed for",
    worker.FORM: "what `dmrefresh presign` printed",
    worker.KEY: "the public key, armoured",
    worker.RECIPIENT: "whose key that must be",
    worker.URL: "the database",
    worker.SERVICES: "or this, of which the only PostgreSQL is taken",
}


def text() -> str:
    """What the page holds."""
    return page(
        "Environment",
        ABOUT,
        "## Read by every command",
        table(("variable", ""), ((code(name), what) for name, what in environment.OTHERS.items())),
        "## Settings",
        "The list of a setting that is a list has commas.",
        table(("variable", "setting"), _settings()),
        "## A worker's contract",
        "`dmrefresh backup-production --worker` is told all by these: [backups](../how-to/backups.md#a-worker).",
        table(("variable", ""), ((code(name), what) for name, what in WORKER.items())),
        "## What children get",
        "A program that is started (gpg, sops, pg_dump, a tunnel, a command of `before` or `after`) gets, beside"
        f" what is its own, {', '.join(map(code, process.FOR_CHILDREN))}, and no other variable. What a command of"
        " `before` and `after` is told: [hooks](../how-to/hooks.md#what-they-are-told).",
    )


def _settings() -> Iterator[tuple[str, str]]:
    for name, keys in model.overridable().items():
        for key in keys:
            yield code(f"DMREFRESH_{name}_{key}".upper()), f"[`{name}.{key}`](settings.md#{name})"
