"""Others are told what became of a run, in words of ours; that they are not there, or slow, changes nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmrefresh import settings
from dmrefresh.errors import (
    UNCHANGED,
    BackupUnverified,
    Failure,
    NotSanitised,
    PublishedButUnfinished,
    UsageFailure,
)
from dmrefresh.jobs.show_settings import as_json, as_lines
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Notify
from dmrefresh.telling import notify
from tests.postgres.certificates import self_signed
from tests.telling.webhook import DRIBBLES, GARBAGE, HANGS, HUGE, LOST, SECRET, nobody, webhook

DUMP = "production-202611220300.sql.gz.gpg"


class Heard(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the world were behind one: what is on this machine is reached all the same."""
    monkeypatch.setenv("HTTP_PROXY", nobody())
    monkeypatch.setenv("HTTPS_PROXY", nobody())
    monkeypatch.delenv("NO_PROXY")


def run(url: str, error: BaseException | None = None, *, kind: str = "webhook", **more: object) -> list[str]:
    """A run that ends with `error`, or well; returns the warnings."""
    heard = Heard()
    values = {f"{kind}_url": url, **more}
    environ = {"BUILD_URL": "https://me:hunter2@jenkins.example.org/job/refresh/7/?a=1&b=2"}

    def ended() -> None:
        with notify.told(
            Notify.model_validate(values),
            heard,
            job="clean-and-apply",
            stage="production",
            target="staging",
            environ=environ,
        ) as told:
            told.begins(DUMP)
            told.what = "12 rows in 3 tables."
            if error is not None:
                raise error

    if error is None:
        ended()
    else:
        with pytest.raises(type(error)) as caught:
            ended()
        assert caught.value is error
    return heard.warnings


def test_a_webhook_is_told_of_the_start_and_of_a_good_end() -> None:
    with webhook() as there:
        assert run(there.url) == []
    first, last = there.received
    assert first == {
        "version": 1,
        "job": "clean-and-apply",
        "status": "started",
        "stage": "production",
        "target": "staging",
        "dump": DUMP,
        "at": first["at"],
        "seconds": None,
        "exit_code": None,
        "what": None,
        "state": None,
        "next": None,
        "build_url": "https://jenkins.example.org/job/refresh/7/?a=1&b=2",
    }
    assert (last["status"], last["exit_code"], last["what"]) == ("succeeded", 0, "12 rows in 3 tables.")
    assert isinstance(last["seconds"], float)


@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (NotSanitised("users.a is not covered.", hint="add it"), "failed", 14, "*clean-and-apply to staging: failed*"),
        (PublishedButUnfinished("A hook failed.", state="New data."), "unfinished", 30, "published, but something"),
        (BackupUnverified("Nobody has read it.", state="Stored."), "unfinished", 31, "published, but not read back"),
        (KeyError("jo@example.org"), "failed", 1, "fault of dmrefresh's own (KeyError)"),
        (BrokenPipeError(), "failed", 141, "nobody was there"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_is_told_as_the_terminal_is_and_what_is_half_done_is_no_success(
    error: Exception, status: str, code: int, words: str
) -> None:
    with webhook() as there, webhook() as slack:
        run(there.url, error, slack_url=slack.url)
    assert there.told()[1:] == [(status, code)]
    assert words in slack.received[1]["text"]
    assert f"(exit {code})" in slack.received[1]["text"]
    assert "succeeded" not in json.dumps([there.received, slack.received])
    assert "jo@example.org" not in json.dumps([there.received, slack.received])
    if isinstance(error, Failure):
        last = there.received[1]
        assert (last["what"], last["state"], last["next"]) == (error.what, error.state, error.advice)
        for said in (error.what, error.state, error.hint or ""):
            assert said in slack.received[1]["text"]


def test_a_command_without_a_target_tells_no_state_of_one() -> None:
    with (
        webhook() as there,
        pytest.raises(UsageFailure),
        notify.told(
            Notify(webhook_url=there.url), Observer(), job="backup-production", stage="production", publishes=False
        ),
    ):
        raise UsageFailure("No such source.")
    assert there.received[0]["state"] == UNCHANGED


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BackupUnverified("Nobody has read it.", state="Stored."), "*backup-production of production: stored, but not"),
        (
            PublishedButUnfinished("No note.", state="Stored."),
            "production: stored, but something after it was not done*",
        ),
        (signals.Interrupted(signal.SIGTERM), "What was done is not finished."),
    ],
    ids=str,
)
def test_a_backup_is_told_of_in_its_own_words(error: BaseException, words: str) -> None:
    with (
        webhook() as there,
        pytest.raises(type(error)),
        notify.told(
            Notify(slack_url=there.url), Observer(), job="backup-production", stage="production", publishes=False
        ),
    ):
        raise error
    assert words in there.received[0]["text"]
    assert "publish" not in there.received[0]["text"]


def test_slack_shows_what_is_said_and_reads_none_of_it_as_markup() -> None:
    what = "<!channel> & <https://evil.example|a> \x1b[2J\u202e:\n  a: keep"
    with webhook() as there:
        assert run(there.url, NotSanitised(what, hint="<@U1>"), kind="slack", channel="#releases") == []
    started, failed = there.received
    assert started["channel"] == failed["channel"] == "#releases"
    text = failed["text"]
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|a&gt; \ufffd[2J\ufffd:\n  a: keep" in text
    assert "*Next:* &lt;@U1&gt;" in text
    assert text.count("<") == text.count(">") == 1
    assert text.endswith("<https://jenkins.example.org/job/refresh/7/?a=1&amp;b=2|the build>")
    assert "\n".join(block["text"]["text"] for block in failed["blocks"]) == text
    assert all(block["text"]["verbatim"] for block in failed["blocks"])


def test_what_is_long_fits_into_slacks_blocks() -> None:
    with webhook() as there:
        assert run(there.url, NotSanitised("&" * 100_000, hint="<" * 100_000), kind="slack") == []
    texts = [block["text"]["text"] for block in there.received[1]["blocks"]]
    assert max(map(len, texts)) <= 3000
    assert [text[-2:] for text in texts if len(text) > 1000] == [";…", ";…"]


@pytest.mark.fault("L14")
@pytest.mark.parametrize(
    ("build", "sent"),
    [
        ("http://jenkins/job/1/", "http://jenkins/job/1/"),
        ("https://a|b@jenkins/1|2", "https://jenkins/1%7C2"),
        ("javascript:alert(1)", None),
        ("https://jenkins/ 1", None),
        ("https://[jenkins/1", None),
        ("", None),
        ("https://jenkins/" + "x" * 400, None),
    ],
)
def test_a_builds_url_is_told_where_it_is_one_and_never_with_a_password(build: str, sent: str | None) -> None:
    with (
        webhook() as there,
        notify.told(Notify(webhook_url=there.url), Observer(), job="backup-production", environ={"BUILD_URL": build}),
    ):
        pass
    assert there.received[0]["build_url"] == sent


@pytest.mark.fault("L14")
@pytest.mark.parametrize(
    "target",
    ["postgresql://app:hunter2@localhost/app", "host=localhost password=hunter2", "app:hunter2@localhost/app"],
)
def test_a_target_that_is_given_by_its_url_is_not_told(target: str) -> None:
    with webhook() as there, notify.told(Notify(webhook_url=there.url), Observer(), job="x", target=target):
        pass
    assert there.received[0]["target"] == "a database given by its URL"


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("failed", {"good": [], "bad": [14], "half": [30]}),
        ("succeeded", {"good": [0], "bad": [], "half": []}),
        ("started, failed", {"good": [None], "bad": [None, 14], "half": [None, 30]}),
    ],
)
def test_only_what_the_settings_name_is_told_and_what_is_half_done_with_the_failures(
    on: str, told: dict[str, list[int | None]]
) -> None:
    endings = {"good": None, "bad": NotSanitised("x"), "half": PublishedButUnfinished("x")}
    for name, error in endings.items():
        with webhook() as there:
            run(there.url, error, on=on)
        assert [code for _, code in there.told()] == told[name], name


def test_nobody_is_told_where_no_url_is_set() -> None:
    assert run_without() == []


def run_without() -> list[str]:
    heard = Heard()
    with notify.told(Notify(), heard, job="clean-and-apply") as told:
        told.begins(DUMP)
    return heard.warnings


@pytest.mark.parametrize(
    ("answers", "warning", "requests"),
    [
        ([200, 429, 200], None, 3),
        ([200, 500, 503], "HTTP 503", 3),
        ([200, LOST, 200], None, 3),
        ([200, 400], "HTTP 400", 2),
        ([200, 302], "HTTP 302", 2),
        ([200, GARBAGE], "BadStatusLine", 2),
        ([200, HUGE], None, 2),
    ],
    ids=str,
)
def test_what_may_heal_is_tried_once_more_and_the_rest_is_a_warning(
    answers: list[int | str], warning: str | None, requests: int
) -> None:
    with webhook(*answers) as there:
        there.headers = {"Location": "/elsewhere"}
        said = run(there.url, NotSanitised("x"), kind="slack")
        assert said == ([] if warning is None else [f"Slack was not told ({warning})"])
        assert len(there.received) == requests
        assert "/elsewhere" not in there.paths


def test_a_server_that_asks_for_more_patience_than_there_is_is_not_asked_again() -> None:
    with webhook(429) as there:
        there.headers = {"Retry-After": "30"}
        assert run(there.url, on="failed", error=NotSanitised("x")) == ["the webhook was not told (HTTP 429)"]
        assert len(there.received) == 1


def test_nobody_there_is_a_warning() -> None:
    assert run(nobody(), kind="slack") == ["Slack was not told (connection refused)"]


def test_a_certificate_that_nobody_vouches_for_is_not_believed() -> None:
    with self_signed("localhost") as (certificate, _), webhook(certificate=certificate) as there:
        assert run(there.url, kind="slack") == ["Slack was not told (its certificate is not accepted)"]
        assert there.received == []


def test_a_webhook_is_reached_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    with self_signed("localhost") as (certificate, _), webhook(certificate=certificate) as there:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert there.url.startswith("https://")
        assert run(there.url) == []
        assert there.told() == [("started", None), ("succeeded", 0)]


def test_what_is_elsewhere_is_reached_by_the_proxy_and_its_refusal_is_a_warning() -> None:
    assert run("https://hooks.example.org/x", on="failed", error=NotSanitised("x")) == [
        "the webhook was not told (connection refused)"  # by the proxy; the name of the host is not even known
    ]


@pytest.mark.parametrize("how", [HANGS, DRIBBLES])
def test_telling_ends_at_its_time_whatever_the_other_side_does(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "_PATIENCE", 1.0)
    with webhook(how) as there:
        assert run(there.url, NotSanitised("x")) == ["the webhook was not told (no answer within 1 s)"]


@pytest.fixture
def _handlers() -> Iterator[None]:
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in ending}
    signals.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("done", [False, True], ids=["failed", "published"])
def test_a_signal_while_others_are_told_ends_the_telling_and_changes_no_result(done: bool) -> None:
    if done:
        with signals.held_from_here():
            pass  # what cannot be undone is done, and no signal ends the run from here on
    with webhook(HANGS) as there:

        def end_me() -> None:
            while not there.received:
                pass
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=end_me)
        thread.start()
        error = None if done else NotSanitised("x")
        assert run(there.url, error, on="succeeded" if done else "failed") == []
        thread.join()


@pytest.mark.fault("L14")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hooks.example.org/T0hunter2webhook", "reached by https://, unless it is on this machine"),
        ("https://me:T0hunter2webhook@hooks.example.org/", "no user name and no password"),
        ("hooks.example.org/T0hunter2webhook", "begins with https://"),
        ("file:///T0hunter2webhook", "begins with https://"),
        ("https://hooks.example.org:T0hunter2webhook/", "begins with https://"),
        ("https://hooks.example.org/a T0hunter2webhook", "begins with https://"),
        ("https:///T0hunter2webhook", "begins with https://"),
    ],
)
@pytest.mark.parametrize("kind", ["slack_url", "webhook_url"])
def test_a_url_that_others_could_read_along_is_refused_by_its_setting_and_not_repeated(
    kind: str, url: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageFailure) as caught:
        settings.load(environ={f"DMREFRESH_NOTIFY_{kind}".upper(): url}, folder=tmp_path)
    assert said in caught.value.what
    assert caught.value.what.startswith(f"DMREFRESH_NOTIFY_{kind.upper()}: `notify.{kind}`")
    assert SECRET not in caught.value.what


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8080"])
def test_plain_http_goes_to_this_machine(host: str) -> None:
    assert Notify.model_validate({"webhook_url": f"http://{host}/x"}).webhook_url == f"http://{host}/x"


def test_slacks_url_comes_from_the_environment_by_either_name_and_is_never_shown(tmp_path: Path) -> None:
    url = f"https://hooks.slack.com/services/{SECRET}"
    short = settings.loaded(environ={"DMREFRESH_SLACK_URL": url}, folder=tmp_path)
    both = {"DMREFRESH_SLACK_URL": "https://other.example.org/", "DMREFRESH_NOTIFY_SLACK_URL": url}
    for found in (short, settings.loaded(environ=both, folder=tmp_path)):
        assert found.settings.notify.slack_url == url
        assert SECRET not in as_lines(found) + as_json(found) + repr(found)
        assert "***" in as_lines(found)
    assert "DMREFRESH_SLACK_URL" in as_lines(short)


def test_what_is_told_of_can_be_said_in_the_environment(tmp_path: Path) -> None:
    found = settings.load(environ={"DMREFRESH_NOTIFY_ON": "failed,started"}, folder=tmp_path)
    assert found.notify.on == ("failed", "started")
    with pytest.raises(UsageFailure, match="DMREFRESH_NOTIFY_ON"):
        settings.load(environ={"DMREFRESH_NOTIFY_ON": "fialed"}, folder=tmp_path)
