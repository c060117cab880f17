"""A whole ruleset suggested for a schema: every column judged, then held against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sanitisers.assumed import based
from sanitisers.columns import type_word
from sanitisers.suggesting.columns import Beside, candidates, judge_column
from sanitisers.suggesting.forms import of_form
from sanitisers.suggesting.gathering import Gathering, TableFacts
from sanitisers.suggesting.joining import join
from sanitisers.suggesting.judgement import Confidence, Judgement, leaves, medium, percent
from sanitisers.suggesting.names import is_about_somebody, is_trail, names_people, never_stays
from sanitisers.suggesting.tables import Keys, TableSuggestion
from sanitisers.suggesting.texts import AS_PUBLIC, PUBLIC_SLUGS
from sanitisers.suggesting.values import Look

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.suggesting.facts import Facts

_MIGRATIONS = {
    "alembic_version",
    "schema_migrations",
    "django_migrations",
    "flyway_schema_history",
    "ar_internal_metadata",
}
_ENOUGH = 10
"""Different values from which on it tells something what they have in common, with each other or another column."""
_NEARLY_ALL = 0.98


class Fits(Protocol):
    """What tells whether a rule fits its column, such as `trying.fits`."""

    def __call__(
        self, column: ColumnLike, columns: Sequence[ColumnLike], rule: str, unique: Collection[str], /
    ) -> bool:
        """Whether the rule fits the column, one of these columns, where no value may come twice in `unique`."""


def suggest(
    schema: Mapping[str, Sequence[ColumnLike]],
    gathered: Gathering,
    keys: Mapping[str, Keys],
    fits: Fits,
) -> dict[str, TableSuggestion]:
    """What is suggested for every table.

    Args:
        schema: the columns of each table, without those that the server computes.
        gathered: what the rows were like.
        keys: what the schema says of keys; a table that is not there has none.
        fits: tells whether a rule fits its column.
    """
    found = {
        table: _table(
            table,
            [based(column) for column in columns],
            gathered.table(table, columns),
            keys.get(table, Keys()),
        )
        for table, columns in schema.items()
    }
    personal, public = [*_personal(found)], _public(found)
    for suggestion in found.values():
        suggestion.columns = {name: _compared(one, personal, public) for name, one in suggestion.columns.items()}
    led_to = {(other, name) for of in keys.values() for _, other, name in of.leads}
    fitted = {
        table: _fitted(
            columns,
            found[table],
            keys.get(table, Keys()),
            {name for other, name in led_to if other == table},
            personal,
            fits,
        )
        for table, columns in schema.items()
    }
    join(fitted, schema, keys)
    return fitted


def _fitted(
    columns: Sequence[ColumnLike],
    suggestion: TableSuggestion,
    keys: Keys,
    led_to: Collection[str],
    personal: Sequence[tuple[str, str, Facts]],
    fits: Fits,
) -> TableSuggestion:
    """The same with rules that fit their columns; where there is none for one of them, the table is emptied."""
    for column in columns:
        if column.name in suggestion.columns:
            found = suggestion.columns[column.name]
            joins = column.name in led_to
            of_nobody = (joins or not suggestion.about_somebody) and not never_stays(column.name)
            judged = _fitting(column, columns, found, keys, fits, joins=joins, of_nobody=of_nobody)
            if judged is None or (judged.keeps and not _compared(judged, personal, frozenset()).keeps):
                why = f"no rule fits {column.name}, of type {column.type}, in which no value comes twice"
                return TableSuggestion(Judgement("empty", Confidence.LOW, why))
            suggestion.columns[column.name] = judged
    return suggestion


def _table(table: str, columns: Sequence[ColumnLike], facts: TableFacts, keys: Keys) -> TableSuggestion:
    if table.rpartition(".")[2] in _MIGRATIONS:
        kept = Judgement("keep (the version of the schema)", Confidence.HIGH, "a tool for migrations writes it")
        return TableSuggestion(columns={column.name: kept for column in columns})
    if is_trail(table) and not keys.referenced:
        return TableSuggestion(medium("empty", "by its name it has what everybody did; nothing refers to it"))
    about_somebody = names_people(table) or any(_is_about_somebody(column) for column in columns)
    key = _row_number(columns, keys)
    judged = {}
    for column in columns:
        beside = Beside(
            table=table.rpartition(".")[2],
            about_somebody=about_somebody,
            unique=column.name in keys.unique,
            listed=column.name in keys.listed,
            joins=column.name in keys.primary | keys.joins,
            named_by=_named_by(column.name, facts),
            key=key,
        )
        seen = facts.columns[column.name] if facts.looked else None
        suggested = judge_column(column, seen, facts.documents.get(column.name), beside)
        judged[column.name] = replace(suggested, facts=seen)
    return TableSuggestion(columns=judged, about_somebody=about_somebody)


def _is_about_somebody(column: ColumnLike) -> bool:
    return type_word(column) is None and is_about_somebody(column.name)


def _row_number(columns: Sequence[ColumnLike], keys: Keys) -> str:
    """The column that alone is the primary key and has a number for each row; empty where there is none."""
    numbers = (column.name for column in columns if type_word(column) in {"integer", "bigint"})
    return next((name for name in numbers if keys.primary == {name}), "")


def _named_by(name: str, facts: TableFacts) -> str:
    """The slug column of which this one is the wording, in most rows."""
    found = ((slug, count) for (slug, of), count in facts.slugs.items() if of == name)
    slug, count = max(found, key=lambda one: one[1], default=("", 0))
    return slug if 2 * count > facts.looked else ""


def _personal(found: Mapping[str, TableSuggestion]) -> Iterator[tuple[str, str, Facts]]:
    """Where, of what family and with what values somebody stands."""
    for table, suggestion in found.items():
        for name, judged in suggestion.columns.items():
            for path, leaf in leaves(f"{table}.{name}", judged):
                if leaf.rule.startswith(("person.", "company.", "address.")) and leaf.facts and leaf.facts.hashes:
                    yield path, leaf.rule, leaf.facts


def _public(found: Mapping[str, TableSuggestion]) -> set[bytes]:
    """Hashes of the public slugs of all tables, and of what they are made from."""
    columns = (judged for suggestion in found.values() for judged in suggestion.columns.values())
    return {
        one
        for judged in columns
        if judged.rule.startswith((PUBLIC_SLUGS, AS_PUBLIC)) and judged.facts
        for one in judged.facts.hashes
    }


def _compared(judged: Judgement, personal: Sequence[tuple[str, str, Facts]], public: Set[bytes]) -> Judgement:
    """What has the values of somewhere else is what that is; and what has one of somebody's is not kept."""
    if judged.keys is not None:
        below = {key: _compared(one, personal, public) for key, one in judged.keys.items()}
        return Judgement(judged.rule, judged.confidence, judged.reason, below, judged.facts)
    facts = judged.facts
    if facts is None or not facts.kinds["text"]:
        return judged
    if judged.keeps:
        for path, _, other in personal:
            if facts.looks.keys() & _TELLING and facts.hashes & other.hashes:
                return judged.but("text.lorem", Confidence.LOW, f"it has values of {path}")
        return judged
    if judged.rule in {"text.lorem", "text.words"} and not facts.personal and facts.hashes <= public:
        return judged.but("keep (as public as elsewhere)", Confidence.MEDIUM, "all its values are public elsewhere")
    if judged.rule == "text.lorem" and facts.different >= _ENOUGH:
        path, family, share = max(
            ((path, family, facts.overlap(other)) for path, family, other in personal),
            key=lambda one: one[2],
            default=("", "", 0.0),
        )
        if share >= 0.5:
            return judged.but(family, Confidence.MEDIUM, f"{percent(share)} of its values stand in {path} too")
        if judged.confidence is Confidence.LOW and facts.share(Look.PERSON) >= _NEARLY_ALL:
            return judged.but("person.name", Confidence.LOW, judged.reason)
    return judged


_TELLING = {Look.WORD, Look.PERSON, Look.PHRASE, Look.COMPANY, Look.SLUG, Look.LONG_NUMBER}
"""Looks of values that are not the same by chance; a small number is."""
_CODES = (Look.CODE, Look.SLUG, Look.NUMBER)


def _fitting(
    column: ColumnLike,
    columns: Sequence[ColumnLike],
    judged: Judgement,
    keys: Keys,
    fits: Fits,
    *,
    joins: bool,
    of_nobody: bool,
) -> Judgement | None:
    """The first rule that fits the column's type and width, its being unique and its form; None where none does.

    `joins` says that foreign keys lead to the column: what is made of other columns of its row could not be followed.
    `of_nobody` says that short codes in it may stay, where nothing else is possible.
    """
    if judged.keys is not None or judged.keeps:
        return judged
    unique, form = column.name in keys.unique, keys.forms.get(column.name, "")
    key = _row_number(columns, keys)
    formed = of_form(form, key, unique=unique)
    for rule in (*formed, *candidates(based(column), judged, key, unique=unique)):
        if (joins and rule.startswith("{template:")) or not fits(column, columns, rule, keys.unique):
            continue
        if rule in formed:
            return judged.but(rule, Confidence.MEDIUM, f"{judged.reason}; a check wants this form")
        if form and rule != "null":
            return judged.but(rule, Confidence.LOW, f"{judged.reason}; a check wants a form that this may not have")
        return judged if rule == judged.rule else judged.but(rule, Confidence.LOW, f"{judged.reason}; it has no room")
    if of_nobody and _are_codes(judged.facts):
        what = "codes that join tables" if joins else "short codes"
        return judged.but(f"keep ({what})", Confidence.LOW, f"{judged.reason}; no fake fits it")
    return None


def _are_codes(facts: Facts | None) -> bool:
    """Whether values are short codes and words in which nothing looks like somebody's."""
    return bool(facts and facts.looks and not facts.personal and facts.share(*_CODES) == 1)
