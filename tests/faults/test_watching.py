"""What watches a run sees what it must not find."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dmrefresh.keys.private import memory_backed_storage
from tests.faults.watching import Watched, notes, put_in_front, watching

# Writes a secret into a file without a name, and stays; the file is in the folder that it is given.
_HOLD = """
import sys, tempfile, time
with tempfile.TemporaryFile(dir=sys.argv[1]) as file:
    file.write(b"canary in clear")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def held_in(folder: Path) -> Watched:
    watched = Watched((b"canary",))
    argv = [sys.executable, "-c", _HOLD, str(folder), "hunter2"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        with watching(child.pid, watched, 0.01):
            watched.look(child.pid)
        child.kill()
    return watched


def test_what_lies_in_clear_on_a_disk_is_found_also_without_a_name_and_in_memory_it_is_not(tmp_path: Path) -> None:
    on_a_disk = held_in(tmp_path)
    assert len(on_a_disk.found) == 1
    assert any("hunter2" in argv for argv in on_a_disk.arguments)
    assert held_in(memory_backed_storage()).found == set()


def test_a_program_in_front_notes_its_arguments_and_its_environment_and_is_the_one_behind_it(tmp_path: Path) -> None:
    path = put_in_front(tmp_path, ["printf"], "/usr/bin:/bin")
    done = subprocess.run(
        [str(tmp_path / "printf"), "said"], env={"PATH": path, "TOKEN": "hunter2"}, capture_output=True, check=True
    )
    assert done.stdout == b"said"
    ((name, arguments, environment),) = notes(tmp_path)
    assert (name, arguments) == ("printf", ["said"])
    assert environment["TOKEN"] == "hunter2"
