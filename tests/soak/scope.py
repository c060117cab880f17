"""What a trouble is given of a round: what runs, the dice, and when the run begins and is over."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.soak.command import Running
from tests.soak.world import World

Job: TypeAlias = Literal["refresh", "backup"]


@dataclass
class Scope:
    """What a trouble may do its harm to.

    Attributes:
        world: all that runs.
        job: what is done in this round.
        dice: of this round alone.
        usual: how many seconds such a run takes without trouble.
        running: the run, once it is started; the first of two.
        over: the run has ended.
        words: what the command line begins with.
        variables: what is different in its environment.
        deeds: how often harm was done to it.
    """

    world: World
    job: Job
    dice: random.Random
    usual: float
    running: Running | None = None
    started: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    words: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    deeds: int = 0

    def run(self) -> Running:
        """The run, for which is waited if it is not started yet."""
        self.started.wait()
        assert self.running is not None
        return self.running

    @contextlib.contextmanager
    def meanwhile(self, deed: Callable[[], object]) -> Iterator[None]:
        """Do something in a thread of its own while the run goes on."""
        thread = threading.Thread(target=deed, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            self.started.set()
            thread.join()

    def at_some_moment(self, deed: Callable[[], object], times: int = 1) -> contextlib.AbstractContextManager[None]:
        """Do something at moments of the run, unless it has ended before."""
        moments = sorted(self.dice.uniform(0, 1.1 * self.usual) for _ in range(times))

        def wait_and_do() -> None:
            self.started.wait()
            passed = 0.0
            for moment in moments:
                if self.over.wait(moment - passed):
                    return
                deed()
                self.deeds += 1
                passed = moment

        return self.meanwhile(wait_and_do)


Come: TypeAlias = Callable[[Scope], contextlib.AbstractContextManager[None]]
