"""What a condition may say, and what is refused with the place and the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast import keywords

from sanitisers import RulesetError, compile_ruleset
from sanitisers.predicate.reading import RESERVED, NotUnderstood, read_predicate
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

COLUMNS = [
    Column("id", "integer", not_null=True),
    Column("small", "smallint"),
    Column("big", "bigint"),
    Column("name"),
    Column("code", "character(8)", max_length=8),
    Column("mail", "public.citext"),
    Column("nick", collated=True),
    Column("active", "boolean"),
    Column("price", "numeric(11,2)"),
    Column("ratio", "double precision"),
    Column("born", "date"),
    Column("at", "timestamp(3) without time zone"),
    Column("seen", "timestamp with time zone"),
    Column("state", "public.state", enum=True, labels=("open", "closed")),
    Column("mood", "public.mood", enum=True),
    Column("uid", "uuid"),
    Column("data", "jsonb"),
    Column("tags", "text[]", element=Column("[]")),
    Column("parts", "public.part[]", element=Column("[]", "public.part", fields=(Column("x"),))),
    Column("part", "public.part", fields=(Column("x"),)),
    Column("whole", "public.whole", base="public.part", fields=(Column("x"),)),
    Column("age", "public.age", base="integer"),
    Column("shape", "public.geometry"),
    Column("pairs", "other.hstore"),
    Column("total", "integer", generated=True),
    Column("user", "text"),
]


def compiled(condition: str) -> None:
    lines = condition.replace("\n", "\n      ")
    text = f"ruleset: 1\ntables:\n  t:\n    columns:\n      NAMES: keep\n    rows: |\n      {lines}\n"
    ruleset = parse_ruleset(text.replace("NAMES", ", ".join(one.name for one in COLUMNS)), "r.yaml")
    made = compile_ruleset(ruleset, {"t": COLUMNS}, KEY)
    made.table("t", [column.name for column in COLUMNS if not column.generated])


ELSEWHERE = "; what takes more than the row's own columns and fixed values belongs in `after_load`"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("name LIKE 'a%'", "`LIKE` is not understood here"),
        ("name NOT LIKE 'a%'", "`LIKE` is not understood here"),
        ("name ~ 'a'", "`~` is not understood here"),
        ("name || 'a' = 'b'", "`||` is not understood here"),
        ("data->>'a' = 'b'", "`->>` is not understood here"),
        ("data @> '{}'", "`@>` is not understood here"),
        ("id BETWEEN 1 AND 2", "`BETWEEN` is not understood here"),
        ("id + 1 = 2", "`+` is not understood here"),
        ("id = 1 + 1", "`+` is not understood here"),
        ("id % 2 = 0", "`%` is not understood here"),
        ("id = 1.5", "`1.5` is not understood here"),
        ("id = 1e3", "`1e3` is not understood here"),
        ("id = 1_000", "`1_000` is not understood here"),
        ("id == 1", "`==` is not understood here"),
        ("id => 1", "`=>` is not understood here"),
        ("id = 1 = 2", "`=` is not understood here"),
        ("id = 1;", "`;` is not understood here"),
        ("id = $1", "`$` is not understood here"),
        ("id = 1 -- one", "`--` is not understood here"),
        ("id <-> 1", "`->` is not understood here"),
        ("id = /* one */ 1", "`/*` is not understood here"),
        ("id::text = '1'", "`::` is not understood here"),
        ("t.id = 1", "`.` is not understood here"),
        ("lower(name) = 'a'", "`lower(…)` is a function"),
        ("at > now()", "`now(…)` is a function"),
        ("at > CURRENT_TIMESTAMP", "`CURRENT_TIMESTAMP` is a word of SQL"),
        ("user = 'me'", "`user` is a word of SQL that is not understood here; the name of a column that is such"),
        ("id IN (SELECT 1)", "`SELECT` is a word of SQL"),
        ("EXISTS (SELECT 1)", "`EXISTS(…)` is a function"),
        ("id = ANY ('{1}')", "`ANY` is a word of SQL"),
        ("CASE WHEN active THEN true END", "`CASE` is a word of SQL"),
        ("id = small", "it compares two columns with each other"),
        ("1 = 1", "what stands beside `=` is not a column and a value"),
        ("(id = 1) = TRUE", "what stands beside `=` is not a column and a value"),
        ("id = (small IS NULL)", "what stands beside `=` is not a column and a value"),
        ("id IN (1, small)", "what `IN` lists are not all values"),
        ("id IN (1,)", "`)` is not understood here"),
        ("id IN ()", "`)` is not understood here"),
        ("id IN 1", "`1` is not understood here"),
        ("1 IN (id)", "what stands before `IN` is not a column"),
        ("(id, small) IN ((1, 2))", "`,` is not understood here"),
        ("id = NULL", "nothing is equal to NULL, nor unequal; write `IS NULL` or `IS NOT NULL`"),
        ("id NOT IN (1, NULL)", "nothing is equal to NULL"),
        ("NULL", "a value by itself is no condition"),
        ("'true'", "a value by itself is no condition"),
        ("1", "a value by itself is no condition"),
        ("id IS DISTINCT FROM 1", "`DISTINCT` is not understood here"),
        ("id ISNULL", "`ISNULL` is not understood here"),
        ("id IS NULL IS TRUE", "`IS` is not understood here"),
        ("name = E'a'", "`E` before a text in quotes is not understood here"),
        ("name = 'a' 'b'", "a text in quotes stands where none is understood"),
        ("name = 'a", "a quotation mark ' has no end, or nothing in it"),
        ('"" = 1', 'a quotation mark " has no end, or nothing in it'),
        ("born = date '2020-01-01'", "`date` before a text in quotes is not understood here"),
        ("(id = 1", "it ends too early"),
        ("id = 1 AND", "it ends too early"),
        ("id = 1)", "`)` is not understood here"),
        ("id = 1 id = 2", "`id` is not understood here"),
        ("id = " + "9" * 50, "it has a number that no integer column can hold"),
        ("(" * 60 + "active" + ")" * 60, "it is nested more than 50 deep"),
        ("NOT " * 60 + "active", "it is nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_the_row_alone_does_not_tell_is_refused_by_its_place(condition: str, words: str) -> None:
    with pytest.raises(RulesetError) as refused:
        compiled(condition)
    (message,) = refused.value.messages
    assert message.startswith(f"r.yaml:6: tables.t.rows: {words}")
    assert message.endswith(ELSEWHERE)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("nme = 'a'", "the table has no column `nme`; did you mean `name`?"),
        ('"Name" = \'a\'', "the table has no column `Name`; did you mean `name`?"),
        ("oid = 1", "the table has no column `oid`"),
        ("total = 1", "the server computes `total`, so its values are not in the dump"),
        ("name", "`name` is text and no boolean, so by itself it is no condition"),
        ("id IS TRUE", "`id` is integer and no boolean"),
        ("id AND active", "`id` is integer and no boolean"),
        ("id = 'x'", "`id` is integer, to be compared with an integer that its type can hold"),
        ("id = TRUE", "`id` is integer, to be compared with"),
        ("id = '1.0'", "`id` is integer, to be compared with"),
        ("id = ' 1'", "`id` is integer, to be compared with"),
        ("id = '2147483648'", "`id` is integer, to be compared with"),
        ("small IN (1, '32768')", "`small` is smallint, to be compared with"),
        ("big = 9223372036854775808", "`big` is bigint, to be compared with"),
        ("name = 1", "`name` is text, to be compared with a text in quotes"),
        ("name = TRUE", "`name` is text, to be compared with a text in quotes"),
        ("name < 'b'", "`<` is for numbers and dates; `name` is text, with an order of its own"),
        ("state > 'open'", "`>` is for numbers and dates; `state` is public.state"),
        ("uid > '00000000-0000-0000-0000-000000000000'", "`>` is for numbers and dates"),
        ("code = 'a'", "nothing is compared with a character(8) here, as `code` is: blanks at the end may count"),
        ("mail = 'a'", "nothing is compared with a public.citext here, as `mail` is: capital letters"),
        ("nick = 'a'", "`nick` has a collation of its own, which may take different texts for equal"),
        ("price = 1", "nothing is compared with a numeric(11,2) here, as `price` is: the same number"),
        ("ratio > 1", "`>` is for numbers and dates; `ratio` is double precision"),
        ("ratio IN (1)", "nothing is compared with a double precision here, as `ratio` is"),
        ("data = '{}'", "nothing is compared with a jsonb here"),
        ("tags = '{}'", "nothing is compared with a text[] here"),
        ("age = 1", "nothing is compared with a public.age here"),
        ("shape IS NULL", "whether a public.geometry is NULL may depend on what is in it, so `shape` is not looked"),
        ("whole IS NULL", "whether a public.whole is NULL may depend on what is in it"),
        ("part IS NOT NULL", "whether a public.part is NULL may depend on what is in it"),
        ("active = 1", "`active` is boolean, to be compared with TRUE or FALSE"),
        ("active = 'maybe'", "`active` is boolean, to be compared with TRUE or FALSE"),
        ("state = 'opn'", "`opn` is no label of public.state, the type of `state`; did you mean `open`?"),
        ("state IN ('open', 'zzz')", "`zzz` is no label of public.state, the type of `state`; its labels are open"),
        ("state = 1", "`state` is public.state, to be compared with a text in quotes"),
        ("born = '2020-1-1'", "`born` is date, to be compared with an ISO date in quotes, such as '2026-03-31'"),
        ("born = '2020-02-30'", "`born` is date, to be compared with"),
        ("born = '2020-01-01 10:00'", "`born` is date, to be compared with"),
        ("born = 'infinity'", "`born` is date, to be compared with"),
        ("born = 'today'", "`born` is date, to be compared with"),
        ("born = '9999-01-01'", "`born` is date, to be compared with"),
        ("born = '2026-01-01 BC'", "`born` is date, to be compared with"),
        ("born >= '12026-01-01'", "`born` is date, to be compared with"),
        ("at > '12026-01-01 00:00:00'", "`at` is timestamp(3) without time zone, to be compared with"),
        ("at < '2026-01-01 00:00:00 BC'", "`at` is timestamp(3) without time zone, to be compared with"),
        ("seen > '12026-01-01 00:00:00+00'", "`seen` is timestamp with time zone, to be compared with"),
        ("born = 20200101", "`born` is date, to be compared with"),
        ("at = '2020-01-01 10:00+00'", "`at` is timestamp(3) without time zone, to be compared with an ISO date"),
        ("at = '2020-01-01 10:00:00.1234567'", "`at` is timestamp(3) without time zone, to be compared with"),
        ("at = '2020-01-01 24:00'", "`at` is timestamp(3) without time zone, to be compared with"),
        ("seen = '2020-01-01 10:00'", "`seen` is timestamp with time zone, to be compared with an ISO date and time"),
        ("seen = '2020-01-01'", "`seen` is timestamp with time zone, to be compared with"),
        ("seen = '2020-01-01 10:00+17'", "`seen` is timestamp with time zone, to be compared with"),
        ("uid = 'x'", "`uid` is uuid, to be compared with a UUID in quotes"),
    ],
)  # fmt: skip
def test_what_a_column_cannot_be_compared_with_is_refused_by_its_place(condition: str, words: str) -> None:
    with pytest.raises(RulesetError) as refused:
        compiled(condition)
    (message,) = refused.value.messages
    assert message.startswith(f"r.yaml:6: tables.t.rows: {words}")
    assert "after_load" not in message


@pytest.mark.parametrize(
    "condition",
    [
        "\n\tactive\nAND id\n>= 5",
        "\"user\" = 'me'",
        "\"id\" = '5' or ID <> +5",
        "data IS NULL AND tags IS NOT NULL AND parts IS NULL AND price IS NULL AND code IS NULL AND mail IS NULL",
        "nick IS NULL AND age IS NULL AND pairs IS NOT NULL",
        "state IN ('open') AND mood = 'any'",
        "((active)) IS NOT UNKNOWN",
        "at > '2020-01-01' AND born<='2020-01-01' AND seen<>'2020-01-01T10:00Z'",
        "NOT NOT active",
        " OR ".join(["id = 1"] * 2000),
    ],
)
def test_what_is_written_otherwise_is_understood_all_the_same(condition: str) -> None:
    compiled(condition)


def test_every_word_that_is_no_name_of_a_column_to_the_server_is_none_here() -> None:
    assert set(keywords.RESERVED_KEYWORDS) | set(keywords.TYPE_FUNC_NAME_KEYWORDS) <= RESERVED


@given(st.text(st.sampled_from("aA1 '\"()=<>!-+,.andortisnulltruefalse\n\u00a0\u00e9")) | st.text())
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        read_predicate(text)
    except NotUnderstood:
        return
