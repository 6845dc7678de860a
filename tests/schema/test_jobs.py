"""Jobs by GraphQL."""

import pytest

from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.schema.job_texts import NOON, add


async def test_a_job_tells_how_far_it_is(api: Api) -> None:
    job = await add(
        api,
        "job",
        kind="BACKUP",
        state="RUNNING",
        phase="copy",
        completed=5_000_000_000,
        unit="bytes",
        attempt=1,
        input={"scope": "all"},
        created_by_id=api.viewer.user_id,
        idempotency_key="nightly",
    )
    query = """
        query ($id: ID!) { job(id: $id) { kind state attempt idempotencyKey input result
            createdBy { ... on User { email } } progress { phase completed total unit } error { code } } }
    """
    assert (await api(query, id=encode(Kind.Job, job)))["job"] == {
        "kind": "BACKUP",
        "state": "RUNNING",
        "attempt": 1,
        "idempotencyKey": "nightly",
        "input": {"scope": "all"},
        "result": None,
        "createdBy": {"email": "owner@localhost"},
        "progress": {"phase": "copy", "completed": 5_000_000_000, "total": None, "unit": "bytes"},
        "error": None,
    }


async def test_a_failed_job_tells_why(api: Api) -> None:
    job = await add(
        api,
        "job",
        kind="RESTORE",
        state="FAILED",
        error_code="SERVICE_UNAVAILABLE",
        error_message="No store.",
        is_retryable=True,
    )
    data = await api("query ($id: ID!) { job(id: $id) { error { code message retryable } } }", id=encode(Kind.Job, job))
    assert data["job"]["error"] == {"code": "SERVICE_UNAVAILABLE", "message": "No store.", "retryable": True}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("", ["PURGE", "BACKUP", "BACKUP"]),
        ("(filter: {kind: {eq: BACKUP}, state: {in: [FAILED]}})", ["BACKUP"]),
        ("(filterText: \"kind = 'BACKUP' AND state = 'QUEUED'\")", ["BACKUP"]),
        ("(sort: [{field: KIND}], first: 2)", ["BACKUP", "BACKUP"]),
    ],
)
async def test_jobs_are_listed_newest_first_and_filtered(api: Api, arguments: str, found: list[str]) -> None:
    await add(api, "job", kind="BACKUP", state="FAILED")
    await add(api, "job", kind="BACKUP")
    await add(api, "job", kind="PURGE")
    data = await api(f"{{ jobs{arguments} {{ nodes {{ kind }} }} }}")
    assert [job["kind"] for job in data["jobs"]["nodes"]] == found
    assert api.statements == 1


async def test_the_events_of_many_jobs_cost_one_statement(api: Api) -> None:
    for name in ("one", "two"):
        job = await add(api, "job", kind="COMPACT")
        await add(api, "job_event", job_id=job, message=f"{name} began", level="INFO")
        await add(api, "job_event", job_id=job, message=f"{name} ended", level="ERROR", details={"left": 3})
    query = "{ jobs { nodes { events(first: 1) { nodes { level message details } pageInfo { hasNextPage } } } } }"
    data = await api(query)
    assert [job["events"] for job in data["jobs"]["nodes"]] == [
        {
            "nodes": [{"level": "ERROR", "message": f"{name} ended", "details": {"left": 3}}],
            "pageInfo": {"hasNextPage": True},
        }
        for name in ("two", "one")
    ]
    assert api.statements == 2


async def test_a_job_tells_who_works_on_it_and_why_it_began(api: Api) -> None:
    schedule = await add(api, "job_schedule", name="nightly", kind="BACKUP", cron="@daily")
    job = await add(
        api,
        "job",
        kind="BACKUP",
        state="CANCELLING",
        priority=7,
        crashes=2,
        worker="w1",
        schedule_id=schedule,
        scheduled_for=NOON,
        cancelled_by_id=api.viewer.actor_id,
        input={"backup_id": None, "label": "x"},
        result={"size_bytes": 3, "parts": [{"row_count": 1}]},
    )
    query = """
        query ($id: ID!) { job(id: $id) { priority crashes worker scheduledFor schedule { name } cancelledBy { name }
            createdBy { name } input result } }
    """
    assert (await api(query, id=encode(Kind.Job, job)))["job"] == {
        "priority": 7,
        "crashes": 2,
        "worker": "w1",
        "scheduledFor": "2026-01-31T12:00:00.000000Z",
        "schedule": {"name": "nightly"},
        "cancelledBy": {"name": "Owner"},
        "createdBy": None,
        "input": {"backupId": None, "label": "x"},
        "result": {"sizeBytes": 3, "parts": [{"rowCount": 1}]},
    }


async def test_jobs_are_found_by_the_code_of_their_error_and_by_their_schedule(api: Api) -> None:
    schedule = await add(api, "job_schedule", name="nightly", kind="BACKUP", cron="@daily")
    failed = await add(api, "job", kind="BACKUP", state="FAILED", error_code="BACKUP_REFUSED")
    begun = await add(api, "job", kind="BACKUP", schedule_id=schedule, scheduled_for=NOON)
    query = "query ($filter: JobFilter) { jobs(filter: $filter) { nodes { id schedule { id } } } }"
    for wanted, found in (
        ({"errorCode": {"eq": "BACKUP_REFUSED"}}, failed),
        ({"schedule": {"eq": encode(Kind.JobSchedule, schedule)}}, begun),
    ):
        data = await api(query, filter=wanted)
        assert [job["id"] for job in data["jobs"]["nodes"]] == [encode(Kind.Job, found)]


@pytest.mark.parametrize("kind", [Kind.Job, Kind.Backup, Kind.Restore, Kind.JobSchedule])
async def test_a_stranger_finds_nothing(api: Api, foreign: Api, kind: Kind) -> None:
    table, name, values = {
        Kind.Job: ("job", "job", {"kind": "BACKUP", "state": "SUCCEEDED"}),
        Kind.Backup: ("backup", "backup", {"kind": "FULL", "state": "SUCCEEDED"}),
        Kind.Restore: ("restore", "restore", {"state": "SUCCEEDED"}),
        Kind.JobSchedule: ("job_schedule", "schedule", {"name": "s", "kind": "BACKUP", "cron": "@daily"}),
    }[kind]
    key = await add(api, table, **values)
    (error,) = await foreign.errors(f"query ($id: ID!) {{ {name}(id: $id) {{ id }} }}", id=encode(kind, key))
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert (await foreign(f"{{ {name}s {{ totalCount }} }}"))[f"{name}s"]["totalCount"] == 0
    assert (await api(f"{{ {name}s {{ totalCount }} }}"))[f"{name}s"]["totalCount"] == 1
