"""The settings of what a server counts of itself, and of who may read that: a part of the server's settings."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class MetricsSettings(BaseSettings):
    """Whether there are metrics, and for whom."""

    metrics: bool = Field(
        default=True,
        description="Whether the server and its workers count what they do, for Prometheus to read at `/metrics`.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description=(
            "Text that a scrape of `/metrics` has to send, as `Authorization: Bearer …`; at least 16 characters. "
            "Without it only programs on the same machine are answered, and nobody where `MAESTRO_PUBLIC_URL` is set, "
            "since what a proxy passes on comes from the same machine as well."
        ),
    )
