"""What a type is called, in whichever way pg_dump writes it."""

import pytest

from sanitisers.columns import Kind, kind, type_word
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
        ("char", None, Kind.TEXT),
    ],
)
def test_a_type_in_quotes_is_the_built_in_one_of_that_name(written: str, word: str | None, fits: Kind) -> None:
    column = Column("c", written)
    assert (type_word(column), kind(column)) == (word, fits)
