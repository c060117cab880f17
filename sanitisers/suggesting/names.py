"""What the name of a column, of a key in a document or of a table tells of what is in it.

This is the one place of such knowledge: the proposal for a column that nothing covers and the ruleset that is
suggested for a whole database both come from here. The first line that fits decides, so what must never be kept
stands first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache


class Means(Enum):
    """What a name says of the values below it."""

    SECRET = "a password, a key or a token"  # noqa: S105 - what it means
    INTIMATE = "what is nobody else's business"
    COUNTER = "how often somebody failed to log in"
    FAKE = "somebody, or where to find them"
    LOGIN = "the name that somebody logs in with"
    DOMAIN = "the domain of an organisation"
    NETWORK = "an address on a network"
    COUNTRY = "a country"
    ROLE = "what a person does"
    FREE = "text that people write"
    LABEL = "a title"
    NAME = "a name"
    KEY = "a key that joins tables"
    WORD = "one of a list"
    PUBLIC = "an identifier made to be public"
    AMOUNT = "a number or a price"
    WHEN = "a point in time or a length of time"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means.

    Attributes:
        means: the kind.
        family: the family of fakes, where the kind has one.
        what: in a few words, for the comment behind the rule.
    """

    means: Means
    family: str = ""
    what: str = ""

    def __str__(self) -> str:
        return self.what or self.means.value


_SOMEBODY = (
    "contact|person|manager|owner|author|creator|signer|signatory|countersigner|recipient|sender|attention|customer|"
    "client|patient|employee|user|member|student|teacher|guest|tenant|buyer|driver|applicant|candidate|approver|"
    "reviewer|assignee|staff|representative|guardian|parent|spouse|kin|holder|payer|payee|donor|subscriber|"
    "actor|artist|director|passenger|beneficiary|uploader"
)
_SOME_COMPANY = (
    "company|companies|organisation|organization|organisations|organizations|supplier|suppliers|vendor|vendors|"
    "employer|firm|business|merchant|merchants|seller|trading|registered|council|agency|publisher|manufacturer|"
    "carrier|shop|shops|store|stores"
)

# Names are read as words with blanks between: `primaryContactEmail` and `primary_contact_email` are the same.
_LINES: tuple[tuple[str, Meaning], ...] = (
    (
        r"\b(password|passwd|pwd|passphrase|pass word|secret|token|api key|private key|salt|otp|totp|credentials?|"
        r"auth code|pin|pin code|session key|csrf|hash(ed)? pass|recovery codes?|"
        r"encryption key)\b(?!.* at$)(?!.*changed)",
        Meaning(Means.SECRET),
    ),
    (
        r"\bnational insurance\b|\bnino\b|\bni (n(umber|o)|num)\b",
        Meaning(Means.FAKE, "person.ni_number", "a National Insurance number"),
    ),
    (
        r"\b(birth\w*|born|dob|date ?of ?(birth|death)|death\w*|died|deceased|geb|geburts\w*|gender|sex|ethnic\w*|"
        r"religi\w+|nationality|marital|disab(ility|ilities)|disabled person|diagnos\w+|allerg\w+|blood|pregnan\w+|"
        r"hiv|sexual|orientation|crimin\w+|convict\w*|bankrupt\w*|national id|ssn|social security|nhs|passport)\b"
        r"(?!.* count$)"
        r"|\b(race|health|medical|medicine|salary|income|wages?|earnings|credit score|driving licen[cs]e|"
        r"licen[cs]e (plate|number)|iban|bic|account n(umber|o)|sort code|bank|card|cvv|cvc|tax (id|code|no|number)|"
        r"(first|last) (four|six|4|6)|"
        r"latitude|longitude|lat|lng|lon|geo\w*|coordinates?|fingerprint|biometric\w*|age)\b"
        r"(?!.*\b(count|type|status)$)|^long$",
        Meaning(Means.INTIMATE),
    ),
    (
        r"\b(failed|bad|invalid) (log ?in|sign ?in|password|auth\w*)( \w+)? ?(counts?|attempts?|tries)?$|"
        r"\blog ?in (attempts|failures)\b|^failed attempts$",
        Meaning(Means.COUNTER),
    ),
    (
        r"\b(ip|ips|ip addr(ess)?|ipv 4|ipv 6|remote addr(ess)?|mac addr(ess)?|client addr(ess)?)\b",
        Meaning(Means.NETWORK),
    ),
    (r"\b(e ?mails?|mailto) (domains?)\b|\bdomains?( names?)?$|\bhost ?names?$", Meaning(Means.DOMAIN)),
    (r"\be ?mails?( address(es)?)?\b|^mails?( addr(ess)?)?$", Meaning(Means.FAKE, "person.email", "an e-mail address")),
    (
        r"\b(tele)?phones?\b|\bmobile\b|\bfax\b|\bcell( ?phone)?\b|\btel\b|\bmsisdn\b",
        Meaning(Means.FAKE, "person.phone", "a telephone number"),
    ),
    (r"\bpost ?codes?\b|\bpostal codes?\b|\bzip( ?codes?)?\b", Meaning(Means.FAKE, "address.postcode", "a postcode")),
    (r"\bduns\b", Meaning(Means.FAKE, "company.duns", "a number of a company's")),
    (r"\bvat\b(?!.*\b(rate|amount|percent)\b)", Meaning(Means.FAKE, "company.vat", "a number of a company's")),
    (
        r"\b(compan(y|ies)( house| registration)?|registration|charity) (number|no)\b|\bcompanies house\b",
        Meaning(Means.FAKE, "company.registration", "a number of a company's"),
    ),
    (r"\bcountry\b|\bcountries\b", Meaning(Means.COUNTRY)),
    (
        r"\b(address(es)?( lines?)?( \d)?|streets?|road|house n(umber|o|ame)|building|flat|line \d)$"
        r"|\baddress (building|street|house)\b",
        Meaning(Means.FAKE, "address.street", "where somebody is"),
    ),
    (
        r"\b(city|town|locality|municipality|village|suburb|county|district|province|location)$",
        Meaning(Means.FAKE, "address.city", "where somebody is"),
    ),
    (
        r"\b(first|given|fore|christian|middle|preferred) ?names?\b|^(fname|forename)$",
        Meaning(Means.FAKE, "person.first_name", "a first name"),
    ),
    (
        r"\b(last|sur|family|maiden|second) ?names?\b|^(lname|surname)$",
        Meaning(Means.FAKE, "person.last_name", "a last name"),
    ),
    (r"\b(user ?name|log ?in( name)?|handle|screen ?name)$", Meaning(Means.LOGIN)),
    (r"\b(files?|document|attachment) ?names?$|\bpaths?$|\bfile\b", Meaning(Means.FAKE, "file.path", "a file's path")),
    (
        r"\b(ur[li]s?|links?|href|web ?sites?|home ?page|web page|avatar|photo|picture|image|self)$",
        Meaning(Means.FAKE, "url", "an address on the web"),
    ),
    (r"\b(job( title)?|profession|occupation|position held)$", Meaning(Means.ROLE)),
    (rf"\b({_SOMEBODY}) (role|title|position)$", Meaning(Means.ROLE)),
    (
        rf"\b({_SOME_COMPANY})( \w+)? names?$|\bnames? of (the )?({_SOME_COMPANY})\b|^({_SOME_COMPANY})$|"
        r"\b(trading|legal|registered) names?\b|\b(organi[sz]ation|company|employer)$",
        Meaning(Means.FAKE, "company.name", "a company's name"),
    ),
    (
        rf"\b({_SOMEBODY})( full| display)? names?\b|\b(full|display|real|nick|legal|middle) ?names?$|"
        rf"\bprimary contact$|^({_SOMEBODY})s?$|\b(contact|signatory|manager|spouse|next of kin)$",
        Meaning(Means.FAKE, "person.name", "a person's name"),
    ),
    (
        r"\b(?!(?:sort|order|group|filter|rank|valid|pay|due|use|sell|best) by$)\w+ by$|^by$|"
        r"\bassigned to$|\bon behalf of$",
        Meaning(Means.FAKE, "person.name", "who did something"),
    ),
    (
        r"\b(notes?|comments?|descriptions?|remarks?|messages?|body|text|contents?|summary|details?|reasons?|"
        r"questions?|answers?|feedback|reviews?|bio|biography|about|background|instructions|evidence|terms|"
        r"information|features?|benefits?|requirements?|criteria|problem|arrangements?|availability|special)\b"
        r"(?!.* (id|length|period|count|type|status|met|at)$)",
        Meaning(Means.FREE),
    ),
    (r"\b(titles?|subject|heading|caption|labels?|headline)$", Meaning(Means.LABEL)),
    (r"\bids?$|\bguid$|\buuid$|\bobject id\b", Meaning(Means.KEY)),
    (r"\bslugs?$", Meaning(Means.PUBLIC)),
    (
        r"\b(at|on|date|time|timestamp|since|until|expires|created|updated|modified|deleted|started|ended|utc|"
        r"duration|length|period|year|month|week|day|deadline|start|end)$|"
        r"\b((mon|tues|wednes|thurs|fri|satur|sun)days?|week ?days?|week ?ends?|(opening|closing) (hours|times?))$",
        Meaning(Means.WHEN),
    ),
    (
        r"\b(status|state|stage|types?|kinds?|categor(y|ies)|class|level|size|unit|interval|currency|language|locale|"
        r"lang|time ?zone|format|mode|priority|severity|results?|outcome|method|channel|version( num(ber)?)?|rating|"
        r"colou?r|tier|brand|frequency|scope|environment|platform|role|singular|plural|gateway|event|action)$",
        Meaning(Means.WORD),
    ),
    (
        r"\b(prices?|costs?|amounts?|totals?|value|rates?|weight(ing)?|scores?|counts?|quantity|qty|min|max|percent|"
        r"number of|fees?|height|width|discount|stock|points|balance|revenue|sales|budget|age limit|ordinal|"
        r"position|order|limit|sum|num|price \w+|number of .*)\b",
        Meaning(Means.AMOUNT),
    ),
    (r"\bnames?$", Meaning(Means.NAME)),
)
_COMPILED = tuple((re.compile(pattern), meaning) for pattern, meaning in _LINES)

_PEOPLE = re.compile(rf"\b({_SOMEBODY}|people|account|profile|lead|admin|signup|doctor|nurse)s?\b")
_COMPANIES = re.compile(rf"^({_SOME_COMPANY})$")
_TRAIL = re.compile(
    r"\b(audit|audits|log|logs|histor(y|ies)|sessions?|activit(y|ies)|changes|revisions?|trail|outbox)\b"
)

_STEPS = (
    (re.compile(r"([a-z0-9])([A-Z])"), r"\1 \2"),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
    (re.compile(r"([A-Za-z])(\d)"), r"\1 \2"),
    (re.compile(r"[\W_]+"), " "),
)


@cache
def words(name: str) -> str:
    """A name as lower-case words with blanks between, however it was put together."""
    for pattern, into in _STEPS:
        name = pattern.sub(into, name)
    return name.strip().lower()


@cache
def meaning(name: str) -> Meaning | None:
    """What a column or a key of this name holds; None where the name tells nothing."""
    plain = words(name)
    return next((meaning for pattern, meaning in _COMPILED if pattern.search(plain)), None)


def is_about_somebody(name: str) -> bool:
    """Whether a column or key of this name makes those beside it about a person or a company."""
    found = meaning(name)
    if found is None:
        return False
    return found.means in {Means.SECRET, Means.LOGIN} or found.family.startswith(("person.", "address.", "company."))


def never_stays(name: str) -> bool:
    """Whether values of a column of this name are never kept, however little they look like somebody's."""
    found = meaning(name)
    return found is not None and found.means in _NEVER


_NEVER = {Means.SECRET, Means.INTIMATE, Means.NETWORK, Means.FAKE, Means.LOGIN}


def names_people(table: str) -> bool:
    """Whether a table, or the key above others in a document, is about persons."""
    return bool(_PEOPLE.search(words(table)))


def names_companies(table: str) -> bool:
    """Whether it is about companies."""
    return bool(_COMPANIES.search(words(table).split(" ")[-1])) if table else False


def is_trail(table: str) -> bool:
    """Whether a table keeps what everybody did."""
    return bool(_TRAIL.search(words(table)))
