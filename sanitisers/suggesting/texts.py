"""What is suggested for texts, in columns and in documents alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanitisers.suggesting.judgement import Judgement, evidence, high, low, medium
from sanitisers.suggesting.names import Meaning, Means, meaning, names_companies, names_people, words
from sanitisers.suggesting.values import Look

if TYPE_CHECKING:
    from sanitisers.suggesting.facts import Facts

PUBLIC_SLUGS = "keep (public slugs)"
AS_PUBLIC = "keep (as public as its slug)"
_ENOUGH = 10
"""Values from which on their looks may contradict a name."""
_MOST, _NEARLY_ALL = 0.5, 0.98

# What values of a family look like, where most of them must.
_EXPECTED: dict[str, tuple[Look, ...]] = {
    "person.email": (Look.EMAIL,),
    "person.phone": (Look.PHONE, Look.LONG_NUMBER, Look.NUMBER),
    "address.postcode": (Look.POSTCODE, Look.NUMBER, Look.CODE),
    "url": (Look.URL, Look.PATH),
    "company.duns": (Look.LONG_NUMBER, Look.NUMBER, Look.CODE, Look.PHONE),
    "company.vat": (Look.LONG_NUMBER, Look.NUMBER, Look.CODE, Look.PHONE),
    "company.registration": (Look.LONG_NUMBER, Look.NUMBER, Look.CODE, Look.PHONE),
}
_USUAL: dict[str, tuple[Look, ...]] = {
    **_EXPECTED,
    "person.name": (Look.PERSON,),
    "person.first_name": (Look.WORD,),
    "person.last_name": (Look.WORD, Look.PERSON),
    "company.name": (Look.COMPANY, Look.PERSON),
    "address.street": (Look.STREET,),
    "address.city": (Look.WORD, Look.PERSON),
    "file.path": (Look.PATH,),
}
_SHAPES: tuple[tuple[str, float, tuple[Look, ...]], ...] = (
    ("person.email", _MOST, (Look.EMAIL,)),
    ("person.phone", _MOST, (Look.PHONE,)),
    ("address.postcode", _MOST, (Look.POSTCODE,)),
    ("address.street", 0.3, (Look.STREET,)),
    ("url", 0.8, (Look.URL,)),
    ("file.path", 0.8, (Look.PATH,)),
)
_DIGITS = (Look.NUMBER, Look.UUID)
_OWN_DIGITS = (*_DIGITS, Look.LONG_NUMBER)
"""What an `id` is of its own table; under another name a long number may be what somebody has elsewhere."""
CODES = (Look.CODE, Look.SLUG, Look.NUMBER, Look.LONG_NUMBER, Look.UUID)
"""Looks of what a program has made, or might have: no blanks, and no words of people."""
_PLAIN = (Look.SLUG, Look.CODE, Look.NUMBER)
_BESIDE_TIMES = (*_PLAIN, Look.WORD, Look.WHEN)
_WORDS = (*_BESIDE_TIMES, Look.PHRASE, Look.PERSON)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a text.

    Attributes:
        of: the table, or the key above it in a document.
        about_somebody: whether the table, or the object, has columns about persons or companies.
        nullable: whether NULL may take its place.
        listed: whether a check of the schema allows a list of values only.
        named_by: the column whose slugs are made from these texts, where there is one.
        in_document: whether it is a key of a document, whose `id` is of something else than the row.
    """

    of: str
    about_somebody: bool = False
    nullable: bool = True
    listed: bool = False
    named_by: str = ""
    in_document: bool = False

    @property
    def nothing(self) -> str:
        """The rule that leaves nothing."""
        return "null" if self.nullable else "{value: removed}"


def judge_text(name: str, facts: Facts | None, around: Around) -> Judgement:
    """What is suggested for a text; `facts` is None where no rows were seen."""
    means = meaning(name)
    return (
        _never_kept(name, means, facts, around)
        or _somebody(means, facts)
        or _by_shape(facts, means)
        or _by_kind(name, means, facts, around)
    )


def _never_kept(name: str, means: Meaning | None, facts: Facts | None, around: Around) -> Judgement | None:
    kind = means.means if means else None
    if kind is Means.SECRET or (facts and facts.share(Look.HASH) >= _MOST):
        reason = "what somebody logs in with" if kind is not Means.SECRET else f"by its name, {means}"
        if facts and facts.share(Look.HASH) >= _MOST:
            reason = f"{reason}; {evidence(facts, Look.HASH)}"
            return high("{bcrypt: Password1234}", f"{reason}; everybody may know this one")
        if "pass" in name.lower() or "pwd" in name.lower():
            return high("null" if around.nullable else '{value: "!"}', f"{reason}; nothing fits this")
        return high("token", reason)
    if kind is Means.INTIMATE:
        return high(around.nothing, f"by its name, {means}")
    if kind is Means.NETWORK or (facts and facts.share(Look.NETWORK) >= _MOST):
        return high("ip", evidence(facts, Look.NETWORK) if facts else f"by its name, {means}")
    return None


def _somebody(means: Meaning | None, facts: Facts | None) -> Judgement | None:
    if means is None or means.means is not Means.FAKE:
        return None
    family, said = means.family, f"by its name, {means}"
    if facts is None or not facts.looks:
        return medium(family, f"{said}; no values were seen")
    if facts.share(Look.EMAIL) >= _MOST and family != "person.email":
        return None  # its shape says more
    expected = _EXPECTED.get(family)
    if expected and facts.kinds["text"] >= _ENOUGH and facts.share(*expected) < 0.2:
        return medium("text.lorem", f"its name says {means}, its values do not: {evidence(facts)}")
    usual = _USUAL.get(family, ())
    if facts.share(*usual) >= 0.8:
        return high(family, f"{said}; {evidence(facts, *_most_first(facts, usual))}")
    return medium(family, f"{said}; {evidence(facts)}")


def _most_first(facts: Facts, looks: tuple[Look, ...]) -> tuple[Look, ...]:
    return tuple(sorted(looks, key=lambda one: -facts.looks[one]))


def _by_shape(facts: Facts | None, means: Meaning | None) -> Judgement | None:
    if facts is None or not facts.looks:
        return None
    for family, least, looks in _SHAPES:
        if facts.share(*looks) >= least:
            if looks == (Look.PHONE,) and means and means.means in {Means.KEY, Means.AMOUNT, Means.WHEN}:
                continue
            sure = high if facts.share(*looks) >= 0.95 else medium
            return sure(family, evidence(facts, *looks))
    if facts.share(Look.COMPANY) >= 0.3 and (means is None or means.means in {Means.NAME, Means.LABEL}):
        return medium("company.name", evidence(facts, Look.COMPANY))
    return None


def _by_kind(name: str, means: Meaning | None, facts: Facts | None, around: Around) -> Judgement:
    kind = means.means if means else None
    if kind is Means.LOGIN:
        is_name = facts is not None and facts.share(Look.PERSON) >= _MOST
        return medium("person.name" if is_name else "person.user_name", f"by its name, {means}; {evidence(facts)}")
    if kind is Means.DOMAIN:
        return medium("{value: example.invalid}", f"by its name, {means}")
    if kind is Means.COUNTRY:
        if around.about_somebody or facts is None or facts.personal:
            return medium("null" if around.nullable else "text.words", "a country, beside somebody's other details")
        return medium("keep (names of countries)", "a country, in a table about nobody")
    kept = _kept(name, means, facts, around)
    if kept is not None:
        return kept
    if kind is Means.ROLE:
        return medium("person.job_title", f"by its name, {means}; {evidence(facts)}")
    if kind in {Means.NAME, Means.LABEL}:
        return _name(kind, facts, around)
    if kind is Means.FREE:
        return high("text.lorem", f"by its name, {means}; {evidence(facts)}")
    if facts is not None and facts.personal:
        return medium("text.lorem", "something in it looks like somebody's address or number")
    return low("text.lorem", f"nothing tells what it is; {evidence(facts)}")


def _name(kind: Means, facts: Facts | None, around: Around) -> Judgement:
    if kind is Means.NAME and names_companies(around.of):
        return high("company.name", "a name, in what is about companies")
    person = facts is not None and around.about_somebody and facts.share(Look.PERSON) >= _NEARLY_ALL
    if kind is Means.NAME and (facts is None or names_people(around.of) or person):
        return medium("person.name", "a name, which may be a person's")
    return medium("text.words", f"{'a name' if kind is Means.NAME else 'a title'}, which may name somebody")


def _is_public(name: str, around: Around) -> bool:
    """Whether slugs are of things: those of persons and companies are made from their names."""
    of = words(name).rpartition(" ")[0]
    return not (names_people(of) or names_companies(of)) if of else not around.about_somebody


def _kept(name: str, means: Meaning | None, facts: Facts | None, around: Around) -> Judgement | None:
    """A rule that keeps, where nothing speaks against it and something for it."""
    kind = means.means if means else None
    if facts is None or not facts.looks or facts.personal:
        return None
    if around.listed and facts.different <= 30:
        return high("keep (one of a list that the schema checks)", "a check allows nothing else")
    of_keys = _OWN_DIGITS if name == "id" and not around.in_document else _DIGITS
    if kind is Means.KEY and facts.share(*of_keys) >= _NEARLY_ALL:
        digits = _most_first(facts, of_keys)
        return high("keep (a key)", f"a key by its name; {evidence(facts, *digits)}")
    if kind is Means.PUBLIC and _is_public(name, around) and facts.share(Look.SLUG, Look.NUMBER) >= _NEARLY_ALL:
        return high(PUBLIC_SLUGS, f"made for addresses on the web; {evidence(facts, Look.SLUG)}")
    if around.named_by and kind in {Means.NAME, Means.LABEL, None} and not around.about_somebody:
        return medium(AS_PUBLIC, f"the slugs in {around.named_by} are made from it")
    if kind in {Means.WHEN, Means.AMOUNT, Means.WORD} and facts.share(Look.WHEN) >= _NEARLY_ALL:
        return high("keep (when)", evidence(facts, Look.WHEN))
    if kind in {Means.WHEN, Means.AMOUNT, Means.WORD} and facts.share(Look.NUMBER, Look.WHEN) >= _NEARLY_ALL:
        return high("keep (numbers)", f"{means} by its name; {evidence(facts, Look.NUMBER)}")
    if kind is Means.WHEN and facts.share(Look.WHEN, Look.NUMBER) < _MOST:
        return None  # words for a day or an hour may be who is there
    if kind in {Means.WORD, Means.ROLE, Means.WHEN} and facts.are_few:
        said = f"{facts.different} different among {facts.filled}"
        if facts.share(*_PLAIN) == 1:
            return high("keep (one of a few words)", f"{said}; {evidence(facts, *_most_first(facts, _PLAIN))}")
        allowed = _WORDS if kind is Means.WORD else _BESIDE_TIMES
        if kind is not Means.ROLE and facts.share(*allowed) == 1 and facts.longest <= 60:
            return medium("keep (one of a few words)", f"{said}; {evidence(facts)}")
    return None
