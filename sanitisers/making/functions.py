"""Functions of a team's own, found by their dotted path: installed, or in a file beside the ruleset.

    def badge(value: str, chance: random.Random) -> str | None: ...

`value` is never NULL or empty. `chance` gives the same numbers for the same value under the same key, and whoever
takes all chance from it keeps joins and weeks consistent.
"""

from __future__ import annotations

import sys
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING

from sanitisers.making.fitting import Misfit

if TYPE_CHECKING:
    from collections.abc import Callable


def load_function(path: str, folder: str) -> Callable[[str, int], str | None]:
    """The function at a dotted path, taking a value and a number from which its chance begins.

    `folder` is where the ruleset lies. Raises Misfit where there is no such function.
    """
    module, _, name = path.rpartition(".")
    found = getattr(_module(module, folder, path), name, None)
    if not callable(found):
        raise Misfit(f"there is no function `{name}` in {module}")
    return lambda value, chance: found(value, Random(chance))


def _module(name: str, folder: str, path: str) -> object:
    # Behind everything else: a file beside the ruleset must not take the place of a library.
    beside = [folder] if folder and folder not in sys.path else []
    sys.path += beside
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise Misfit(f"there is no module for `{path}`, neither installed nor beside the ruleset") from None
        raise Misfit(f"`{path}` cannot be loaded: it wants {error.name}, which is not installed") from None
    except (Exception, SystemExit) as error:
        raise Misfit(f"`{path}` cannot be loaded ({type(error).__name__})") from None
    finally:
        for added in beside:
            sys.path.remove(added)
