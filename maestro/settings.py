"""The settings of a server, read from the environment (`MAESTRO_…`) and from `.env`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _seconds(value: object) -> object:
    """Read a bare number as seconds, which pydantic takes from numbers but not from the texts of an environment."""
    return float(value) if isinstance(value, str) and value.strip().replace(".", "", 1).isdecimal() else value


Duration = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]
"""A positive number of seconds, or ISO 8601."""


class Settings(BaseSettings):
    """Everything that can be configured; each field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="MAESTRO_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default=Path(".maestro"),
        description="Folder of the embedded database, the stored files and the generated secret.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description=(
            "URL of a PostgreSQL server, like `postgresql://user:password@host/database`. "
            "Without it the server starts its own PostgreSQL in the data folder."
        ),
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        default=None,
        pattern="^https?://[^/]",
        description="Address under which browsers reach the server, when it differs from host and port.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key that signs sessions and download links; at least 32 characters. Servers that share a "
            "database must share it. Without it one is generated and kept in the data folder, readable by its owner."
        ),
        min_length=32,
    )
    pool_size: int = Field(default=12, ge=1, le=500, description="Most database connections of one server process.")
    session_ttl: Duration = Field(default=timedelta(days=14), description="How long a browser stays signed in.")
    download_ttl: Duration = Field(
        default=timedelta(minutes=15), description="How long a download link is good when the query names no time."
    )
    trash_ttl: Duration = Field(
        default=timedelta(days=30), description="How long a deleted object stays in the trash before it may be purged."
    )
    max_body_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, description="Largest body of a GraphQL request, in bytes."
    )
    max_upload_bytes: int = Field(default=50 * 1024**3, ge=1024, description="Largest file of an artifact, in bytes.")
    operation_timeout: Duration = Field(
        default=timedelta(seconds=30), description="Time after which a query or mutation is cancelled."
    )
    compact_every: Duration = Field(
        default=timedelta(seconds=30), description="Pause between two rounds of the compaction of metric points."
    )
    log_level: str = Field(
        default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level of what is logged."
    )
