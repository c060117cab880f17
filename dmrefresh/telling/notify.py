"""Who is told what becomes of a job: Slack, and any webhook.

What they are told is what a person at the terminal is told, and nothing else: names of ours, counts, seconds, and the
sentences of a failure, which never hold a value. Whether they hear it changes nothing about the run.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from dmrefresh.durations import lasted
from dmrefresh.errors import BackupUnverified
from dmrefresh.machine import signals
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report.outcome import ending, shown
from dmrefresh.settings.model import Notify
from dmrefresh.telling.webhooks import Posted

_PATIENCE = 10.0
"""Seconds that telling may take at the end of a run."""
_HURRY = 3.0
"""The same where a signal ended it, since whoever sent it may not wait long."""
_LONGEST = 2000
"""Characters of a sentence that go into a message to Slack, which takes 3,000 in one block."""
_NAME = 200
"""Characters of a name."""
_SIGNS = {"succeeded": ":white_check_mark:", "unfinished": ":warning:", "failed": ":x:"}
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, as JSON has it.

    Attributes:
        job: the command.
        status: `started`, `succeeded`, `failed`, or `unfinished`: done, and wants a look (exit codes 30 to 39).
        stage, target, dump: what it is about; None where there is no such thing, or it is not known yet.
        seconds: since it began.
        exit_code: None at the start.
        what: what happened, in a sentence.
        state: what became of the target or the backup.
        next: what to do.
        build_url: of the build that runs it.
    """

    job: str
    status: str
    stage: str | None
    target: str | None
    dump: str | None
    at: str
    seconds: float | None = None
    exit_code: int | None = None
    what: str | None = None
    state: str | None = None
    next: str | None = None
    build_url: str | None = None
    version: int = 1

    def for_slack(self, channel: str | None) -> dict[str, object]:
        """The same in Slack's form: everything of ours is text there, and nothing of it a link or a mention."""
        head = self._headline()
        if self.dump is not None:
            head += f"\n`{_name(self.dump)}`"
        parts = [head, *(_escaped(sentence) for sentence in (self.what, self.state) if sentence)]
        if self.next:
            parts.append(f"*Next:* {_escaped(self.next)}")
        if self.build_url is not None:
            parts.append(f"<{_escaped(self.build_url)}|the build>")
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}} for part in parts]
        document: dict[str, object] = {"text": "\n".join(parts), "blocks": blocks}
        return document if channel is None else document | {"channel": channel}

    def _headline(self) -> str:
        whose = f" of {_name(self.stage)}" if self.stage and self.target is None else ""
        where = f" to {_name(self.target)}" if self.target else ""
        outcome = self.status
        if self.status == "unfinished":
            done = "stored" if self.target is None else "published"
            unread = self.exit_code == BackupUnverified.exit_code
            missing = "not read back" if unread else "something after it was not done"
            outcome = f"{done}, but {missing}"
        took = f" after {lasted(self.seconds)}" if self.seconds is not None else ""
        code = f" (exit {self.exit_code})" if self.exit_code else ""
        sign = f"{_SIGNS[self.status]} " if self.status in _SIGNS else ""
        return f"{sign}*{self.job}{whose}{where}: {outcome}*{took}{code}"


class Told:
    """A run that others are told of; `told` makes it.

    Attributes:
        what: a sentence of its success, without a value of the data; the run may set it.
    """

    def __init__(
        self,
        settings: Notify,
        observer: Observer,
        *,
        job: str,
        stage: str | None,
        target: str | None,
        publishes: bool,
        environ: Mapping[str, str],
    ) -> None:
        self.what: str | None = None
        self._settings = settings
        self._observer = observer
        self._job, self._stage, self._target = job, stage, shown(target) if target is not None else None
        self._dump: str | None = None
        self._publishes = publishes
        self._build = _build_url(environ.get("BUILD_URL", ""))
        self._began = time.monotonic()
        self._first: dict[str, Posted] = {}

    def begins(self, dump: str | None) -> None:
        """It is known what will be done, and with which dump; nothing waits for anybody to have heard it."""
        self._dump = dump
        with contextlib.suppress(Exception):
            if "started" in self._settings.on:
                self._first = self._post(self._message("started"), _PATIENCE)

    def took(self, dump: str) -> None:
        """It was done with this dump, whichever it was begun with."""
        self._dump = dump

    def ends(self, error: BaseException | None) -> None:
        """Tell how it ended, with a warning where that did not work; raises nothing."""
        # A signal that comes now ends the telling, and not a run that is over; also where it was held off until here.
        with contextlib.suppress(Exception, Interrupted), signals.heard_again():
            message, sent = self._outcome(error), self._first
            seconds = _HURRY if isinstance(error, Interrupted) else _PATIENCE
            if ("failed" if message.status == "unfinished" else message.status) in self._settings.on:
                sent = self._post(message, seconds)
            for name, posted in sent.items():
                trouble = posted.trouble(seconds)
                if trouble is not None:
                    self._observer.warn(f"{name} was not told ({trouble})")

    def _post(self, message: Message, seconds: float) -> dict[str, Posted]:
        sent: dict[str, Posted] = {}
        for name, url, document in (
            ("Slack", self._settings.slack_url, message.for_slack(self._settings.channel)),
            ("the webhook", self._settings.webhook_url, asdict(message)),
        ):
            if url is not None:
                sent[name] = Posted(url, document, seconds, after=self._first.get(name))
        return sent

    def _outcome(self, error: BaseException | None) -> Message:
        if error is None:
            return self._message("succeeded", 0, self.what)
        ended = ending(error, publishes=self._publishes)
        return self._message(ended.status, ended.exit_code, ended.what, ended.state, ended.hint)

    def _message(
        self,
        status: str,
        exit_code: int | None = None,
        what: str | None = None,
        state: str | None = None,
        next: str | None = None,
    ) -> Message:
        return Message(
            job=self._job,
            status=status,
            stage=self._stage,
            target=self._target,
            dump=self._dump,
            at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            seconds=None if exit_code is None else round(time.monotonic() - self._began, 1),
            exit_code=exit_code,
            what=what,
            state=state,
            next=next,
            build_url=self._build,
        )


@contextmanager
def told(
    settings: Notify,
    observer: Observer,
    *,
    job: str,
    stage: str | None = None,
    target: str | None = None,
    publishes: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Told]:
    """Tell Slack and the webhook of the settings how the block ends; it ends as it would without them.

    That it has started is told once the block calls `begins`. At the end all that the block held has been let go
    before anybody is told; it takes ten seconds at most, three after a signal, and nothing where no URL is set.

    Args:
        settings: who is told, and of what.
        observer: is warned if somebody could not be told.
        job: the command.
        stage: whose data it is about.
        target: what is refreshed, as it was given.
        publishes: whether it has a target, whose state a failure tells.
        environ: the environment, for the URL of the build.
    """
    this = Told(settings, observer, job=job, stage=stage, target=target, publishes=publishes, environ=environ)
    try:
        yield this
    except BaseException as error:
        this.ends(error)
        raise
    this.ends(None)


def _build_url(text: str) -> str | None:
    """The build's URL if it is one, without a password in it."""
    if re.fullmatch(r"https?://[\x21-\x7e]{1,300}", text) is None:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).replace("|", "%7C")


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def _name(text: str) -> str:
    """A name: one line, and not too long."""
    return _escaped(text.replace("\n", " ").replace("`", "'"), _NAME)


def _escaped(text: str, longest: int = _LONGEST) -> str:
    """Text as Slack shows it again: the three characters that it reads as markup are replaced, and no more is.

    Cut where it is too long for a message.
    """
    said, room = "", longest - 1
    for character in _CONTROL.sub("\ufffd", text):
        piece = _ENTITIES.get(character, character)
        if len(said) + len(piece) > room:
            return said + "…"
        said += piece
    return said
