"""Tools from PyPI that do what dmrefresh does, in an environment of their own, which is made once and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ClientFailedError
from bench.part import Setting

WANTED = ("pynonymizer==2.5.0", "pganonymize==0.13.0")


@dataclass(frozen=True)
class Tools:
    """Where the tools are, and what is installed there, such as `pynonymizer 2.5.0`, each package with its version."""

    folder: Path
    versions: dict[str, str]

    def program(self, name: str) -> str:
        """The path of a program of theirs."""
        return str(self.folder / "bin" / name)

    def told(self) -> str:
        """The tools with their versions, and those of what does most of their work."""
        told = ("pynonymizer", "pganonymize", "Faker", "psycopg2", "pgcopy")
        return ", ".join(f"{name} {self.versions[name]}" for name in told if name in self.versions)


def tools(setting: Setting) -> Tools:
    """Install them with pip, unless that was done before.

    Raises:
        ClientFailedError: pip could not.
    """
    folder = setting.keep / "tools"
    done = folder / "installed.txt"
    if not done.exists() or done.read_text(encoding="utf-8").split() != list(WANTED):
        setting.say(f"installing {', '.join(WANTED)} into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin/pip"), "install", "--quiet", *WANTED)
        done.write_text("\n".join(WANTED) + "\n", encoding="utf-8")
    listed = json.loads(_run(str(folder / "bin/pip"), "list", "--format", "json"))
    return Tools(folder, {package["name"]: package["version"] for package in listed})


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClientFailedError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
