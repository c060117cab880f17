"""The whole stream gives the same bytes however its input is cut, and however many threads and processes sanitise."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from dmrefresh.dump import shared_out
from dmrefresh.dump.events import Event, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.shared_out import Fellows
from dmrefresh.dump.writer import write_dump
from dmrefresh.jobs.rulesets.beside import FellowAside
from dmrefresh.machine.aside import Aside
from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster
from fixtures.production import create, fill
from sanitisers import Sanitiser, load_ruleset, ships
from tests.sanitisers.making import KEY

RULESETS = {"shipped": ships("digitalmarketplace"), "keeping": Path(__file__).parents[2] / "bench/keep_every_row.yaml"}
MIB = 1 << 20
WHOLE = 1 << 40


@dataclass(frozen=True)
class Outcome:
    """What came out, what was warned of, how many rows of each table went in and out, and what was replaced."""

    digest: str
    size: int
    warnings: tuple[str, ...]
    counts: dict[str, tuple[int, int, tuple[tuple[str, int], ...]]]


@pytest.fixture(scope="module")
def dump(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What pg_dump writes about the fake production: some megabytes, with rows longer than the smallest cut."""
    cluster, name = cluster_for(16), "cuts_and_threads"
    cluster.create_role_and_database(name, name)
    with psycopg.connect(cluster.url(name)) as connection:
        create(connection)
        fill(connection, 1500, 11)
    file = tmp_path_factory.mktemp("cuts") / "production.sql"
    dump_sql(cluster, name, file)
    text = file.read_bytes()
    assert len(text) > MIB
    return text


def read(dump: bytes, cut: int, rows: int) -> Iterator[Event]:
    """The events of a dump in pieces of `cut` bytes; of the reader's blocks smaller ones are made, of so many rows."""
    for event in read_dump(dump[start : start + cut] for start in range(0, len(dump), cut)):
        if isinstance(event, TableData) and event.count > rows:
            yield from smaller(event, rows)
        else:
            yield event


def smaller(block: TableData, rows: int) -> Iterable[TableData]:
    lines = bytes(block.rows).splitlines(keepends=True)
    assert len(lines) == block.count, "a line of COPY's ends in nothing but its newline"
    parts = [lines[first : first + rows] for first in range(0, len(lines), rows)]
    for number, part in enumerate(parts):
        one = replace(block, rows=b"".join(part), count=len(part), last=block.last and number == len(parts) - 1)
        yield one if number == 0 else replace(one, lead=b"", header=b"")


@pytest.fixture(scope="module")
def others() -> Iterator[list[Aside]]:
    """Processes beside this one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        made = [Aside() for _ in range(2)]
    yield made
    for one in made:
        one.end()


def sanitised(dump: bytes, ruleset: str, cut: int, rows: int, threads: int, others: Sequence[Aside] = ()) -> Outcome:
    path = RULESETS[ruleset]
    assert path is not None
    made: list[Sanitiser] = []
    warned: list[str] = []
    events = sanitise(
        read(dump, cut, rows),
        load_ruleset(path),
        KEY,
        on_ready=made.append,
        on_warning=warned.append,
        threads=threads,
        fellows=Fellows([partial(FellowAside, one) for one in others]),
    )
    whole, size = hashlib.sha256(), 0
    for text in write_dump(events):
        whole.update(text)
        size += len(text)
    counts = {
        table: (report.rows_in, report.rows_out, tuple(sorted(report.replaced.items())))
        for table, report in made[0].report().items()
    }
    return Outcome(whole.hexdigest(), size, tuple(warned), counts)


@pytest.fixture(scope="module")
def expected(dump: bytes) -> dict[str, Outcome]:
    """In one thread, of a dump in one piece."""
    found = {ruleset: sanitised(dump, ruleset, WHOLE, WHOLE, 1) for ruleset in RULESETS}
    for outcome in found.values():
        assert sum(rows_in for rows_in, _, _ in outcome.counts.values()) > 1000
        assert sum(len(replaced) for _, _, replaced in outcome.counts.values()) > 20
    assert found["shipped"].digest != found["keeping"].digest
    return found


@pytest.mark.parametrize(("threads", "fellows"), [(1, 0), (2, 0), (1, 1), (2, 2)])
@pytest.mark.parametrize(
    ("ruleset", "cut", "rows"),
    [
        pytest.param("shipped", 1 << 10, 7, id="shipped, 1 KiB, 7 rows a block"),
        pytest.param("shipped", 64 << 10, WHOLE, id="shipped, 64 KiB"),
        pytest.param("shipped", MIB, 100, id="shipped, 1 MiB, 100 rows a block"),
        pytest.param("keeping", 1 << 10, WHOLE, id="keeping, 1 KiB"),
        pytest.param("keeping", WHOLE, 13, id="keeping, whole, 13 rows a block"),
    ],
)
def test_the_stream_gives_the_same_bytes_however_it_is_cut_and_in_however_many_threads_and_processes(
    dump: bytes,
    expected: dict[str, Outcome],
    others: list[Aside],
    monkeypatch: pytest.MonkeyPatch,
    ruleset: str,
    cut: int,
    rows: int,
    threads: int,
    fellows: int,
) -> None:
    monkeypatch.setattr(shared_out, "SMALL", 0)
    assert sanitised(dump, ruleset, cut, rows, threads, others[:fellows]) == expected[ruleset]


def test_without_rules_to_change_them_the_cuts_leave_no_trace(dump: bytes) -> None:
    """Else what the test above cuts would not be the same dump."""
    assert b"".join(write_dump(read(dump, 1 << 10, 7))) == b"".join(write_dump(read_dump([dump])))
