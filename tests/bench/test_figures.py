"""From rounds to figures: medians, ratios, spread, bounds; and the file that holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import growth, load, lz4, results, tables
from bench.measures import MEASURES
from bench.part import Figure, Part, Ratio, Setting, Side, reached
from bench.parts import PARTS
from sanitisers import load_ruleset
from sanitisers.ruleset.model import Off

MB = 1_000_000


def side(seconds: list[float], *, megabytes: int = 0, peak: int = 1) -> Side:
    """A side that took so long, and read so much, with each round holding a megabyte more than the one before."""
    rounds = range(len(seconds))
    return Side("", seconds, [1.0] * len(seconds), [(peak + n) * MB for n in rounds], [megabytes * MB for _ in rounds])


def part(**sides: Side) -> Part:
    return Part("Is it?", "python -m bench x", "2026-01-31", {"machine": "2 cores"}, 3, sides)


def test_a_ratio_is_that_of_the_medians_with_the_extremes_of_the_rounds() -> None:
    ratio = Ratio.of([1, 9, 3], [2, 3, 1], "<= 1.5")
    assert ratio == Ratio(of_medians=1.5, lowest=0.5, highest=3, wanted="<= 1.5")
    assert ratio.reached


def test_rounds_that_do_not_pair_give_no_ratio() -> None:
    with pytest.raises(ValueError, match="zip"):
        Ratio.of([1, 2], [1])


@pytest.mark.parametrize(
    ("value", "wanted", "held"),
    [
        (0.85, "<= 0.85", True),
        (0.86, "<= 0.85", False),
        (5, ">= 5", True),
        (4.99, ">= 5", False),
        (4.99, None, None),
    ],
)
def test_a_bound_is_kept_or_not(value: float, wanted: str | None, held: bool | None) -> None:
    assert reached(value, wanted) is held
    assert Figure(value, "s", wanted).reached is held


@pytest.mark.parametrize("wanted", ["< 5", "5", "<=5"])
def test_what_is_no_bound_is_refused(wanted: str) -> None:
    with pytest.raises(ValueError, match="is no bound"):
        reached(1, wanted)


def test_a_side_is_shown_with_its_median_its_spread_its_highest_memory_and_its_speed() -> None:
    shown = tables.sides(part(fast=side([2, 1, 4], megabytes=10, peak=300), slow=side([20, 10, 40])))
    assert shown[0] == ["", "median s", "fastest", "slowest", "CPU s", "peak MB", "MB/s"]
    assert shown[1] == ["fast", "2.00", "1.00", "4.00", "1.00", "302", "5"]
    assert shown[2] == ["slow", "20.00", "10.00", "40.00", "1.00", "3", ""]


def test_what_was_not_measured_has_no_column() -> None:
    only = side([1, 2, 3])
    assert tables.sides(part(only=replace(only, peak_bytes=[0, 0, 0])))[0][-1] == "CPU s"


def test_speed_is_that_of_each_round() -> None:
    assert MEASURES["megabytes_per_second"].values(side([2, 4], megabytes=8)) == [4, 2]


def test_the_pipeline_and_analyze_are_added_round_by_round() -> None:
    pipe = replace(side([1, 2, 3]), more={"analyse_seconds": [0.5, 0.25, 0.125]})
    assert load.analysed(pipe).seconds == [1.5, 2.25, 3.125]


def test_without_leak_check_only_the_leak_check_is_off(tmp_path: Path) -> None:
    whole, without = load_ruleset(load.KEEP_EVERY_ROW), load_ruleset(load.without_leak_check(tmp_path))
    assert (whole.leak_check, whole.detectors) == (None, "warn")
    assert without.leak_check == "to measure what it costs"
    assert without.detectors == Off(reason="to measure what they cost")
    others = {"leak_check", "detectors"}
    assert whole.model_dump(exclude=others) == without.model_dump(exclude=others)


def test_growth_on_a_straight_line_has_that_line() -> None:
    sides = {f"{size} MB": side([2 + size / 50], megabytes=size, peak=200) for size in (100, 1000, 5000)}
    line = growth.line(list(sides.values()))
    fixed, slope, off = (figure.value for figure in line.values())
    assert fixed == pytest.approx(2)
    assert slope == pytest.approx(20)
    assert off == pytest.approx(0, abs=1e-9)
    assert all(ratio.reached for ratio in growth.ratios(sides).values())


def test_growth_off_the_straight_line_is_told_and_so_is_memory_that_grows() -> None:
    sides = {
        "100 MB": side([1], megabytes=100, peak=200),
        "1000 MB": side([10], megabytes=1000, peak=200),
        "5000 MB": side([100], megabytes=5000, peak=230),
    }
    held = {name: ratio.reached for name, ratio in growth.ratios(sides).items()}
    assert held == {
        "seconds for a megabyte, 1000 MB : 100 MB": True,
        "peak memory, 1000 MB : 100 MB": True,
        "seconds for a megabyte, 5000 MB : 1000 MB": False,
        "peak memory, 5000 MB : 1000 MB": False,
    }
    assert list(growth.line(list(sides.values())).values())[-1].value > 10


def test_one_size_has_no_line() -> None:
    assert growth.line([side([1], megabytes=100)]) == {}


def test_where_no_server_knows_lz4_the_part_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lz4, "installed_majors", list)
    monkeypatch.setattr(lz4, "knows_lz4", lambda major: False)
    found = lz4.measure(Setting(tmp_path, print))
    assert (found.sides, found.rounds) == ({}, 0)
    assert found.remarks == ["Left out: no PostgreSQL on this machine was built with lz4."]


def test_a_part_that_is_measured_again_takes_the_place_of_itself_alone(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first, other, again = part(a=side([1])), part(b=side([2])), part(a=side([3]))
    for name, found in (("load", first), ("growth", other), ("load", again)):
        results.replace(file, name, found)
    assert results.read(file) == {"growth": other, "load": again}
    assert [one.name for one in tmp_path.iterdir()] == ["results.json"]


def test_what_is_written_down_is_read_back_as_it_was(tmp_path: Path) -> None:
    found = replace(
        part(a=replace(side([1.5]), more={"stages": [{"read": 0.1}]})),
        ratios={"a : b": Ratio.of([1], [2], "<= 0.6")},
        figures={"peak": Figure(200, "MB", "<= 256"), "rows": Figure(7, "")},
        remarks=["So it is."],
        charts=["seconds", "peak_megabytes"],
    )
    results.replace(tmp_path / "results.json", "load", found)
    assert results.read(tmp_path / "results.json") == {"load": found}
    assert results.read(tmp_path / "none.json") == {}


def test_the_command_of_a_part_is_the_one_that_measures_it_again(tmp_path: Path) -> None:
    setting = Setting(tmp_path, print)
    assert setting.command("load", megabytes=5, rounds=2) == "python -m bench load --megabytes 5 --rounds 2"
    other = replace(setting, major=15, fsync=True)
    assert other.command("load", rounds=2) == "python -m bench load --rounds 2 --major 15 --fsync"


def test_the_parts_stand_in_order() -> None:
    assert list(PARTS) == sorted(PARTS)
