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
        return _spelt(SpeltInt(number), node.value)

    def decimal(self, node: ScalarNode) -> Any:
        """A number with decimals or an exponent; what only looks like one (`._`) is text."""
        try:
            number = SafeConstructor.construct_yaml_float(self, node)
        except ValueError:
            return node.value
        return _spelt(SpeltFloat(number), node.value)


def _spelt(number: SpeltInt | SpeltFloat, spelling: str) -> int | float:
    """The number; where Python would write it as the file has it, it need not remember that."""
    plain = int(number) if isinstance(number, SpeltInt) else float(number)
    if str(plain) == spelling:
        return plain
    number.spelling = spelling
    return number


for _tag, _make in (
    ("int", Constructor.integer),
    ("float", Constructor.decimal),
    ("bool", SafeConstructor.construct_yaml_bool),
    ("timestamp", RoundTripConstructor.construct_yaml_str),
    ("value", RoundTripConstructor.construct_yaml_str),  # a lonely `=`
):
    Constructor.add_constructor(f"tag:yaml.org,2002:{_tag}", _make)
