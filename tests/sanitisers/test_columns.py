"""What a type is called, in whichever way pg_dump writes it."""

import pytest

from sanitisers.columns import Kind, holds_text, is_hstore, is_json, kind, type_word
from sanitisers.suggesting.proposal import propose
from tests.sanitisers.columns import Column


@pytest.mark.parametrize(
    ("written", "word", "fits"),
    [
        ('"uuid"', "uuid", Kind.OTHER),
        ('"date"', "date", Kind.OTHER),
        ('"text"', None, Kind.TEXT),
        ('"jsonb"', None, Kind.JSON),
        ('"inet"', None, Kind.OTHER),
        ('"uuid"[]', None, Kind.OTHER),
        ('"Uuid"', None, Kind.UNKNOWN),
        ('"uuid(3)"', None, Kind.UNKNOWN),
        ('"public"."uuid"', None, Kind.UNKNOWN),
        ('"char"', None, Kind.UNKNOWN),
        ('"money"', None, Kind.OTHER),
        ("bit varying(3)", None, Kind.OTHER),
        ("point", None, Kind.OTHER),
        ("int4range", None, Kind.OTHER),
        ("extensions.citext", None, Kind.TEXT),
        ('"Other ""one"""."citext"', None, Kind.TEXT),
        ("extensions.notcitext", None, Kind.UNKNOWN),
        ("char", None, Kind.TEXT),
    ],
)
def test_a_type_in_quotes_is_the_built_in_one_of_that_name(written: str, word: str | None, fits: Kind) -> None:
    column = Column("c", written)
    assert (type_word(column), kind(column)) == (word, fits)


TEXT, NUMBER = Column("[]"), Column("[]", "integer")
BOXES = {
    "texts": (Column("c", "public.d", base="text[]", element=TEXT), True, "{each: text.lorem}"),
    "e-mails": (Column("email", "text[]", element=TEXT), True, "{each: person.email}"),
    "numbers": (Column("c", "integer[]", element=NUMBER), False, "null"),
    "moods": (Column("c", "public.mood[]", element=Column("[]", "public.mood", enum=True)), False, "keep (say why)"),
    "pair": (Column("c", "public.p", fields=(TEXT, NUMBER)), True, '{fields: {"[]": text.lorem, "[]": null}}'),
    "pairs": (
        Column("c", "public.p[]", element=Column("[]", "public.p", fields=(Column("full name"),))),
        True,
        '{each: {fields: {"full name": person.name}}}',
    ),
    "two numbers": (Column("c", "public.p", fields=(NUMBER,)), False, '{fields: {"[]": null}}'),
}


@pytest.mark.parametrize(("column", "text", "proposal"), BOXES.values(), ids=BOXES)
def test_a_type_that_holds_others_fits_no_rule_for_single_values(column: Column, text: bool, proposal: str) -> None:
    assert (kind(column), holds_text(column), propose(column).rule) == (Kind.OTHER, text, proposal)


def test_hstores_and_documents_are_known_under_domains() -> None:
    assert is_hstore(Column("c", "public.d", base="public.hstore"))
    assert is_hstore(Column("c", '"public"."hstore"'))
    assert not any(is_hstore(Column("c", type)) for type in ("public.hstores", "hstore.public", "text", '"hstore".x'))
    assert all(is_json(Column("c", "public.d", base=base)) for base in ("json", "jsonb", '"jsonb"'))
    assert not is_json(Column("c", "public.json"))
    assert propose(Column("c", "public.d", base="jsonb")).rule == "{json: {}}"
