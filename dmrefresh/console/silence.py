"""What Python and libraries would say by themselves: nothing of it reaches the screen but where in the code it was.

They quote the values that they stumble over: servers' sentences in logs, exceptions in threads and in generators that
nobody closed, warnings. We say what there is to say.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable

from dmrefresh.console.lines import Lines


def silence_others(debug: Callable[[], bool] = lambda: False) -> None:
    """Take every way to the screen that the interpreter and libraries have beside ours.

    Args:
        debug: whether to say where in the code it was, too.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)

    def say(error: BaseException | None) -> None:
        if error is None or isinstance(error, SystemExit | BrokenPipeError):  # whoever read the output has had enough
            return
        lines = Lines()
        lines.warn(f"a fault of dmrefresh's own, beside what it was doing ({type(error).__name__})")
        if debug():
            lines.trace(error)

    sys.excepthook = lambda _, error, __: say(error)
    threading.excepthook = lambda hook: say(hook.exc_value)
    sys.unraisablehook = lambda hook: say(hook.exc_value)
