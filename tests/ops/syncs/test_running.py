"""Syncs carried out: between folders and buckets, with what goes wrong in between."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from connectors.stores import LocalStore
from connectors.stores.buckets import Description
from connectors.stores.s3 import S3Store
from maestro.errors import Forbidden, Transient
from maestro.progress import untold
from ops.syncs import running
from ops.syncs.ends import End, Ends
from ops.syncs.transferring import SMALL_BYTES
from tests.fixtures.syncs import LATE, Folders, Syncs, content_of, keys_of, new_bucket, write

MEBIBYTE = 1024 * 1024
PATIENCE_S = 30


class Apart(LocalStore):
    """A folder from which no other one copies within the file system, as of another vendor."""

    def can_copy_from(self, source: Any) -> bool:
        del source
        return False


def apart(folders: Folders) -> Ends:
    return Ends(End(LocalStore(folders.source), "LOCAL"), End(Apart(folders.target), "S3"))


@pytest.mark.parametrize("is_apart", [False, True])
async def test_a_folder_becomes_like_another_one(syncs: Syncs, folders: Folders, *, is_apart: bool) -> None:
    write(folders.source, "a/new", b"1" * 100_000)
    write(folders.source, "empty", b"")
    write(folders.source, "large", os.urandom(SMALL_BYTES + 5))
    write(folders.source, "changed", b"new", at=LATE)
    write(folders.target, "changed", b"old")
    write(folders.target, "extra/x", b"")
    write(folders.source, "same", b"s")
    write(folders.target, "same", b"s")
    ends = apart(folders) if is_apart else folders.ends
    done = await syncs.sync(ends, delete=True)
    assert content_of(folders.target) == content_of(folders.source)
    assert done == {
        "added": 3,
        "updated": 1,
        "removed": 1,
        "conflicts": 0,
        "failed": 0,
        "skipped": 0,
        "notDone": 0,
        "bytes": 100_000 + SMALL_BYTES + 5 + 3,
    }
    _, again = await syncs.plan(ends, delete=True)
    assert {name: again[name]["count"] for name in ("add", "update", "remove", "conflict")} == {
        "add": 0,
        "update": 0,
        "remove": 0,
        "conflict": 0,
    }


async def test_a_folder_goes_to_a_bucket_and_comes_back(  # noqa: PLR0917
    syncs: Syncs, folders: Folders, s3_opened: S3Store, s3_endpoint: str
) -> None:
    write(folders.source, "large", os.urandom(2 * SMALL_BYTES + 1))
    for number in range(20):
        write(folders.source, f"small/{number}", os.urandom(number * 100))
    async with new_bucket(s3_opened, s3_endpoint) as bucket:
        there = End(bucket, "S3")
        done = await syncs.sync(Ends(End(LocalStore(folders.source), "LOCAL"), there), target_prefix="copy")
        assert (done["added"], done["failed"]) == (21, 0)
        assert await keys_of(bucket) == sorted(f"copy/{key}" for key in content_of(folders.source))
        back = await syncs.sync(Ends(there, End(LocalStore(folders.target), "LOCAL")), source_prefix="copy")
        assert (back["added"], back["failed"]) == (21, 0)
    assert content_of(folders.target) == content_of(folders.source)


async def test_what_is_told_of_objects_goes_with_them_to_another_bucket(
    syncs: Syncs, s3_opened: S3Store, s3_endpoint: str
) -> None:
    async with new_bucket(s3_opened, s3_endpoint) as source, new_bucket(s3_opened, s3_endpoint, tries=1) as target:
        target.config = source.config.__class__(**{**_fields(target.config), "access_key_id": "another"})
        assert not target.can_copy_from(source)
        told = Description("text/plain", {"stage": "raw"})
        await source.put_described("small", b"content", told)
        upload = await source.begin_upload("large", SMALL_BYTES + 1, told)
        await source.put_part(upload, 0, bytes(SMALL_BYTES))
        await source.put_part(upload, 1, b"x")
        await source.complete_upload(upload)
        assert (await syncs.sync(Ends(End(source, "S3"), End(target, "S3"))))["added"] == 2
        for key in ("small", "large"):
            found = await target.head(key)
            assert (found.media_type, dict(found.metadata)) == ("text/plain", {"stage": "raw"})


async def test_within_a_server_nothing_passes_through_here(syncs: Syncs, s3_opened: S3Store, s3_endpoint: str) -> None:
    async with new_bucket(s3_opened, s3_endpoint) as source, new_bucket(s3_opened, s3_endpoint) as target:
        await source.put_bytes("a", b"content")
        plan, _ = await syncs.plan(Ends(End(source, "S3"), End(target, "S3")))
        await syncs.carry_out(plan, Ends(End(source, "S3"), End(target, "S3")))
        assert (await syncs.items(plan.id))["a"].target["written"]["sentBytes"] == 0
        assert (await target.head("a")).sha256 == (await source.head("a")).sha256


class Failing(Apart):
    """A folder that refuses some keys, or breaks off for a time."""

    refused: tuple[str, ...] = ()
    breaks: int = 0

    async def put_bytes(self, key: str, content: bytes) -> Any:
        if key in self.refused:
            raise Forbidden(f"The store refuses {key}.", vendorCode="AccessDenied", requestId="r1")
        if self.breaks:
            self.breaks -= 1
            raise Transient("The line breaks off.")
        return await super().put_bytes(key, content)


def failing(folders: Folders, *refused: str, breaks: int = 0) -> Ends:
    store = Failing(folders.target)
    store.refused, store.breaks = refused, breaks
    return Ends(End(LocalStore(folders.source), "LOCAL"), End(store, "S3"))


async def test_what_fails_is_told_object_by_object_and_ends_nothing_else(syncs: Syncs, folders: Folders) -> None:
    for key in ("a", "b", "c"):
        write(folders.source, key)
    write(folders.target, "extra")
    plan, _ = await syncs.plan(folders.ends, delete=True)
    done = await syncs.carry_out(plan, failing(folders, "b"))
    assert (done["added"], done["failed"], done["removed"], done["notDone"]) == (2, 1, 0, 1)
    assert sorted(content_of(folders.target)) == ["a", "c", "extra"]
    item = (await syncs.items(plan.id))["b"]
    assert (item.state, item.attempts) == ("FAILED", 1)
    assert item.error == {
        "code": "FORBIDDEN",
        "message": "The store refuses b.",
        "vendorCode": "AccessDenied",
        "requestId": "r1",
    }


async def test_a_second_try_deals_with_what_has_failed_alone(syncs: Syncs, folders: Folders) -> None:
    for key in ("a", "b"):
        write(folders.source, key)
    write(folders.target, "extra")
    plan, _ = await syncs.plan(folders.ends, delete=True)
    await syncs.carry_out(plan, failing(folders, "b"))
    done = await syncs.carry_out(plan, apart(folders))
    assert (done["added"], done["failed"], done["removed"]) == (2, 0, 1)
    attempts = {key: item.attempts for key, item in (await syncs.items(plan.id)).items()}
    assert attempts == {"a": 1, "b": 2, "extra": 1}


async def test_what_passes_is_tried_again(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "a")
    plan, _ = await syncs.plan(folders.ends)
    assert (await syncs.carry_out(plan, failing(folders, breaks=2)))["failed"] == 0
    assert sorted(content_of(folders.target)) == ["a"]


class Restless(LocalStore):
    """A folder whose object becomes another one each time when it has been read for so many times."""

    changes: int = 0

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        async for part in super().get(key, start=start, end=end):
            yield part
        if self.changes:
            self.changes -= 1
            at = LATE + self.changes * 60
            os.utime(self.place(key), (at, at))


@pytest.mark.parametrize(("changes", "failed"), [(1, 0), (100, 1)])
async def test_an_object_that_changes_while_it_is_copied_is_copied_anew_or_told(  # noqa: PLR0917
    syncs: Syncs, folders: Folders, changes: int, failed: int
) -> None:
    write(folders.source, "a", bytes(SMALL_BYTES + 1))
    plan, _ = await syncs.plan(folders.ends)
    source = Restless(folders.source)
    source.changes = changes
    done = await syncs.carry_out(plan, Ends(End(source, "LOCAL"), End(Apart(folders.target), "S3")))
    assert done["failed"] == failed
    assert len(content_of(folders.target)) == 1 - failed
    if failed:
        error = (await syncs.items(plan.id))["a"].error
        assert error["message"] == "a has become another object in the source while it was copied."


async def test_what_is_gone_from_the_source_meanwhile_is_told(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "a")
    plan, _ = await syncs.plan(folders.ends)
    (folders.source / "a").unlink()
    assert (await syncs.carry_out(plan, apart(folders)))["failed"] == 1
    assert (await syncs.items(plan.id))["a"].error["code"] == "NOT_FOUND"


async def test_what_has_changed_or_come_back_since_the_plan_is_not_removed(syncs: Syncs, folders: Folders) -> None:
    for key in ("gone", "changed", "back"):
        write(folders.target, key)
    plan, _ = await syncs.plan(folders.ends, delete=True)
    write(folders.target, "changed", b"precious")
    write(folders.source, "back")
    done = await syncs.carry_out(plan, folders.ends)
    assert (done["removed"], done["skipped"]) == (1, 2)
    assert sorted(content_of(folders.target)) == ["back", "changed"]
    errors = {key: item.error and item.error["code"] for key, item in (await syncs.items(plan.id)).items()}
    assert errors == {"back": "CONFLICT", "changed": "CONFLICT", "gone": None}


async def test_a_store_that_is_away_ends_the_sync(
    syncs: Syncs, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SUSPICIOUS", 3)
    for number in range(6):
        write(folders.source, f"{number}")
    plan, _ = await syncs.plan(folders.ends, concurrency=1)
    ends = failing(folders, *map(str, range(6)))

    async def away(*_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        for reason in ("The store cannot be reached.",):
            raise Transient(reason)
        yield

    monkeypatch.setattr(ends.target.store, "list", away)
    order = await syncs.order(plan, ends)
    with pytest.raises(Transient, match="cannot be reached"):
        await running.copy_all(syncs.db, order, progress=untold)
    states = [item.state for item in (await syncs.items(plan.id)).values()]
    assert states == ["FAILED"] * 3 + ["PENDING"] * 3


async def test_so_many_bytes_a_second_and_no_more_go_by(syncs: Syncs, folders: Folders) -> None:
    for number in range(4):
        write(folders.source, f"{number}", os.urandom(MEBIBYTE // 4))
    plan, _ = await syncs.plan(folders.ends, bytes_per_second=MEBIBYTE)
    began = time.monotonic()
    await syncs.carry_out(plan, apart(folders))
    took = time.monotonic() - began
    assert 0.7 < took < 30


async def test_a_sync_that_is_cancelled_ends_at_once_and_goes_on_later(syncs: Syncs, folders: Folders) -> None:
    for number in range(8):
        write(folders.source, f"{number}", bytes(MEBIBYTE))
    plan, _ = await syncs.plan(folders.ends, bytes_per_second=4 * MEBIBYTE, concurrency=1)
    order = await syncs.order(plan, apart(folders))
    task = asyncio.create_task(running.copy_all(syncs.db, order, progress=untold))

    async def done_by_now() -> int:
        return sum(item.state == "DONE" for item in (await syncs.items(plan.id)).values())

    async with asyncio.timeout(PATIENCE_S):
        while not await done_by_now():  # noqa: ASYNC110 -- nobody tells of it
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    count = await done_by_now()
    assert 0 < count < 8
    # The last one may have come without its having been noted.
    assert count <= len(content_of(folders.target)) <= count + 1
    done = await syncs.carry_out(plan, folders.ends)
    assert (done["added"], done["failed"]) == (8, 0)


async def test_progress_tells_objects_bytes_rate_and_time(syncs: Syncs, folders: Folders) -> None:
    write(folders.source, "a", b"123")
    plan, _ = await syncs.plan(folders.ends)
    await syncs.carry_out(plan, folders.ends)
    (run,) = await syncs.db.fetch_sql("SELECT progress FROM sync_run")
    assert run.progress.pop("bytesPerSecond") > 0
    assert run.progress == {
        "objects": 1,
        "objectsTotal": 1,
        "bytes": 3,
        "bytesTotal": 3,
        "failed": 0,
        "secondsLeft": 0,
    }


def _fields(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
