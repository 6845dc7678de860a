"""Opening a container of Azure Blob Storage, by the account's key, by a shared access signature, or by nothing."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.storage.blob.aio import ContainerClient, ExponentialRetry

from connectors.retrying import FIRST_S, LONGEST_S
from connectors.stores.azure_blob.blocks import LARGEST_BLOCK
from connectors.stores.azure_blob.config import AzureConfig
from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.place import Place
from connectors.stores.azure_blob.reading import RANGE
from connectors.stores.azure_blob.store import AzureStore
from connectors.stores.azure_blob.transport import BitByBit
from maestro.credentials import AzureBlobCredential
from maestro.vendors import AzureBlob

CONNECT_S: Final = 10
READ_S: Final = 60


class _Again(ExponentialRetry):
    """Trying again at a random moment of a time that doubles."""

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        return random.uniform(0, min(LONGEST_S, FIRST_S * 2 ** settings["count"]))  # noqa: S311 -- nobody guesses


@asynccontextmanager
async def azure_store(config: AzureConfig) -> AsyncIterator[AzureStore]:
    """Open a store in a container for a block; StoreFailed for settings that cannot be. Nothing is asked for yet."""
    with translated("its settings"):
        client = ContainerClient(
            config.address,
            config.container,
            credential=_credential(config),
            retry_policy=_Again(retry_total=config.tries - 1),
            max_single_put_size=LARGEST_BLOCK,
            max_single_get_size=RANGE,
            # A server could lead requests to where connectors may not lead.
            permit_redirects=False,
            transport=BitByBit(connection_timeout=CONNECT_S, read_timeout=READ_S),
        )
    prefix = config.prefix.strip("/")
    async with client:
        yield AzureStore(Place(client, config, f"{prefix}/" if prefix else ""))


@asynccontextmanager
async def open_azure_blob(config: AzureBlob, credential: AzureBlobCredential | None) -> AsyncIterator[AzureStore]:
    """Open the store of a connector for a block."""
    opened = AzureConfig(
        account=config.account,
        container=config.container,
        prefix=config.prefix,
        endpoint_url=config.endpoint_url,
        account_key=credential.account_key if credential else None,
        sas_token=credential.sas_token if credential else None,
    )
    async with azure_store(opened) as store:
        yield store


def _credential(config: AzureConfig) -> AzureNamedKeyCredential | AzureSasCredential | None:
    if config.key is not None:
        return AzureNamedKeyCredential(config.account, config.key)
    return None if config.signature is None else AzureSasCredential(config.signature)
