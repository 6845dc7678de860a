"""A sync between clouds of two vendors whose worker is killed: another one goes on, and sends nothing twice."""

import asyncio
import base64
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import psutil
import pytest

from connectors.stores import read
from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from connectors.stores.buckets import Part, Upload
from connectors.stores.gcs.store import GcsStore
from tests.fixtures.artifact_stores import azure_connector
from tests.fixtures.azurite_server import Azurite
from tests.fixtures.graphql import Api
from tests.fixtures.sync_jobs import START, Place
from tests.fixtures.syncs import keys_of
from tests.fixtures.worker import PATIENCE_S, Queue, Workers, until

MEBIBYTE: Final = 1024 * 1024
PART_BYTES: Final = 8 * MEBIBYTE
LARGE: Final = os.urandom(5 * PART_BYTES + 1)
BEFORE: Final = {f"a/{number}": f"before {number}".encode() for number in range(3)}
AFTER: Final = {f"z/{number}": f"after {number}".encode() for number in range(3)}
SLOW: Final = 5 * MEBIBYTE
"""Bytes a second: when two parts have arrived, the others take seconds."""
LONG_S: Final = 60.0
"""So long all of it may take on a machine that does much else."""
UNBOUND: Final = "UPDATE sync_plan SET options = options || '{\"bytes_per_second\": null}'"
"""Whoever goes on need not be slow."""


@pytest.fixture
def place(api: Api, queue: Queue, workers: Workers, tmp_path: Path) -> Place:  # noqa: PLR0917 -- fixtures
    """An installation with workers."""
    return Place(api, queue, workers, tmp_path)


@pytest.fixture
async def azure(api: Api, azurite: Azurite) -> AsyncIterator[tuple[str, AzureStore]]:
    """A connector to an empty container, and the container itself."""
    made, config = await azure_connector(api, azurite.address)
    async with azure_store(config) as opened:
        yield made, opened


@pytest.fixture
async def google(api: Api, gcs: GcsStore, place: Place) -> str:
    """A connector to a bucket with objects before a large one, that, and others behind it."""
    for key, content in {**BEFORE, "large": LARGE, **AFTER}.items():
        await gcs.put_bytes(key, content)
    config = gcs._service.config
    told = {"bucket": config.bucket, "prefix": config.prefix, "endpointUrl": config.endpoint_url}
    return await place.connector("Google", {"gcs": told})


def sent_to(azurite: Azurite, config: AzureConfig) -> Counter[str]:
    """How often each object, and each block of one, was stored in a container, by the server's own log."""
    found = Counter[str]()
    for asked in azurite.stored(f"{config.container}/"):
        parts = urlsplit(asked)
        query = parse_qs(parts.query)
        if "blockid" in query:
            found[base64.b64decode(query["blockid"][0]).decode()] += 1
        else:
            found[unquote(parts.path).partition(f"/{config.container}/")[2]] += 1
    return found


async def waiting(place: Place, container: AzureStore) -> list[Part]:
    """The parts of the large object that have arrived, while it is no object yet."""
    items = await place.queue.db.fetch_sql("SELECT upload FROM sync_item WHERE key = 'large' AND upload IS NOT NULL")
    return [part for item in items for part in await container.parts(Upload(**item.upload["upload"]))]


async def done(place: Place) -> dict[str, int]:
    """The objects that are known to be copied, with the bytes of each that were sent."""
    rows = await place.queue.db.fetch_sql("SELECT key, target FROM sync_item WHERE state = 'DONE'")
    return {row.key: row.target["written"]["sentBytes"] for row in rows}


async def digests(container: AzureStore, content: Mapping[str, bytes]) -> dict[str, list[str | None]]:
    """The SHA-256 of the bytes of each object, and what the target says it is."""
    return {
        key: [hashlib.sha256(await read(container, key)).hexdigest(), (await container.head(key)).sha256]
        for key in content
    }


async def is_in_the_middle(place: Place, container: AzureStore) -> bool:
    """Whether the first objects are known to be copied, and some of the large one has arrived."""
    return await done(place) == sizes(BEFORE) and len(await waiting(place, container)) >= 2


def sizes(content: Mapping[str, bytes]) -> dict[str, int]:
    return {key: len(one) for key, one in content.items()}


async def test_a_sync_between_two_clouds_outlives_its_worker_and_sends_nothing_twice(
    place: Place, azurite: Azurite, google: str, *, azure: tuple[str, AzureStore]
) -> None:
    target, container = azure
    first = place.work()
    plan_id = await place.planned(
        sourceId=google, targetId=target, bytesPerSecond=SLOW, concurrency=1, verify=True, delete=True
    )
    run = (await place.api(START, id=plan_id))["startSync"]
    await until(lambda: is_in_the_middle(place, container), patience_s=LONG_S)
    first.kill()
    await asyncio.to_thread(psutil.wait_procs, [first.process], timeout=PATIENCE_S)
    there = {part.tag for part in await waiting(place, container)}
    objects = {key: await container.head(key) for key in BEFORE}
    assert 2 <= len(there) <= 5
    assert await keys_of(container) == [*BEFORE]
    assert (await place.run(run["id"]))["status"] == "RUNNING"

    await place.queue.db.fetch_sql(UNBOUND)
    place.work()
    job = await place.ended(run["job"]["id"], patience_s=LONG_S)
    assert job.state == "SUCCEEDED", job.error_message
    content = {**BEFORE, "large": LARGE, **AFTER}
    assert await keys_of(container) == [*content]
    assert await digests(container, content) == {
        key: [hashlib.sha256(one).hexdigest()] * 2 for key, one in content.items()
    }
    assert {key: await container.head(key) for key in BEFORE} == objects
    once = [*BEFORE, *there]
    sent = sent_to(azurite, container.place.config)
    assert {name: sent[name] for name in once} == dict.fromkeys(once, 1)
    copied = await done(place)
    # What was on its way when the worker died may have arrived after all.
    assert 0 < copied.pop("large") <= len(LARGE) - len(there) * PART_BYTES
    assert copied == sizes(BEFORE | AFTER)
    report = await place.run(run["id"])
    assert report["stats"] == {
        "added": len(content),
        "updated": 0,
        "removed": 0,
        "conflicts": 0,
        "failed": 0,
        "notDone": 0,
        "bytes": sum(sizes(content).values()),
        "verification": {"differing": 0, "objects": len(content)},
    }
    told = (report["status"], report["source"]["name"], report["target"]["name"], report["failures"]["totalCount"])
    assert told == ("SUCCEEDED", "Google", "Container", 0)
