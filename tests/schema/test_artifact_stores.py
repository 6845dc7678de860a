"""Where the files of a project go: set by who may, kept from being lost, and shown."""

from typing import Any, Final
from uuid import uuid4

import pytest

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from tests.fixtures.artifact_stores import SET_STORE
from tests.fixtures.graphql import Api
from tests.fixtures.members import new_member
from tests.fixtures.registry import new_project
from tests.schema.job_texts import NOON, add, refused

SHOW: Final = "query ($id: ID!) { project(id: $id) { artifactStore { prefix setAt connector { id } } } }"
DELETE: Final = "mutation ($id: ID!) { deleteConnector(id: $id) { deletedAt } }"
UPDATE: Final = """
mutation ($id: ID!, $config: ConnectorConfigInput!) {
  updateConnector(id: $id, input: {config: $config}) { ... on ConnectorSaved { connector { id } } }
}"""
DIGEST: Final = "a" * 64


async def new_connector(api: Api, **values: Any) -> str:
    """Insert a connector, to a bucket unless told otherwise."""
    row = {"kind": "S3", "name": uuid4().hex, "config": {"bucket": "b"}, **values}
    return encode(Kind.Connector, await add(api, "connector", **row))


@pytest.fixture
async def connector(api: Api) -> str:
    """A connector of the whole organisation to a bucket."""
    return await new_connector(api)


async def has_files(api: Api, connector: str) -> None:
    """Have bytes of a file in the store of a connector."""
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO remote_blob (organization_id, connector_id, sha256, size_bytes, key) "
            "VALUES ($1, $2, $3, 1, 'k')",
            api.viewer.organization_id,
            uuid_of(Kind.Connector, connector),
            DIGEST,
        )


async def test_at_first_files_go_to_the_server(api: Api, project: str) -> None:
    assert await api(SHOW, id=project) == {"project": {"artifactStore": None}}


async def test_a_store_is_set_moved_and_taken_away(api: Api, project: str, connector: str) -> None:
    made = await api(SET_STORE, project=project, connector=connector, prefix="/team/models/")
    assert made["setProjectArtifactStore"]["artifactStore"]["prefix"] == "team/models"
    assert made["setProjectArtifactStore"]["artifactStore"]["connector"]["id"] == connector
    other = await new_connector(api)
    await api(SET_STORE, project=project, connector=other)
    shown = (await api(SHOW, id=project))["project"]["artifactStore"]
    assert (shown["prefix"], shown["connector"]["id"]) == ("", other)
    gone = await api(SET_STORE, project=project, connector=None)
    assert gone["setProjectArtifactStore"]["artifactStore"] is None
    assert await api(SHOW, id=project) == {"project": {"artifactStore": None}}


async def test_the_log_tells_who_has_set_it(api: Api, project: str, connector: str) -> None:
    await api(SET_STORE, project=project, connector=connector, prefix="p")
    (entry,) = await api.runtime.db.fetch_sql(
        "SELECT actor_id, target_type, target_id, before, after FROM audit_entry "
        "WHERE operation = 'setProjectArtifactStore'"
    )
    assert (entry.actor_id, entry.target_type, entry.target_id) == (
        api.viewer.actor_id,
        "Project",
        uuid_of(Kind.Project, project),
    )
    assert entry.before == {"artifact_store": None}
    assert entry.after["artifact_store"] == {"connector_id": str(uuid_of(Kind.Connector, connector)), "prefix": "p"}


@pytest.mark.parametrize("prefix", ["a//b", "..", "a/../b", "a\\b", "a\nb", ".work", "x" * 501, "y" * 256])
async def test_what_is_no_folder_is_refused(api: Api, project: str, *, connector: str, prefix: str) -> None:
    await refused(api, "BAD_USER_INPUT", SET_STORE, project=project, connector=connector, prefix=prefix)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"kind": "LOCAL", "config": {"folder": "/data"}}, "BAD_USER_INPUT"),
        ({"kind": "MLFLOW", "config": {"trackingUri": "https://mlflow.example.org"}}, "BAD_USER_INPUT"),
        ({"status": "DISABLED"}, "CONFLICT"),
        ({"deleted_at": NOON}, "CONFLICT"),
    ],
)
async def test_a_connector_that_cannot_hold_files_is_refused(
    api: Api, project: str, *, values: dict[str, Any], code: str
) -> None:
    await refused(api, code, SET_STORE, project=project, connector=await new_connector(api, **values))


async def test_the_connector_of_another_project_is_refused(api: Api, project: str) -> None:
    other = uuid_of(Kind.Project, await new_project(api, "Other"))
    await refused(
        api, "BAD_USER_INPUT", SET_STORE, project=project, connector=await new_connector(api, project_id=other)
    )


async def test_what_is_a_strangers_is_not_found(api: Api, foreign: Api, *, project: str, connector: str) -> None:
    theirs = await new_connector(foreign)
    await refused(api, "NOT_FOUND", SET_STORE, project=project, connector=theirs)
    await refused(foreign, "NOT_FOUND", SET_STORE, project=project, connector=theirs)
    await refused(foreign, "NOT_FOUND", SET_STORE, project=await new_project(foreign), connector=connector)


async def test_who_contributes_may_not_set_it(api: Api, project: str, connector: str) -> None:
    contributor = await new_member(api, Role.CONTRIBUTOR)
    await refused(contributor, "FORBIDDEN", SET_STORE, project=project, connector=connector)


async def test_who_maintains_the_project_alone_uses_connectors_of_it_alone(
    api: Api, project: str, connector: str
) -> None:
    here = uuid_of(Kind.Project, project)
    maintainer = await new_member(api, None, in_projects={here: Role.MAINTAINER})
    await refused(maintainer, "NOT_FOUND", SET_STORE, project=project, connector=connector)
    own = await new_connector(api, project_id=here)
    made = await maintainer(SET_STORE, project=project, connector=own)
    assert made["setProjectArtifactStore"]["artifactStore"]["connector"]["id"] == own


async def test_who_does_not_see_the_connector_sees_that_there_is_a_store(
    api: Api, project: str, connector: str
) -> None:
    await api(SET_STORE, project=project, connector=connector, prefix="p")
    viewer = await new_member(api, None, in_projects={uuid_of(Kind.Project, project): Role.VIEWER})
    shown = (await viewer(SHOW, id=project))["project"]["artifactStore"]
    assert (shown["prefix"], shown["connector"]) == ("p", None)


async def test_stores_of_many_projects_cost_one_statement(api: Api, project: str, connector: str) -> None:
    await api(SET_STORE, project=project, connector=connector)
    listed = "{ projects { nodes { artifactStore { prefix } } } }"
    await api(listed)
    one = api.statements
    for number in range(3):
        await api(SET_STORE, project=await new_project(api, f"P{number}"), connector=connector)
    assert len((await api(listed))["projects"]["nodes"]) == 4
    assert api.statements == one


async def test_a_connector_that_is_a_store_is_not_deleted(api: Api, project: str, connector: str) -> None:
    await api(SET_STORE, project=project, connector=connector)
    error = await refused(api, "CONFLICT", DELETE, id=connector)
    assert "setProjectArtifactStore" in error["extensions"]["hint"]
    await api(SET_STORE, project=project, connector=None)
    assert (await api(DELETE, id=connector))["deleteConnector"]["deletedAt"]


async def test_a_connector_that_has_files_is_neither_deleted_nor_led_elsewhere(api: Api, connector: str) -> None:
    await has_files(api, connector)
    await refused(api, "CONFLICT", DELETE, id=connector)
    await refused(api, "CONFLICT", UPDATE, id=connector, config={"s3": {"bucket": "other"}})
    await refused(api, "CONFLICT", UPDATE, id=connector, config={"s3": {"bucket": "b", "prefix": "inner"}})
    await api(UPDATE, id=connector, config={"s3": {"bucket": "b", "region": "eu-west-1"}})


async def test_a_project_goes_to_the_trash_with_its_own_connector_and_comes_back(api: Api, project: str) -> None:
    own = await new_connector(api, project_id=uuid_of(Kind.Project, project))
    await api(SET_STORE, project=project, connector=own)
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    await api("mutation ($id: ID!) { restoreProject(id: $id) { ... on ProjectSaved { project { id } } } }", id=project)
    assert (await api(SHOW, id=project))["project"]["artifactStore"]["connector"]["id"] == own
