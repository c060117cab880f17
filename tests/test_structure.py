"""Arrows between the rooms go one way, and the newcomer can read each file in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = (
    "machine",
    "keys",
    "bucket",
    "report",
    "console",
    "telling",
    "settings",
    "stages",
    "dump",
    "postgres",
    "runbooks",
)
SHOWN = ("machine", "report", "console", "telling", "settings", "runbooks")
ROOMS = {
    "sanitisers": set(),
    "dmrefresh.machine": {"dmrefresh"},
    "dmrefresh.keys": {"dmrefresh", "dmrefresh.machine"},
    "dmrefresh.bucket": {"dmrefresh", "dmrefresh.machine"},
    "dmrefresh.report": {"dmrefresh", "dmrefresh.machine"},
    "dmrefresh.console": {"dmrefresh", "dmrefresh.machine", "dmrefresh.report"},
    "dmrefresh.telling": {"dmrefresh", "dmrefresh.machine", "dmrefresh.settings", "dmrefresh.report"},
    "dmrefresh.runbooks": {"dmrefresh", "dmrefresh.machine"},
    "dmrefresh.settings": {"dmrefresh", "dmrefresh.machine", "dmrefresh.keys", "dmrefresh.bucket"},
    "dmrefresh.stages": {"dmrefresh", "dmrefresh.machine", "dmrefresh.keys", "dmrefresh.bucket"},
    "dmrefresh.dump": {"dmrefresh", "sanitisers"},
    "dmrefresh.postgres": {"dmrefresh", "dmrefresh.machine", "dmrefresh.settings", "dmrefresh.dump"},
    "dmrefresh.jobs": {"dmrefresh", *(f"dmrefresh.{room}" for room in BELOW), "sanitisers"},
    "dmrefresh.cli": {"dmrefresh", "dmrefresh.jobs", *(f"dmrefresh.{room}" for room in SHOWN)},
    "fixtures": set(),
    "bench": {"fixtures", "sanitisers", "dmrefresh", "dmrefresh.jobs", *(f"dmrefresh.{room}" for room in BELOW)},
    "documenting": {
        "dmrefresh",
        "dmrefresh.cli",
        "dmrefresh.jobs",
        *(f"dmrefresh.{room}" for room in SHOWN),
        "sanitisers",
    },
}
"""What each room may import of the project beside itself; `dmrefresh` alone means its single files."""
TOGETHER = ("dmrefresh", "sanitisers", "fixtures", "bench", "documenting", "tests")


def room_of(module: str) -> str:
    parts = module.split(".")
    if parts[0] == "dmrefresh" and len(parts) > 1 and (ROOT / "dmrefresh" / parts[1]).is_dir():
        return ".".join(parts[:2])
    return parts[0]


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in found if name.split(".")[0] in TOGETHER}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_the_floors_below(room: str) -> None:
    files = sorted((ROOT / room.replace(".", "/")).rglob("*.py"))
    assert files
    for file in files:
        for name in imports(file):
            assert room_of(name) in {room, *ROOMS[room]}, f"{file.relative_to(ROOT)} imports {name}"


def test_the_single_files_know_nothing_of_the_rooms() -> None:
    for file in (ROOT / "dmrefresh").glob("*.py"):
        above = {name for name in imports(file) if room_of(name) != "dmrefresh"}
        assert above <= ({"dmrefresh.cli.main"} if file.name == "__main__.py" else set()), (
            f"{file.name} imports {above}"
        )


def test_nothing_but_the_program_itself_knows_the_command_line() -> None:
    for file in (ROOT / "dmrefresh").rglob("*.py"):
        if file.parent.name != "cli" and file.name != "__main__.py":
            assert not any(name.startswith("dmrefresh.cli") for name in imports(file)), file


def test_only_one_file_starts_processes_and_only_one_imports_a_terminal() -> None:
    for package in ("dmrefresh", "sanitisers"):
        for file in (ROOT / package).rglob("*.py"):
            names = {
                alias.name
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            popens = "Popen(" in file.read_text() or "subprocess.run(" in file.read_text()
            assert not popens or file.name == "process.py", file
            assert "rich" not in names or file.parent.name == "console", file


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    for folder in ("dmrefresh", "sanitisers", "fixtures", "bench", "documenting"):
        for file in (ROOT / folder).rglob("*.py"):
            assert len(file.read_text().splitlines()) <= 320, file
