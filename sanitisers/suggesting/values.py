"""What a single value looks like: its kind, and its shape for people to see. Neither ever holds the value."""

from __future__ import annotations

import re
from enum import Enum

from sanitisers.detectors import find


class Look(Enum):
    """What a text is written like."""

    EMAIL = "e-mail addresses"
    PHONE = "telephone numbers"
    POSTCODE = "postcodes"
    URL = "addresses on the web"
    HASH = "password hashes"
    UUID = "UUIDs"
    WHEN = "dates and times"
    NUMBER = "numbers"
    LONG_NUMBER = "long numbers"
    COMPANY = "names of companies"
    PERSON = "two or three words with capitals"
    STREET = "streets with house numbers"
    NETWORK = "network addresses"
    PATH = "paths of files"
    SLUG = "words in lower case without blanks"
    CODE = "codes in capitals"
    WORD = "single words"
    PHRASE = "a few words"
    PROSE = "sentences"


_LETTER = r"[^\W\d_]"
_TESTS: tuple[tuple[Look, re.Pattern[str]], ...] = tuple(
    (look, re.compile(pattern))
    for look, pattern in (
        (Look.EMAIL, r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,250}\.[^\s@<>.,;]{2,}"),
        (Look.POSTCODE, r"(?i)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|\d{5}-\d{4}|[A-Z]\d[A-Z] ?\d[A-Z]\d"),
        (Look.URL, r"(?i)(https?|ftp)://\S+|www\.\S+"),
        (Look.HASH, r"\$(2[abxy]|argon2\w*|[156y])\$\S{20,}|(pbkdf2|scrypt|argon2|bcrypt)\S{20,}|\{S?SHA\}\S+"),
        (Look.UUID, r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        (
            Look.WHEN,
            r"\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d(:?\d\d)?))?)?"
            r"|\d{1,2}(/\d{1,2}/|\.\d{1,2}\.)(\d{4}|\d\d)|(0[1-9]|1[0-2])/(\d{4}|\d\d)|\d\d:\d\d(:\d\d)?|"
            r"((\d+|one|two|three|four|five|six) )?(?i:second|minute|hour|day|week|month|year)s?",
        ),
        (Look.NETWORK, r"(\d{1,3}\.){3}\d{1,3}(/\d+)?|(?i:[0-9a-f]{0,4}(:[0-9a-f]{0,4}){3,7}(/\d+)?)"),
        (Look.NUMBER, r"[-+]?(\d{1,8}|\d{1,3}(,\d{3})+|(?=\.))(\.\d{1,6})?|v?\d{1,4}(\.\d{1,4}){1,3}"),
        (Look.LONG_NUMBER, r"[-+]?\d{9,}(\.\d+)?|[A-Z]{0,3}\d{6,}[A-Z]?"),
        (
            Look.COMPANY,
            r"(?i).{1,120}\b(ltd|limited|plc|llp|inc|gmbh|llc|corp|corporation|s\.a\.|b\.v\.|company|council|trust|"
            r"university|agency|partners|group|& co)\.?",
        ),
        (
            Look.STREET,
            r"(?i)(flat \d+\w?,? )?\d{1,5}[a-z]?,? (.{2,60}) "
            r"(street|st|road|rd|lane|ln|avenue|ave|drive|dr|way|close|square|place|court|terrace|boulevard|row|hill|"
            r"gardens|crescent|parkway|mews)\.?(,.{1,80})?",
        ),
        (
            Look.PERSON,
            rf"(?:(?:Mr|Mrs|Ms|Dr|Miss)\.? )?"
            rf"(?:(?=[^\Wa-z\d_]){_LETTER}[^\W\d_]*[\w.'’-]*)( (?:(?=[^\Wa-z\d_]){_LETTER}[\w.'’-]*)){{1,3}}",
        ),
        (
            Look.PATH,
            r"(?i)(?=.*[a-z])[/~.]?[\w%+-]*([/\\][\w.%+-]+)+|"
            r"[\w %+-]{1,120}\.(pdf|docx?|xlsx?|csv|png|jpe?g|gif|txt|zip|odt|mp[34])",
        ),
        (Look.SLUG, r"[a-z][a-z0-9]*([-_.:/][a-z0-9]+)*"),
        (Look.CODE, r"[A-Z0-9]{1,12}([-_./][A-Z0-9]{1,12})*"),
        (Look.WORD, rf"{_LETTER}[\w'’-]{{0,39}}"),
    )
)
_LONGEST_PHRASE, _MOST_WORDS = 60, 6
_LONGEST = 400
"""Characters of a longer text are not looked at one by one: it is prose."""


def look(text: str) -> Look:
    """What a text that is not empty looks like."""
    text = text.strip()
    if len(text) <= _LONGEST:
        for kind, pattern in _TESTS:
            if kind is Look.LONG_NUMBER and _is_phone(text):
                return Look.PHONE
            if pattern.fullmatch(text):
                return kind
        if _is_phone(text):
            return Look.PHONE
    few = len(text) <= _LONGEST_PHRASE and len(text.split()) <= _MOST_WORDS and not text.endswith((".", "!", "?"))
    return Look.PHRASE if few else Look.PROSE


_PHONE = re.compile(r"[+(]?[\d(][\d ().\-/]{6,22}\d( ?(x|ext\.?) ?\d{1,6})?")


def _is_phone(text: str) -> bool:
    """Seven digits and more with the marks that people put between them, or a nought or a plus in front."""
    if not _PHONE.fullmatch(text) or not 7 <= sum(c.isdigit() for c in text) <= 17:
        return False
    return (
        (text[0] in "+(0" and len(text) >= 10)
        or bool(re.search(r"[ ()]", text))
        or bool(re.fullmatch(r"\d{3}[-.]\d{3,4}[-.]\d{4}.*", text))
    )


def holds_personal(text: str) -> bool:
    """Whether something in a text looks like an address, a number or the like of somebody's."""
    return "@" in text or bool(find(text[:20_000]))


_SHOWN = frozenset(" .,:;-_/@+()'\"&?!#%=[]{}<>*|~$")
_LONGEST_SHAPE = 200


def shape(text: str, width: int = 40) -> str:
    """A text with every letter as `a` or `A` and every digit as `9`; marks that say nothing stay, all else is `?`.

    Longer ones end in `…`: neither the length of a long text nor its words are to be seen.
    """
    marks = (
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c if c in _SHOWN else "?"
        for c in text[:_LONGEST_SHAPE]
    )
    whole = "".join(" " if mark.isspace() else mark for mark in marks)
    return whole if len(whole) <= width and len(text) <= _LONGEST_SHAPE else whole[: width - 1] + "…"
