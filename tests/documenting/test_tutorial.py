"""The tutorial is gone through as it stands: its commands are typed, and what it shows is what they say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from tests.documenting.test_pages import FENCE, PAGES, read
from tests.jobs.scene import DMREFRESH

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"


def steps() -> list[tuple[str, str]]:
    """The blocks of the first part: language and text, in their order."""
    first = read(PAGE).partition("\n## With a bucket")[0]
    found = [
        (language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, text in FENCE.findall(first)
    ]
    assert len(found) > 15
    return found


class Reader:
    """Somebody who types what the tutorial says, in a folder of their own."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster, self.said = folder, cluster, ""
        server = re.sub(r"/[^/]*$", "", cluster.url("postgres"))
        self.owner = re.sub(r"//[^@/]*@", "//films_copy@", server)
        self.server = server

    def types(self, script: str, code: int = 0) -> str:
        """Run lines of a shell; what they have said is kept."""
        script = script.replace("postgresql://me@localhost", self.server).replace("postgresql://localhost", self.server)
        script = script.replace("postgresql://films_copy@localhost", self.owner)
        script = re.sub(r"\bpg_dump films\b", f"pg_dump {self.server}/films", script)
        script = re.sub(r"\bpsql films_copy\b", f"psql {self.owner}/films_copy", script)
        script = script.replace(".venv/bin/python", f"cd {ROOT} && {Path(DMREFRESH).with_name('python')}")
        path = f"{Path(DMREFRESH).parent}:{self.cluster.bin('psql').parent}:{os.environ['PATH']}"
        where = dict(re.findall(r"(\w+)=(\S+)", self.connection()))
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", **where},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == code, f"{script}\n{self.said}"
        return self.said

    def connection(self) -> str:
        """Where createdb and createuser find the server."""
        from psycopg.conninfo import conninfo_to_dict

        said = conninfo_to_dict(self.cluster.url("postgres"))
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}
        return " ".join(f"{names[key]}={value}" for key, value in said.items() if key in names)


def shown_is_said(shown: str, said: str) -> None:
    """Every line that the tutorial shows was said, but for fakes, and what is cut with dots."""
    for line in shown.splitlines():
        if line.strip() and not re.search(r"→|…|^ {4}", line):
            assert line in said, f"the tutorial shows: {line}\n{said}"


@pytest.mark.slow
def test_the_tutorial_leads_from_nothing_to_a_copy_and_shows_what_is_said(
    cluster_for: Callable[[int], Cluster], tmp_path: Path
) -> None:
    one = Reader(tmp_path, cluster_for(18))
    ruleset = tmp_path / "films.dmrefresh.yaml"
    for language, text in steps():
        if language == "text" and text.strip() != "films.dmrefresh.yaml: fits; 28 tables, 212 columns":
            shown_is_said(text, one.said)
        elif language == "text":
            shown_is_said(text, one.types("dmrefresh sanitisers check --database production"))
        elif language == "yaml" and text.startswith("literals:"):
            without, marks, _ = ruleset.read_text().partition("# literals:")
            assert marks, "the lines stand there as comments"
            ruleset.write_text(without + text)
        elif language == "yaml" and "ruleset: 1" not in text:
            assert all(line in ruleset.read_text() for line in text.splitlines() if line.strip()[:1] != "#")
        elif language == "sh" and not text.startswith("pipx"):
            stops = text.startswith("dmrefresh sanitisers check")
            one.types(text, code=14 if stops else 0)
    assert one.said.count("@example.invalid") == 3
    assert PAGE in PAGES
