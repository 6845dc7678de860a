"""A process that is killed while it sends a large file: another one goes on with what had arrived by then."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.stores import LocalStore, ObjectStore, digest_of
from connectors.stores.drafts import digest
from connectors.stores.gcs.store import GcsStore
from connectors.stores.s3 import S3Store
from maestro.threads import untold
from tests.connectors.stores import uploading
from tests.connectors.stores.contract import MEGABYTE, keys
from tests.fixtures.emulators import S3_KEY, S3_SECRET
from tests.rules.sources import ROOT

SIZE = 32 * MEGABYTE + 1
PARTS = 5


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


async def life(order: dict[str, Any]) -> tuple[int | None, dict[str, Any], list[int]]:
    """Send in a process of its own; return how it has ended, what it has said, and the numbers that it has sent."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", uploading.__name__, json.dumps(order)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    said = [json.loads(line) for line in output.splitlines()]
    sent = [told["sent"] for told in said if "sent" in told]
    return process.returncode, {name: value for told in said for name, value in told.items()}, sent


async def assert_goes_on(store: ObjectStore, place: dict[str, Any], large_file: Path) -> None:
    order = {"place": place, "file": str(large_file), "size": SIZE, "upload": None, "dies_after": 2}
    ended, said, sent_before = await life(order)
    assert ended == -signal.SIGKILL
    assert (said["arrived"], len(sent_before)) == ([], 2)
    assert await keys(store) == []

    ended, resumed, sent_after = await life({**order, "upload": said["upload"], "dies_after": None})
    assert ended == 0
    assert resumed["size"] == SIZE
    assert set(sent_before) <= set(resumed["arrived"])
    assert not set(resumed["arrived"]) & set(sent_after)
    assert sorted([*resumed["arrived"], *sent_after]) == list(range(PARTS))
    assert await digest_of(store, uploading.KEY) == (digest(large_file, untold), SIZE)
    assert await keys(store) == [uploading.KEY]


async def test_an_upload_into_a_folder_outlives_its_process(tmp_path: Path, large_file: Path) -> None:
    folder = tmp_path / "store"
    await assert_goes_on(LocalStore(folder), {"folder": str(folder)}, large_file)


async def test_an_upload_into_google_cloud_storage_outlives_its_process(gcs: GcsStore, large_file: Path) -> None:
    config = gcs._service.config
    place = {"bucket": config.bucket, "prefix": config.prefix, "endpoint_url": config.endpoint_url}
    await assert_goes_on(gcs, {"gcs": place}, large_file)


async def test_an_upload_into_a_bucket_outlives_its_process(s3_bucket: S3Store, large_file: Path) -> None:
    config = s3_bucket.config
    place = {
        "bucket": config.bucket,
        "prefix": config.prefix,
        "endpoint_url": config.endpoint_url,
        "region": config.region,
        "access_key_id": S3_KEY,
        "secret_access_key": S3_SECRET,
    }
    await assert_goes_on(s3_bucket, place, large_file)
