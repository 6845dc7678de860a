"""Jobs and backups by GraphQL."""

from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api


async def add(api: Api, table: str, **values: Any) -> UUID:
    key = uuid7()
    row = {"id": key, "organization_id": api.viewer.organization_id, **values}
    places = ", ".join(f"${i + 1}" for i in range(len(row)))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
    return key


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


async def test_a_backup_is_read_with_its_job(api: Api) -> None:
    job = await add(api, "job", kind="BACKUP", state="SUCCEEDED")
    backup = await add(
        api, "backup", job_id=job, kind="FULL", state="SUCCEEDED", size_bytes=7_000_000_000, manifest={"files": 2}
    )
    query = """
        query ($id: ID!) {
            backup(id: $id) { kind state scope sizeBytes manifest checksum verifiedAt job { kind } }
            backups(filterText: "sizeBytes > 1") { totalCount nodes { id } } }
    """
    data = await api(query, id=encode(Kind.Backup, backup))
    assert data["backup"] == {
        "kind": "FULL",
        "state": "SUCCEEDED",
        "scope": {},
        "sizeBytes": 7_000_000_000,
        "manifest": {"files": 2},
        "checksum": None,
        "verifiedAt": None,
        "job": {"kind": "BACKUP"},
    }
    assert data["backups"] == {"totalCount": 1, "nodes": [{"id": encode(Kind.Backup, backup)}]}
    assert api.statements == 4


@pytest.mark.parametrize("kind", [Kind.Job, Kind.Backup])
async def test_a_stranger_finds_no_job_and_no_backup(api: Api, foreign: Api, kind: Kind) -> None:
    key = await add(api, kind, kind="BACKUP" if kind is Kind.Job else "FULL", state="SUCCEEDED")
    (error,) = await foreign.errors(f"query ($id: ID!) {{ {kind}(id: $id) {{ id }} }}", id=encode(kind, key))
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert (await foreign(f"{{ {kind}s {{ totalCount }} }}"))[f"{kind}s"]["totalCount"] == 0
