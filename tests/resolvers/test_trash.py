"""The trash beside other writers, and names that were given away meanwhile."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from maestro.db.tables import Experiment, Project, Run
from maestro.errors import Conflict, MaestroError, NameTaken
from maestro.ids import Kind, uuid_of
from resolvers import connectors, ingest, runs, trash
from resolvers.writing import Lock, writing
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

PATIENCE_S = 20


@pytest.fixture
async def project(api: Api) -> str:
    """A project."""
    return await new_project(api)


@pytest.fixture
async def experiment(api: Api, project: str) -> str:
    """An experiment of that project."""
    return await new_experiment(api, project)


def key(kind: Kind, value: str) -> UUID:
    """The UUID in an id."""
    return uuid_of(kind, value)


async def test_an_experiment_stays_in_the_trash_when_a_run_in_it_would_take_anothers_external_id(
    api: Api, project: str, experiment: str
) -> None:
    await new_run(api, experiment, externalId="job-1")
    await trash.delete(api.context(), Experiment, key(Kind.Experiment, experiment))
    await new_run(api, await new_experiment(api, project, "Other"), externalId="job-1")
    before = await api.state()

    with pytest.raises(NameTaken, match="There is already a Run with the external id of one that would come back"):
        await trash.restore(api.context(), Experiment, key(Kind.Experiment, experiment))
    assert await api.state() == before


async def test_a_project_stays_in_the_trash_when_a_connector_in_it_would_take_anothers_name(
    api: Api, project: str
) -> None:
    given = {"name": "store", "config": {"local": {"folder": "/data"}}}
    own = await connectors.create(api.context(), {**given, "project_id": key(Kind.Project, project)})
    await trash.delete(api.context(), Project, key(Kind.Project, project))
    await connectors.create(api.context(), given)
    before = await api.state()

    with pytest.raises(NameTaken):
        await trash.restore(api.context(), Project, key(Kind.Project, project))
    assert await api.state() == before
    assert (await api.runtime.db.fetch_sql("SELECT deleted_at FROM connector WHERE id = $1", own.id))[0].deleted_at


async def stray(api: Api) -> list[Any]:
    """Runs outside the trash whose experiment is in it."""
    return await api.runtime.db.fetch_sql(
        "SELECT run.id FROM run JOIN experiment ON experiment.id = run.experiment_id "
        "WHERE run.deleted_at IS NULL AND experiment.deleted_at IS NOT NULL"
    )


@pytest.mark.parametrize("holder", ["project_id", "id"])
async def test_a_run_is_not_created_in_what_is_being_deleted(api: Api, experiment: str, holder: str) -> None:
    table = {"project_id": Project, "id": Experiment}[holder]
    async with writing(api.context()) as writer:
        place = (await writer.row(Experiment, key(Kind.Experiment, experiment)))[holder]
        await trash.discard(writer, table, place)
        creating = asyncio.create_task(runs.create(api.context(), key(Kind.Experiment, experiment), {}))
        await asyncio.sleep(0.3)
        assert not creating.done()

    with pytest.raises(Conflict, match="in the trash"):
        await asyncio.wait_for(creating, PATIENCE_S)
    assert await api.runtime.db.fetch_sql("SELECT id FROM run") == []


async def test_a_run_does_not_come_back_into_an_experiment_that_is_being_deleted(api: Api, experiment: str) -> None:
    run = key(Kind.Run, await new_run(api, experiment))
    await trash.delete(api.context(), Run, run)
    async with writing(api.context()) as writer:
        await trash.discard(writer, Experiment, key(Kind.Experiment, experiment))
        restoring = asyncio.create_task(trash.restore(api.context(), Run, run))
        await asyncio.sleep(0.3)

    with pytest.raises(Conflict, match="in the trash"):
        await asyncio.wait_for(restoring, PATIENCE_S)
    assert await stray(api) == []


async def test_a_project_can_be_deleted_while_its_runs_log_to_new_metrics(
    api: Api, project: str, experiment: str
) -> None:
    run = key(Kind.Run, await new_run(api, experiment))
    async with writing(api.context()) as writer:
        # As a batch does: the run is locked, then a metric key of the project is made.
        await writer.row(Run, run, lock=Lock.CHANGE)
        deleting = asyncio.create_task(trash.delete(api.context(), Project, key(Kind.Project, project)))
        await asyncio.sleep(0.3)
        await writer.tx.fetch_sql(
            "INSERT INTO metric_key (id, organization_id, project_id, name) VALUES (gen_random_uuid(), $1, $2, 'new')",
            api.viewer.organization_id,
            key(Kind.Project, project),
        )

    deleted = await asyncio.wait_for(deleting, PATIENCE_S)
    assert deleted.deleted_at is not None


async def tolerated(work: Awaitable[Any]) -> None:
    """Wait for something that is refused when it comes while the project is in the trash."""
    try:
        await work
    except MaestroError as error:
        assert error.code == "CONFLICT"  # noqa: PT017 -- it may as well succeed


async def toggled(api: Api, project: UUID) -> None:
    """Delete and restore a project again and again."""
    for _ in range(6):
        await trash.delete(api.context(), Project, project)
        await trash.restore(api.context(), Project, project)


async def created(api: Api, experiment: UUID) -> None:
    """Create run after run."""
    for _ in range(15):
        await tolerated(runs.create(api.context(), experiment, {}))


async def logged(api: Api, run: UUID) -> None:
    """Log batch after batch, each to a new metric."""
    for seq in range(15):
        metrics = [{"key": f"m{seq}", "steps": [seq], "values": [0.5]}]
        await tolerated(ingest.log_batch(api.context(), run, {"writer_id": "w", "seq": seq, "metrics": metrics}))


async def test_writers_of_every_kind_side_by_side_neither_wait_in_a_circle_nor_leave_a_run_astray(
    api: Api, project: str, experiment: str
) -> None:
    place = key(Kind.Experiment, experiment)
    logging = [key(Kind.Run, await new_run(api, experiment)) for _ in range(6)]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(
            toggled(api, key(Kind.Project, project)),
            created(api, place),
            created(api, place),
            *(logged(api, run) for run in logging),
        )
    assert await stray(api) == []
