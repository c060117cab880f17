"""What to do after a run: the commands that its report names."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

_OF_THE_RULESET, _IN_DOUBT = 14, 23


def next_commands(document: Mapping[str, Any]) -> list[str]:
    """The commands that come next, the likeliest first.

    Args:
        document: the report of a run.
    """
    if document.get("job") == "backup-production":
        return _after_backup(document)
    target = document.get("target")
    if not target or "://" in target or " " in target:
        target = "TARGET"
    target = shlex.quote(target)
    if document["exit_code"] == 0 or 30 <= document["exit_code"] < 40:
        if document.get("stored"):
            return [f"dmrefresh dumps --from {target}", f"dmrefresh clean-and-apply --target TARGET --from {target}"]
        return [f"dmrefresh status --target {target}"]
    if document["exit_code"] == _IN_DOUBT:
        return [f"dmrefresh status --target {target}"]
    if document["exit_code"] == _OF_THE_RULESET:
        return ["dmrefresh sanitisers check", f"dmrefresh plan --target {target}"]
    return [f"dmrefresh plan --target {target}", "dmrefresh doctor"]


def _after_backup(document: Mapping[str, Any]) -> list[str]:
    name, stage = document.get("name"), document.get("stage")
    of_stage = f" --stage {shlex.quote(stage)}" if stage else ""
    if name and document.get("read_back") != "full":
        return [f"dmrefresh check-dump {shlex.quote(name)} --record"]
    if document["exit_code"] == 0:
        return [f"dmrefresh dumps{of_stage}"]
    return ["dmrefresh doctor", f"dmrefresh dumps{of_stage}"]
