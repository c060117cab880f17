"""after_load: SQL of the team's own, run on sanitised data before it is published, and checks that must then hold.

It is read before anything starts. A statement may change rows and look at them; what else SQL can do is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmrefresh.dump.lexer import Backslash, Sql, lex
from dmrefresh.errors import Failure, UsageFailure

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from sanitisers import Ruleset


@dataclass(frozen=True, slots=True)
class Step:
    """One statement; `where` is what messages call its place, such as `shop.after_load.sql:12`."""

    sql: str
    where: str


@dataclass(frozen=True, slots=True)
class Check:
    """A query that must give true, and the team's name for what it checks."""

    sql: str
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a ruleset has done and checked once the rows are loaded; empty where it says nothing."""

    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.steps or self.checks)


def script_of(ruleset: Ruleset) -> Script:
    """Read a ruleset's `after_load` and `checks`.

    Raises:
        UsageFailure: SQL that cannot be read, or does more than it may; with its place.
    """
    steps = tuple(_steps(ruleset.script, ruleset.after_load or "after_load"))
    checks = []
    for name, sql in ruleset.checks.items():
        where = ruleset.at("checks", name)
        found = [one.sql for one in _steps(sql, where, lines=False)]
        if len(found) != 1:
            raise UsageFailure(f"{where}: a check is one query that gives true.")
        refuse_changes(parse(found[0], where), where)
        checks.append(Check(found[0], name, where))
    for step in steps:
        refuse_more_than_rows(parse(step.sql, step.where), step.where)
    return Script(steps, tuple(checks))


def parse(sql: str, where: str) -> Expr:
    """A statement's tree.

    Raises:
        UsageFailure: it cannot be read.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        (tree,) = sqlglot.parse(sql, read="postgres", error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, ValueError, RecursionError):
        tree = None
    if tree is None:
        raise UsageFailure(f"{where}: this is not understood as a statement of PostgreSQL.")
    return tree


def refuse_more_than_rows(tree: Expr, where: str) -> None:
    """Let only that pass which changes rows, looks at them, or makes a temporary table.

    Raises:
        UsageFailure: it does something else.
    """
    from sqlglot import exp

    may = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
    temporary = isinstance(tree, exp.Create) and tree.kind == "TABLE" and tree.find(exp.TemporaryProperty) is not None
    beside = [one for one in tree.find_all(exp.Command, exp.Create, exp.Drop, exp.Alter, exp.Into) if one is not tree]
    if beside or not (temporary or isinstance(tree, may)):
        raise UsageFailure(
            f"{where}: a statement after the load may change rows (INSERT, UPDATE, DELETE, MERGE, TRUNCATE), look at "
            "them (SELECT) or make a temporary table; this one does something else."
        )


def refuse_changes(tree: Expr, where: str) -> None:
    """Let only a query pass.

    Raises:
        UsageFailure: it is more than that.
    """
    from sqlglot import exp

    changes = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Command)
    if not isinstance(tree, exp.Query) or tree.find(*changes) is not None:
        raise UsageFailure(f"{where}: a check only looks; it is one query that gives true.")


def _steps(text: str, file: str, *, lines: bool = True) -> Iterator[Step]:
    """Split SQL into statements, by the same lexical rules as a dump."""
    pieces = lex([text.encode(), b"\n;"])
    try:
        for piece in pieces:
            where = f"{file}:{piece.place.line}" if lines and isinstance(piece, Sql | Backslash) else file
            if isinstance(piece, Backslash):
                raise UsageFailure(f"{where}: a command for psql; the statements are given to the server itself.")
            if isinstance(piece, Sql):
                if piece.text[:4].lower() == b"copy":
                    raise UsageFailure(f"{where}: COPY is not understood here; write INSERT.")
                yield Step(piece.text.decode().rstrip(), where)
    except UsageFailure:
        raise
    except Failure as failure:  # of the lexer, which calls everything a dump
        raise UsageFailure(f"{file}: this cannot be split into statements: is a quote or a comment open?") from failure
