"""Which variables of the environment are read."""

from __future__ import annotations

from dmrefresh.jobs.topics.page import columns, page, paragraph
from dmrefresh.settings import model

_ABOUT = """A variable stands over the files of settings, and an option of the command line over both; an empty one
counts as unset. `dmrefresh config show` names the variable that says a value. Sources, targets and what guards
production cannot be said by variables."""
_LISTS = """Each setting below is overridden by its variable; the list of a setting that is a list has commas."""

OTHERS = {
    "DM_CREDENTIALS_REPO": "where the credentials repository is checked out: keys.credentials_repo",
    "DMREFRESH_SLACK_URL": "a Slack incoming webhook: notify.slack_url",
    "AWS_PROFILE, AWS_…": "how S3 is reached: all that boto3 reads",
    "SOPS_AGE_KEY_FILE, SOPS_…": "how SOPS finds its key: all that it reads",
    "PGPASSFILE, PGPASSWORD, PG…": "how PostgreSQL is reached: all that libpq reads",
    "VCAP_SERVICES": "where a source or target with vcap is, unless it has a vcap_command",
    "DATABASE_URL": "what `dmrefresh init` proposes as the target; its password is not taken",
    "XDG_RUNTIME_DIR": "where the throw-away keyring is, if that is in memory; else /dev/shm",
    "XDG_CONFIG_HOME": "where your own dmrefresh/dmrefresh.toml is; else ~/.config",
    "XDG_CACHE_HOME": "where copies of dumps are, and the names that completion knows; else ~/.cache",
    "XDG_STATE_HOME": "where the reports of runs are; else ~/.local/state",
    "TMPDIR": "where ciphertext is kept while it is read, in a file without a name",
    "HTTPS_PROXY, NO_PROXY": "the way to S3 and to webhooks",
    "DMREFRESH_PROGRESS": "how progress is shown: auto, live, lines or none; auto unless it is set",
    "NO_COLOR": "no colours, whatever its value",
    "TERM, CI": "a terminal that can only write lines, or nobody who looks on: lines in place of bars",
    "GITHUB_ACTIONS, GITHUB_STEP_SUMMARY": "errors become annotations, and the end is put on the page of the run",
    "BUILD_URL": "a link to the build, for whoever is told of it",
}
"""What is read beside settings, and what for."""


def text() -> str:
    """What the topic says."""
    return page("The environment", paragraph(_ABOUT), columns(OTHERS.items()), paragraph(_LISTS), columns(_settings()))


def _settings() -> list[tuple[str, str]]:
    return [
        (f"DMREFRESH_{name}_{key}".upper(), f"{name}.{key}")
        for name, keys in model.overridable().items()
        for key in keys
    ]
