"""What every table of the settings file is made of: a section that knows its keys, durations, commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from dmrefresh.durations import duration


class Section(BaseModel):
    """A table of the settings file; keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _duration(value: object) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else duration(str(value))
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


Duration = Annotated[timedelta, PlainValidator(_duration)]
"""A length of time, written as `90 minutes` or `7 days`."""

Command = Annotated[tuple[str, ...], Field(min_length=1)]
"""A program and its arguments; no shell reads them."""
