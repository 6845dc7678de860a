"""Bundles by GraphQL: jobs that are started by who may, and by nobody else; a round trip through a folder."""

import shutil
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import pytest

from jobs import bundles
from maestro.bundle_inputs import FromBundle, ToBundle
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from maestro.job_inputs import ExportInput, ImportInput
from maestro.progress import untold
from maestro.queue.work import Work
from maestro.settings import Settings
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.tracking import new_experiment, new_run
from tests.schema.job_texts import NOON, acting_as, add, refused, rows

EXPORT: Final = """
mutation ($input: ExportProjectInput!, $key: String) {
  exportProject(input: $input, idempotencyKey: $key) { id kind state input } }"""
IMPORT: Final = """
mutation ($input: ImportProjectInput!, $key: String) {
  importProject(input: $input, idempotencyKey: $key) { id kind state input } }"""
KEY: Final = "exports/project.zip"


async def new_store(api: Api, **values: Any) -> str:
    row = {"kind": "S3", "name": "s", "config": {"bucket": "b"}, **values}
    return encode(Kind.Connector, await add(api, "connector", **row))


@pytest.fixture
async def store(api: Api) -> str:
    return await new_store(api)


def wanted(query: str, store: str, project: str, **more: Any) -> dict[str, Any]:
    own = {"projectId": project} if query == EXPORT else {}
    return {"connectorId": store, "key": KEY, **own, **more}


async def test_an_export_is_a_job(api: Api, project: str, store: str) -> None:
    made = (await api(EXPORT, input=wanted(EXPORT, store, project)))["exportProject"]
    target = {
        "what": "BUNDLE",
        "connectorId": str(uuid_of(Kind.Connector, store)),
        "projectId": str(uuid_of(Kind.Project, project)),
        "key": KEY,
    }
    assert (made["kind"], made["state"], made["input"]) == ("EXPORT", "QUEUED", {"target": target})
    assert [row["created_by_id"] for row in await rows(api, "job")] == [api.viewer.actor_id]


async def test_an_import_is_a_job(api: Api, project: str, store: str) -> None:
    made = (await api(IMPORT, input=wanted(IMPORT, store, project, name=" new ")))["importProject"]
    assert (made["kind"], made["state"], made["input"]["source"]["name"]) == ("IMPORT", "QUEUED", "new")


@pytest.mark.parametrize("query", [EXPORT, IMPORT])
async def test_under_a_used_key_there_is_one_job(api: Api, project: str, store: str, *, query: str) -> None:
    given = wanted(query, store, project)
    first, second = [next(iter((await api(query, input=given, key="k")).values()))["id"] for _ in range(2)]
    assert first == second
    await refused(api, "CONFLICT", query, input={**given, "key": "another.zip"}, key="k")


@pytest.mark.parametrize("query", [EXPORT, IMPORT])
@pytest.mark.parametrize("key", ["", "a//b", "../a", "a/", "x" * 901])
async def test_what_is_no_key_is_refused(api: Api, project: str, *, store: str, query: str, key: str) -> None:
    await refused(api, "BAD_USER_INPUT", query, input=wanted(query, store, project, key=key))


@pytest.mark.parametrize("query", [EXPORT, IMPORT])
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "MLFLOW", "config": {"trackingUri": "https://mlflow.example.org"}}, "BAD_USER_INPUT"),
        ({"status": "DISABLED"}, "CONFLICT"),
        ({"deleted_at": NOON}, "CONFLICT"),
    ],
)
async def test_a_connector_that_cannot_be_used_is_refused(
    api: Api, project: str, *, query: str, values: dict[str, Any], code: str
) -> None:
    store = await new_store(api, **values)
    await refused(api, code, query, input=wanted(query, store, project))


@pytest.mark.parametrize("query", [EXPORT, IMPORT])
async def test_what_is_a_strangers_is_not_found(
    api: Api, foreign: Api, project: str, *, store: str, query: str
) -> None:
    theirs = await new_store(foreign)
    await refused(api, "NOT_FOUND", query, input=wanted(query, theirs, project))
    await refused(foreign, "NOT_FOUND", query, input=wanted(query, store, project))
    if query == EXPORT:
        await refused(foreign, "NOT_FOUND", query, input=wanted(query, theirs, project))


@pytest.mark.parametrize("query", [EXPORT, IMPORT])
async def test_who_contributes_may_not(api: Api, project: str, store: str, *, query: str) -> None:
    await refused(acting_as(api, Role.CONTRIBUTOR), "FORBIDDEN", query, input=wanted(query, store, project))


async def test_who_maintains_one_project_makes_no_other(api: Api, project: str) -> None:
    here = uuid_of(Kind.Project, project)
    own = await new_store(api, name="own", project_id=here)
    viewer = viewer_as(None, api.viewer.actor_id, api.viewer.organization_id, in_projects={here: Role.MAINTAINER})
    maintainer = Api(api.runtime, viewer)
    await refused(maintainer, "FORBIDDEN", IMPORT, input=wanted(IMPORT, own, project))
    # Of jobs they see no more than that there is one.
    await maintainer(EXPORT.replace("id kind state input", "id"), input=wanted(EXPORT, own, project))


async def test_a_project_goes_through_a_store_and_comes_back(
    api: Api, foreign: Api, project: str, *, settings: Settings, tmp_path: Path
) -> None:
    experiment = await new_experiment(api, project, "tried")
    await new_run(api, experiment, name="run", params={"lr": 0.1})
    folder = tmp_path / "store"
    folder.mkdir()
    place = {"kind": "LOCAL", "config": {"folder": str(folder)}}
    settings = settings.model_copy(update={"local_connector_folders": (folder,)})
    ours, theirs = [uuid_of(Kind.Connector, await new_store(one, **place)) for one in (api, foreign)]
    target = ToBundle(connector_id=ours, project_id=uuid_of(Kind.Project, project), key=KEY)
    done = await bundles.store_bundle(work_of(api, settings), target)
    content = (folder / KEY).read_bytes()
    assert (done["rows"]["run"], done["sizeBytes"], done["key"]) == (1, len(content), KEY)

    work = work_of(foreign, settings)
    made = await bundles.fetch_bundle(work, FromBundle(connector_id=theirs, key=KEY, name=None))
    assert await bundles.fetch_bundle(work, FromBundle(connector_id=theirs, key=KEY, name=None)) == made

    again = ToBundle(connector_id=theirs, project_id=uuid_of(Kind.Project, made["projectId"]), key="again.zip")
    await bundles.store_bundle(work, again)
    assert (folder / "again.zip").read_bytes() == content
    shutil.rmtree(folder)


def work_of(api: Api, settings: Settings) -> Work:
    """What a step of a job of the viewer's organisation works with."""
    return Work(
        job_id=uuid4(),
        organization_id=api.viewer.organization_id,
        settings=settings,
        db=api.runtime.db,
        vault=api.runtime.vault,
        progress=untold,
        event=untold,  # type: ignore[arg-type] # no step tells an event
        owner_url=None,
    )


def test_what_a_job_is_asked_is_read_as_it_was_written() -> None:
    target = ToBundle(connector_id=UUID(int=1), project_id=UUID(int=2), key=KEY)
    for model, asked in (
        (ExportInput, ExportInput(target=target)),
        (ImportInput, ImportInput(source=FromBundle(connector_id=UUID(int=1), key=KEY))),
    ):
        assert model.model_validate(orjson.loads(orjson.dumps(asked.stored()))) == asked
