"""Changing what connectors lead to, by GraphQL: who may, what is refused, and what is told of it; a folder stands here.

What vendors do of it is told where their servers run, by the tests of `tests/connectors/`.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from maestro.access import Limits, Permission
from maestro.db.tables.enums import ConnectorKind, Role
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from ops.connectors.administering import ACTIONS
from ops.connectors.inspecting import LOOKS
from ops.connectors.offers import STORES, WAREHOUSES
from schema import schema
from tests.fixtures.graphql import Api, viewer_as
from tests.schema.connector_texts import ADMINISTER, STORE, administer, folder_connector, refused_action

LOOK = "query ($id: ID!) {{ connector(id: $id) {{ {} }} }}"
OF_VENDORS = {
    "warehouses { name }": "SNOWFLAKE",
    "vendorJobs { externalId }": "SNOWFLAKE or BIGQUERY",
    'vendorJob(id: "a") { externalId }': "BIGQUERY",
    'queryProfile(queryId: "a") { number }': "SNOWFLAKE",
    'queryPlan(statement: "SELECT 1") { number }': "SNOWFLAKE",
    'queryEstimate(statement: "SELECT 1") { scannedBytes }': "BIGQUERY",
    "lifecycleRules { name }": "S3 or GCS",
    "accessPolicy { etag }": "GCS",
    "containerSettings { etag }": "AZURE_BLOB",
}
"""What a folder has nothing of, and the kinds that do."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that let connectors lead below the folder of the test."""
    return Settings(
        data_dir=tmp_path / "data",
        local_connector_folders=(tmp_path, Path("/data")),
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "files"


def is_there(folder: Path) -> bool:
    """Whether a folder is there."""
    return folder.is_dir()


@pytest.fixture
async def made(api: Api, folder: Path) -> str:
    """A connector to the folder."""
    return await folder_connector(api, folder)


async def test_a_container_is_made_looked_at_and_removed(api: Api, made: str, folder: Path) -> None:
    answer = await administer(api, made, createContainer={"name": str(folder)})
    assert answer == {"rowCount": None, "connector": {"id": made}}
    (folder / "a.txt").write_text("hello")
    found = (await api(STORE, id=made, key="a.txt"))["connector"]
    assert found["container"] == {"name": str(folder), "exists": True, "isVersioned": None, "tiers": []}
    assert (found["object"]["key"], found["object"]["sizeBytes"], found["object"]["metadata"]) == ("a.txt", 5, {})
    assert (await refused_action(api, made, deleteContainer={"name": str(folder)}))["code"] == "STORE_FAILED"
    (folder / "a.txt").unlink()
    await administer(api, made, deleteContainer={"name": str(folder)})
    assert not is_there(folder)


async def test_nothing_but_what_the_connector_leads_to_is_made_or_removed(
    api: Api, made: str, *, folder: Path, tmp_path: Path
) -> None:
    await administer(api, made, createContainer={"name": str(folder)})
    extensions = await refused_action(api, made, deleteContainer={"name": str(tmp_path / "other")})
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", "action.name")
    assert is_there(folder)


async def test_what_is_done_is_in_the_audit_log_before_it_is_begun(api: Api, made: str, folder: Path) -> None:
    await administer(api, made, createContainer={"name": str(folder)})
    await refused_action(api, made, streamRows={"schema": "s", "table": "t", "rows": [{"name": "Ada"}]})
    entries = await api.runtime.db.fetch_sql(
        "SELECT after, is_allowed, target_id FROM audit_entry WHERE operation = 'administerConnector' ORDER BY at"
    )
    assert [entry.after for entry in entries] == [
        {"action": "create_container", "name": str(folder)},
        {"action": "stream_rows", "schema": "s", "table": "t", "row_count": 1},
    ]
    assert {entry.target_id for entry in entries} == {uuid_of(Kind.Connector, made)}


@pytest.mark.parametrize("field", OF_VENDORS)
async def test_what_a_vendor_has_nothing_of_is_told_with_who_has_it(api: Api, made: str, *, field: str) -> None:
    (error,) = await api.errors(LOOK.format(field), id=made)
    assert error["extensions"]["code"] == "NOT_SUPPORTED"
    assert error["extensions"]["hint"] == f"Ask one of kind {OF_VENDORS[field]} for it."


async def test_an_action_of_another_vendor_is_not_supported(api: Api, made: str) -> None:
    extensions = await refused_action(api, made, suspendWarehouse={"name": "WH"})
    assert (extensions["code"], extensions["hint"]) == ("NOT_SUPPORTED", "Ask one of kind SNOWFLAKE for it.")


async def test_changing_takes_the_permission_to_manage_connectors(api: Api, made: str, folder: Path) -> None:
    limits = Limits(scopes=frozenset({Permission.CONNECTOR_READ, Permission.CONNECTOR_QUERY}))
    reader = Api(api.runtime, viewer_as(Role.MAINTAINER, uuid4(), api.viewer.organization_id, limits=limits))
    extensions = await refused_action(reader, made, createContainer={"name": str(folder)})
    assert (extensions["code"], extensions["permission"]) == ("FORBIDDEN", "connector:manage")
    assert not is_there(folder)


async def test_looking_takes_the_permission_to_query_connectors(api: Api, made: str) -> None:
    viewer = viewer_as(Role.CONTRIBUTOR, api.viewer.actor_id, api.viewer.organization_id)
    (error,) = await Api(api.runtime, viewer).errors(LOOK.format("container { exists }"), id=made)
    assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "connector:query")


async def test_whoever_maintains_one_project_changes_what_its_connectors_lead_to_alone(api: Api, folder: Path) -> None:
    data = await api('mutation { createProject(input: {name: "p"}) { ... on ProjectSaved { project { id } } } }')
    project = data["createProject"]["project"]["id"]
    inside = await folder_connector(api, folder / "inside", "inside", projectId=project)
    outside = await folder_connector(api, folder / "outside", "outside")
    roles = {uuid_of(Kind.Project, project): Role.MAINTAINER}
    viewer = viewer_as(Role.VIEWER, api.viewer.actor_id, api.viewer.organization_id, in_projects=roles)
    member = Api(api.runtime, viewer)
    await administer(member, inside, createContainer={"name": str(folder / "inside")})
    assert (await refused_action(member, outside, createContainer={"name": str(folder / "outside")}))["code"] == (
        "FORBIDDEN"
    )
    assert (is_there(folder / "inside"), is_there(folder / "outside")) == (True, False)


async def test_strangers_change_nothing(api: Api, foreign: Api, *, made: str, folder: Path) -> None:
    before = await api.state()
    assert (await refused_action(foreign, made, createContainer={"name": str(folder)}))["code"] == "NOT_FOUND"
    assert await api.state() == before
    assert not is_there(folder)


async def test_exactly_one_action_is_taken(api: Api, made: str, folder: Path) -> None:
    named = {"name": str(folder)}
    for action in ({}, {"createContainer": named, "deleteContainer": named}):
        (error,) = await api.errors(ADMINISTER, id=made, action=action)
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert not is_there(folder)


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({"streamRows": {"schema": "s", "table": "t", "rows": []}}, "action.rows"),
        ({"streamRows": {"schema": "s", "table": "t", "rows": [{}] * 5_001}}, "action.rows"),
        ({"streamRows": {"schema": "s", "table": "t", "rows": [{"a": 1}, 2]}}, "action.rows"),
        ({"streamRows": {"schema": "s", "table": "t", "rows": [{"a": "\0"}]}}, "action.rows"),
        ({"suspendWarehouse": {"name": "x" * 2001}}, "action.name"),
        ({"createWarehouse": {"name": "x", "size": "SMALL", "autoSuspendSeconds": -1}}, "action.autoSuspendSeconds"),
        ({"setObjectMetadata": {"key": "a", "metadata": [1]}}, "action.metadata"),
        ({"setObjectMetadata": {"key": "a", "metadata": {"a": 1}}}, "action.metadata"),
        ({"setContainerMetadata": {"metadata": {"a": 1}}}, "action.metadata"),
        ({"setAccessPolicy": {"etag": "a", "grants": [{"role": "r", "members": [], "condition": 1}]}}, "action.grants"),
        ({"setLifecycleRules": {"rules": [{"name": "a"}] * 1001}}, "action.rules"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_no_trace(
    api: Api, made: str, *, action: dict[str, Any], field: str
) -> None:
    before = await api.state()
    extensions = await refused_action(api, made, **action)
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", field)
    assert await api.state() == before


def test_every_action_of_the_schema_is_one_that_is_carried_out() -> None:
    given = schema._schema.type_map["ConnectorActionInput"].fields  # type: ignore[attr-defined] # an input
    name_of = schema.config.name_converter.apply_naming_config
    assert set(given) == {name_of(name) for name in ACTIONS}
    assert {kind for _, kinds, _ in (*ACTIONS.values(), *LOOKS.values()) for kind in kinds} == {*STORES, *WAREHOUSES}
    assert {ConnectorKind.POSTGRESQL, ConnectorKind.MYSQL, ConnectorKind.MONGODB, ConnectorKind.MLFLOW}.isdisjoint(
        {*STORES, *WAREHOUSES}
    )


async def test_a_connector_in_the_trash_is_not_changed(api: Api, made: str, folder: Path) -> None:
    await api("mutation ($id: ID!) { deleteConnector(id: $id) { id } }", id=made)
    assert (await refused_action(api, made, createContainer={"name": str(folder)}))["code"] == "CONFLICT"
    assert not is_there(folder)
