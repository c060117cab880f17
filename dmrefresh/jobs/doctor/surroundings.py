"""The settings, and who is told what became of a job."""

from __future__ import annotations

from urllib.parse import urlsplit

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.doctor.checking import Check, Needs, Said
from dmrefresh.settings import Loaded, Notify


def checks_of(loaded: Loaded) -> list[Check]:
    """What is looked at here; nobody is told anything."""
    return [Check("settings", lambda: _settings(loaded)), Check("notify", lambda: _notify(loaded.settings.notify))]


def _settings(loaded: Loaded) -> Said:
    files = loaded.gathered.files
    if not files:
        return Said("no dmrefresh.toml was found, so every setting is its default", next="write one; see README.md")
    return Said(f"read from {' and '.join(str(file) for file in files)}")


def _notify(notify: Notify) -> Said:
    """Whether the URLs can be ones; all of them but the host lets anybody write there, and is not shown."""
    given = {"slack_url": notify.slack_url, "webhook_url": notify.webhook_url}
    urls = {name: url for name, url in given.items() if url}
    if not urls:
        raise Needs("notify.slack_url or notify.webhook_url, to tell anybody")
    for name, url in urls.items():
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise UsageFailure(
                f"notify.{name} is no URL.", hint=f"give DMREFRESH_NOTIFY_{name.upper()} an https:// URL"
            )
        if parts.scheme == "http":
            return Said(f"notify.{name} is not encrypted on its way", next="give it an https:// URL")
    return Said(f"{' and '.join(sorted(urls))} can be told; nobody was, now")
