"""Jobs that are cancelled and tried again by GraphQL."""

from typing import Final

import pytest

from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.schema.job_texts import NOON, acting_as, add, job_id, new_backup, refused, rows

CANCEL: Final = "mutation ($id: ID!) { cancelJob(id: $id) { state cancelledBy { name } endedAt } }"
RETRY: Final = "mutation ($id: ID!) { retryJob(id: $id) { state attempt error { code } cancelledBy { name } } }"


async def test_what_nobody_has_begun_is_cancelled_at_once_with_what_it_was_to_make(api: Api) -> None:
    job = await add(api, "job", kind="BACKUP")
    await new_backup(api, job_id=job, state="QUEUED", verified_at=None)
    done = (await api(CANCEL, id=job_id(job)))["cancelJob"]
    assert (done["state"], done["cancelledBy"]) == ("CANCELLED", {"name": "Owner"})
    assert done["endedAt"] is not None
    (backup,) = await rows(api, "backup")
    assert backup["state"] == "CANCELLED"
    assert backup["ended_at"] is not None


async def test_what_runs_is_asked_to_stop_once(api: Api) -> None:
    job = await add(api, "job", kind="BACKUP", state="RUNNING", dispatched_at=NOON)
    await new_backup(api, job_id=job, state="RUNNING", verified_at=None)
    assert (await api(CANCEL, id=job_id(job)))["cancelJob"]["state"] == "CANCELLING"
    before = await api.state()
    assert (await api(CANCEL, id=job_id(job)))["cancelJob"]["state"] == "CANCELLING"
    assert await api.state() == before
    (backup,) = await rows(api, "backup")
    assert backup["state"] == "RUNNING"
    entries = await api.runtime.db.fetch_sql("SELECT before, after FROM audit_entry ORDER BY seq")
    assert [(entry.before["state"], entry.after["state"]) for entry in entries] == [
        ("RUNNING", "CANCELLING"),
        ("CANCELLING", "CANCELLING"),
    ]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "PARTIAL"])
async def test_what_has_ended_is_not_cancelled(api: Api, state: str) -> None:
    job = await add(api, "job", kind="BACKUP", state=state)
    await refused(api, "CONFLICT", CANCEL, id=job_id(job))


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "PARTIAL"])
async def test_what_has_not_succeeded_is_tried_again_with_what_it_makes(api: Api, state: str) -> None:
    job = await add(api, "job", kind="BACKUP", state=state, attempt=1, error_code="X", cancelled_by_id=None)
    await new_backup(api, job_id=job, state=state, verified_at=None, ended_at=NOON)
    done = (await api(RETRY, id=job_id(job)))["retryJob"]
    assert done == {"state": "QUEUED", "attempt": 2, "error": None, "cancelledBy": None}
    (backup,) = await rows(api, "backup")
    assert (backup["state"], backup["ended_at"]) == ("QUEUED", None)


@pytest.mark.parametrize("state", ["SUCCEEDED", "RUNNING", "QUEUED"])
async def test_what_runs_or_has_succeeded_is_not_tried_again(api: Api, state: str) -> None:
    job = await add(api, "job", kind="BACKUP", state=state)
    await refused(api, "CONFLICT", RETRY, id=job_id(job))


async def test_trying_again_takes_the_permission_to_start_such_a_job(api: Api) -> None:
    maintainer = acting_as(api, Role.MAINTAINER)
    restore = await add(api, "job", kind="RESTORE", state="FAILED")
    error = await refused(maintainer, "FORBIDDEN", RETRY, id=job_id(restore))
    assert error["extensions"]["permission"] == "backup:restore"
    sync = await add(api, "job", kind="STORAGE_SYNC", state="FAILED")
    assert (await maintainer(RETRY, id=job_id(sync)))["retryJob"]["state"] == "QUEUED"
    assert (await maintainer(CANCEL, id=job_id(sync)))["cancelJob"]["state"] == "CANCELLED"


@pytest.mark.parametrize("query", [CANCEL, RETRY])
async def test_who_only_writes_and_strangers_change_no_job(api: Api, foreign: Api, query: str) -> None:
    job = await add(api, "job", kind="STORAGE_SYNC", state="FAILED")
    await refused(acting_as(api, Role.CONTRIBUTOR), "FORBIDDEN", query, id=job_id(job))
    await refused(foreign, "NOT_FOUND", query, id=job_id(job))
