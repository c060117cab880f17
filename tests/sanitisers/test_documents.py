import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import ValueRefused
from sanitisers.engine.copy_text import decode, encode
from tests.sanitisers.columns import Column
from tests.sanitisers.making import one, table


def sanitised(rule: str, document: str) -> str:
    (out,) = one(rule, [encode(document.encode())], "json")
    return decode(out).decode()


def test_what_is_not_named_is_dropped() -> None:
    assert sanitised("{json: {a: keep}}", '{"b": 1, "a": 2, "c": {"a": 3}}') == '{"a": 2}'
    assert sanitised("{json: {}}", '{"b": 1}') == "{}"


def test_what_is_kept_is_kept_to_the_byte() -> None:
    kept = '{"x" : 1.10,"y":[12345678901234567890 ,-0.0e-7], "z": "\\u00e9\\/\\n \\"q\\"", "d":1,"d":2}'
    assert sanitised("{json: {a: keep}}", f'{{ "a" :{kept}\t}}') == f'{{"a": {kept}}}'


def test_the_order_of_the_keys_stays() -> None:
    assert list(json.loads(sanitised("{json: {a: keep, b: keep, c: keep}}", '{"c":1,"a":2,"b":3}'))) == ["c", "a", "b"]


def test_a_value_has_the_fake_that_it_has_in_a_column() -> None:
    for original in ("Ada", 'Jo "x" \\ é', "two\nlines"):
        (fake,) = one("person.email", [encode(original.encode())])
        for written in (json.dumps(original), json.dumps(original, ensure_ascii=False)):
            assert json.loads(sanitised("{json: {a: person.email}}", f'{{"a": {written}}}')) == {"a": fake.decode()}


def test_rules_go_into_objects_and_lists() -> None:
    rule = "{json: {a: {b: person.name, '*': keep}, l: {e: person.name}, n: {deep: {er: keep}}}}"
    found = json.loads(
        sanitised(rule, '{"a": {"b": "x", "c": 1}, "l": [{"e": "x", "f": 1}, [{"e": ""}], 7, null], "n": {"deep": {}}}')
    )
    (fake,) = one("person.name", [b"x"])
    name = fake.decode()
    assert found == {"a": {"b": name, "c": 1}, "l": [{"e": name}, [{"e": ""}], None, None], "n": {"deep": {}}}


def test_leaves_of_lists_are_replaced_one_by_one() -> None:
    found = json.loads(
        sanitised("{json: {a: person.email}}", '{"a": ["x", "", "y", ["x"], null, {"k": "v"}, 5, true]}')
    )
    x, y, five, true = (fake.decode() for fake in one("person.email", [b"x", b"y", b"5", b"true"]))
    assert found == {"a": [x, "", y, [x], None, {}, five, true]}
    assert json.loads(sanitised("{json: {a: person.email}}", '{"a": ["x", "y"]}')) == {"a": [x, y]}
    assert json.loads(sanitised("{json: {a: person.email}}", '{"a": []}')) == {"a": []}


@pytest.mark.parametrize(
    ("document", "outcome"),
    [("null", "null"), ('"text"', "{}"), ("17", "{}"), ("[]", "[]"), ('[{"a": 1, "b": 2}, 3]', '[{"a": 1}, null]')],
)
def test_documents_that_are_no_objects_lose_what_no_key_names(document: str, outcome: str) -> None:
    assert sanitised("{json: {a: keep}}", f" {document}\n") == outcome


@pytest.mark.parametrize("document", ["null", "[1]", "7", "{}", '{"b": {"status": 1}}', '[{"status": 1}]'])
def test_any_document_without_the_wanted_key_becomes_empty(document: str) -> None:
    assert sanitised("{only_with: status, json: {status: keep}}", document) == "{}"
    assert sanitised("{only_with: status, json: {status: keep}}", '{"status": null}') == '{"status": null}'


def test_the_rest_can_be_kept_on_the_outside() -> None:
    assert sanitised("{json: {a: {b: keep}}, rest: keep (why)}", '{"x": {"y": 1}, "a": {"b": 1, "c": 2}}') == (
        '{"x": {"y": 1}, "a": {"b": 1}}'
    )


def test_constants_stand_where_something_stood() -> None:
    rule = "{json: {a: {value: gb}, n: null, v: {value: 3}, o: {json: {value: keep}}}}"
    assert sanitised(rule, '{"a": "x", "n": "x", "v": [1, 2], "o": {"value": 5, "x": 6}}') == (
        '{"a": "gb", "n": null, "v": [3, 3], "o": {"value": 5}}'
    )


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        '{"a": 1} x',
        '{"a": tru}',
        '{"a": 01}',
        "{'a': 1}",
        "NaN",
        "nul",
        '{"a": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
def test_what_is_not_json_is_refused_with_its_place_and_without_its_text(document: str) -> None:
    if not document:
        assert one("{json: {a: keep}}", [b""], "json") == [b""]
        return
    columns = [Column("c", "json")]
    with pytest.raises(ValueRefused, match=r"^t\.c, row 8: ") as refused:
        table(columns, "c: {json: {a: keep}}").apply(rb"\N" + b"\n" + encode(document.encode()) + b"\n", first_row=7)
    assert (refused.value.table, refused.value.row, refused.value.column) == ("t", 8, "c")
    assert refused.value.__cause__ is None
    assert document not in str(refused.value)


def test_half_a_surrogate_pair_is_no_trouble() -> None:
    found = sanitised("{json: {a: person.name, k: keep}}", r'{"a": "\ud83d", "k": "\ud83d"}')
    assert found.endswith(r'"k": "\ud83d"}')
    assert "ud83d" not in found.split(", ")[0]


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
names = st.sampled_from(["keep", "name", "drop", "in", "é\n", ""])
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


def expected(value: Any, fakes: dict[str, str]) -> Any:
    """The rule of the test below, plainly."""
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, inner in value.items():
            if key == "keep":
                out[key] = inner
            elif key == "name":
                out[key] = replaced(inner, fakes)
            elif key == "in":
                out[key] = expected(inner, fakes)
        return out
    return [expected(item, fakes) for item in value] if isinstance(value, list) else None


def replaced(value: Any, fakes: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [replaced(item, fakes) for item in value]
    if isinstance(value, dict):
        return {}
    if value is None or value == "":
        return value
    return fakes[value if isinstance(value, str) else json.dumps(value)]


def texts_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {text for inner in value.values() for text in texts_in(inner)}
    if isinstance(value, list):
        return {text for inner in value for text in texts_in(inner)}
    return {value if isinstance(value, str) else json.dumps(value)}


@given(documents, st.booleans())
def test_documents_become_what_a_plain_walk_gives(document: Any, ascii: bool) -> None:
    # `in` holds what the whole holds; three levels of it are written out, deeper documents are left out.
    level = "keep: keep, name: person.email"
    rule = f"{{json: {{{level}, in: {{{level}, in: {{{level}}}}}}}}}"
    if depth_of(document) > 2:
        return
    originals = sorted(text for text in texts_in(document) if text)
    fakes = one("person.email", [encode(text.encode()) for text in originals])
    known = dict(zip(originals, (fake.decode() for fake in fakes), strict=True))
    whole = expected(document, known)
    if not isinstance(document, dict | list) and document is not None:
        whole = {}
    assert json.loads(sanitised(rule, json.dumps(document, ensure_ascii=ascii))) == whole


def depth_of(value: Any) -> int:
    """How many `in` are nested."""
    if isinstance(value, dict):
        return max((depth_of(inner) + (key == "in") for key, inner in value.items()), default=0)
    return max(map(depth_of, value), default=0) if isinstance(value, list) else 0
