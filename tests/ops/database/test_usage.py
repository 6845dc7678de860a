"""What projects hold, counted ahead: right, told as of when, and never shown to another organisation."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from maestro.db.engine import ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE, Database, Scope
from maestro.ids import Kind, uuid_of
from ops.database.usage import Refreshing, refresh
from tests.fixtures.graphql import Api
from tests.fixtures.populating import populate
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import finish, new_experiment, new_key, new_run, new_series

USAGE = """query ($id: ID!) { project(id: $id) { usage {
  experiments runs series points files storageBytes asOf runsByStatus { status count } } } }"""
ORGANIZATION = "{ organization { usage { runs points pointsAsOf } } }"


async def usage(api: Api, project: str) -> Any:
    return (await api(USAGE, id=project))["project"]["usage"]


async def test_a_project_is_counted_with_its_runs_by_status_and_its_points(api: Api) -> None:
    project = await new_project(api)
    assert await usage(api, project) is None
    experiment = await new_experiment(api, project)
    runs = [await new_run(api, experiment) for _ in range(3)]
    await finish(api, runs[0])
    await finish(api, runs[1], "FAILED")
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=runs[2])
    key = await new_key(api, project, "loss")
    await new_series(api, project, runs[0], key=key, values=(1.0, 1.0, 1.0))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE metric_series SET n = 12")
    assert await refresh(api.runtime.db)
    found = await usage(api, project)
    as_of = found.pop("asOf")
    assert found == {
        "experiments": 1,
        "runs": 2,
        "series": 1,
        "points": 12,
        "files": 0,
        "storageBytes": 0,
        "runsByStatus": [{"status": "FINISHED", "count": 1}, {"status": "FAILED", "count": 1}],
    }
    assert (await api(ORGANIZATION))["organization"]["usage"] == {"runs": 2, "points": 12, "pointsAsOf": as_of}


async def test_the_same_bytes_of_a_project_count_once(api: Api) -> None:
    ids = await populate(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO artifact_entry (organization_id, version_id, path, sha256, size_bytes) "
            "SELECT $1, $2, path, sha256, 10 FROM (VALUES ('a', 'x'), ('b', 'x'), ('c', 'y')) AS t (path, sha256)",
            api.viewer.organization_id,
            ids[Kind.ArtifactVersion],
        )
    await refresh(api.runtime.db)
    (row,) = await api.context().db.fetch_sql("SELECT files, storage_bytes FROM project_usage")
    assert tuple(row) == (2, 20)


async def test_nothing_is_counted_anew_while_nothing_changes(api: Api) -> None:
    project = await new_project(api)
    assert [await refresh(api.runtime.db) for _ in range(2)] == [True, False]
    before = await usage(api, project)
    await new_experiment(api, project)
    assert await refresh(api.runtime.db)
    after = await usage(api, project)
    assert (before["experiments"], after["experiments"]) == (0, 1)
    assert after["asOf"] > before["asOf"]


async def test_what_is_committed_after_a_later_version_is_counted_the_next_time(api: Api) -> None:
    project = await new_project(api)
    where = uuid_of(Kind.Project, project)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE project SET description = 'slow' WHERE id = $1", where)
        await tx.settle()
        await new_experiment(api, await new_project(api, "Other"))
        assert await refresh(api.runtime.db)
    assert await refresh(api.runtime.db)


async def test_of_two_that_count_at_once_one_does(api: Api) -> None:
    await new_project(api)
    assert sorted(await asyncio.gather(refresh(api.runtime.db), refresh(api.runtime.db))) == [False, True]


async def test_who_asks_again_and_again_is_put_off(api: Api) -> None:
    refreshing = Refreshing()
    await new_project(api)
    assert await refreshing.refresh(api.runtime.db)
    await new_project(api, "Other")
    assert not await refreshing.refresh(api.runtime.db)
    refreshing.due = 0.0
    assert await refreshing.refresh(api.runtime.db)


@pytest.mark.parametrize("role", [ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE])
async def test_no_role_of_the_server_reads_what_is_behind_the_view(server_url: str, role: str) -> None:
    db = Database(server_url, pool_size=1, system_role=role)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.fetch_sql("SELECT * FROM usage_by_project")
    finally:
        await db.close()


async def seen(db: Database) -> set[UUID]:
    rows = await db.fetch_sql("SELECT DISTINCT organization_id FROM project_usage")
    return {row.organization_id for row in rows}


async def test_the_view_shows_the_bound_organization_alone(api: Api, foreign: Api) -> None:
    await populate(api)
    await populate(foreign)
    await refresh(api.runtime.db)
    assert await seen(api.context().db) == {api.viewer.organization_id}
    assert await seen(foreign.context().db) == {foreign.viewer.organization_id}
    # Bound to nobody, nothing.
    assert await seen(api.runtime.db) == set()


async def test_the_view_shows_the_bound_projects_alone(api: Api, foreign: Api) -> None:
    ours, others, theirs = await populate(api), await populate(api, "q"), await populate(foreign)
    await refresh(api.runtime.db)

    async def projects(*bound: UUID) -> set[UUID]:
        view = api.runtime.db.within(Scope(api.viewer.organization_id, frozenset(bound)))
        return {row.project_id for row in await view.fetch_sql("SELECT project_id FROM project_usage")}

    assert await projects(ours[Kind.Project]) == {ours[Kind.Project]}
    assert await projects(ours[Kind.Project], theirs[Kind.Project]) == {ours[Kind.Project]}
    assert await projects() == set()
    assert others[Kind.Project] not in await projects(ours[Kind.Project])


async def test_a_condition_of_the_reader_is_not_asked_about_rows_that_are_hidden(api: Api, foreign: Api) -> None:
    await populate(api)
    await populate(foreign)
    await refresh(api.runtime.db)
    # It would fail on a row of the other organisation, and so tell of it.
    rows = await api.context().db.fetch_sql(
        "SELECT 1 FROM project_usage WHERE 1 / (organization_id = $1)::int = 1", api.viewer.organization_id
    )
    assert len(rows) == 1
