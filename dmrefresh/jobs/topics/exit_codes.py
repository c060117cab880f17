"""What the program's exit codes mean, and what helps: written from the tree of failures."""

from __future__ import annotations

from dmrefresh import errors
from dmrefresh.jobs.topics.page import columns, page, paragraph

_ABOUT = """What a command ends with, so that a job can act on it. 10 to 19 want a person; 20 to 29 may heal by
themselves, and those marked * are tried again by the run itself; 30 and above are done, and want a look."""
_MORE = """`dmrefresh plan --exit-code` ends with 3 where something stands against the refresh; nothing else does.
`dmrefresh doctor` ends with the code of the first check that failed."""


def text() -> str:
    """What the topic says."""
    rows = [("0", "done")]
    for kind in kinds():
        rows += [(_number(kind), meaning(kind)), ("", f"- {kind.way_on}")]
    rows.append(("128+N", "ended by signal N; what was begun is rolled back"))
    return page("Exit codes", paragraph(_ABOUT), columns(rows), paragraph(_MORE))


def kinds() -> list[type[errors.Failure]]:
    """Every kind of failure that has an exit code of its own, in their order."""
    own: list[type[errors.Failure]] = [errors.Failure, *errors.Failure.__subclasses__()]
    return sorted((one for one in own if one.__module__ == errors.__name__), key=lambda one: one.exit_code)


def meaning(kind: type[errors.Failure]) -> str:
    """What a kind of failure means, without a full stop."""
    if kind is errors.Failure:
        return "a fault of dmrefresh's own"
    return " ".join((kind.__doc__ or "").split()).partition(". ")[0].rstrip(".")


def _number(kind: type[errors.Failure]) -> str:
    return f"{kind.exit_code}{'*' if kind.retry else ''}"
