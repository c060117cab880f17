"""What `dmrefresh help` explains beside the commands."""

from __future__ import annotations

from collections.abc import Callable

from dmrefresh.jobs.topics import environment, exit_codes, ruleset

TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": exit_codes.text,
    "environment": environment.text,
    "ruleset": ruleset.text,
}
"""What each topic says, by its name."""


def text(topic: str) -> str:
    """What a topic says, lines of a hundred characters at most."""
    return TOPICS[topic]()
