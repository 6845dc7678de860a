"""The settings of connectors: where they may lead, and how much of them is used at once: a part of the server's."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode

from maestro.setting_types import Duration, Listed


class ConnectorSettings(BaseSettings):
    """What can be configured of connectors; each field's description is its documentation."""

    connector_ambient_credentials: bool = Field(
        default=False,
        description=(
            "Whether connectors of clouds without a credential of their own use that of the machine: of its "
            "environment, its profile or its role. Everybody who may create connectors can then do with them what the "
            "machine can. Without it they are opened anonymously, which is enough for public buckets."
        ),
    )
    local_connector_folders: Annotated[tuple[Path, ...], NoDecode, Listed] = Field(
        default=(),
        description=(
            "Folders of the server, between commas, below which connectors of kind LOCAL may lead, with all links "
            "followed. Without any there are no such connectors."
        ),
    )
    connector_denied_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode, Listed] = Field(
        default=("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"),
        validate_default=True,
        description=(
            "Networks to which no connector leads, between commas. By default those of the addresses by which machines "
            "of clouds are told their own credentials."
        ),
    )
    connector_concurrency: int = Field(
        default=4, ge=1, le=100, description="Most errands to one connector that a server process runs at a time."
    )
    connector_failures: int = Field(
        default=5,
        ge=1,
        le=1_000,
        description="After so many failures in a row, each of which may pass, a connector is left alone for a while.",
    )
    connector_pause: Duration = Field(
        default=timedelta(seconds=30), description="How long a connector is left alone that has failed so often."
    )
    connector_check_history: Duration = Field(
        default=timedelta(days=90), description="How long tests of connectors and statements run there are kept."
    )
    errand_concurrency: int = Field(
        default=16, ge=1, le=1_000, description="Most errands that a server process runs at a time, to all connectors."
    )
    errand_idle: Duration = Field(
        default=timedelta(minutes=5),
        description="How long the process that runs a server's errands lives on without any.",
    )
    test_timeout: Duration = Field(default=timedelta(seconds=25), description="Longest test of a connector.")
    browse_timeout: Duration = Field(
        default=timedelta(seconds=20), description="How long a connector may take to tell what it leads to."
    )
    query_timeout: Duration = Field(
        default=timedelta(minutes=10),
        description="Longest time that `runQuery` and `runAggregation` may be told to wait for an answer.",
    )
    query_rows: int = Field(
        default=10_000,
        ge=1,
        le=100_000,
        description="Most rows that `runQuery` and `runAggregation` may be told to answer.",
    )
    query_bytes: int = Field(
        default=8 * 1024**2,
        ge=1024,
        le=32 * 1024**2,
        description="Most bytes of the rows of a query or a preview; what is longer is cut off.",
    )
