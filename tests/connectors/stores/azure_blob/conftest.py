"""Containers of azurite, each new and empty."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from tests.connectors.stores.azure_blob.opened import config_of
from tests.fixtures.azurite_server import Azurite


@pytest.fixture
def config(azurite: Azurite) -> AzureConfig:
    """A container that is not there yet."""
    return config_of(azurite.address)


@pytest.fixture
async def missing(config: AzureConfig) -> AsyncIterator[AzureStore]:
    """A store whose container is not there."""
    async with azure_store(config) as opened:
        yield opened


@pytest.fixture
async def store(missing: AzureStore) -> AzureStore:
    """An empty store."""
    await missing.create_container()
    return missing


@pytest.fixture
async def again(store: AzureStore, config: AzureConfig) -> AsyncIterator[AzureStore]:
    """The same store, opened a second time."""
    async with azure_store(config) as opened:
        yield opened


@pytest.fixture
async def other(config: AzureConfig) -> AsyncIterator[AzureStore]:
    """An empty store of the same account."""
    async with azure_store(replace(config, container=f"{config.container}-other", prefix="")) as opened:
        await opened.create_container()
        yield opened
