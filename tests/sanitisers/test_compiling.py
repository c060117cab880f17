import re

import pytest

from sanitisers import RulesetError, Unclassified, compile_ruleset
from sanitisers.covering import rule_for
from sanitisers.ruleset.loading import parse_ruleset
from sanitisers.ruleset.rules import Keep
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY, sanitiser

DEFAULTS = """
ruleset: 1
defaults:
  boolean: keep (boolean)
  "*_id": keep (pattern)
  "*_by_id": keep (late)
  supplier_id: keep (name)
  timestamp: keep (timestamp)
  enum: keep (enum)
  integer: keep (integer)
  numeric: keep (numeric)
tables:
  t:
    columns:
      own_id: keep (rule)
"""


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (Column("own_id", "integer"), "rule"),
        (Column("supplier_id", "integer"), "name"),
        (Column("user_id", "bigint"), "pattern"),
        (Column("made_by_id", "uuid"), "pattern"),
        (Column("count", "integer"), "integer"),
        (Column("count", "smallint"), "integer"),
        (Column("done", "boolean"), "boolean"),
        (Column("at", "timestamp(3) without time zone"), "timestamp"),
        (Column("at", "timestamp with time zone"), "timestamp"),
        (Column("price", "numeric(11,2)"), "numeric"),
        (Column("role", "public.roles", enum=True), "enum"),
        (Column("supplier_id", "text"), None),
        (Column("supplier_id", "character varying(9)"), None),
        (Column("supplier_id", "jsonb"), None),
        (Column("supplier_id", "bigint[]"), None),
        (Column("supplier_id", "public.domain"), None),
        (Column("phone", "bigint"), None),
        (Column("born", "date"), None),
        (Column("user_id", "character varying(9)"), None),
        (Column("user_id", "integer[]"), None),
        (Column("user_id", "public.domain"), None),
        (Column("data", "jsonb"), None),
    ],
)
def test_the_nearest_line_decides(column: Column, line: str | None) -> None:
    rule = rule_for(parse_ruleset(DEFAULTS, "d.yaml"), "t", column)
    assert rule == (None if line is None else Keep(reason=line))


@pytest.mark.parametrize(
    "type", ["text", "character varying(40)", "json", "jsonb", "bytea", "inet", "text[]", "public.d"]
)
@pytest.mark.parametrize("line", ["c", "'*c'", "c*", "'?'", "'[a-d]'"])
def test_no_line_of_defaults_covers_what_may_hold_any_text(line: str, type: str) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ndefaults: {{{line}: keep}}\ntables: {{t: {{columns: {{}}}}}}", "d.yaml")
    assert rule_for(ruleset, "t", Column("c", "integer")) == Keep()
    assert rule_for(ruleset, "t", Column("c", type)) is None


@pytest.mark.fault("49", "L8")
def test_what_nobody_classified_stops_with_lines_that_can_be_pasted() -> None:
    columns = [
        Column("id", "integer", not_null=True),
        Column("E mail", "text"),
        Column("notes", "text"),
        Column("phone", "bigint"),
        Column("born", "date", not_null=True),
        Column("extra", "jsonb", not_null=True),
        Column("sum", "integer", generated=True),
    ]
    with pytest.raises(Unclassified) as refused:
        sanitiser(columns, "id: keep")
    assert refused.value.columns == tuple(("t", column.name, column.type) for column in columns[1:6])
    assert refused.value.paste == (
        "tables:\n"
        "  t:\n"
        "    columns:\n"
        '      "E mail": person.email  # text\n'
        "      notes: text.lorem  # text\n"
        "      phone: null  # bigint\n"
        '      born: {value: "1970-01-01"}  # date\n'
        "      extra: {json: {}}  # jsonb"
    )
    assert refused.value.paste in str(refused.value)
    assert "5 columns are" in str(refused.value)
    decided = refused.value.paste.replace("say why", "public")
    ruleset = parse_ruleset(f"ruleset: 1\ndefaults: {{id: keep}}\n{decided}\n", "pasted.yaml")
    assert compile_ruleset(ruleset, {"t": columns}, KEY).warnings == ()


def test_an_unknown_table_or_column_of_the_rows_is_refused() -> None:
    made = sanitiser([Column("a")], "a: keep")
    with pytest.raises(Unclassified) as refused:
        made.table("t", ["a", "b"])
    assert [column[:2] for column in refused.value.columns] == [("t", "b")]
    with pytest.raises(Unclassified):
        made.table("u", ["a"])


@pytest.mark.parametrize(
    ("rule", "column", "words"),
    [
        ("null", Column("c", not_null=True), "the column refuses NULL"),
        ("{value: null}", Column("c", not_null=True), "the column refuses NULL"),
        ("person.name", Column("c", "integer"), "does not fit type integer"),
        ("person.name", Column("c", "date"), "does not fit type date"),
        ("person.name", Column("c", "jsonb"), "with `json:`"),
        ("person.name", Column("c", "public.e", enum=True), "does not fit type public.e"),
        ("person.phone", Column("c", "character varying(9)", max_length=9), "needs 13 characters"),
        ("person.email", Column("c", "character varying(20)", max_length=20), "characters, and character varying(20)"),
        ("person.name", Column("c", "character varying(3)", max_length=3), "characters, and character varying(3)"),
        ("{bcrypt: x}", Column("c", "character varying(59)", max_length=59), "needs 60 characters"),
        ("{bcrypt: x}", Column("c", "integer"), "does not fit type integer"),
        ("company.duns", Column("c", "smallint"), "it may write 999,999, and smallint holds numbers up to 32,767"),
        ("company.duns", Column("c", "numeric(5,2)"), "it may write 999,999, and numeric(5,2) holds numbers up to 999"),
        ("{value: 32768}", Column("c", "smallint"), "it may write 32,768, and smallint holds numbers up to 32,767"),
        ("{value: -32769}", Column("c", "smallint"), "holds numbers up to 32,767"),
        ("{one_of: [1, 1.5]}", Column("c", "integer"), "the value does not fit type integer: it is no integer"),
        ("{value: abc}", Column("c", "integer"), "no number"),
        ('{value: "1_000"}', Column("c", "numeric"), "no number"),
        ("{one_of: [1_000]}", Column("c", "numeric"), "no number"),
        ('{value: "١"}', Column("c", "numeric"), "no number"),
        ("{value: 1e999}", Column("c", "numeric"), "no number"),
        ("{value: true}", Column("c", "numeric"), "no number"),
        ("{value: 1}", Column("c", "boolean"), "neither true nor false"),
        ("{value: [1]}", Column("c", "text"), "a map or a list"),
        ("{value: abc}", Column("c", "character varying(2)", max_length=2), "needs 3 characters"),
        ("{json: {}}", Column("c", "date"), "holds no documents"),
        ("{json: {}}", Column("c", "public.hstore"), "holds no documents"),
        ("text.lorem", Column("c", "public.hstore"), "with `entries:`"),
        ("{pattern: '[a-z]{3}'}", Column("c", "public.hstore"), "with `entries:`"),
        ("{template: 'x-{id}'}", Column("c", "public.hstore"), "with `entries:`"),
        ("{json: {'*': keep}, rest: keep (x)}", Column("c", "json"), "twice"),
        ("person.email at {nme}@x.org", Column("c"), "`{nme}` is not a column of this table that is kept"),
        ("person.email at {name}@x.org", Column("c"), "`{name}` is not a column of this table that is kept"),
        ("person.email at {c}@x.org", Column("c"), "`{c}` is not a column of this table that is kept"),
        ("person.email at {loose}@x.org", Column("c"), "`{loose}` may be NULL"),
        ('{template: "{id:09}-{id}"}', Column("c", "character varying(10)", max_length=10), "needs 11 characters"),
        ("person.name", Column("c", "public.d", base="integer"), "does not fit type public.d"),
        ("company.duns", Column("c", "public.d", base="smallint"), "public.d holds numbers up to 32,767"),
        ("{value: 1.5}", Column("c", "public.d", base="bigint"), "no integer"),
        ("{value: perhaps}", Column("c", "public.d", base="boolean"), "neither true nor false"),
        ("{one_of: [perhaps]}", Column("c", "public.d", base="boolean"), "neither true nor false"),
        ("{json: {}}", Column("c", "public.d", base="date"), "holds no documents"),
        ("{function: string.capwords}", Column("c", "public.d", base="jsonb"), "with `json:`"),
        ("date.shift", Column("c", "public.d", base="numeric(4,2)"), "does not fit type public.d"),
        ("number.noise", Column("c", "public.d", base="date"), "does not fit type public.d"),
        ("{value: .nan}", Column("c", "jsonb"), "JSON has no number that is infinite, or none"),
        ("{json: {a: {value: [.inf]}}}", Column("c", "jsonb"), "JSON has no number that is infinite, or none"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_fit_its_column_is_refused(rule: str, column: Column, words: str) -> None:
    others = [Column("id", "integer", not_null=True), Column("name"), Column("loose")]
    with pytest.raises(RulesetError) as refused:
        sanitiser([*others, column], f"id, loose: keep\nname: person.name\nc: {rule}")
    (message,) = refused.value.messages
    assert message.startswith("test.yaml:8: tables.t.columns.c: ")
    assert words in message


SHAPED = (
    *(
        "money",
        "bit(3)",
        "bit varying(3)",
        "macaddr",
        "macaddr8",
        "oid",
        "pg_lsn",
        "point",
        "line",
        "lseg",
        "box",
        "path",
    ),
    *(
        "polygon",
        "circle",
        "int4range",
        "tstzrange",
        "nummultirange",
        "tsvector",
        "tsquery",
        "jsonpath",
        "xml",
        "bytea",
    ),
    *("inet", "cidr", "regclass", "xid8", "pg_snapshot", '"interval"', '"money"'),
)


@pytest.mark.parametrize("type", SHAPED)
@pytest.mark.parametrize("rule", ["person.name", "{pattern: '[a-z]{3}'}", "text.redact", "{json: {a: keep}}"])
def test_no_type_of_the_servers_that_is_none_of_text_takes_any_text(type: str, rule: str) -> None:
    with pytest.raises(RulesetError, match=r"fit type|holds no documents"):
        sanitiser([Column("c", type)], f"c: {rule}")


@pytest.mark.parametrize("rule", ["person.name", "{pattern: '[a-z]{3}'}", "{value: x}", "text.redact", "{json: {}}"])
@pytest.mark.parametrize("type", ["public.ltree", '"char"', "name", "extensions.citext"])
def test_what_a_type_of_others_takes_the_server_says(type: str, rule: str) -> None:
    assert sanitiser([Column("c", type)], f"c: {rule}").warnings == ()


@pytest.mark.parametrize(
    ("rule", "base", "before", "after"),
    [
        ("{value: {a: 1}}", "jsonb", b"{}", rb'\{"a": 1\}'),
        ("{json: {a: keep}}", '"jsonb"', b'{"a": 1, "b": 2}', rb'\{"a": 1\}'),
        ("{value: false}", "boolean", b"t", rb"false"),
        ("number.noise 50 %", "numeric(5,2)", b"100.00", rb"\d+\.\d\d"),
        ("date.shift", "timestamp(3) without time zone", b"2020-01-01 10:00:00", rb"20\d\d-\d\d-\d\d 10:00:00"),
        ("company.duns", "bigint", b"960000001", rb"000\d{6}"),
        ("uuid", "uuid", b"6f0e8a52-0000-4000-8000-000000000000", rb"[0-9a-f-]{36}"),
        ("ip", "inet", b"10.0.0.1", rb"[0-9.]+"),
    ],
)
def test_a_domain_takes_what_the_type_under_it_takes(rule: str, base: str, before: bytes, after: bytes) -> None:
    made = sanitiser([Column("c", "public.d", base=base)], f"c: {rule}").table("t", ["c"])
    assert re.fullmatch(after + b"\n", bytes(made.apply(before + b"\n").rows))


def test_a_number_for_a_number_fits() -> None:
    made = sanitiser([Column("duns", "bigint")], "duns: company.duns")
    assert bytes(made.table("t", ["duns"]).apply(b"960000001\n").rows).strip().isdigit()


@pytest.mark.fault("50")
def test_rules_for_what_is_gone_only_warn() -> None:
    columns = [Column("a"), Column("total", "integer", generated=True)]
    text = """\
ruleset: 1
tables:
  t:
    columns: {a: keep, b: person.name, total: null}
  gone: empty
"""
    made = compile_ruleset(parse_ruleset(text, "w.yaml"), {"t": columns}, KEY)
    assert made.warnings == (
        "w.yaml:5: tables.gone: there is no such table in the dump",
        "w.yaml:4: tables.t.columns.b: there is no such column in the dump",
        "w.yaml:4: tables.t.columns.total: the server computes this column, so the rule has nothing to do",
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("usrs: {columns: {a: keep}}", "tables.usrs: there is no such table in the dump; did you mean `users`?"),
        ("public.users: empty", "tables.public.users: there is no such table in the dump; did you mean `users`?"),
        ("users: {columns: {aaa: keep}}", "users.columns.aaa: there is no such column in the dump; did you mean `aa`?"),
        (
            'users: {columns: {"aa, b": keep}}',
            "users.columns.aa, b: there is no such column in the dump; in quotes it is",
        ),
    ],
    ids=["a table", "a schema that is not written", "a column", "two columns in quotes"],
)
def test_what_is_not_covered_because_its_name_is_misspelt_is_said_with_the_misspelling(lines: str, said: str) -> None:
    ruleset = parse_ruleset(f"ruleset: 1\ntables:\n  {lines}\n", "n.yaml")
    with pytest.raises(Unclassified) as caught:
        compile_ruleset(ruleset, {"users": [Column("aa", "text")]}, KEY)
    assert "n.yaml:3: " in str(caught.value)
    assert said in str(caught.value)


def test_an_empty_table_needs_no_classification_and_drops_its_rows() -> None:
    ruleset = parse_ruleset("ruleset: 1\ntables: {t: empty}", "e.yaml")
    made = compile_ruleset(ruleset, {"t": [Column("a"), Column("b", "jsonb")]}, KEY)
    table = made.table("t", ["b", "a"])
    block = table.apply(b"1\t2\n3\t4\n")
    assert (table.empties, table.passes) == (True, False)
    assert (bytes(block.rows), block.count_in, block.count_out) == (b"", 2, 0)
    assert made.report()["t"].rows_in == 2


def test_tables_outside_public_go_by_their_full_name() -> None:
    ruleset = parse_ruleset("ruleset: 1\ntables: {other.t: {columns: {a: keep}}}", "o.yaml")
    with pytest.raises(Unclassified):
        compile_ruleset(ruleset, {"t": [Column("a")]}, KEY)
    assert compile_ruleset(ruleset, {"other.t": [Column("a")]}, KEY).table("other.t", ["a"]).passes


def test_the_fingerprint_changes_with_rules_pools_and_key() -> None:
    columns = [Column("a")]
    plain = sanitiser(columns, "a: person.name")
    others = [
        sanitiser(columns, "a: person.first_name"),
        sanitiser(columns, "a: person.name", key=KEY[::-1]),
        sanitiser(columns, "a: person.name", head="locale: de_DE"),
    ]
    assert plain.fingerprint == sanitiser(columns, "a: person.name").fingerprint
    assert len({plain.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_a_locale_that_faker_lacks_is_refused() -> None:
    with pytest.raises(RulesetError, match="no locale `xx_YY`"):
        sanitiser([Column("a")], "a: keep", head="locale: xx_YY")


def test_a_locale_that_faker_lacks_is_named_with_its_line_and_the_nearest_one() -> None:
    ruleset = parse_ruleset("ruleset: 1\nlocale: en_GBB\ntables: {}\n", "l.yaml")
    with pytest.raises(RulesetError, match=r"^l.yaml:2: locale: Faker has no locale `en_GBB`; did you mean `en_GB`\?$"):
        compile_ruleset(ruleset, {}, KEY)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="15 bytes"):
        sanitiser([Column("a")], "a: keep", key=b"x" * 15)


@pytest.mark.parametrize(
    ("rule", "warned"),
    [
        ('{json: {"name, mail": null}, rest: keep (x)}', True),
        ('{json: {x: {"a, b": null, "*": keep (y)}}}', True),
        ('{json: {"name, mail": null}}', False),
        ("{json: {name: null}, rest: keep (x)}", False),
    ],
)
def test_a_key_with_a_comma_is_warned_of_where_what_is_not_named_is_kept(rule: str, warned: bool) -> None:
    text = f"ruleset: 1\ntables: {{t: {{columns: {{a: {rule}}}}}}}"
    found = compile_ruleset(parse_ruleset(text, "r.yaml"), {"t": [Column("a", "jsonb")]}, bytes(32)).warnings
    assert any("is one key, commas and all" in one for one in found) is warned


def test_the_fingerprint_tells_a_number_from_the_same_one_spelt_otherwise() -> None:
    texts = (f"ruleset: 1\ntables: {{t: {{columns: {{a: {{value: {value}}}}}}}}}" for value in ("007", "7"))
    first, second = (
        compile_ruleset(parse_ruleset(text, "r.yaml"), {"t": [Column("a", "text")]}, bytes(32)) for text in texts
    )
    assert first.fingerprint != second.fingerprint
