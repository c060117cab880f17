"""The file in which all figures are: each part under its name."""

from __future__ import annotations

import json
from pathlib import Path

from bench.part import Part

FILE = Path(__file__).with_name("results.json")


def read(file: Path) -> dict[str, Part]:
    """The parts that the file holds, by name; none where there is no file.

    Raises:
        ValueError: it is no JSON.
        TypeError: a part is not of the form that `Part` has.
    """
    if not file.exists():
        return {}
    return {name: Part.from_dict(part) for name, part in json.loads(file.read_text(encoding="utf-8")).items()}


def replace(file: Path, name: str, part: Part) -> None:
    """Put one part into the file in place of what was under its name; the others stay."""
    parts = {**read(file), name: part}
    text = json.dumps({name: parts[name].as_dict() for name in sorted(parts)}, indent=1, ensure_ascii=False)
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(file)
