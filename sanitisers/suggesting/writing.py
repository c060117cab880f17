"""A suggested ruleset as the text of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sanitisers.columns import type_word
from sanitisers.ruleset.quoting import in_comment, key_of
from sanitisers.ruleset.words import SAY_WHY
from sanitisers.suggesting.judgement import Confidence, Judgement
from sanitisers.suggesting.names import words
from sanitisers.suggesting.tables import TableSuggestion

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike

_DEFAULTS = {
    "id": "keep (the number of a row)",
    "*_id": "keep (numbers that join tables)",
    "*_at": "keep (when)",
    "boolean": "keep (yes or no)",
    "enum": "keep (one of a list of the schema)",
}
_EMPTIED = "# To fill a table that is emptied, delete its line: `dmrefresh sanitisers check` then proposes its columns."
_RULES = {"value", "template", "bcrypt", "json", "pattern", "one_of", "fake"}
"""Keys by which a map in a document may be taken for a rule, unless `json:` stands before it."""
_COMMENT = 44
"""The column at which comments begin, where there is room."""


def written(
    suggested: Mapping[str, TableSuggestion],
    schema: Mapping[str, Sequence[ColumnLike]],
    *,
    of: str,
    modeline: str,
    locale: str = "en_GB",
    personal: Mapping[str, str] | None = None,
) -> str:
    """The text of the ruleset.

    Args:
        suggested: for each table.
        schema: the columns of each table.
        of: what it was suggested for, in a few words.
        modeline: the first line, which tells editors the schema of rulesets.
        locale: of the fakes.
        personal: what definitions hold that looks personal, by the name of the view, function or the like.
    """
    used: set[str] = set()
    body: list[str] = []
    for table, columns in schema.items():
        body += _table(table, columns, suggested[table], used)
    head = [
        modeline,
        f"# Suggested for {of}. Nobody has read it yet: look at what is kept, and at what is not certain.",
        f"# {_counted(suggested)}",
        *([_EMPTIED] if any(table.empties for table in suggested.values()) else []),
        "ruleset: 1",
        f"locale: {locale}",
        "",
    ]
    lines = [f"  {key_of(word)}: {rule}" for word, rule in _DEFAULTS.items() if word in used]
    defaults = ["defaults:  # numbers, dates and the like; never text or documents", *lines, ""] if lines else []
    literals = _literals(personal or {})
    return "\n".join([*head, *defaults, "tables:" if body else "tables: {}", *body, *literals]).rstrip() + "\n"


def _literals(personal: Mapping[str, str]) -> Iterator[str]:
    """Lines for a person to take or leave: nobody else can know that an address in a definition is nobody's."""
    if personal:
        yield "\n# A run stops at these definitions until what looks personal is gone, or this says why it stays:"
        yield "# literals:"
        yield from (_line(f"#   {key_of(name)}: keep ({SAY_WHY})", what) for name, what in personal.items())


def _counted(suggested: Mapping[str, TableSuggestion]) -> str:
    sure = dict.fromkeys(Confidence, 0)
    for table in suggested.values():
        for line in table.lines():
            sure[line.confidence] += 1
    judged = [one for table in suggested.values() for one in table.columns.values()]
    kept = sum(one.keeps for one in judged)
    counts = ", ".join(f"{count} {one.value}" for one, count in sure.items())
    return f"{len(suggested)} tables, {len(judged)} columns, {kept} of them kept; how certain each line is: {counts}."


def _table(table: str, columns: Sequence[ColumnLike], suggestion: TableSuggestion, used: set[str]) -> Iterator[str]:
    if suggestion.empties:
        emptied = suggestion.empties
        yield _line(f"  {key_of(table)}: {emptied.rule}", f"{emptied.confidence.value}: {emptied.reason}")
        return
    by_default: list[str] = []
    lines: list[str] = []
    for column in columns:
        judged = suggestion.columns[column.name]
        line = _covering_default(column, judged)
        if line is None:
            lines += _rule(key_of(column.name), judged, 6)
        else:
            used.add(line)
            by_default.append(column.name)
    yield f"  {key_of(table)}:"
    if by_default:
        yield from _wrapped("    # by defaults: ", by_default)
    yield "    columns:" if lines else "    columns: {}"
    yield from lines


def _covering_default(column: ColumnLike, judged: Judgement) -> str | None:
    """The line of `defaults:` that says for a column what is suggested; None where it needs a rule of its own."""
    word = type_word(column)
    if not judged.keeps or word is None or judged.confidence is not Confidence.HIGH:
        return None
    if column.name == "id":
        return "id"
    if column.name.endswith("_id"):
        return "*_id"
    if word == "timestamp" and words(column.name).endswith(" at") and column.name.endswith("_at"):
        return "*_at"
    return word if word in {"boolean", "enum"} else None


def _wrapped(start: str, names: Sequence[str]) -> Iterator[str]:
    line = start
    for index, name in enumerate(names):
        part = in_comment(name) + ("," if index < len(names) - 1 else "")
        if len(line) + len(part) > 110 and line.strip() != "#":
            yield line.rstrip()
            line = "    #   "
        line += f"{part} "
    yield line.rstrip()


def _rule(key: str, judged: Judgement, indent: int) -> Iterator[str]:
    pad = " " * indent
    comment = f"{judged.confidence.value}: {judged.reason}"
    if judged.keys is None:
        yield _line(f"{pad}{key}: {judged.rule}", comment)
        return
    wrapped = judged.rule == "{json: {}}" or bool(judged.keys.keys() & _RULES)
    if not judged.keys:
        yield _line(f"{pad}{key}: {judged.rule if judged.rule != '{}' else '{json: {}}'}", comment)
        return
    yield _line(f"{pad}{key}:", judged.reason)
    if wrapped:
        yield f"{pad}  json:"
    for name, below in judged.keys.items():
        yield from _rule(key_of(name), below, indent + (4 if wrapped else 2))


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COMMENT}}  # {in_comment(comment)}" if comment else text
