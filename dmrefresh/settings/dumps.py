"""What the settings say about encrypted dumps: where they are, which one is taken, and how it is fetched."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from dmrefresh.settings.section import Duration, Section


class Dumps(Section):
    """Where the encrypted dumps are."""

    bucket: str | None = None
    """The bucket's name. Without it nothing is backed up, and nothing refreshed but from cleaned dumps."""
    region: str | None = "eu-west-1"
    """Its region."""
    endpoint_url: str | None = None
    """Where a store that is not AWS listens."""
    stage: str = Field(default="production", pattern=r"^[a-z][a-z0-9-]*$")
    """Whose dumps are taken: those called `STAGE-yyyyMMddHHmm.sql.gz.gpg`."""
    max_age: Duration = timedelta(hours=48)
    """How old the newest dump may be; `dumps.doubtful` says what becomes of an older one."""
    smallest: float = Field(default=0.5, ge=0, le=1)
    """How large the newest dump must be at least, as a share of the middle one of the ten before it."""
    doubtful: Literal["refuse", "warn"] = "refuse"
    """What a refresh does about a newest dump that is too old, or much smaller than those before it."""
    unverified: Literal["refuse", "warn"] = "warn"
    """What a refresh does where no dump has been read back; one that has is preferred to newer ones that have not."""
    signed: bool = False
    """Backups are signed with the private key, and what is not is refused."""
    silence: Duration = timedelta(seconds=30)
    """How long S3 may say nothing, or next to nothing, before a connection counts as lost and the next one goes on."""
    cache: bool = False
    """Of each bucket the newest two dumps are kept on this machine as they lie there, so that the next refresh need not
    fetch them; what is encrypted, or cleaned and signed, and nothing else."""
