"""Syncs from the first question to the last byte: asked for by GraphQL, done by workers, some of which are killed."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, Final

import pytest

from connectors.stores.buckets import Upload
from connectors.stores.s3 import S3Store
from maestro.db.rows import Row
from tests.fixtures.graphql import Api
from tests.fixtures.sync_jobs import ROLL_BACK, START, SUMMARY, Place
from tests.fixtures.syncs import content_of, keys_of, new_bucket, write
from tests.fixtures.worker import Queue, Workers, until

MEBIBYTE: Final = 1024 * 1024
PART_BYTES: Final = 8 * MEBIBYTE


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, Any]:
    """Folders of the test may be connected to."""
    return {"local_connector_folders": (tmp_path,)}


@pytest.fixture
def place(api: Api, queue: Queue, workers: Workers, tmp_path: Path) -> Place:  # noqa: PLR0917 -- fixtures
    """An installation with two folders."""
    made = Place(api, queue, workers, tmp_path)
    made.source.mkdir()
    made.target.mkdir()
    return made


async def test_a_sync_is_planned_started_proved_and_told(place: Place) -> None:
    write(place.source, "a", b"12")
    write(place.source, "b/c", b"345")
    write(place.target, "extra")
    write(place.target, "b/c", b"345")
    place.work()
    plan_id = await place.planned(**await place.folders(), delete=True, verify=True)
    plan = (await place.api(SUMMARY, id=plan_id))["syncPlan"]
    assert plan == {
        "state": "READY",
        "errorMessage": None,
        "refusal": None,
        "version": 2,
        "summary": {
            "add": {"count": 1, "bytes": 2, "samples": ["a"]},
            "update": {"count": 0},
            "remove": {"count": 1},
            "leftOut": {"count": 0},
        },
    }
    run_id, job = await place.synced(plan_id)
    assert job.state == "SUCCEEDED"
    assert content_of(place.target) == content_of(place.source)
    run = await place.run(run_id)
    assert run == {
        "status": "SUCCEEDED",
        "trigger": "MANUAL",
        "canBeRolledBack": False,
        "rolledBackAt": None,
        "source": {"name": "Here"},
        "target": {"name": "There"},
        "stats": {
            "added": 1,
            "updated": 0,
            "removed": 1,
            "conflicts": 0,
            "failed": 0,
            "notDone": 0,
            "bytes": 2,
            "verification": {"differing": 0, "objects": 2},
        },
        "progress": {"objects": 1, "objectsTotal": 1, "bytes": 2},
        "failures": {"totalCount": 0, "nodes": []},
    }
    assert (await place.api(SUMMARY, id=plan_id))["syncPlan"]["state"] == "STARTED"


async def test_a_worker_that_is_killed_within_a_large_object_is_followed_by_one_that_sends_the_rest(
    place: Place, s3_opened: S3Store, s3_endpoint: str
) -> None:
    content = os.urandom(5 * PART_BYTES + 1)
    write(place.source, "large", content)
    first = place.work()
    async with new_bucket(s3_opened, s3_endpoint) as bucket:
        here = await place.connector("Here", {"local": {"folder": str(place.source)}})
        plan_id = await place.planned(
            sourceId=here, targetId=await place.bucket(bucket), bytesPerSecond=12 * MEBIBYTE, verify=True
        )
        run = (await place.api(START, id=plan_id))["startSync"]

        async def arrived() -> int:
            item = await place.item()
            if item.upload is None:
                return 0
            return len(await bucket.parts(Upload(**item.upload["upload"])))

        await until(lambda: _at_least(arrived, 2))
        first.kill()
        await asyncio.to_thread(first.process.wait)
        await asyncio.sleep(0.3)
        parts = await arrived()
        assert 2 <= parts <= 5
        assert await keys_of(bucket) == []
        place.work()
        job = await place.ended(run["job"]["id"])
        assert job.state == "SUCCEEDED", job.error_message
        assert b"".join([part async for part in bucket.get("large")]) == content
        item = await place.item()
        assert item.target["written"]["sentBytes"] == len(content) - parts * PART_BYTES
        assert (item.state, item.upload) == ("DONE", None)
        assert (await place.run(run["id"]))["stats"]["verification"] == {"differing": 0, "objects": 1}


async def _at_least(count: Any, least: int) -> bool:
    return bool(await count() >= least)


async def test_a_cancelled_sync_ends_within_seconds_and_the_same_job_goes_on(
    place: Place, s3_opened: S3Store, s3_endpoint: str
) -> None:
    for number in range(8):
        write(place.source, f"{number}", os.urandom(MEBIBYTE // 4))
    place.work()
    async with new_bucket(s3_opened, s3_endpoint) as bucket:
        here = await place.connector("Here", {"local": {"folder": str(place.source)}})
        target = await place.bucket(bucket)
        plan_id = await place.planned(sourceId=here, targetId=target, bytesPerSecond=MEBIBYTE // 2, concurrency=1)
        run = (await place.api(START, id=plan_id))["startSync"]
        await until(lambda: _at_least(lambda: _counted(bucket), 1))
        began = time.monotonic()
        await place.api("mutation ($id: ID!) { cancelJob(id: $id) { state } }", id=run["job"]["id"])
        job = await place.ended(run["job"]["id"])
        assert (job.state, time.monotonic() - began < 5) == ("CANCELLED", True)
        left = 8 - await _counted(bucket)
        assert left > 0
        await until(lambda: place.are(["CANCELLED"]))
        await place.api("mutation ($id: ID!) { retryJob(id: $id) { state } }", id=run["job"]["id"])
        again = await until(lambda: _ended_again(place, job))
        assert (again.state, again.result["added"]) == ("SUCCEEDED", 8)
        assert len(await keys_of(bucket)) == 8


async def _counted(bucket: S3Store) -> int:
    return len(await keys_of(bucket))


async def test_a_plan_that_removes_too_much_is_started_only_by_force(place: Place) -> None:
    for number in range(3):
        write(place.target, f"{number}")
    place.work()
    plan_id = await place.planned(**await place.folders(), delete=True)
    (error,) = await place.api.errors(START, id=plan_id)
    assert error["extensions"]["code"] == "CONFLICT"
    assert error["message"] == "3 of the 3 objects of the target would be removed; at most 50% may be."
    assert error["extensions"]["removals"] == 3
    assert len(content_of(place.target)) == 3
    _, job = await place.synced(plan_id, override=True)
    assert job.state == "SUCCEEDED"
    assert content_of(place.target) == {}


async def test_what_cannot_be_copied_is_told_and_tried_again_by_the_same_job(place: Place) -> None:
    write(place.source, "a")
    write(place.source, "b")
    write(place.target, "a/x")
    place.work()
    plan_id = await place.planned(**await place.folders(), delete=True, maxDeleteFraction=1)
    run_id, job = await place.synced(plan_id)
    assert (job.state, job.error_code) == ("PARTIAL", "PARTLY_DONE")
    run = await place.run(run_id)
    assert (run["status"], run["stats"]["failed"], run["stats"]["notDone"]) == ("PARTIAL", 1, 1)
    assert [one["key"] for one in run["failures"]["nodes"]] == ["a"]
    assert run["failures"]["nodes"][0]["error"]["code"] == "STORE_FAILED"
    assert sorted(content_of(place.target)) == ["a/x", "b"]
    (place.target / "a/x").unlink()
    (place.target / "a").rmdir()
    await place.queue.retry(job.id)
    again = await until(lambda: _ended_again(place, job))
    assert again.state == "SUCCEEDED", again.error_message
    assert sorted(content_of(place.target)) == ["a", "b"]


async def _ended_again(place: Place, job: Row) -> Row | None:
    row = await place.queue.job(job.id)
    return row if row.attempt == 2 and row.ended_at is not None else None


async def test_a_sync_to_a_bucket_that_keeps_versions_is_undone(
    place: Place, s3_opened: S3Store, s3_endpoint: str
) -> None:
    write(place.source, "a", b"new")
    place.work()
    async with new_bucket(s3_opened, s3_endpoint) as bucket:
        await bucket.set_versioned(is_versioned=True)
        await bucket.put_bytes("a", b"the old one")
        here = await place.connector("Here", {"local": {"folder": str(place.source)}})
        plan_id = await place.planned(sourceId=here, targetId=await place.bucket(bucket), onConflict="SOURCE_WINS")
        run_id, _ = await place.synced(plan_id)
        assert (await place.run(run_id))["canBeRolledBack"]
        assert b"".join([part async for part in bucket.get("a")]) == b"new"
        job = await place.ended((await place.api(ROLL_BACK, id=run_id))["rollbackSync"]["id"])
        assert (job.state, job.result["restored"]) == ("SUCCEEDED", 1)
        assert b"".join([part async for part in bucket.get("a")]) == b"the old one"
        assert (await place.run(run_id))["rolledBackAt"] is not None
        (error,) = await place.api.errors(ROLL_BACK, id=run_id)
        assert error["message"] == "This sync was undone already."
