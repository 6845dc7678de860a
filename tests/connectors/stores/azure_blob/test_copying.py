"""Copies in blocks of an object that changes meanwhile, which azurite is too quick for: answered by another server."""

import pytest

from connectors.stores.azure_blob import azure_store
from maestro.errors import Transient
from tests.connectors.stores.azure_blob.opened import config_of
from tests.connectors.stores.azure_blob.test_versions import BLOB, CONTAINER, STORED
from tests.connectors.stores.contract import MEGABYTE
from tests.fixtures.azurite_server import ACCOUNT
from tests.fixtures.faults import listening
from tests.fixtures.replays import Exchange, Replay

COPY = f"{CONTAINER}/p/copy"


def seen(tag: str) -> Exchange:
    return Exchange("HEAD", BLOB, {}, 200, {**STORED, "ETag": tag, "Content-Length": str(2 * MEGABYTE)})


@pytest.mark.parametrize("is_changed", [True, False])
async def test_blocks_of_two_objects_are_never_made_one(*, is_changed: bool) -> None:
    block = Exchange("PUT", COPY, {"comp": "block"}, 201)
    blocks = '<?xml version="1.0"?><BlockList><CommittedBlocks /><UncommittedBlocks /></BlockList>'
    given_up = [Exchange("GET", COPY, {"comp": "blocklist"}, 200, {"Content-Type": "application/xml"}, blocks)]
    made = [Exchange("PUT", COPY, {"comp": "blocklist"}, 201, STORED), Exchange("HEAD", COPY, {}, 200, STORED)]
    changed = '"0x8D2"' if is_changed else '"0x8D1"'
    replay = Replay([seen('"0x8D1"'), block, block, seen(changed), *(given_up if is_changed else made)])
    async with listening(replay) as address:
        config = config_of(f"{address}/{ACCOUNT}", container="kept", prefix="p", tries=1, largest_copy_bytes=MEGABYTE)
        async with azure_store(config) as store:
            if is_changed:
                with pytest.raises(Transient):
                    await store.copy_from(store, "a", "copy")
            else:
                await store.copy_from(store, "a", "copy")
    assert (replay.unexpected, replay.left) == ([], [])
    ranges = {headers["x-ms-source-range"] for headers in replay.headers if "x-ms-source-range" in headers}
    assert ranges == {"bytes=0-1048575", "bytes=1048576-2097151"}
