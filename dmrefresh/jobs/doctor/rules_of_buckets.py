"""What a bucket's lifecycle, replication and policy mean for a dump; no request is made here.

The forms: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html, API_ReplicationRule.html, and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Rule = Mapping[str, Any]


def applying(rules: Iterable[Rule], key: str) -> list[Rule]:
    """The rules of a lifecycle or a replication that hold for all objects with names such as `key`.

    One that looks at tags or sizes as well holds for some of them only, so it does not count.
    """
    return [rule for rule in rules if rule.get("Status") == "Enabled" and _covers(rule, key)]


def _covers(rule: Rule, key: str) -> bool:
    wanted = rule.get("Filter", {})
    wanted = wanted.get("And", wanted)
    if set(wanted) - {"Prefix"}:
        return False
    return key.startswith(wanted.get("Prefix", rule.get("Prefix", "")))


def removed_after(rules: Iterable[Rule]) -> int | None:
    """After how many days the first of the rules removes an object; None where none does."""
    return _least(rules, "Expiration", "Days")


def old_versions_removed_after(rules: Iterable[Rule]) -> int | None:
    """How many days after it was replaced or removed a version is gone for good; None where it never is."""
    return _least(rules, "NoncurrentVersionExpiration", "NoncurrentDays")


def parts_removed_after(rules: Iterable[Rule]) -> int | None:
    """After how many days the parts of an upload that was never completed are removed; None for never."""
    return _least(rules, "AbortIncompleteMultipartUpload", "DaysAfterInitiation")


def _least(rules: Iterable[Rule], action: str, days: str) -> int | None:
    return min((rule[action][days] for rule in rules if days in rule.get(action, {})), default=None)


def destinations(rules: Iterable[Rule]) -> list[str]:
    """The buckets that objects are replicated to."""
    return sorted({rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules})


def refuses_plain_http(policy: str, bucket: str) -> bool:
    """Whether a bucket's policy denies everybody everything over a connection without TLS.

    A statement that denies it under a further condition, or to some, does not count.

    Args:
        policy: its JSON.
        bucket: the bucket's name.
    """
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        return False
    covered = {place for one in _list(statements) if isinstance(one, dict) for place in _denied(one, bucket)}
    return len(covered) == 2


def _denied(statement: Mapping[str, Any], bucket: str) -> set[str]:
    """Of the bucket and what is in it, what a statement denies without TLS."""
    if statement.get("Effect") != "Deny" or not _is_without_tls(statement.get("Condition")):
        return set()
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, dict) and "*" in _list(principal.get("AWS", [])))
    if not everybody or not {"*", "s3:*"} & set(_list(statement.get("Action", []))):
        return set()
    patterns = [re.sub(r"^arn:aws[\w-]*:", "arn:aws:", str(one)) for one in _list(statement.get("Resource", []))]
    places = (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/any")
    return {place for place in places if any(fnmatchcase(place, pattern) for pattern in patterns)}


def _is_without_tls(condition: object) -> bool:
    if not isinstance(condition, dict) or len(condition) != 1:
        return False
    ((operator, tests),) = condition.items()
    if operator not in ("Bool", "BoolIfExists") or not isinstance(tests, dict) or len(tests) != 1:
        return False
    ((key, value),) = tests.items()
    return str(key).lower() == "aws:securetransport" and [str(one).lower() for one in _list(value)] == ["false"]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
