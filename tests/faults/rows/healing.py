"""What is tried again, how often, and what then."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "What heals by itself"

ROWS: tuple[Row, ...] = (
    Row("2", "a bit is flipped in the first download alone", "published by the second attempt"),
    Row(
        "60",
        "the object is replaced, or deleted, while it is read, in a bucket that keeps no versions",
        "what there is now is looked up and published whole by the next attempt; exit 10 where it was asked for by its "
        "name and is gone; two objects are never spliced",
    ),
    Row(
        "R1",
        "the dump comes damaged twice in the same form, or just as it was stored",
        "exit 13: the object itself is damaged, and it is not asked for again",
    ),
    Row(
        "R2",
        "the dump comes damaged in another form each time",
        "as often as the settings say; exit 13 if all of it is: the way is to blame, and no older dump is taken",
    ),
    Row(
        "R3",
        "the newest dump is damaged, with `--fall-back`",
        "the newest older one that is whole is published, of five at most, those first that were read back, and how "
        "old it is is said; exit 13 where none is",
    ),
    Row(
        "R4",
        "an attempt fails, and the next would be waited for beyond the deadline",
        "what failed ends the run at once, and it says that no time is left",
    ),
    Row(
        "R5",
        "the first download is flipped, the connection to S3 cut five times, the target's server restarted in the rows",
        "published, and nobody had to do anything",
    ),
    Row(
        "R6",
        "what does not heal: each such kind of failure, a key, a column, a statement, a hook",
        "one attempt, its own exit code, and no older dump",
    ),
)
