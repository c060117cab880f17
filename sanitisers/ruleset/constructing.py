"""What ruamel.yaml makes of a ruleset's scalars: a date is text, and no number forgets how it was written."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.constructor import RoundTripConstructor, SafeConstructor
from ruamel.yaml.nodes import ScalarNode

from sanitisers.ruleset.scalars import SpeltFloat, SpeltInt


class Constructor(RoundTripConstructor):
    """Makes maps that know their lines, and scalars of Python's own types; a key in quotes is told from one without."""

    def integer(self, node: ScalarNode) -> Any:
        """An integer; what only looks like one (`-_`) is text."""
        try:
            number = SafeConstructor.construct_yaml_int(self, node)
        except ValueError:
            return node.value
        if str(number) == node.value:
            return number
        otherwise = SpeltInt(number)
        otherwise.spelling = node.value
        return otherwise

    def decimal(self, node: ScalarNode) -> Any:
        """A number with decimals or an exponent; what only looks like one (`._`) is text."""
        try:
            number = SafeConstructor.construct_yaml_float(self, node)
        except ValueError:
            return node.value
        if str(number) == node.value:
            return number
        otherwise = SpeltFloat(number)
        otherwise.spelling = node.value
        return otherwise


for _tag, _make in (
    ("int", Constructor.integer),
    ("float", Constructor.decimal),
    ("bool", SafeConstructor.construct_yaml_bool),
    ("timestamp", RoundTripConstructor.construct_yaml_str),
    ("value", RoundTripConstructor.construct_yaml_str),  # a lonely `=`
):
    Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", _make)
