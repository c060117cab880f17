"""The page of the environment: every variable that is read, and what children get."""

from __future__ import annotations

from collections.abc import Iterator

from dmrefresh.jobs.backup import worker
from dmrefresh.machine import process
from dmrefresh.settings import model
from documenting.markdown import code, page, table

ABOUT = """
A variable stands over the files of settings, and an option of the command line over both. One that is empty counts
as unset. `dmrefresh config show` names the variable that says a value. Sources, targets and what guards production
cannot be said by variables.
"""
OTHERS = {
    "DM_CREDENTIALS_REPO": "where the credentials repository is checked out: `credentials_repo` under `[keys]`",
    "DMREFRESH_SLACK_URL": "a Slack incoming webhook: `slack_url` under `[notify]`",
    "AWS_PROFILE, AWS_ACCESS_KEY_ID, …": "how S3 is reached: all that boto3 reads, files and roles as well",
    "SOPS_AGE_KEY_FILE, SOPS_AGE_KEY, …": "how SOPS finds its key: all that it reads, KMS as well",
    "PGSERVICEFILE, PGPASSFILE, PGSSLROOTCERT, …": "how PostgreSQL is reached: all that libpq reads, its files as well",
    "VCAP_SERVICES": "where a source or target with `vcap` is, unless it has a `vcap_command`",
    "XDG_RUNTIME_DIR": "where the throw-away keyring is, if that is in memory; else `/dev/shm`",
    "XDG_CONFIG_HOME, XDG_CACHE_HOME": "where your own `dmrefresh/dmrefresh.toml`, and copies of dumps, are",
    "TMPDIR": "where the ciphertext is kept while it is read, in a file without a name",
    "HTTPS_PROXY, NO_PROXY": "the way to S3 and to webhooks",
    "DMREFRESH_PROGRESS": "how progress is shown: `auto`, `live`, `lines` or `none`; `auto` unless it is set",
    "NO_COLOR": "no colours, whatever its value",
    "TERM, CI": "a terminal that can only write lines, or nobody who looks on: lines in place of the live display",
    "GITHUB_ACTIONS, GITHUB_STEP_SUMMARY": "errors become annotations, and the end is put on the page of the run",
    "BUILD_URL": "a link to the build, for whoever is told of it",
}
WORKER = {
    worker.NAME: "the name that it was signed for",
    worker.FORM: "what `dmrefresh presign` printed",
    worker.KEY: "the public key, armoured",
    worker.RECIPIENT: "whose key that must be",
    worker.URL: "the database",
    worker.SERVICES: "or this, of which the only PostgreSQL is taken",
}


def text() -> str:
    """What the page holds."""
    return page(
        "Environment",
        ABOUT,
        "## Read by every command",
        table(("variable", ""), ((code(name), what) for name, what in OTHERS.items())),
        "## Settings",
        "The list of a setting that is a list has commas.",
        table(("variable", "setting"), _settings()),
        "## A worker's contract",
        "`dmrefresh backup-production --worker` is told all by these: [backups](../how-to/backups.md#a-worker).",
        table(("variable", ""), ((code(name), what) for name, what in WORKER.items())),
        "## What children get",
        "A program that is started (gpg, sops, pg_dump, a tunnel, a command of `before` or `after`) gets, beside"
        f" what is its own, {', '.join(map(code, process._BASE))}, and no other variable. What a command of `before`"
        " and `after` is told: [hooks](../how-to/hooks.md#what-they-are-told).",
    )


def _settings() -> Iterator[tuple[str, str]]:
    for name, section in model._FROM_THE_ENVIRONMENT.items():
        for key in section.model_fields:
            yield code(f"DMREFRESH_{name}_{key}".upper()), f"[`{name}.{key}`](settings.md#{name})"
