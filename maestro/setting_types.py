"""How texts of an environment are read as settings."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field


def seconds(value: object) -> object:
    """Read a bare number as seconds, which pydantic takes from numbers but not from the texts of an environment."""
    return float(value) if isinstance(value, str) and value.strip().replace(".", "", 1).isdecimal() else value


def _listed(value: object) -> object:
    """Read a text of an environment as a list, its members between commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(seconds), Field(gt=timedelta(0))]
"""A positive number of seconds, or ISO 8601."""
Listed = BeforeValidator(_listed)
