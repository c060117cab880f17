"""What the settings say about Cloud Foundry: the application in which a backup can be made beside its database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from dmrefresh.bucket.presigned import EXPIRES
from dmrefresh.settings.section import Duration, Section

_NOT_AN_OPTION = r"^[^\s-].*$"
_QUOTA = r"^[1-9][0-9]{0,5}[MG]$"


class CloudFoundry(Section):
    """The worker's application; it is pushed into the space that `cf target` names."""

    app: str = Field(default="db-backup", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Its name; what has this name is deleted before and after."""
    image: str | None = Field(default=None, pattern=_NOT_AN_OPTION)
    """The worker's image, for a foundation that runs images."""
    path: Path | None = None
    """Or a folder that is pushed, for one that makes its own with buildpacks."""
    manifest: Path | None = None
    """What `cf push` is given beside the folder."""
    service: str | None = Field(default=None, pattern=_NOT_AN_OPTION)
    """The service instance of the database, which is bound to it."""
    memory: str = Field(default="5G", pattern=_QUOTA)
    """How much memory the task may take."""
    disk: str = Field(default="5G", pattern=_QUOTA)
    """How much disk the task may take; the ciphertext is kept on it."""
    command: str = "dmrefresh backup-production --worker"
    """What the task runs."""
    expires: Duration = EXPIRES
    """How long the worker has for all of it: the presigned POST is valid for so long."""
    poll: Duration = timedelta(seconds=10)
    """How often its state is asked for."""
    timeout: Duration = timedelta(hours=3)
    """How long the task may take."""
