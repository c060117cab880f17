"""Asks the policy about a statement of a dump."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.definitions.settings import setting_of
from dmrefresh.dump.judging.policy import (
    EXTENSIONS_REFUSED,
    POLICY,
    PREVIOUS_DATA,
    SET_ASIDE,
    SETTINGS,
    SETTINGS_LEFT_OUT,
    UNKNOWN,
    Action,
    Decision,
    leave_out,
    refuse,
)
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from dmrefresh.dump.events import Statement


def decide(statement: Statement) -> Decision:
    """What is to be done with a statement of a dump, and why."""
    if statement.kind == "SET":
        return _decide_setting(statement)
    target = statement.target
    if statement.kind in ("CREATE SCHEMA", "COMMENT ON SCHEMA"):
        if target is None:
            return UNKNOWN
        if target.name.startswith(SET_ASIDE):
            return PREVIOUS_DATA
        if target.name == "public":
            return leave_out("publishing makes the schema public itself, with the comment that the target's had")
    if statement.kind == "CREATE EXTENSION" and (target is None or target.name in EXTENSIONS_REFUSED):
        return refuse("it reaches files, programs or other servers")
    return POLICY.get(statement.kind, UNKNOWN)


def check(statement: Statement) -> Decision:
    """The decision about a statement, where it is not refused.

    Raises:
        DumpRefused: it is; the message has its kind and place and nothing of its text.
    """
    decision = decide(statement)
    if decision.action is Action.REFUSE:
        kind = "a statement of an unknown kind" if decision is UNKNOWN else f"a statement {statement.kind}"
        raise DumpRefused(f"The dump holds {kind} at {statement.place}, which is refused because {decision.reason}.")
    return decision


def refusal(statement: Statement) -> str | None:
    """Why a refresh would refuse a dump with this statement, in a sentence; None where it would not."""
    try:
        check(statement)
    except DumpRefused as refused:
        return refused.what
    return None


def _decide_setting(statement: Statement) -> Decision:
    found = setting_of(statement.sql)
    if found is None:
        return UNKNOWN
    name, value = found
    if name in SETTINGS_LEFT_OUT:
        return leave_out("publishing has limits of its own")
    if name not in SETTINGS:
        return UNKNOWN
    allowed = SETTINGS[name]
    if allowed is None or value in allowed:
        return POLICY["SET"]
    if name == "standard_conforming_strings":
        return refuse("strings would mean something else")
    return leave_out("tables are stored as the target stores them")
