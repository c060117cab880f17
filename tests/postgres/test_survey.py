"""A survey finds what a refresh would be refused for, and says who is at it as far as its role may know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from dmrefresh.dump.events import Head
from dmrefresh.dump.outgoing import by_policy
from dmrefresh.errors import Busy, DumpRefused
from dmrefresh.jobs.refresh import plan_bucket
from dmrefresh.observer import Observer
from dmrefresh.postgres import lock
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.survey import Survey, survey
from dmrefresh.stopwatch import Stopwatch
from tests.dump.test_writer import MISREAD
from tests.dump.writing import ROWS, USERS, a_dump
from tests.postgres.databases import Database, events, refresh

MakeDatabase = Callable[[int], Database]

REFUSED = {
    "no table": (),
    "a schema of which the dump makes nothing": (USERS, b"COMMENT ON SCHEMA audit IS 'x';\n", ROWS),
    "a statement that is never executed": (USERS, b"DO $$ BEGIN END $$;\n", ROWS),
}


def surveyed(target: Database, text: bytes) -> Survey:
    with connect.session(target.url) as connection:
        errand = Errand(connection, target.url, head_of(text), "", "postgres", Observer(), Stopwatch())
        return survey(errand, "auto", [])


def head_of(text: bytes) -> Head:
    head = next(iter(events(text)))
    assert isinstance(head, Head)
    return head


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_refresh_refuses_at_the_head_of_a_dump_a_plan_refuses(database: MakeDatabase, what: str) -> None:
    target, text = database(16), a_dump(*REFUSED[what])
    with pytest.raises(DumpRefused) as refused:
        refresh(text, target)
    assert [failure.what for failure in surveyed(target, text).refused] == [refused.value.what]
    for_a_bucket = plan_bucket._policy(head_of(text))
    assert for_a_bucket is not None
    assert for_a_bucket.what == refused.value.what


def test_what_psql_would_misread_a_plan_for_a_bucket_refuses() -> None:
    head = head_of(a_dump(USERS, MISREAD[0], ROWS))
    with pytest.raises(DumpRefused) as refused:
        list(by_policy([head], Counter()))
    for_a_bucket = plan_bucket._policy(head)
    assert for_a_bucket is not None
    assert for_a_bucket.what == refused.value.what


def test_who_is_at_it_is_told_as_far_as_it_may_be_seen(database: MakeDatabase) -> None:
    target, text = database(16), a_dump(USERS, ROWS)
    assert surveyed(target, text).under_way is None
    told = {
        "dmrefresh 20261124T024432Z-0a1b2c3d": ("2026-11-24 02:44:32 UTC", ", since 2026-11-24 02:44:32 UTC"),
        "dmrefresh 20269924T024432Z-0a1b2c3d": ("a time that this role may not see", ""),
        "somebody": ("a time that this role may not see", ""),
    }
    for name, (since, at_the_end) in told.items():
        with psycopg.connect(target.superuser_url, application_name=name) as other:
            lock.take(other)
            assert surveyed(target, text).under_way == since
            with pytest.raises(Busy, match=rf"\(server process \d+, role postgres{at_the_end}\)\."):
                refresh(text, target)
    with psycopg.connect(target.url, application_name="somebody") as other:
        lock.take(other)
        assert str(surveyed(target, text).under_way).endswith(" UTC")
