"""What personal data turns into: rulesets, families of fakes, and the columnar engine that applies them.

    ruleset = load_ruleset(ships("digitalmarketplace"))
    sanitiser = compile_ruleset(ruleset, {"users": columns}, key)
    users = sanitiser.table("users", ["id", "name"])
    block = users.apply(rows)

Nothing here knows of buckets, keyrings or connections. The names below are imported when they are first
used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.compiling import compile_ruleset
    from sanitisers.engine.table import Block, TableSanitiser
    from sanitisers.engine.tally import TableReport
    from sanitisers.errors import (
        BlockError,
        Leaked,
        LooksPersonal,
        RulesetError,
        SanitiserError,
        Unclassified,
        ValueRefused,
    )
    from sanitisers.making.uniqueness import Known
    from sanitisers.ruleset.loading import load_ruleset
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.sanitiser import Sanitiser

__all__ = [
    "Block",
    "BlockError",
    "ColumnLike",
    "Known",
    "Leaked",
    "LooksPersonal",
    "Ruleset",
    "RulesetError",
    "Sanitiser",
    "SanitiserError",
    "TableReport",
    "TableSanitiser",
    "Unclassified",
    "ValueRefused",
    "compile_ruleset",
    "load_ruleset",
    "ships",
]

_HOMES = {
    "Block": "engine.table",
    "BlockError": "errors",
    "ColumnLike": "columns",
    "Known": "making.uniqueness",
    "Ruleset": "ruleset.model",
    "RulesetError": "errors",
    "Sanitiser": "sanitiser",
    "SanitiserError": "errors",
    "Leaked": "errors",
    "LooksPersonal": "errors",
    "TableReport": "engine.tally",
    "TableSanitiser": "engine.table",
    "Unclassified": "errors",
    "ValueRefused": "errors",
    "compile_ruleset": "compiling",
    "load_ruleset": "ruleset.loading",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def ships(name: str) -> Path | None:
    """The path of a ruleset that comes with this package, such as `digitalmarketplace`; None if none has the name."""
    if not name.isidentifier():
        return None
    path = Path(__file__).with_name(f"{name}.yaml")
    return path if path.is_file() else None
