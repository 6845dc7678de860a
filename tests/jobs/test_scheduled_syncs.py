"""Syncs by schedule, and what becomes of plans."""

from pathlib import Path
from typing import Any

import pytest

from maestro.db.rows import Row
from maestro.ids import Kind, uuid_of
from tests.fixtures.graphql import Api
from tests.fixtures.sync_jobs import Place
from tests.fixtures.syncs import content_of, write
from tests.fixtures.worker import Queue, Workers, until


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


async def test_a_schedule_plans_and_syncs_in_one_job_and_keeps_to_the_guard(place: Place) -> None:
    write(place.source, "a")
    ends = await place.folders()
    create = """
        mutation ($input: JSON!) { createSchedule(input: {name: "s", kind: STORAGE_SYNC, cron: "@daily", input: $input})
            { ... on ScheduleSaved { schedule { id input } } } }
    """
    made = await place.api(create, input={**ends, "options": {"delete": True}})
    stored = made["createSchedule"]["schedule"]["input"]
    place.work()
    given = {"sync_run_id": None, "source_id": stored["sourceId"], "target_id": stored["targetId"]}
    job = await _started(place, **given, options={"delete": True})
    assert (job.state, job.result["added"]) == ("SUCCEEDED", 1)
    (run,) = await place.queue.db.fetch_sql("SELECT * FROM sync_run")
    assert (run.status, run.trigger, run.job_id) == ("SUCCEEDED", "SCHEDULE", job.id)
    (place.source / "a").unlink()
    refused = await _started(place, **given, options={"delete": True})
    assert (refused.state, refused.error_code) == ("FAILED", "CONFLICT")
    assert sorted(content_of(place.target)) == ["a"]
    await until(lambda: place.are(["SUCCEEDED", "FAILED"]))


async def test_plans_that_nobody_starts_in_time_expire_with_their_objects(place: Place) -> None:
    write(place.source, "a")
    place.work()
    ends = await place.folders()
    old = await place.planned(**ends)
    async with place.queue.db.transaction() as tx:
        await tx.fetch_sql("UPDATE sync_plan SET expires_at = now() - interval '1 s'")
    new = await place.planned(**ends)
    query = "query ($id: ID!) { syncPlan(id: $id) { state items { totalCount } } }"
    found = [(await place.api(query, id=key))["syncPlan"] for key in (old, new)]
    assert [(one["state"], one["items"]["totalCount"]) for one in found] == [("EXPIRED", 0), ("READY", 1)]


async def _started(place: Place, **given: Any) -> Row:
    async with place.queue.db.transaction() as tx:
        (row,) = await tx.fetch_sql(
            "INSERT INTO job (id, organization_id, kind, input, attempt) "
            "VALUES (uuidv7(), $1, 'STORAGE_SYNC', $2, 1) RETURNING id",
            place.queue.organization_id,
            given,
        )
        await tx.fetch_sql("SELECT pg_notify('maestro_jobs', '')")
    return await place.queue.ended(row.id)


async def test_an_installation_syncs_only_the_connectors_of_the_jobs_own_organization(
    place: Place, foreign: Api
) -> None:
    theirs = Place(foreign, place.queue, place.workers, place.folder)
    ends = await theirs.folders()
    write(place.source, "secret")
    place.work()
    keys = {name: str(uuid_of(Kind.Connector, key)) for name, key in ends.items()}
    job = await _started(place, sync_run_id=None, source_id=keys["sourceId"], target_id=keys["targetId"], options={})
    assert (job.state, job.error_code) == ("FAILED", "NOT_FOUND")
    assert content_of(place.target) == {}
