from __future__ import annotations

from datetime import timedelta

import pytest

from dmrefresh.durations import duration, lasted, spoken


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1 second", timedelta(seconds=1)),
        ("90 minutes", timedelta(minutes=90)),
        (" 3 hours ", timedelta(hours=3)),
        ("7days", timedelta(days=7)),
        ("2 weeks", timedelta(weeks=2)),
    ],
)
def test_a_length_of_time_is_read_and_spoken_so_that_it_can_be_read_again(text: str, length: timedelta) -> None:
    assert duration(text) == length
    assert duration(spoken(length)) == length


@pytest.mark.parametrize(
    "text", ["", "7", "days", "0 days", "-1 day", "1.5 hours", "1 month", "1 day 2 hours", "٣ days"]
)
def test_what_is_none_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as `90 minutes`"):
        duration(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "less than a second"),
        (1.0, "1 second"),
        (59.6, "1 minute"),
        (192.4, "3 minutes 12 seconds"),
        (3600, "1 hour"),
        (7530, "2 hours 5 minutes"),
        (90_000, "25 hours"),
    ],
)
def test_how_long_something_took_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    assert lasted(seconds) == said
