"""Opening a bucket of Google Cloud Storage, as connectors and the settings of backups lead to one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.stores.gcs.service import GcsConfig
from connectors.stores.gcs.store import GcsStore, gcs_store
from maestro.connector_rules import ConnectorRules
from maestro.credentials import GcsCredential
from maestro.vendors import Gcs

__all__ = ["GcsConfig", "gcs_store", "open_gcs"]


@asynccontextmanager
async def open_gcs(config: Gcs, credential: GcsCredential | None, rules: ConnectorRules) -> AsyncIterator[GcsStore]:
    """Open a bucket for a block; without a credential anonymously, or with the machine's own where that is allowed."""
    opened = GcsConfig(
        bucket=config.bucket,
        prefix=config.prefix,
        project=config.project,
        endpoint_url=config.endpoint_url,
        service_account=None if credential is None else credential.service_account,
        is_ambient=credential is None and rules.has_ambient_credentials,
    )
    async with gcs_store(opened) as store:
        yield store
