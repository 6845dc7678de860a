"""Syncs between buckets of Google Cloud Storage and containers of Azure."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.stores import read
from connectors.stores.azure_blob import AzureStore, azure_store
from connectors.stores.buckets import Description
from connectors.stores.gcs.store import GcsStore
from ops.syncs.ends import End, Ends
from ops.syncs.transferring import SMALL_BYTES
from tests.connectors.stores.azure_blob.opened import config_of
from tests.fixtures.azurite_server import Azurite
from tests.fixtures.syncs import Syncs, keys_of

LARGE = os.urandom(SMALL_BYTES + 5)
TOLD = Description("text/plain", {"stage": "raw"})
NOTHING = {"add": 0, "update": 0, "remove": 0, "conflict": 0}


@pytest.fixture
async def azure(azurite: Azurite) -> AsyncIterator[AzureStore]:
    """An empty container."""
    async with azure_store(config_of(azurite.address)) as opened:
        await opened.create_container()
        yield opened


async def put(store: Any, key: str, content: bytes) -> None:
    """Store an object with what is told of it, in parts."""
    upload = await store.begin_upload(key, len(content), TOLD)
    for number in range(upload.count):
        start = number * upload.part_size
        await store.put_part(upload, number, content[start : start + upload.size_of(number)])
    await store.complete_upload(upload)


@pytest.mark.parametrize("is_to_azure", [True, False])
async def test_objects_of_any_size_go_with_what_is_told_of_them(
    syncs: Syncs, gcs: GcsStore, azure: AzureStore, *, is_to_azure: bool
) -> None:
    here, there = End(gcs, "GCS"), End(azure, "AZURE_BLOB")
    ends = Ends(here, there) if is_to_azure else Ends(there, here)
    source, target = ends.source.store, ends.target.store
    await put(source, "a/small", b"content")
    await put(source, "large", LARGE)
    await target.put_bytes("extra", b"x")
    # Azure tells times in seconds, and what may have changed in the second of its copy is copied once more.
    await asyncio.sleep(1)
    done = await syncs.sync(ends, delete=True)
    assert (done["added"], done["removed"], done["failed"], done["bytes"]) == (2, 1, 0, 7 + len(LARGE))
    assert await keys_of(target) == ["a/small", "large"]
    assert (await read(target, "a/small"), await read(target, "large")) == (b"content", LARGE)
    for key in ("a/small", "large"):
        found = await target.head(key)
        assert (found.media_type, dict(found.metadata)) == ("text/plain", {"stage": "raw"})
    _, again = await syncs.plan(ends, delete=True)
    assert {name: again[name]["count"] for name in NOTHING} == NOTHING
