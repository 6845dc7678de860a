"""Jobs of a project's connectors: who sees what of them, ends them and tries them again."""

from typing import Any, Final
from uuid import UUID

import pytest

from maestro.access import Limits, Permission
from maestro.db.tables.enums import Role
from tests.fixtures.following import following
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_project
from tests.schema.job_texts import NOON, add, change, job_id, refused
from tests.schema.sync_texts import BRIEF_START, ROLL_BACK, connectors, plan_id, ready

CANCEL: Final = "mutation ($id: ID!) { cancelJob(id: $id) { state } }"
RETRY: Final = "mutation ($id: ID!) { retryJob(id: $id) { state } }"
JOBS: Final = """
query { jobs(sort: [{field: KIND}]) { totalCount nodes {
  id kind state attempt startedAt progress { phase completed } input result idempotencyKey worker
  events { nodes { message } }
} } }"""
SHOWN: Final = "query ($id: ID!) { job(id: $id) { kind input } }"


@pytest.fixture
async def project(api: Api) -> UUID:
    """A project."""
    return UUID((await new_project(api))[-32:])


def inside(api: Api, *roles: tuple[UUID, Role], scopes: frozenset[Permission] | None = None) -> Api:
    """The same person with a role in each of some projects alone, perhaps with a key of some scopes."""
    limits = None if scopes is None else Limits(scopes=scopes)
    viewer = viewer_as(None, api.viewer.actor_id, api.viewer.organization_id, in_projects=dict(roles), limits=limits)
    return Api(api.runtime, viewer)


async def started(api: Api, project: UUID | None, named: str = "Store") -> tuple[str, UUID]:
    """A sync between two connectors of a project, which somebody has started: its id and the key of its job."""
    plan = await ready(api, await connectors(api, named, project_id=project))
    run = (await api(BRIEF_START, id=plan_id(plan)))["startSync"]["id"]
    (row,) = await api.runtime.db.fetch_sql("SELECT job_id FROM sync_run WHERE id = $1", UUID(run[-32:]))
    return run, row.job_id


@pytest.mark.parametrize("role", Role)
async def test_members_see_how_the_jobs_of_their_project_fare_and_inputs_if_they_may_start_them(
    api: Api, project: UUID, role: Role
) -> None:
    run, job = await started(api, project)
    await started(api, None, "Of all")
    await started(api, UUID((await new_project(api, "Speech"))[-32:]), "Of others")
    told = {"state": "RUNNING", "phase": "copy", "completed": 5, "worker": "w", "started_at": NOON, "attempt": 1}
    await change(api, job, "It has begun.", **told, idempotency_key="k", result={"objects": 1})
    found = (await inside(api, (project, role))(JOBS))["jobs"]
    assert [one["kind"] for one in found["nodes"]] == ["STORAGE_SYNC", "SYNC_PLAN"]
    assert found["totalCount"] == 2
    may_start = role in (Role.OWNER, Role.ADMIN, Role.MAINTAINER)
    shown = found["nodes"][0]
    if may_start:
        assert shown["input"]["syncRunId"] == str(UUID(run[-32:]))
    hidden = {
        "input": shown["input"],
        "result": {"objects": 1},
        "idempotencyKey": "k",
        "worker": "w",
    }
    assert shown == {
        "id": job_id(job),
        "kind": "STORAGE_SYNC",
        "state": "RUNNING",
        "attempt": 1,
        "startedAt": "2026-01-31T12:00:00.000000Z",
        "progress": {"phase": "copy", "completed": 5},
        "events": {"nodes": [{"message": "It has begun."}]},
        **(hidden if may_start else dict.fromkeys(hidden)),
    }


async def test_the_job_of_a_sync_is_followed_by_its_id_and_from_the_sync(api: Api, project: UUID) -> None:
    run, job = await started(api, project)
    viewer = inside(api, (project, Role.VIEWER))
    query = "query ($id: ID!) { syncRun(id: $id) { job { id kind input } } }"
    assert (await viewer(query, id=run))["syncRun"]["job"] == {"id": job_id(job), "kind": "STORAGE_SYNC", "input": None}
    assert (await viewer(SHOWN, id=job_id(job)))["job"] == {"kind": "STORAGE_SYNC", "input": None}
    assert viewer.statements == 1
    backup = await add(api, "job", kind="BACKUP")
    await refused(viewer, "NOT_FOUND", SHOWN, id=job_id(backup))
    _, other = await started(api, UUID((await new_project(api, "Speech"))[-32:]), "Of others")
    await refused(viewer, "NOT_FOUND", SHOWN, id=job_id(other))
    lists = "{ backups { totalCount } restores { totalCount } schedules { totalCount } }"
    assert await viewer(lists) == {key: {"totalCount": 0} for key in ("backups", "restores", "schedules")}


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.MAINTAINER])
async def test_who_may_start_a_sync_in_a_project_may_end_it_try_it_again_and_undo_it(
    api: Api, project: UUID, role: Role
) -> None:
    member = inside(api, (project, role))
    run, job = await started(member, project)
    assert (await member(CANCEL, id=job_id(job)))["cancelJob"]["state"] == "CANCELLED"
    assert (await member(RETRY, id=job_id(job)))["retryJob"]["state"] == "QUEUED"
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE job SET state = 'SUCCEEDED'")
        await tx.fetch_sql("UPDATE sync_run SET status = 'SUCCEEDED', plan = '{\"canBeRolledBack\": true}'::jsonb")
    undoing = (await member(ROLL_BACK, id=run))["rollbackSync"]
    assert undoing["kind"] == "SYNC_ROLLBACK"
    (row,) = await api.runtime.db.fetch_sql("SELECT id FROM job WHERE kind = 'SYNC_ROLLBACK'")
    assert (await member(CANCEL, id=job_id(row.id)))["cancelJob"]["state"] == "CANCELLED"


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.VIEWER])
@pytest.mark.parametrize("mutation", [CANCEL, RETRY])
async def test_who_may_not_start_a_sync_may_not_end_it_either(
    api: Api, project: UUID, *, role: Role, mutation: str
) -> None:
    _, job = await started(api, project)
    error = await refused(inside(api, (project, role)), "FORBIDDEN", mutation, id=job_id(job))
    assert error["extensions"]["permission"] == "job:cancel"


async def test_a_key_ends_jobs_only_with_that_scope(api: Api, project: UUID) -> None:
    _, job = await started(api, project)
    starts = inside(api, (project, Role.OWNER), scopes=frozenset({Permission.CONNECTOR_SYNC}))
    await refused(starts, "FORBIDDEN", CANCEL, id=job_id(job))
    ends_them = inside(api, (project, Role.OWNER), scopes=frozenset({Permission.JOB_CANCEL}))
    assert (await ends_them("mutation ($id: ID!) { cancelJob(id: $id) { id } }", id=job_id(job)))["cancelJob"]
    error = await refused(ends_them, "FORBIDDEN", "mutation ($id: ID!) { retryJob(id: $id) { id } }", id=job_id(job))
    assert error["extensions"]["permission"] == "connector:sync"


async def test_both_ends_have_to_lie_where_one_may_end_syncs(api: Api, project: UUID) -> None:
    other = UUID((await new_project(api, "Speech"))[-32:])
    (source, _), (_, target) = [
        await connectors(api, named, project_id=where) for named, where in (("A", project), ("B", other))
    ]
    plan = await ready(api, (source, target))
    await api(BRIEF_START, id=plan_id(plan))
    (row,) = await api.runtime.db.fetch_sql("SELECT id FROM job WHERE kind = 'STORAGE_SYNC'")
    for roles in ([(project, Role.MAINTAINER)], [(project, Role.MAINTAINER), (other, Role.VIEWER)]):
        member = inside(api, *roles)
        await refused(member, "FORBIDDEN", CANCEL, id=job_id(row.id))
        assert (await member(SHOWN, id=job_id(row.id)))["job"]["input"] is None
    both = inside(api, (project, Role.MAINTAINER), (other, Role.MAINTAINER))
    assert (await both(SHOWN, id=job_id(row.id)))["job"]["input"] is not None
    assert (await both(CANCEL, id=job_id(row.id)))["cancelJob"]["state"] == "CANCELLED"


async def test_an_import_is_tried_again_by_who_may_write_into_its_project(api: Api, project: UUID) -> None:
    other = UUID((await new_project(api, "Speech"))[-32:])
    config = {"tracking_uri": "https://mlflow.example.org"}
    connector = await add(api, "connector", kind="MLFLOW", name="M", config=config, project_id=project)
    source = {"what": "MLFLOW", "connector_id": str(connector), "project_id": str(other)}
    job = await add(api, "job", kind="IMPORT", state="FAILED", input={"source": source}, attempt=1)
    reads = inside(api, (project, Role.MAINTAINER), (other, Role.VIEWER))
    error = await refused(reads, "FORBIDDEN", RETRY, id=job_id(job))
    assert error["extensions"]["permission"] == "experiment:write"
    writes = inside(api, (project, Role.MAINTAINER), (other, Role.MAINTAINER))
    assert (await writes(RETRY, id=job_id(job)))["retryJob"]["state"] == "QUEUED"


async def test_a_viewer_of_the_project_follows_a_job(api: Api, project: UUID) -> None:
    _, job = await started(api, project)
    await change(api, job, "It has begun.", state="RUNNING", phase="copy", worker="w")
    watch = "subscription ($id: ID!) { jobUpdated(id: $id) { job { state worker input } events { message } } }"
    viewer = inside(api, (project, Role.VIEWER))
    async with following(viewer, watch, id=job_id(job)) as events:
        told = (await anext(events))["jobUpdated"]
        assert told["job"] == {"state": "RUNNING", "worker": None, "input": None}
        assert told["events"][-1] == {"message": "It has begun."}
        await change(api, job, "It is done.", state="SUCCEEDED")
        assert (await anext(events))["jobUpdated"]["events"] == [{"message": "It is done."}]


async def test_the_job_of_a_schedule_is_seen_where_both_ends_are(api: Api, project: UUID) -> None:
    keys = await connectors(api, project_id=project)
    given: dict[str, Any] = dict(zip(("source_id", "target_id"), map(str, keys), strict=True))
    job = await add(api, "job", kind="STORAGE_SYNC", state="RUNNING", input=given, dispatched_at=NOON)
    assert (await inside(api, (project, Role.VIEWER))(SHOWN, id=job_id(job)))["job"]["input"] is None
    maintainer = inside(api, (project, Role.MAINTAINER))
    shown = (await maintainer(SHOWN, id=job_id(job)))["job"]["input"]
    assert shown["sourceId"] == str(keys[0])
    assert (await maintainer(CANCEL, id=job_id(job)))["cancelJob"]["state"] == "CANCELLING"
