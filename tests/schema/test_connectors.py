"""Connectors by GraphQL."""

from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from maestro.db.tables.enums import ConnectorKind
from maestro.vendors import VENDORS
from tests.fixtures.graphql import Api

CREATE = """
mutation ($input: CreateConnectorInput!, $key: String) {
  createConnector(input: $input, idempotencyKey: $key) {
    __typename
    ... on ConnectorSaved {
      connector { id kind name status version capabilities project { name } config { __typename } }
    }
    ... on NameTaken { field }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateConnectorInput!, $version: Int) {
  updateConnector(id: $id, input: $input, expectedVersion: $version) {
    __typename
    ... on ConnectorSaved { connector { name status version config { ... on S3Config { bucket region } } } }
    ... on StaleVersion { current { ... on Connector { version } } }
  }
}
"""
S3 = {"s3": {"bucket": "models"}}
CONFIGS: dict[ConnectorKind, dict[str, Any]] = {
    ConnectorKind.POSTGRESQL: {"host": "db", "port": 5433, "database": "d", "user": "u", "sslMode": "verify-full"},
    ConnectorKind.MYSQL: {"host": "db", "port": 3307, "database": "d", "user": "u"},
    ConnectorKind.MONGODB: {"host": "db", "port": 27018, "database": "d", "user": "u", "isSrv": True},
    ConnectorKind.SNOWFLAKE: {
        "account": "a-b",
        "user": "u",
        "warehouse": "w",
        "database": "d",
        "schema": "s",
        "role": "r",
    },
    ConnectorKind.BIGQUERY: {"project": "p", "dataset": "d", "location": "EU"},
    ConnectorKind.S3: {
        "bucket": "b",
        "region": "eu-west-1",
        "endpointUrl": "http://minio:9000",
        "prefix": "x/",
        "isPathStyle": False,
    },
    ConnectorKind.GCS: {"bucket": "b", "prefix": "x/", "project": "p"},
    ConnectorKind.AZURE_BLOB: {"account": "a", "container": "c", "prefix": "x/"},
    ConnectorKind.MLFLOW: {"trackingUri": "https://mlflow.example.org"},
    ConnectorKind.LOCAL: {"folder": "/data/models"},
}


async def created(api: Api, name: str = "Store", config: Any = None, **more: Any) -> Any:
    data = await api(CREATE, input={"name": name, "config": config or S3, **more})
    return data["createConnector"]["connector"]


@pytest.mark.parametrize("kind", ConnectorKind)
async def test_a_connector_of_each_kind_keeps_its_settings(api: Api, kind: ConnectorKind) -> None:
    settings = CONFIGS[kind]
    made = await created(api, config={to_camel(kind.lower()): settings})
    named = VENDORS[kind].__name__ + "Config"
    query = (
        f"query ($id: ID!) {{ connector(id: $id) {{ kind config {{ ... on {named} {{ {' '.join(settings)} }} }} }} }}"
    )
    data = await api(query, id=made["id"])
    assert data["connector"] == {"kind": kind, "config": settings}
    assert made["config"]["__typename"] == named
    assert made["capabilities"] == list(VENDORS[kind].capabilities)
    assert api.statements == 1


async def test_settings_that_are_left_out_take_their_defaults(api: Api) -> None:
    made = await created(api, config={"postgresql": {"host": "db", "database": "d", "user": "u"}})
    query = "query ($id: ID!) { connector(id: $id) { config { ... on PostgresqlConfig { port sslMode } } } }"
    assert (await api(query, id=made["id"]))["connector"]["config"] == {"port": 5432, "sslMode": "prefer"}


async def test_a_new_connector_is_untested_and_serves_the_whole_organization(api: Api) -> None:
    made = await created(api)
    assert (made["kind"], made["status"], made["version"], made["project"]) == ("S3", "UNTESTED", 1, None)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"postgresql": {"host": "postgres://me:secret@db", "database": "d", "user": "u"}}, "config.postgresql.host"),
        ({"mysql": {"host": "me:secret@db", "database": "d", "user": "u"}}, "config.mysql.host"),
        ({"mlflow": {"trackingUri": "https://me:secret@mlflow"}}, "config.mlflow.trackingUri"),
        ({"s3": {"bucket": "b", "endpointUrl": "https://s3?secret=x"}}, "config.s3.endpointUrl"),
        ({"s3": {"bucket": "b", "prefix": "AKIAIOSFODNN7EXAMPLE"}}, "config.s3.prefix"),
        ({"azureBlob": {"account": "AccountKey=abc==", "container": "c"}}, "config.azureBlob.account"),
    ],
)
async def test_settings_that_hold_a_credential_are_refused(api: Api, config: Any, field: str) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "Leaky", "config": config})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == field
    assert "setConnectorSecret stores those encrypted" in error["extensions"]["hint"]
    assert "secret@" not in str(error)
    assert await api.state() == before


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"postgresql": {"host": "db", "port": 0, "database": "d", "user": "u"}}, "config.postgresql.port"),
        ({"postgresql": {"host": "db", "database": "d", "user": "u", "sslMode": "x"}}, "config.postgresql.sslMode"),
        ({"s3": {"bucket": " "}}, "config.s3.bucket"),
        ({"s3": {"bucket": "b", "endpointUrl": "ftp://host"}}, "config.s3.endpointUrl"),
        ({"local": {"folder": "data"}}, "config.local.folder"),
        ({"local": {"folder": "/data/../etc"}}, "config.local.folder"),
        ({"local": {"folder": "/database"}}, "config.local.folder"),
    ],
)
async def test_settings_that_cannot_be_are_refused(api: Api, config: Any, field: str) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "Wrong", "config": config})
    assert error["extensions"]["field"] == field
    assert await api.state() == before


@pytest.mark.parametrize("config", [{}, {"local": {"folder": "/a"}, "s3": {"bucket": "b"}}])
async def test_a_connector_has_exactly_one_kind(api: Api, config: Any) -> None:
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "Both", "config": config})
    assert "ConnectorConfigInput" in error["message"]
    assert await api.state() == before


async def test_the_same_creation_under_one_key_happens_once(api: Api) -> None:
    first = await api(CREATE, input={"name": "Store", "config": S3}, key="k")
    assert await api(CREATE, input={"name": "Store", "config": S3}, key="k") == first
    assert (await api("{ connectors { totalCount } }"))["connectors"]["totalCount"] == 1


async def test_a_used_name_is_an_outcome(api: Api) -> None:
    await created(api)
    before = await api.state()
    data = await api(CREATE, input={"name": "Store", "config": S3})
    assert data["createConnector"] == {"__typename": "NameTaken", "field": "name"}
    assert await api.state() == before


async def test_other_settings_make_a_connector_untested(api: Api) -> None:
    made = await created(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector SET status = 'HEALTHY', last_test = '{\"latencyMs\": 3}'")
    renamed = await api(UPDATE, id=made["id"], input={"name": "Renamed"})
    assert renamed["updateConnector"]["connector"]["status"] == "HEALTHY"
    same = await api(UPDATE, id=made["id"], input={"config": S3})
    assert same["updateConnector"]["connector"]["status"] == "HEALTHY"
    changed = await api(UPDATE, id=made["id"], input={"config": {"s3": {"bucket": "other", "region": "eu-west-1"}}})
    assert changed["updateConnector"]["connector"] == {
        "name": "Renamed",
        "status": "UNTESTED",
        "version": 4,
        "config": {"bucket": "other", "region": "eu-west-1"},
    }


async def test_a_connector_cannot_become_one_of_another_kind(api: Api) -> None:
    made = await created(api)
    before = await api.state()
    (error,) = await api.errors(UPDATE, id=made["id"], input={"config": {"local": {"folder": "/data"}}})
    assert error["extensions"]["field"] == "config"
    assert await api.state() == before


async def test_an_update_of_an_outdated_version_answers_the_current_one(api: Api) -> None:
    made = await created(api)
    await api(UPDATE, id=made["id"], input={"description": "new"}, version=1)
    data = await api(UPDATE, id=made["id"], input={"description": "newer"}, version=1)
    assert data["updateConnector"] == {"__typename": "StaleVersion", "current": {"version": 2}}


async def test_a_deleted_connector_comes_back_from_the_trash(api: Api) -> None:
    made = await created(api)
    await api("mutation ($id: ID!) { deleteConnector(id: $id) { deletedAt } }", id=made["id"])
    listed = await api("{ connectors { totalCount } trash: connectors(inTrash: true) { totalCount } }")
    assert (listed["connectors"]["totalCount"], listed["trash"]["totalCount"]) == (0, 1)
    restore = "mutation ($id: ID!) { restoreConnector(id: $id) { ... on ConnectorSaved { connector { deletedAt } } } }"
    assert (await api(restore, id=made["id"]))["restoreConnector"]["connector"] == {"deletedAt": None}


async def test_connectors_are_filtered_and_sorted_in_one_statement(api: Api) -> None:
    for name in ("b", "a"):
        await created(api, name)
    await created(api, "local", {"local": {"folder": "/data"}})
    query = """
        { connectors(filter: {kind: {eq: S3}}, filterText: "status = 'UNTESTED'", sort: [{field: NAME}]) {
            nodes { name } } }
    """
    assert (await api(query))["connectors"]["nodes"] == [{"name": "a"}, {"name": "b"}]
    assert api.statements == 1


async def test_the_connectors_of_all_projects_cost_one_statement(api: Api) -> None:
    create = "mutation ($n: String!) { createProject(input: {name: $n}) { ... on ProjectSaved { project { id } } } }"
    for name in ("P", "Q"):
        project = (await api(create, n=name))["createProject"]["project"]["id"]
        await created(api, f"Store of {name}", projectId=project)
    await created(api, "Store of all")
    data = await api("{ projects(sort: [{field: NAME}]) { nodes { connectors { nodes { name project { name } } } } } }")
    assert [project["connectors"]["nodes"] for project in data["projects"]["nodes"]] == [
        [{"name": "Store of P", "project": {"name": "P"}}],
        [{"name": "Store of Q", "project": {"name": "Q"}}],
    ]
    assert api.statements == 3


async def test_a_connector_cannot_be_put_into_a_strangers_project(api: Api, foreign: Api) -> None:
    project = 'mutation { createProject(input: {name: "P"}) { ... on ProjectSaved { project { id } } } }'
    theirs = (await foreign(project))["createProject"]["project"]["id"]
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "Store", "config": S3, "projectId": theirs})
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before
