"""The settings of where traces are sent, and how many: a part of the server's settings."""

import re
from typing import Final

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

_HEADER: Final = re.compile(r"\s*[A-Za-z0-9_-]+\s*=[^,\r\n]+")


class TracingSettings(BaseSettings):
    """Where traces are sent, and how many."""

    otlp_endpoint: str | None = Field(
        default=None,
        pattern="^https?://[^/@]+(/[^@]*)?$",
        description=(
            "URL of an OpenTelemetry collector to which traces are sent by OTLP over HTTP, like "
            "`http://localhost:4318`; `/v1/traces` is added to it unless it ends so. Without it nothing is traced."
        ),
    )
    otlp_headers: SecretStr | None = Field(
        default=None,
        description="Headers that are sent along, such as `authorization=Bearer …`; several between commas.",
    )
    trace_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description=(
            "Which part of the requests and jobs is traced, from 0 to 1. Where a caller has decided by its "
            "`traceparent`, that counts."
        ),
    )

    @field_validator("otlp_headers")
    @classmethod
    def _are_headers(cls, value: SecretStr | None) -> SecretStr | None:
        """Return headers that can be read; ValueError, which does not repeat them."""
        if value is not None and not all(map(_HEADER.fullmatch, value.get_secret_value().split(","))):
            raise ValueError("headers look like name=value,other=value")
        return value
