"""The settings of what is logged, and how: a part of the server's settings."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings

from maestro.setting_types import seconds


class LogFormat(StrEnum):
    """How a record of the log is written."""

    TEXT = "text"
    JSON = "json"


def _or_off(value: object) -> object:
    """Read `off` as no time, and other texts as durations are read."""
    return 0.0 if isinstance(value, str) and value.strip().lower() == "off" else seconds(value)


def _not_negative(value: timedelta) -> timedelta:
    """Return a time; ValueError for a negative one."""
    if value < timedelta(0):
        raise ValueError("it takes a time of 0 or more, or off")
    return value


class LogSettings(BaseSettings):
    """What is logged, and how."""

    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level of what is logged."
    )
    log_format: LogFormat = Field(
        default=LogFormat.TEXT,
        description="How servers and workers log: lines of `text`, or `json`, an object a line for collectors of logs.",
    )
    slow_operation: Annotated[timedelta, BeforeValidator(_or_off), AfterValidator(_not_negative)] = Field(
        default=timedelta(seconds=1),
        description=(
            "Time after which a query or mutation is logged as slow, with what it did meanwhile; `off` or 0 for none."
        ),
    )
