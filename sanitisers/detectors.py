"""Finds personal data in a text by its shape: e-mail addresses, phone numbers, postcodes and the like.

Made for texts that no rule covers, such as the literals of a schema. It would rather miss what could be anything
(a name, a bare number of ten digits) than cry wolf: nobody reads the hundredth false alarm. What a standard or an
authority has set aside for examples is nobody's and is not found.

Each pattern is tried with bounded repetition from places that are passed once, so the time is linear in the text.
"""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL = "e-mail address"
PHONE = "phone number"
POSTCODE = "UK postcode"
NATIONAL_INSURANCE = "National Insurance number"
CARD = "payment card number"
IBAN = "bank account number"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that looks like personal data; it never holds what was found.

    Attributes:
        start: where it begins in the text, in characters.
        end: where it ends.
        kind: what it looks like, one of the names in this module.
    """

    start: int
    end: int
    kind: str


def find(text: str) -> list[Finding]:
    """Everything in `text` that looks like personal data, from left to right.

    Args:
        text: any text; SQL as pg_dump writes it is what the patterns were tried on.

    Returns:
        The findings in the order of their beginnings; two may overlap where a text has two shapes at once.
    """
    plain = in_plain_characters(text)
    numbers = without_uuids(plain)
    by_pattern = (found for kind in _PATTERNS for found in find_by_pattern(numbers, kind))
    return sorted({*_emails(plain), *find_phones(numbers), *_cards(numbers), *_ibans(numbers), *by_pattern})


def in_plain_characters(text: str) -> str:
    """The text with what people write in place of the usual characters as those; as long as it was."""
    return text if text.isascii() else text.translate(PLAIN)


def without_uuids(text: str) -> str:
    """The text without the digits of UUIDs, which are nobody's; what stands in their place joins nothing."""
    return _UUID.sub(lambda found: "\x00" * len(found[0]), text)


class _Plain(dict[int, int]):
    """Characters that people write in place of the usual ones, as those; each for one, so that offsets hold."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        plain = unicodedata.normalize("NFKC", character)
        if unicodedata.decimal(character, None) is not None:
            plain = str(unicodedata.decimal(character))
        elif unicodedata.category(character) == "Pd" or character == "\u2212":
            plain = "-"
        elif character in "\u3002\uff61":  # IDNA: a full stop in a domain
            plain = "."
        self[code] = ord(plain) if len(plain) == 1 else code
        return self[code]


PLAIN = _Plain()
"""For each code of a character the code of the usual one."""
_UUID = re.compile(r"(?=[0-9A-Fa-f]{8}-)(?<!\w)[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?!\w)")

# --- e-mail addresses: RFC 5321, section 4.5.3.1, has at most 64 octets before the @ and 255 behind it.
LONGEST_LOCAL = 64
LONGEST_DOMAIN = 255
_AT = re.compile("@|%40")
_OTHER = r"[^\x00-\x7f\s\u2000-\u206f]"
"""Beyond ASCII anything may be part of an address but blanks and the marks of typesetting."""
# Read from the @ to the left. A pattern such as `\w+@` ends in a sign that no address ends in.
_LOCAL = re.compile(rf"(?:[\w.-]|{_OTHER})(?:[\w.!#$&*+/=?^`{{|}}~%-]|{_OTHER})*+")
_PLACE = re.compile(r"[sIL]%|\d+\$")
_QUOTED_LOCAL = re.compile(r'"[^"\s<>@][^"\n<>@]*+"')
_DOMAIN = re.compile(rf"(?:(?:[\w-]|{_OTHER})++\.)+(?=[^\W\d_]|{_OTHER})(?:[\w-]|{_OTHER}){{2,}}+")
# RFC 2606 and RFC 6761.
_NOBODYS_DOMAIN = re.compile(r"(?i)(?:.*\.)?(?:example\.(?:com|net|org)|example|invalid|localhost|test)")


def _emails(text: str) -> Iterator[Finding]:
    found = (email_around(text, at.start(), at.end()) for at in _AT.finditer(text))
    return (one for one in found if one is not None)


def email_around(text: str, start: int, end: int) -> Finding | None:
    """The address whose @ is from `start` to `end` of a text in plain characters; None where there is none."""
    before = text[max(0, start - LONGEST_LOCAL) : start][::-1]
    local = _LOCAL.match(before) or _QUOTED_LOCAL.match(before)
    if local is None or not any(character.isalnum() for character in local[0]):
        return None
    if _is_filled_in(before, local.end()):
        return None
    domain = _DOMAIN.match(text, end, end + LONGEST_DOMAIN)
    if domain is None or _NOBODYS_DOMAIN.fullmatch(domain[0]):
        return None
    return Finding(start - local.end(), domain.end(), EMAIL)


def _is_filled_in(backwards: str, length: int) -> bool:
    """Whether what stands before the @ is a place that code fills in: `%s@`, `$1@`, or a backreference."""
    return bool(_PLACE.fullmatch(backwards, 0, length)) or backwards[1 : length + 1] == "\\"


# --- phone numbers: ITU-T E.164 has at most 15 digits; in the UK nine or ten follow the 0 or the 44.
_MARKS = r"[ ()./-]{0,2}"
_PHONE = re.compile(
    rf"""(?=[+(0-9])(?<!\w)(?<!\d\.)(?=(\(?(?:
        \+[ ]?[1-9](?:{_MARKS}\d){{7,14}}                 # +44 (0)20 7946 0018, +33 6 12 34 56 78
      | 00[ ]?[1-9](?:{_MARKS}\d){{9,12}}                 # 0044 20 7946 0018
      | 0[1-9](?:{_MARKS}\d){{8,9}}                       # 07700 900123, (020) 7946 0018, 06 12 34 56 78
      | 44[ -]?[1-37]\d(?:{_MARKS}\d){{8}}                # 447700900123
      | [2-9]\d\d\)?[ ]?[.-]?\d\d\d[.-]\d{{4}}            # (212) 555-0123
    )(?![\w:])))""",
    re.VERBOSE,
)
_DATE = re.compile(r"\d{1,2}([-./])\d{1,2}\1(?:\d{4}|\d\d)(?!\d)")
_COUNTING = "01234567890"


def find_phones(text: str) -> Iterator[Finding]:
    """The telephone numbers in a text in plain characters and without UUIDs."""
    end = 0
    for found in _PHONE.finditer(text):
        groups = re.findall(r"\d+", found[1])
        digits = "".join(groups)
        counted = digits in _COUNTING or set(digits) <= {"0", "1"}
        # Single digits side by side are a list of numbers, not one.
        if found.start() < end or counted or 2 * len(groups) > len(digits) + 1 or _DATE.match(found[1]):
            continue
        end = found.end(1)
        yield Finding(found.start(1), end, PHONE)


# --- payment cards: ISO/IEC 7812, 13 to 19 digits, the last of which is the check digit of Luhn.
_DIGITS = re.compile(r"(?=\d)(?<![\w.+])\d{3,19}(?!\w)(?:[ -]\d{2,19}(?!\w))*+")
_ISSUERS = re.compile("3[04-9]|4|5|6[0-9]|2[2-7]")
_CARD_LENGTHS = range(13, 20)


def _cards(text: str) -> Iterator[Finding]:
    for run in _DIGITS.finditer(text):
        groups = list(re.finditer(r"\d+", run[0]))
        index = 0
        while index < len(groups):
            several = accumulate(one[0] for one in groups[index : index + 7])
            parts = max((count for count, digits in enumerate(several, 1) if _is_card(digits)), default=0)
            if parts:
                begin, end = groups[index].start(), groups[index + parts - 1].end()
                yield Finding(run.start() + begin, run.start() + end, CARD)
            index += parts or 1


def _is_card(digits: str) -> bool:
    if len(digits) not in _CARD_LENGTHS or not _ISSUERS.match(digits) or len(set(digits)) == 1:
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) << (index & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


# --- bank accounts: ISO 13616, letters count as numbers from 10, and the whole leaves 1 when divided by 97.
_IBAN = re.compile(r"(?=[A-Z]{2}[0-9])(?<!\w)(?=([A-Z]{2}\d\d(?:[ ]?[A-Z0-9]){11,30}))")
_SHORTEST_IBAN = 15
_NUMBERS = {ord(letter): str(number) for number, letter in enumerate(string.ascii_uppercase, start=10)}
_WORD_END = re.compile(r"(?<=\w)(?=[ ])|\Z")


def _ibans(text: str) -> Iterator[Finding]:
    for found in _IBAN.finditer(text):
        for word in _WORD_END.finditer(found[1]):
            letters = found[1][: word.end()].replace(" ", "")
            if len(letters) >= _SHORTEST_IBAN and _is_iban(letters):
                yield Finding(found.start(1), found.start(1) + word.end(), IBAN)
                break


def _is_iban(letters: str) -> bool:
    return int((letters[4:] + letters[:4]).translate(_NUMBERS)) % 97 == 1


# --- what a pattern alone can tell
# The areas that there are, from Royal Mail's list of postcode areas.
_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|B|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|E|"
    "FK|FY|GL|GU|GY|G|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|L|ME|MK|ML|M|"
    "NE|NG|NN|NP|NR|NW|N|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|S|"
    "TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|W|YO|ZE"
)
_INWARD = "[ABD-HJLNP-UW-Z]{2}"
_PATTERNS = {
    POSTCODE: re.compile(
        rf"(?=[A-Za-z]{{1,2}}[0-9])(?<![\w-])(?:(?:{_AREAS})[0-9][A-Z0-9]?[ ]?[0-9]{_INWARD}"
        rf"|(?i:(?:{_AREAS})[0-9][A-Z0-9]?[ ](?!1st|2nd|3rd|[04-9]th)[0-9]{_INWARD}))(?![\w-])"
    ),
    # HMRC's manual NIM39110: these letters and never these pairs. QQ 12 34 56 C, the example on forms, is none.
    NATIONAL_INSURANCE: re.compile(
        r"(?i)(?=[A-Z]{2}[ -]?[0-9])(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
        r"(?:[ -]?\d\d){3}[ -]?[A-D](?!\w)"
    ),
}


def find_by_pattern(text: str, kind: str) -> Iterator[Finding]:
    """What POSTCODE or NATIONAL_INSURANCE is in a text in plain characters and without UUIDs."""
    return (Finding(found.start(), found.end(), kind) for found in _PATTERNS[kind].finditer(text))
