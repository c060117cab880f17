"""Refreshes and backs up in a loop of random troubles, with an application on the targets: python -m tests.soak."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.proof import left_in_folders, left_in_the_server, running
from tests.soak.command import Hand
from tests.soak.growth import Growth
from tests.soak.judging import soon_nothing
from tests.soak.rounds import Play
from tests.soak.telling import Log, open_log
from tests.soak.world import TARGETS, World, surroundings, world

_ENOUGH = 20
"""So many things that must not be, and it is over before its time."""


def main() -> int:
    """Soak until the time is over; returns 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, help="repeats the troubles of an earlier soak [default: a new one]")
    parser.add_argument("--rounds", type=_numbers, help="only these, such as 17 or 40-60, whatever time they take")
    parser.add_argument("--log", type=Path, help="a line of JSON for each round [default: .soak/SEED.jsonl]")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    file = given.log or Path(".soak") / f"{seed}.jsonl"
    signal.signal(signal.SIGTERM, _ended)
    with open_log(file) as lines:
        log, growth = Log(lines, seed), Growth()
        log.say(f"seed {seed}; each round is written to {file}")
        try:
            with surroundings() as folder, world(folder) as made:
                _soak(made, log, growth, given.seconds, given.rounds)
        except KeyboardInterrupt:
            log.wrong.append("it was ended before its time")
    log.wrong += growth.grown()
    for line in ["", *log.table(), "", *growth.table(), "", *log.wrong]:
        log.say(line)
    return 1 if log.wrong else 0


def _ended(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _numbers(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _soak(made: World, log: Log, growth: Growth, seconds: float, rounds: range | None) -> None:
    with contextlib.closing(Play(made, log.seed)) as play:
        _rounds(play, made, log, growth, seconds, rounds)


def _rounds(play: Play, made: World, log: Log, growth: Growth, seconds: float, rounds: range | None) -> None:
    played = 0
    for told in play.beginning():
        log.write(told, growth.measure(made, told))
    began = time.monotonic()  # from here on, so that even a short time on a busy machine sees some trouble
    for number in rounds or range(1, 1_000_000):
        if (rounds is None and time.monotonic() - began > seconds) or len(log.wrong) >= _ENOUGH:
            break
        try:
            log.write(told := play.round(number), growth.measure(made, told))
            played += 1
        except Exception:
            log.wrong.append(f"round {number} could not be played to its end: {traceback.format_exc()}")
            break
    reads = sum(session.done for sessions in made.sessions.values() for session in sessions)
    _close(made, play, log)
    log.say(f"{played} rounds in {time.monotonic() - began:.0f} s; {log.attempts} further attempts")
    for name in TARGETS:
        log.say(
            f"{name}: the longest that anybody waited for an answer was {log.figures[f'{name} longest']:.2f} s, "
            f"without a connection {log.figures[f'{name} away']:.2f} s; {log.figures[f'{name} ended']:.0f} were ended"
        )
    log.say(f"{reads:,} pieces of work of the applications")


def _close(made: World, play: Play, log: Log) -> None:
    """Without an application, one more refresh of each target leaves nothing at all."""
    for sessions in made.sessions.values():
        for session in sessions:
            session.end()
    made.sessions.clear()
    play.close()
    assert play.newest is not None
    for name in TARGETS:
        ended = Hand(made, play.newest.stage).refresh(name).wait()
        if ended.code != 0:
            log.wrong.append(f"the last refresh of {name} ended with {ended.code}: {ended.output}")
    scenes = [made.scene(name) for name in TARGETS]
    left = soon_nothing(lambda: [found for one in scenes for found in left_in_the_server(one.target_url)])
    left += soon_nothing(lambda: running(scenes[0])) + soon_nothing(lambda: left_in_folders(scenes[0]))
    if left:
        log.wrong.append(f"left in the end: {left}")


if __name__ == "__main__":
    sys.exit(main())
