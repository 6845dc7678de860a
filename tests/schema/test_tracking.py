"""Imports from MLflow and exports to it by GraphQL: jobs that are started by who may, and by nobody else."""

from typing import Any, Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_model, new_project
from tests.fixtures.tracking import new_experiment
from tests.schema.job_texts import NOON, acting_as, add, refused, rows

IMPORT: Final = """
mutation ($input: ImportFromMlflowInput!, $key: String) {
  importFromMlflow(input: $input, idempotencyKey: $key) { id kind state input } }"""
EXPORT: Final = """
mutation ($input: ExportToMlflowInput!, $key: String) {
  exportToMlflow(input: $input, idempotencyKey: $key) { id kind state input } }"""
BOTH: Final = pytest.mark.parametrize("query", [IMPORT, EXPORT])


async def new_connector(api: Api, **values: Any) -> str:
    row = {"kind": "MLFLOW", "name": "m", "config": {"trackingUri": "https://mlflow.example.org"}, **values}
    return encode(Kind.Connector, await add(api, "connector", **row))


@pytest.fixture
async def connector(api: Api) -> str:
    return await new_connector(api)


async def test_an_import_is_a_job(api: Api, project: str, connector: str) -> None:
    wanted = {"connectorId": connector, "projectId": project}
    job = await api(IMPORT, input={**wanted, "experiments": ["a", "b"], "withModels": False, "since": NOON.isoformat()})
    assert api.statements == 6
    source = {
        "what": "MLFLOW",
        "connectorId": str(uuid_of(Kind.Connector, connector)),
        "projectId": str(uuid_of(Kind.Project, project)),
        "experiments": ["a", "b"],
        "withArtifacts": True,
        "withModels": False,
        "since": "2026-01-31T12:00:00Z",
    }
    made = job["importFromMlflow"]
    assert (made["kind"], made["state"], made["input"]) == ("IMPORT", "QUEUED", {"source": source})
    (row,) = await rows(api, "job")
    assert (row["created_by_id"], row["dispatched_at"]) == (api.viewer.actor_id, None)
    (entry,) = await api.runtime.db.fetch_sql(
        "SELECT target_type, target_id FROM audit_entry WHERE operation = 'importFromMlflow'"
    )
    assert (entry.target_type, entry.target_id) == ("Job", row["id"])


async def test_an_export_is_a_job(api: Api, project: str, connector: str) -> None:
    experiment = await new_experiment(api, project)
    wanted = {"connectorId": connector, "projectId": project, "experimentId": experiment, "withArtifacts": False}
    made = (await api(EXPORT, input=wanted))["exportToMlflow"]
    assert made["kind"] == "EXPORT"
    assert made["input"]["target"]["experimentId"] == str(uuid_of(Kind.Experiment, experiment))
    assert made["input"]["target"]["withArtifacts"] is False
    assert (made["input"]["target"]["withModels"], made["input"]["target"]["models"]) == (True, None)


async def test_models_to_be_exported_are_named(api: Api, project: str, connector: str) -> None:
    models = [await new_model(api, project, name) for name in ("a", "b")]
    wanted = {"connectorId": connector, "projectId": project, "models": [*models, models[0]]}
    made = (await api(EXPORT, input=wanted))["exportToMlflow"]
    keys = [str(uuid_of(Kind.RegisteredModel, model)) for model in models]
    assert (made["input"]["target"]["models"], made["input"]["target"]["withModels"]) == (keys, True)


async def test_models_that_cannot_be_exported_are_refused(api: Api, project: str, connector: str) -> None:
    own, gone = await new_model(api, project, "own"), await new_model(api, project, "gone")
    theirs = await new_model(api, await new_project(api, "Other"))
    await api("mutation ($id: ID!) { deleteModel(id: $id) { id } }", id=gone)
    wanted = {"connectorId": connector, "projectId": project}
    for models in ([own, theirs], [gone], [encode(Kind.RegisteredModel, uuid7())]):
        error = await refused(api, "NOT_FOUND", EXPORT, input={**wanted, "models": models})
        assert error["extensions"]["field"] == "models"
        assert models[-1] in error["message"]
    for models in ([], [own] * 101, [project]):
        await refused(api, "BAD_USER_INPUT", EXPORT, input={**wanted, "models": models})
    await refused(api, "BAD_USER_INPUT", EXPORT, input={**wanted, "models": [own], "withModels": False})


@BOTH
async def test_under_a_used_key_there_is_one_job(api: Api, project: str, *, connector: str, query: str) -> None:
    wanted = {"connectorId": connector, "projectId": project}
    first, second = [next(iter((await api(query, input=wanted, key="k")).values()))["id"] for _ in range(2)]
    assert first == second
    assert len(await rows(api, "job")) == 1
    await refused(api, "CONFLICT", query, input={**wanted, "withArtifacts": False}, key="k")


@BOTH
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "LOCAL", "config": {"folder": "/data"}}, "BAD_USER_INPUT"),
        ({"status": "DISABLED"}, "CONFLICT"),
        ({"deleted_at": NOON}, "CONFLICT"),
    ],
)
async def test_a_connector_that_cannot_be_used_is_refused(
    api: Api, project: str, *, query: str, values: dict[str, Any], code: str
) -> None:
    connector = await new_connector(api, **values)
    await refused(api, code, query, input={"connectorId": connector, "projectId": project})


@BOTH
async def test_a_project_in_the_trash_is_refused(api: Api, project: str, connector: str, *, query: str) -> None:
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    await refused(api, "CONFLICT", query, input={"connectorId": connector, "projectId": project})


async def test_an_experiment_of_another_project_is_refused(api: Api, project: str, connector: str) -> None:
    other = await api('mutation { createProject(input: {name: "o"}) { ... on ProjectSaved { project { id } } } }')
    experiment = await new_experiment(api, other["createProject"]["project"]["id"])
    wanted = {"connectorId": connector, "projectId": project, "experimentId": experiment}
    await refused(api, "BAD_USER_INPUT", EXPORT, input=wanted)


@pytest.mark.parametrize("names", [[], ["x"] * 1001, ["x" * 501]])
async def test_names_that_cannot_be_are_refused(api: Api, project: str, *, connector: str, names: list[str]) -> None:
    wanted = {"connectorId": connector, "projectId": project, "experiments": names}
    await refused(api, "BAD_USER_INPUT", IMPORT, input=wanted)


@BOTH
async def test_what_is_a_strangers_is_not_found(
    api: Api, foreign: Api, project: str, *, connector: str, query: str
) -> None:
    theirs = await new_connector(foreign)
    await refused(foreign, "NOT_FOUND", query, input={"connectorId": theirs, "projectId": project})
    await refused(api, "NOT_FOUND", query, input={"connectorId": theirs, "projectId": project})
    await refused(foreign, "NOT_FOUND", query, input={"connectorId": connector, "projectId": project})


@BOTH
async def test_who_contributes_neither_imports_nor_exports(
    api: Api, project: str, connector: str, *, query: str
) -> None:
    contributor = acting_as(api, Role.CONTRIBUTOR)
    await refused(contributor, "FORBIDDEN", query, input={"connectorId": connector, "projectId": project})


async def test_who_maintains_one_project_imports_into_no_other(api: Api, project: str, connector: str) -> None:
    def maintaining(*projects: UUID) -> Api:
        viewer = viewer_as(
            Role.VIEWER,
            api.viewer.actor_id,
            api.viewer.organization_id,
            in_projects=dict.fromkeys(projects, Role.MAINTAINER),
        )
        return Api(api.runtime, viewer)

    other = await api('mutation { createProject(input: {name: "o"}) { ... on ProjectSaved { project { id } } } }')
    elsewhere = uuid_of(Kind.Project, other["createProject"]["project"]["id"])
    here = uuid_of(Kind.Project, project)
    own = await new_connector(api, name="own", project_id=here)
    await refused(maintaining(elsewhere), "FORBIDDEN", IMPORT, input={"connectorId": own, "projectId": project})
    # A connector of the whole organisation is not theirs to use.
    await refused(maintaining(here), "FORBIDDEN", IMPORT, input={"connectorId": connector, "projectId": project})
    await maintaining(here)(IMPORT, input={"connectorId": own, "projectId": project})
