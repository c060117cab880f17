"""Arrows between the rooms go one way, and the newcomer can read each file in one sitting."""

from __future__ import annotations

import ast
import re
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
SANITISERS = {
    "columns": set(),
    "detectors": set(),
    "near": set(),
    "families": set(),
    "assumed": {"columns"},
    "errors": {"columns"},
    "pools": {"errors", "families", "near"},
    "ruleset": {"columns", "errors", "families", "near"},
    "covering": {"columns", "ruleset"},
    "engine": {"detectors", "errors", "families", "ruleset"},
    "predicate": {"columns", "engine", "near"},
    "leaks": {"detectors", "engine", "families", "ruleset"},
    "suggesting": {"assumed", "columns", "detectors", "engine", "errors", "families", "ruleset"},
    "making": {"assumed", "columns", "engine", "families", "near", "pools", "predicate", "ruleset"},
    "sanitiser": {"assumed", "engine", "errors", "leaks", "suggesting"},
    "compiling": {
        *("columns", "covering", "engine", "errors", "leaks", "making", "near", "pools", "ruleset", "sanitiser"),
        "suggesting",
    },
    "fellows": {"columns", "compiling", "engine", "errors", "leaks", "making", "ruleset", "sanitiser"},
    "trying": {"columns", "compiling", "errors", "making", "ruleset"},
    "showing": {
        *("assumed", "columns", "compiling", "covering", "engine", "errors", "families", "near", "ruleset"),
        "suggesting",
    },
}
"""What each room and each single file of sanitisers/ imports of the others: all of it, and nothing that is below."""

FLOORS = {
    "dmrefresh.dump": ("text", "definitions", "judging"),
    "dmrefresh.postgres": ("reach", "loading", "carrying", "strategies"),
}
"""The rooms inside a room, from the lowest up: none reaches a higher one, not even through a single file between."""
JOBS = {
    "topics": set(),
    "reports": set(),
    "runbooks": set(),
    "dumps": set(),
    "backup": {"dumps"},
    "targets": {"dumps"},
    "rulesets": {"dumps", "targets"},
    "init": {"rulesets"},
    "refresh": {"dumps", "targets", "rulesets"},
    "doctor": {"dumps", "targets", "rulesets", "refresh"},
}
"""What each room of `dmrefresh.jobs` may import of the others; the single files there are for all of them."""
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


@pytest.mark.parametrize("part", SANITISERS)
def test_a_part_of_sanitisers_imports_what_is_written_here_and_only_from_above(part: str) -> None:
    at = ROOT / "sanitisers" / part
    files = sorted(at.rglob("*.py")) if at.is_dir() else [at.with_suffix(".py")]
    found = {name.split(".")[1] for file in files for name in imports(file) if name.startswith("sanitisers.")}
    assert found - {part} == SANITISERS[part]
    assert SANITISERS[part] <= {*list(SANITISERS)[: list(SANITISERS).index(part)]}


def test_every_part_of_sanitisers_has_its_arrows_written_down() -> None:
    here = {
        file.stem for file in (ROOT / "sanitisers").iterdir() if file.suffix == ".py" or (file / "__init__.py").exists()
    }
    assert here - {"__init__"} == SANITISERS.keys()


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_inside_a_room_reaches_none_of_the_floors_above(room: str) -> None:
    for floor, name in enumerate(FLOORS[room]):
        above = tuple(f"{room}.{other}." for other in FLOORS[room][floor + 1 :])
        for module, way in reached_from(f"{room}.{name}", room).items():
            assert not module.startswith(above), " → ".join([*way, module])


def reached_from(inner: str, room: str) -> dict[str, list[str]]:
    """The files of a room that those of one inside it import, directly or around, each with the way there."""
    begin = sorted((ROOT / inner.replace(".", "/")).glob("*.py"))
    ways: dict[str, list[str]] = {f"{inner}.{file.stem}": [] for file in begin}
    assert ways
    to_look_at = list(ways)
    while to_look_at:
        module = to_look_at.pop()
        for name in imports((ROOT / module.replace(".", "/")).with_suffix(".py")):
            owner, _, _ = name.rpartition(".")
            found = next((one for one in (name, owner) if (ROOT / f"{one.replace('.', '/')}.py").is_file()), "")
            if found.startswith(f"{room}.") and found not in ways:
                ways[found] = [*ways[module], module]
                to_look_at.append(found)
    return ways


def test_the_rooms_of_the_jobs_import_one_way_and_what_they_share_imports_none_of_them() -> None:
    jobs = ROOT / "dmrefresh" / "jobs"
    assert {folder.name for folder in jobs.iterdir() if (folder / "__init__.py").exists()} == set(JOBS)
    for file in jobs.rglob("*.py"):
        allowed = {file.parent.name, *JOBS[file.parent.name]} if file.parent != jobs else set()
        rooms = {name.split(".")[2] for name in imports(file) if name.startswith("dmrefresh.jobs.")}
        assert rooms & set(JOBS) <= allowed, file


def test_the_map_of_the_engine_has_every_file_of_it_and_no_other() -> None:
    room = ROOT / "sanitisers" / "engine"
    named = re.findall(r"`(\w+)`", ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "")
    assert sorted(named) == sorted(file.stem for file in room.glob("*.py") if file.stem != "__init__")


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


def test_only_one_file_makes_buckets_of_settings_so_that_what_they_say_holds_for_each() -> None:
    makers = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "dmrefresh").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Store"
    }
    assert makers == {"dmrefresh/jobs/buckets.py"}


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    for folder in ("dmrefresh", "sanitisers", "fixtures", "bench", "documenting"):
        for file in (ROOT / folder).rglob("*.py"):
            assert len(file.read_text().splitlines()) <= 320, file
