"""Starting, cancelling and retrying jobs, as rows."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from maestro.db.rows import Row
from maestro.db.tables.enums import JobKind
from maestro.errors import Conflict, NotFound
from maestro.events import topic
from maestro.ids import Kind
from maestro.queue import starting
from tests.fixtures.graphql import Api


async def started(api: Api, **given: Any) -> Row:
    values = {"kind": JobKind.COMPACT, "created_by_id": api.viewer.user_id, **given}
    async with api.runtime.db.transaction() as tx:
        return await starting.start(tx, organization_id=api.viewer.organization_id, **values)


async def cancelled(api: Api, job_id: UUID) -> Row:
    async with api.runtime.db.transaction() as tx:
        return await starting.request_cancel(
            tx, organization_id=api.viewer.organization_id, job_id=job_id, cancelled_by_id=api.viewer.user_id
        )


async def retried(api: Api, job_id: UUID) -> Row:
    async with api.runtime.db.transaction() as tx:
        return await starting.retry(tx, organization_id=api.viewer.organization_id, job_id=job_id)


async def become(api: Api, job_id: UUID, state: str) -> None:
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE job SET state = $2, dispatched_at = now() WHERE id = $1", job_id, state)


async def test_a_job_waits_to_be_dispatched(api: Api) -> None:
    job = await started(api, input={"all": True}, priority=3)

    assert (job.state, job.attempt, job.dispatched_at, job.priority) == ("QUEUED", 1, None, 3)
    assert (job.kind, job.input, job.created_by_id) == ("COMPACT", {"all": True}, api.viewer.user_id)


async def test_eight_starts_under_one_key_are_one_job(api: Api) -> None:
    jobs = await asyncio.gather(*(started(api, idempotency_key="nightly", input={"n": 1}) for _ in range(8)))

    assert len({job.id for job in jobs}) == 1
    assert len(await api.runtime.db.fetch_sql("SELECT id FROM job")) == 1


async def test_a_key_of_another_job_is_refused(api: Api) -> None:
    await started(api, idempotency_key="nightly", input={"n": 1})

    with pytest.raises(Conflict):
        await started(api, idempotency_key="nightly", input={"n": 2})
    with pytest.raises(Conflict):
        await started(api, idempotency_key="nightly", input={"n": 1}, kind=JobKind.HOUSEKEEPING)


async def test_what_nobody_has_begun_is_cancelled_at_once(api: Api) -> None:
    job = await cancelled(api, (await started(api)).id)

    assert (job.state, job.cancelled_by_id) == ("CANCELLED", api.viewer.user_id)
    assert job.ended_at is not None
    assert (await cancelled(api, job.id)).version == job.version


async def test_what_was_handed_out_is_asked_to_end(api: Api) -> None:
    job = await started(api)
    await become(api, job.id, "RUNNING")

    assert (await cancelled(api, job.id)).state == "CANCELLING"
    assert (await cancelled(api, job.id)).ended_at is None


async def test_an_ended_job_is_not_cancelled(api: Api) -> None:
    job = await started(api)
    await become(api, job.id, "SUCCEEDED")

    with pytest.raises(Conflict):
        await cancelled(api, job.id)


async def test_a_failed_job_runs_again(api: Api) -> None:
    job = await started(api)
    await become(api, job.id, "FAILED")
    again = await retried(api, job.id)

    assert (again.state, again.attempt, again.dispatched_at, again.error_code) == ("QUEUED", 2, None, None)


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING", "SUCCEEDED"])
async def test_only_what_ended_badly_runs_again(api: Api, state: str) -> None:
    job = await started(api)
    await become(api, job.id, state)

    with pytest.raises(Conflict):
        await retried(api, job.id)


async def test_jobs_of_others_are_not_found(api: Api) -> None:
    job = await started(api)
    async with api.runtime.db.transaction() as tx:
        with pytest.raises(NotFound):
            await starting.request_cancel(tx, organization_id=uuid4(), job_id=job.id)


async def test_followers_hear_of_it(api: Api) -> None:
    job = await started(api)
    async with api.runtime.events.subscribed(topic(Kind.Job, job.id)) as events:
        await cancelled(api, job.id)
        states: list[str] = []
        while "CANCELLED" not in states:
            states.append((await asyncio.wait_for(anext(events), 5)).details["state"])
