"""The way back from a sync to a bucket that keeps versions."""

import time
from typing import Any

from connectors.stores import LocalStore
from connectors.stores.s3 import S3Store
from maestro.progress import untold
from ops.syncs.ends import End, Ends
from ops.syncs.rolling_back import roll_back
from tests.fixtures.syncs import Folders, Syncs, keys_of, new_bucket, write


async def test_what_a_sync_has_done_to_a_bucket_that_keeps_versions_is_undone(  # noqa: PLR0917
    syncs: Syncs, folders: Folders, s3_opened: S3Store, s3_endpoint: str
) -> None:
    async with new_bucket(s3_opened, s3_endpoint) as bucket:
        await bucket.set_versioned(is_versioned=True)
        for key in ("replaced", "removed", "untouched", "meddled"):
            await bucket.put_bytes(key, f"first {key}".encode())
        for key in ("replaced", "added", "meddled"):
            write(folders.source, key, b"other", at=time.time() + 100)
        write(folders.source, "untouched", b"first untouched")
        ends = Ends(End(LocalStore(folders.source), "LOCAL"), End(bucket, "S3"))
        plan, summary = await syncs.plan(ends, delete=True)
        assert [summary[name]["count"] for name in ("add", "update", "remove")] == [1, 2, 1]
        assert (await syncs.carry_out(plan, ends))["failed"] == 0
        await bucket.put_bytes("meddled", b"by somebody else")
        undone = await roll_back(syncs.db, plan.id, ends.target, progress=untold)
        assert (undone.restored, undone.removed, undone.failed) == (2, 1, 1)
        assert [(one["key"], one["code"]) for one in undone.failures] == [("meddled", "CONFLICT")]
        found = {key: await _content(bucket, key) for key in await keys_of(bucket)}
        assert found == {
            "replaced": b"first replaced",
            "removed": b"first removed",
            "untouched": b"first untouched",
            "meddled": b"by somebody else",
        }
        again = await roll_back(syncs.db, plan.id, ends.target, progress=untold)
        assert (again.restored, again.removed, again.already) == (0, 0, 3)


async def _content(store: Any, key: str) -> bytes:
    return b"".join([part async for part in store.get(key)])
