"""The settings, and who is told what became of a job."""

from __future__ import annotations

from dmrefresh.jobs.doctor.checking import Check, Needs, Said
from dmrefresh.settings.model import Loaded, Notify


def checks_of(loaded: Loaded) -> list[Check]:
    """What is looked at here; nobody is told anything."""
    return [Check("settings", lambda: _settings(loaded)), Check("notify", lambda: _notify(loaded.settings.notify))]


def _settings(loaded: Loaded) -> Said:
    files = loaded.gathered.files
    if not files:
        return Said("no dmrefresh.toml was found, so every setting is its default", next="dmrefresh init")
    return Said(f"read from {' and '.join(str(file) for file in files)}")


def _notify(notify: Notify) -> Said:
    """Whether anybody is told; that the URLs can be ones is the settings' own matter, and they are secrets."""
    given = {"slack_url": notify.slack_url, "webhook_url": notify.webhook_url}
    named = sorted(name for name, url in given.items() if url)
    if not named:
        raise Needs("notify.slack_url or notify.webhook_url, to tell anybody")
    return Said(f"{' and '.join(named)} can be told; nobody was, now")
