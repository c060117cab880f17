"""after_load: SQL of the team's own, run on sanitised data before it is published, and checks that must then hold.

It is read before anything starts. A statement may change rows and look at them; what else SQL can do is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dmrefresh.dump.events import Name
from dmrefresh.dump.text.lexer import Backslash, Sql, lex
from dmrefresh.errors import Failure, UsageFailure

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

    from sanitisers import Ruleset


# Comments may stand before it, and parentheses around a query.
_BEGINS = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*"
    r"(select|with|insert|update|delete|merge|truncate(?!\s+database)|values|table|create)\b",
    re.IGNORECASE | re.DOTALL,
)
_ON_COMMIT = re.compile(r"\bon\s+commit\s+(?:drop|delete\s+rows|preserve\s+rows)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement.

    Attributes:
        sql: as the team wrote it.
        where: what messages call its place, such as `shop.after_load.sql:12`.
        deletes: the tables that it deletes rows from.
    """

    sql: str
    where: str
    deletes: tuple[Name, ...] = ()


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
    return Script(tuple(map(_read, steps)), tuple(checks))


def _read(step: Step) -> Step:
    """A statement, which may do what it does, with the tables that it deletes from."""
    tree = parse(step.sql, step.where)
    refuse_more_than_rows(tree, step.where)
    return replace(step, deletes=tuple(_deletes(tree)))


def _deletes(tree: Expr) -> Iterator[Name]:
    from sqlglot import exp

    for one in tree.find_all(exp.Delete, exp.Merge):
        table = one.this
        if isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier):
            schema = table.args.get("db")
            yield Name(spelt(schema) if schema else "public", spelt(table.this))


def spelt(identifier: Expr) -> str:
    """A name as the server holds it."""
    text = str(identifier.name)
    return text if identifier.args.get("quoted") else text.lower()


def parse(sql: str, where: str) -> Expr:
    """A statement's tree.

    Raises:
        UsageFailure: it cannot be read.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    begins = _BEGINS.match(sql)
    if begins is None:
        raise UsageFailure(f"{where}: this is not understood as a statement of PostgreSQL that is let through here.")
    if begins[1].lower() == "create":
        sql = _ON_COMMIT.sub("", sql)  # which sqlglot does not know
    try:
        (tree,) = sqlglot.parse(sql, read="postgres", error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, ValueError, RecursionError):
        tree = None
    if tree is None or tree.find(exp.Placeholder, exp.Parameter) is not None:
        raise UsageFailure(f"{where}: this is not understood as a statement of PostgreSQL.")
    return tree


def refuse_more_than_rows(tree: Expr, where: str) -> None:
    """Let only that pass which changes rows, looks at them, or makes a temporary table.

    Raises:
        UsageFailure: it does something else.
    """
    from sqlglot import exp

    may = (exp.Query, exp.Values, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable)
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
    if not isinstance(tree, exp.Query | exp.Values) or tree.find(*changes) is not None:
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
