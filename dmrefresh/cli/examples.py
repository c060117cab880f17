"""An example or two of each command, which its `--help` ends with; a test sees that all of them are commands."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": (
        "dmrefresh init",
        "dmrefresh init --from-database postgresql://me@localhost/shop --url postgresql://me@localhost/shop_copy",
        "dmrefresh init --bucket shop-backups --ruleset digitalmarketplace --yes",
    ),
    "clean-and-apply": (
        "dmrefresh clean-and-apply --target local",
        "dmrefresh clean-and-apply --target staging --confirm staging --report report.json",
        "dmrefresh clean-and-apply --from cleaned --target local",
    ),
    "plan": ("dmrefresh plan --target staging", "dmrefresh plan --target staging --exit-code --json"),
    "status": ("dmrefresh status --target staging",),
    "report": ("dmrefresh report --open", "dmrefresh report --list", "dmrefresh report --compare previous"),
    "rollback": ("dmrefresh rollback --target staging",),
    "protect": ("dmrefresh protect postgresql://owner@production-host/shop",),
    "backup-production": (
        "dmrefresh backup-production --stage production",
        "dmrefresh backup-production --on cloud-foundry",
    ),
    "presign": ("dmrefresh presign production-202611220300.sql.gz.gpg --expires '10 minutes'",),
    "dumps": ("dmrefresh dumps", "dmrefresh dumps --from cleaned --all"),
    "check-dump": ("dmrefresh check-dump", "dmrefresh check-dump production-202611220300.sql.gz.gpg --record"),
    "sanitise": (
        "pg_dump shop | dmrefresh sanitise --ruleset shop.dmrefresh.yaml > clean.sql",
        "dmrefresh sanitise < production.sql.gz > clean.sql",
    ),
    "sanitisers suggest": (
        "dmrefresh sanitisers suggest --output shop.dmrefresh.yaml",
        "dmrefresh sanitisers suggest --from-database production --output shop.dmrefresh.yaml",
    ),
    "sanitisers check": ("dmrefresh sanitisers check", "dmrefresh sanitisers check --database production --strict"),
    "sanitisers explain": ("dmrefresh sanitisers explain users.email_address",),
    "sanitisers preview": (
        "dmrefresh sanitisers preview users --rows 5",
        "dmrefresh sanitisers preview --file dump.sql",
    ),
    "sanitisers schema": ("dmrefresh sanitisers schema > ruleset.schema.json",),
    "doctor": ("dmrefresh doctor", "dmrefresh doctor --target staging --json"),
    "config show": ("dmrefresh config show",),
    "cache": ("dmrefresh cache", "dmrefresh cache --clear"),
    "runbook": (
        "dmrefresh runbook restore-production --list",
        "dmrefresh runbook restore-production --record restore.jsonl",
    ),
    "help": ("dmrefresh help exit-codes", "dmrefresh help clean-and-apply"),
}
"""By the words that call the command."""

OPTION_GROUPS: dict[str, tuple[str, ...]] = {
    "Where to": ("--target", "--confirm"),
    "Which data": ("--dump", "--latest", "--stage", "--from", "--file", "--database", "--from-database", "--fall-back"),
    "Which rules": ("--ruleset", "--strict", "--unlisted"),
    "What is told": ("--dry-run", "--report", "--run-dir", "--quiet", "--json", "--exit-code", "--debug", "--help"),
}
"""How options are listed where there are many, by what somebody wants to say; what is in none comes before the last."""

OWN_GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "init": {
        "Where dumps are": (
            "--bucket",
            "--region",
            "--endpoint-url",
            "--stage",
            "--credentials-repo",
            "--recipient",
        ),
        "What is refreshed": ("--url", "--target"),
        "What becomes of the data": ("--ruleset", "--latest", "--dump", "--file", "--from-database", "--name"),
    },
}
"""The same of commands whose options mean something else."""
