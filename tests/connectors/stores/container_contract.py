"""What every store has to do whose bucket or container can be made and removed."""

from typing import Protocol

import pytest

from connectors.stores.buckets import Container
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro.errors import StoreFailed
from tests.connectors.stores.contract import CONTENT


class ContainerStore(ObjectStore, Container, Protocol):
    """A store whose bucket can be made."""


class ContainerContract:
    """Subclassed with a fixture `missing` of a store whose bucket, container or folder is not there."""

    async def test_a_container_is_made_and_can_be_used(self, missing: ContainerStore) -> None:
        assert not await missing.container_exists()
        await missing.create_container()
        assert await missing.container_exists()
        await missing.put_bytes("a", CONTENT)
        assert await read(missing, "a") == CONTENT

    async def test_one_that_is_there_is_left_as_it_is(self, missing: ContainerStore) -> None:
        await missing.create_container()
        await missing.put_bytes("a", CONTENT)
        await missing.create_container()
        assert await read(missing, "a") == CONTENT

    async def test_an_empty_one_is_removed(self, missing: ContainerStore) -> None:
        await missing.create_container()
        await missing.put_bytes("a/b", CONTENT)
        await missing.delete(["a/b"])
        await missing.delete_container()
        assert not await missing.container_exists()
        await missing.delete_container()

    async def test_one_that_is_not_empty_stays(self, missing: ContainerStore) -> None:
        await missing.create_container()
        await missing.put_bytes("a", CONTENT)
        with pytest.raises(StoreFailed):
            await missing.delete_container()
        assert await read(missing, "a") == CONTENT
