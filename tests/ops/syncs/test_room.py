"""Room in the target: a sync that cannot end well is not begun."""

from collections.abc import AsyncIterator

import pytest

from connectors.stores.s3 import S3Store
from maestro.errors import StoreFailed
from ops.syncs import records
from ops.syncs.ends import End, Ends
from tests.fixtures.syncs import Folders, Syncs, content_of, keys_of, new_bucket, write
from tests.fixtures.working import execute

ENORMOUS = 2**61
LARGER = "UPDATE sync_item SET size_bytes = $1 WHERE key = $2"


@pytest.fixture
async def bucket(s3_opened: S3Store, s3_endpoint: str) -> AsyncIterator[S3Store]:
    """An empty bucket."""
    async with new_bucket(s3_opened, s3_endpoint) as made:
        yield made


async def test_nothing_is_copied_to_a_folder_that_has_no_room_for_all(
    syncs: Syncs, folders: Folders, bucket: S3Store
) -> None:
    for key in ("a", "b"):
        await bucket.put_bytes(key, b"x")
    ends = Ends(End(bucket, "S3"), folders.ends.target)
    plan, summary = await syncs.plan(ends)
    # No disk of a test holds an object that is too large for it: the plan says that one is.
    await execute(syncs.api, LARGER, ENORMOUS, "b")
    with pytest.raises(StoreFailed) as refused:
        await syncs.carry_out(plan, ends)
    details = refused.value.details
    assert details["neededBytes"] == ENORMOUS + 1
    assert 0 < details["freeBytes"] < ENORMOUS
    assert 0 < summary["targetFreeBytes"] < ENORMOUS
    assert content_of(folders.target) == {}
    assert {item.state for item in (await syncs.items(plan.id)).values()} == {"PENDING"}
    await execute(syncs.api, LARGER, 1, "b")
    assert (await syncs.carry_out(plan, ends))["added"] == 2


async def test_what_is_replaced_makes_room_and_what_was_begun_needs_no_more(
    syncs: Syncs, folders: Folders, bucket: S3Store
) -> None:
    for key, content in {"new": b"12345", "changed": b"123", "begun": b"1234567"}.items():
        await bucket.put_bytes(key, content)
    write(folders.target, "changed", b"1")
    plan, _ = await syncs.plan(Ends(End(bucket, "S3"), folders.ends.target))
    assert await records.growth(syncs.db, plan.id) == 5 + 2 + 7
    (begun,) = [item for key, item in (await syncs.items(plan.id)).items() if key == "begun"]
    await records.upload(syncs.db, plan.id, begun.number, state={"upload": {}})
    assert await records.growth(syncs.db, plan.id) == 5 + 2


async def test_copies_within_a_disk_are_not_counted_and_buckets_have_no_end(
    syncs: Syncs, folders: Folders, bucket: S3Store
) -> None:
    write(folders.source, "a")
    for ends in (folders.ends, Ends(folders.ends.source, End(bucket, "S3"))):
        plan, summary = await syncs.plan(ends)
        assert (summary["targetFreeBytes"] is None) is (ends.target.kind == "S3")
        await execute(syncs.api, LARGER, ENORMOUS, "a")
        assert (await syncs.carry_out(plan, ends))["added"] == 1
    assert await keys_of(bucket) == ["a"]
