"""What all loaders do."""

import asyncio

import pytest

from dataloaders.organizations import UsageByOrganization
from dataloaders.projects import ProjectById
from maestro.ids import Kind, uuid_of
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run


async def test_who_gives_up_takes_the_answer_from_nobody_else(api: Api, project: str) -> None:
    loader = api.context().loaders[ProjectById]
    key = uuid_of(Kind.Project, project)

    async def load() -> str:
        name: str = (await loader.load(key)).name
        return name

    impatient, patient = asyncio.create_task(load()), asyncio.create_task(load())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "Vision"
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_lists_of_several_parents_are_filtered_by_several_values(api: Api) -> None:
    for name in ("Vision", "Speech"):
        experiment = await new_experiment(api, await new_project(api, name))
        for run in ("a", "b", "c"):
            await new_run(api, experiment, name=run)
    text = 'filter: {name: {in: ["a", "b"]}}, sort: {field: NAME}'
    data = await api(f"{{ projects {{ nodes {{ runs({text}) {{ totalCount nodes {{ name }} }} }} }} }}")
    runs = {"totalCount": 2, "nodes": [{"name": "a"}, {"name": "b"}]}
    assert data["projects"]["nodes"] == [{"runs": runs}] * 2


async def test_sums_are_whole_numbers(api: Api) -> None:
    usage = await api.context().loaders[UsageByOrganization].load(api.viewer.organization_id)
    assert (type(usage.storage_bytes), type(usage.points)) == (int, int)


async def test_a_number_that_no_counter_reaches_is_found_nowhere(api: Api) -> None:
    data = await api('{ jobs(filterText: "attempt = 7312967000") { totalCount } }')
    assert data["jobs"]["totalCount"] == 0
