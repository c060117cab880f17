"""What is suggested for the documents of a column, path by path; a path that is not named is dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sanitisers.suggesting.facts import Document
from sanitisers.suggesting.judgement import Confidence, Judgement, digits, high, low, medium
from sanitisers.suggesting.names import Means, is_about_somebody, meaning
from sanitisers.suggesting.texts import Around, judge_text
from sanitisers.suggesting.values import holds_personal

if TYPE_CHECKING:
    from sanitisers.suggesting.facts import Facts

_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_.$-]{0,60}")
_COUNTED = re.compile(r"\d{1,6}|\d{4}-\d\d(-\d\d)?")
"""Keys that count or date what is below them."""
_MOST_NAMED = 120
"""Keys of one object beyond which they are taken for data."""
_LONG = 9
_KEYS_ARE_DATA = "its keys are data themselves, and would go on with what is below them"
_SELDOM = 0.02


def judge_document(document: Document | None, around: str, *, about_somebody: bool = False) -> Judgement:
    """What is suggested for a column of documents."""
    if document is None or not document.seen:
        return Judgement("{json: {}}", Confidence.HIGH, "no documents were seen; every key that comes is dropped", {})
    keys = _keys(document, around, about_somebody=about_somebody)
    if keys is None:
        return Judgement("{json: {}}", Confidence.LOW, _KEYS_ARE_DATA, {})
    what = f"{document.objects} documents were looked at" if document.objects else "no objects were seen"
    return Judgement("{json: {}}", Confidence.MEDIUM, what, keys)


def _keys(document: Document, around: str, *, about_somebody: bool) -> dict[str, Judgement] | None:
    if keys_are_data(document):
        if document.others is not None or not all(_COUNTED.fullmatch(key) for key in document.keys):
            return None  # what is kept or replaced below keeps its key, and that is data too
        both = Document()
        for below in document.keys.values():
            both.merge(below)
        return {"*": _judge("*", both, around, about_somebody=about_somebody)} if both.seen else {}
    about_somebody = about_somebody or any(map(is_about_somebody, document.keys))
    return {
        key: _judge(key, below, around, about_somebody=about_somebody)
        for key, below in document.keys.items()
        if _is_name(key) and (below.seen > 1 or document.objects < 1 / _SELDOM)
    }


def keys_are_data(document: Document) -> bool:
    """Whether the keys of objects are numbers, addresses and the like, so that none of them can be named."""
    if document.others is not None or len(document.keys) > _MOST_NAMED:
        return True
    odd = sum(not _is_name(key) for key in document.keys)
    if odd and 2 * odd >= len(document.keys):
        return True
    seldom = sum(below.seen <= _SELDOM * document.objects for below in document.keys.values())
    return len(document.keys) > 20 and 2 * seldom > len(document.keys)


def _is_name(key: str) -> bool:
    """Whether a program is likely to have named a key so; another might be somebody's name or address."""
    return bool(_NAME.fullmatch(key)) and not holds_personal(key) and not key.isdecimal()


def _judge(key: str, document: Document, around: str, *, about_somebody: bool) -> Judgement:
    if document.objects:
        keys = _keys(document, key if key != "*" else around, about_somebody=about_somebody)
        if keys is None:
            return low("null", _KEYS_ARE_DATA)
        return Judgement("{}", Confidence.MEDIUM, f"{document.objects} objects were looked at", keys)
    judged = _leaf(key, document.facts, Around(around, about_somebody, in_document=True))
    return Judgement(judged.rule, judged.confidence, judged.reason, None, document.facts)


def _leaf(key: str, facts: Facts, around: Around) -> Judgement:
    means = meaning(key)
    of = means.means if means else None
    if of in {Means.SECRET, Means.INTIMATE, Means.NETWORK} and not facts.kinds["text"]:
        return high("null", f"by its name, {means}")
    if facts.kinds["text"]:
        judged = judge_text(key, facts, around)
        return _mixed(judged, facts)
    if facts.kinds["number"]:
        return _number(key, facts)
    if facts.kinds["boolean"]:
        return high("keep (yes or no)", "booleans")
    by_name = judge_text(key, None, around)
    return low(
        "text.lorem" if by_name.keeps else by_name.rule, f"{by_name.reason.partition(';')[0]}; nothing was in it"
    )


def _mixed(judged: Judgement, facts: Facts) -> Judgement:
    if judged.keeps and facts.kinds["number"] and facts.largest >= _LONG:
        return low("null", f"{digits(facts.largest)} beside texts")
    return judged


def _number(key: str, facts: Facts) -> Judgement:
    means = meaning(key)
    of = means.means if means else None
    if of is Means.COUNTER:
        return high("{value: 0}", f"by its name, {means}")
    if means is not None and means.family in {"person.phone", "address.postcode"}:
        return high("null", f"by its name, {means}")
    if of is Means.KEY:
        return high("keep (a key)", "a key by its name, and numbers")
    if facts.largest >= _LONG:
        return low("null", f"{digits(facts.largest)} may be somebody's")
    sure = high if of in {Means.AMOUNT, Means.WHEN, Means.WORD} else medium
    return sure("keep (numbers)", digits(facts.largest))
