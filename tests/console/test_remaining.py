"""How long it will go on, held against refreshes that were recorded (tests/console/recording.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dmrefresh.console.pace import Meter, Pace
from dmrefresh.console.remaining import Course, part_loaded, remaining
from dmrefresh.stopwatch import Flow, Sample, Stopwatch

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


class Recorded(Stopwatch):
    """A stopwatch that stands at a moment of a recording."""

    def __init__(self, recording: Mapping[str, Any], moment: Mapping[str, Any]) -> None:
        super().__init__()
        self.expected = recording["expected"] if "reread" in moment["flows"] else {}
        self.flows = {name: Flow(*flow) for name, flow in moment["flows"].items()}
        self.now = Sample(
            moment["at"], {name: flow.bytes for name, flow in self.flows.items()}, dict(moment["seconds"])
        )

    def sample(self) -> Sample:
        return self.now


def paces(file: Path) -> tuple[float, list[tuple[float, Pace]]]:
    """How long a recorded refresh took, and what was said of it in each moment."""
    recording = json.loads(file.read_text())
    said, meter = [], Meter(Stopwatch(), recording["size"])
    for moment in recording["moments"]:
        meter.stopwatch = Recorded(recording, moment)
        said.append((moment["at"], meter.read()))
    return recording["took"], said


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: str(file.stem))
def test_after_ten_seconds_the_whole_length_is_known_within_a_third(file: Path) -> None:
    took, said = paces(file)
    later = [(at, pace.left) for at, pace in said if at >= 10]
    assert later
    for at, left in later:
        if left is None:  # it takes longer than was thought, which is said of the very end alone
            assert at > took * 2 / 3
        else:
            assert took * 2 / 3 <= at + left <= took * 4 / 3, at


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: str(file.stem))
def test_the_share_only_grows_and_ends_at_all_of_it(file: Path) -> None:
    shares = [pace.share or 0.0 for _, pace in paces(file)[1] if pace.loading]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_was_read_first_tells_how_long_the_load_will_take() -> None:
    quick = Course(at=10.0, size=100_000_000, fetched=50_000_000, fetch_began=0.0)
    read_first = Course(at=10.0, size=100_000_000, fetched=50_000_000, fetch_began=0.0, used=30.0)
    quickly, slowly = remaining(quick), remaining(read_first)
    assert quickly is not None
    assert slowly is not None
    assert slowly > quickly > 10.0


def test_before_anything_has_come_nothing_is_known() -> None:
    assert remaining(Course(at=3.0, size=100)) is None
    assert remaining(Course(at=3.0, size=100, fetch_began=1.0)) is None


MB = 1_000_000
GB = 1000 * MB


@pytest.mark.parametrize(
    ("plain", "unpacked", "part"),
    [
        (100 * MB, 400 * MB, 0.25),
        (2 * GB, 6 * GB % 2**32, 1 / 3),
        (100 * MB, 3 * MB, 0.5),
        (100 * MB, None, 0.5),
        (0, 400 * MB, 0.5),
    ],
    ids=[
        "by the text",
        "of more than gzip can count",
        "where only a last member says how much it has",
        "where nobody says",
        "where nothing was unpacked yet",
    ],
)
def test_how_far_the_load_is_goes_by_the_text_where_it_is_known(plain: int, unpacked: int | None, part: float) -> None:
    now = Sample(1.0, {"verify": 10, "decrypt": 5, "reread": 7, "gunzip": plain}, {})
    assert part_loaded(now, 10, unpacked) == pytest.approx(part)
