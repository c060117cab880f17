"""How a ruleset's file is read: YAML 1.2, every mistake with its line, all of them at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from sanitisers.errors import RulesetError
from sanitisers.near import did_you_mean
from sanitisers.ruleset.constructing import Constructor
from sanitisers.ruleset.key_lists import Part
from sanitisers.ruleset.model import Columns, Ruleset, place
from sanitisers.ruleset.rules import Bcrypt, Constant, Each, Entries, Fake, Fields, Function, Json, OneOf, Pattern

Lines: TypeAlias = dict[tuple[str, ...], int]

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_QUOTED = (DoubleQuotedScalarString, SingleQuotedScalarString)
_KNOWN_KEYS = {
    (): [
        str(field.alias or name)
        for name, field in Ruleset.model_fields.items()
        if not field.exclude and name != "script"
    ],
    ("tables", "*"): list(Columns.model_fields),
    ("tables", "*", "columns", "*"): [
        str(field.alias or name)
        for rule in (Json, Constant, Bcrypt, Fake, Pattern, OneOf, Function, Each, Fields, Entries)
        for name, field in rule.model_fields.items()
    ],
}


def load_ruleset(path: Path) -> Ruleset:
    """The ruleset in the file at `path`.

    Raises RulesetError with one sentence for each mistake, each with file, line and path.
    """
    ruleset = parse_ruleset(_text(path), path.name)
    ruleset = ruleset.model_copy(update={"folder": str(path.parent)})
    if ruleset.after_load is None:
        return ruleset
    try:
        script = _text(path.with_name(ruleset.after_load))
    except RulesetError as error:
        raise RulesetError([f"{ruleset.at('after_load')}: {error}"]) from None
    return ruleset.model_copy(update={"script": script})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RulesetError([f"{path} cannot be read: {error.strerror or 'nobody says why'}."]) from None
    except UnicodeDecodeError as error:
        raise RulesetError([f"{path}: byte {error.start} is not UTF-8"]) from None


def parse_ruleset(text: str, file: str) -> Ruleset:
    """The ruleset in `text`; `file` is what messages call it. Raises RulesetError as load_ruleset does."""
    tree, lines = _Reader(file).read(text)
    for ours in ("<script>", "<folder>"):
        if ours in tree:
            raise RulesetError([f"{place(file, lines, (ours,))}: `{ours}` is not known here"])
    try:
        return Ruleset.model_validate({**tree, "file": file, "lines": lines})
    except ValidationError as error:
        found = [_message(file, lines, tree, dict(detail)) for detail in error.errors()]
        raise RulesetError(text for _, text in sorted(found)) from None


class _Reader:
    """YAML as plain maps, with the line of every key, joined keys (`a, b: rule`) taken apart."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: Lines = {}
        self.mistakes: list[str] = []

    def read(self, text: str) -> tuple[dict[str, Any], Lines]:
        yaml = YAML(typ="rt", pure=True)
        yaml.Constructor, yaml.preserve_quotes = Constructor, True
        try:
            document = yaml.load(text)
        except DuplicateKeyError as error:
            raise RulesetError([self._duplicate(error)]) from None
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            raise RulesetError([f"{self.file}{line}: not YAML: {error.problem or error.context}"]) from None
        except YAMLError:
            raise RulesetError([f"{self.file}: not YAML"]) from None
        except (ValueError, KeyError, TypeError, AttributeError):  # a tag for what it is not: ruamel.yaml's own errors
            raise RulesetError([f"{self.file}: not YAML: something in it is not what its tag says"]) from None
        except RecursionError:
            raise RulesetError([f"{self.file}: it is nested too deep"]) from None
        if not isinstance(document, CommentedMap):
            raise RulesetError([f"{self.file}: a ruleset is a map that begins with `ruleset: 1`"])
        tree = self._map(document, (), Part.FILE)
        if self.mistakes:
            raise RulesetError(self.mistakes)
        return tree, self.lines

    def _duplicate(self, error: DuplicateKeyError) -> str:
        first = f", first in line {error.context_mark.line + 1}" if error.context_mark else ""
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = str(error.problem or "").split(" with value")[0]
        return f"{self.file}:{line}: {problem}, in the map{first}" if first else f"{self.file}:{line}: {problem}"

    def _map(self, node: CommentedMap, path: tuple[str, ...], part: Part) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        part = part.of_map(node)
        for written, value in node.items():
            line = self._line(node, written)
            for key in self._names(written, path, line, part):
                where = (*path, key)
                if key in plain:
                    first = self.lines.get(where, line)
                    again = f"{self.file}:{line}: {'.'.join(where)}"
                    self.mistakes.append(f"{again}: named twice, first in line {first}")
                    continue
                self.lines[where] = line
                plain[key] = self._value(value, where, part.below(key))
        return plain

    def _line(self, node: CommentedMap, key: object) -> int:
        try:
            return int(node.lc.key(key)[0]) + 1
        except (KeyError, TypeError):  # it comes from a merged map (`<<`)
            return int(node.lc.line) + 1

    def _names(self, written: object, path: tuple[str, ...], line: int, part: Part) -> list[str]:
        if not isinstance(written, str):
            where = f"{self.file}:{line}: {'.'.join(path) or 'the ruleset'}"
            self.mistakes.append(f"{where}: a key here is not text to YAML; put it into quotes")
            return []
        if not part.joins or "," not in written or isinstance(written, _QUOTED):
            return [str(written)]
        return [name for name in (each.strip() for each in written.split(",")) if name]

    def _value(self, value: object, path: tuple[str, ...], part: Part) -> object:
        if isinstance(value, CommentedMap):
            return self._map(value, path, part)
        if isinstance(value, CommentedSeq):
            return [self._value(item, path, Part.OTHER) for item in value]
        if isinstance(value, str):
            if _NO_TEXT.search(value):
                what = "a text with a NUL or half a surrogate pair, which no server holds"
                self.mistakes.append(f"{place(self.file, self.lines, path)}: {what}")
            return str(value)
        if value is not None and not isinstance(value, bool | int | float):
            what = "YAML's tags, sets and the like are not understood; a text that begins with ! wants quotes"
            self.mistakes.append(f"{place(self.file, self.lines, path)}: {what}")
        return value


def _message(file: str, lines: Lines, tree: object, detail: dict[str, Any]) -> tuple[int, str]:
    """One mistake as its line (to sort by) and its sentence."""
    path: tuple[str, ...] = ()
    node = tree
    location = detail["loc"]
    for step in location:
        if not isinstance(node, dict):
            break
        # Where the models have `document` or `<keys>` the file has `json`; tags of unions are not in it at all.
        if step == "document" or (step == "<keys>" and node.keys() == {"json"}):
            step = "json"
        if step in node:
            node = node[step]
            path = (*path, str(step))
    match detail["type"]:
        case "extra_forbidden":
            near = did_you_mean(str(location[-1]), _known(path[:-1]))
            if len(path) == 3 and path[0] == "tables" and not near:
                near = "; a column stands below `columns:`"
            what = f"`{location[-1]}` is not known here{near}"
        case "missing":
            what = "`ruleset: 1` is missing" if not path else f"`{location[-1]}` is missing"
        case "literal_error":
            what = "the only version there is is 1"
            if path != ("ruleset",):
                what = f"it is {detail['ctx']['expected']}".replace("'", "`")
        case "ruleset":
            what = detail["msg"]
        case _:
            what = _WANTED.get(detail["type"]) or detail["msg"][:1].lower() + detail["msg"][1:]
    line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 0)
    return line, f"{place(file, lines, path)}: {what}"


_WANTED = {
    "dict_type": "a map is wanted here, such as `name: rule`; an empty one is {}",
    "string_type": "a text is wanted here; a number, say, is one in quotes",
    "string_too_short": "the text is empty",
    "too_short": "the list is empty",
    "bool_type": "it is true or false",
    "bool_parsing": "it is true or false",
}
"""What pydantic says of a value that is none, in words that say what to do."""


def _known(path: tuple[str, ...]) -> list[str]:
    """The keys that a map at `path` may have."""
    for pattern, known in _KNOWN_KEYS.items():
        if len(pattern) == len(path) and all(want in {"*", step} for want, step in zip(pattern, path, strict=True)):
            return ["json" if key == "document" else key for key in known]
    return []
