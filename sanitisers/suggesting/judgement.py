"""A rule that is suggested, with how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from sanitisers.suggesting.values import Look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sanitisers.suggesting.facts import Facts


class Confidence(Enum):
    """How sure a suggestion is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is suggested for a column or a path.

    Attributes:
        rule: as rulesets write it; for a document the rules of its keys are in `keys` instead.
        confidence: how sure it is.
        reason: why, in words that hold no value of the data.
        keys: of a document.
        facts: what the values look like; None where none were seen.
    """

    rule: str
    confidence: Confidence
    reason: str
    keys: dict[str, Judgement] | None = None
    facts: Facts | None = field(default=None, repr=False, compare=False)

    @property
    def keeps(self) -> bool:
        """Whether the values stay as they are."""
        return self.rule.startswith("keep")

    def but(self, rule: str, confidence: Confidence, reason: str) -> Judgement:
        """Another rule for the same values."""
        return replace(self, rule=rule, confidence=confidence, reason=reason)


def high(rule: str, reason: str) -> Judgement:
    """Something certain."""
    return Judgement(rule, Confidence.HIGH, reason)


def medium(rule: str, reason: str) -> Judgement:
    """Something likely."""
    return Judgement(rule, Confidence.MEDIUM, reason)


def low(rule: str, reason: str) -> Judgement:
    """Something to look at."""
    return Judgement(rule, Confidence.LOW, reason)


def evidence(facts: Facts | None, *looks: Look) -> str:
    """How many of the values look like something: `e-mail addresses in 100 % of values`."""
    if facts is None or not facts.looks:
        return "no values were seen"
    if looks:
        return f"{looks[0].value} in {percent(facts.share(*looks))} of values"
    commonest = facts.commonest
    assert commonest is not None
    return f"{commonest[0].value} in {percent(commonest[1])} of values"


def percent(share: float) -> str:
    """A share in whole per cent, of which 100 means all and 0 means none."""
    if 0 < share < 1:
        return f"{min(max(round(share * 100), 1), 99)} %"
    return f"{share * 100:.0f} %"


def digits(most: int) -> str:
    """How long numbers are: `numbers of at most 3 digits`."""
    return f"numbers of at most {most} digit{'' if most == 1 else 's'}"


def leaves(path: str, judged: Judgement) -> Iterator[tuple[str, Judgement]]:
    """A judgement, or those of all paths below it, each with its path."""
    if judged.keys is None:
        yield path, judged
        return
    for key, below in judged.keys.items():
        yield from leaves(f"{path}.{key}", below)
