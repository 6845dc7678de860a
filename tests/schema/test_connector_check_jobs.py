"""Tests of connectors by jobs and schedules, and how long what they find is kept."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobs.catalogue import JOBS
from maestro.db.tables.enums import JobKind
from maestro.ids import Kind, encode, uuid_of
from maestro.progress import untold
from maestro.queue.work import Partial, Work
from maestro.settings import Settings
from ops.database.housekeeping import Keeping, tidy
from tests.fixtures.connected import Warehouse
from tests.fixtures.emulators import free_port
from tests.fixtures.graphql import Api
from tests.jobs.test_upkeep import Straight
from tests.schema.connector_texts import CHECKS, TEST, connector, folder_connector


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that let connectors lead below the folder of the test."""
    return Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path,),
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    )


@pytest.fixture
async def made(api: Api, tmp_path: Path) -> str:
    """A connector to a folder with a file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("hello")
    return await folder_connector(api, tmp_path / "files")


async def examined(api: Api, made: str) -> Any:
    return (await api(TEST, id=made))["testConnector"]


@pytest.fixture
def run(api: Api, settings: Settings) -> Straight:
    """A run of a job of the organisation."""
    work = Work(
        job_id=uuid4(),
        organization_id=api.viewer.organization_id,
        settings=settings,
        db=api.runtime.db,
        vault=api.runtime.vault,
        progress=untold,
        event=untold,  # type: ignore[arg-type] # no step tells an event
        owner_url=None,
    )
    return Straight(work)


async def check_by_job(run: Straight, **given: Any) -> Any:
    return await JOBS[JobKind.CHECK_CONNECTORS].function(run, given)


async def test_a_job_tests_all_connectors_of_its_organization(
    api: Api, foreign: Api, made: str, *, run: Straight, tmp_path: Path
) -> None:
    await folder_connector(foreign, tmp_path / "files", "Theirs")
    deleted = await folder_connector(api, tmp_path / "files", "Deleted")
    await api("mutation ($id: ID!) { deleteConnector(id: $id) { id } }", id=deleted)
    done = await check_by_job(run)
    assert done == {"checked": [{"id": made, "name": "Folder", "kind": "LOCAL", "status": "HEALTHY"}]}
    found = (await api(CHECKS, id=made))["connector"]
    assert (found["status"], [one["trigger"] for one in found["checks"]["nodes"]]) == ("HEALTHY", ["SCHEDULE"])
    rows = await api.runtime.db.fetch_sql("SELECT count(*) AS n FROM connector_check")
    assert rows[0].n == 1


async def test_a_job_ends_in_part_when_a_connector_is_not_healthy(
    api: Api, made: str, warehouse: Warehouse, *, run: Straight
) -> None:
    bad = await connector(api, {"postgresql": {**warehouse.config["postgresql"], "port": free_port()}}, "Bad")
    done = await check_by_job(run)
    assert isinstance(done, Partial)
    assert done.message == "1 of 2 connectors are not healthy: Bad."
    assert {one["id"]: one["status"] for one in done.result["checked"]} == {made: "HEALTHY", bad: "FAILING"}
    named = await check_by_job(run, connector_ids=[str(uuid_of(Kind.Connector, made))])
    assert [one["id"] for one in named["checked"]] == [made]


async def test_every_organization_may_have_its_connectors_tested_by_a_schedule(foreign: Api) -> None:
    data = await foreign(
        "mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { ... on ScheduleSaved "
        "{ schedule { kind input } } } }",
        input={"name": "Connectors", "kind": "CHECK_CONNECTORS", "cron": "*/15 * * * *", "input": {"writes": True}},
    )
    assert data["createSchedule"]["schedule"] == {
        "kind": "CHECK_CONNECTORS",
        "input": {"connectorIds": None, "writes": True},
    }


async def test_old_tests_are_forgotten(api: Api, made: str, settings: Settings) -> None:
    first, second = [await examined(api, made) for _ in range(2)]
    async with api.runtime.db.transaction() as tx:
        sql = "UPDATE connector_check SET at = now() - interval '91 days' WHERE id = $1"
        await tx.fetch_sql(sql, uuid_of(Kind.ConnectorCheck, first["id"]))
    done = await tidy(api.runtime.db, Keeping.by(settings))
    assert done.connector_checks == 1
    left = await api.runtime.db.fetch_sql("SELECT id FROM connector_check")
    assert [encode(Kind.ConnectorCheck, row.id) for row in left] == [second["id"]]
