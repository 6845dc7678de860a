"""Credentials of connectors by GraphQL: set, removed, and never read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from maestro.access import Viewer
from maestro.credentials import CREDENTIALS
from maestro.db.tables.enums import ConnectorKind, Role
from maestro.errors import DamagedSecret
from maestro.ids import Kind, uuid_of
from ops.connectors.opening import credential_of, find
from tests.fixtures.graphql import Api, viewer_as
from tests.schema.test_connectors import CONFIGS, created

SET = """
mutation ($id: ID!, $secret: ConnectorSecretInput!) {
  setConnectorSecret(id: $id, secret: $secret) { id hasSecret secretSetAt status version }
}
"""
REMOVE = "mutation ($id: ID!) { removeConnectorSecret(id: $id) { hasSecret secretSetAt status version } }"
KEY_FILE = json.dumps({"type": "service_account", "client_email": "a@example.org", "private_key": "-----BEGIN"})
PEM = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
S3 = {"s3": {"accessKeyId": "AKIA", "secretAccessKey": "hush"}}
SECRETS: dict[ConnectorKind, list[dict[str, str]]] = {
    ConnectorKind.POSTGRESQL: [{"password": "hush"}],
    ConnectorKind.MYSQL: [{"password": "hush"}],
    ConnectorKind.MONGODB: [{"password": "hush"}],
    ConnectorKind.SNOWFLAKE: [
        {"password": "hush"},
        {"privateKey": PEM},
        {"privateKey": PEM, "privateKeyPassphrase": "hush"},
        {"token": "hush"},
    ],
    ConnectorKind.BIGQUERY: [{"serviceAccount": KEY_FILE}],
    ConnectorKind.S3: [S3["s3"], {**S3["s3"], "sessionToken": "hush"}],
    ConnectorKind.GCS: [{"serviceAccount": KEY_FILE}],
    ConnectorKind.AZURE_BLOB: [{"accountKey": "hush"}, {"sasToken": "sv=1&sig=hush"}],
    ConnectorKind.MLFLOW: [{"token": "hush"}, {"username": "ann", "password": "hush"}],
}


def member(kind: ConnectorKind) -> str:
    first, *others = kind.lower().split("_")
    return first + "".join(map(str.capitalize, others))


async def of_kind(api: Api, kind: ConnectorKind, name: str = "Store") -> str:
    connector: str = (await created(api, name, {member(kind): CONFIGS[kind]}))["id"]
    return connector


async def stored(api: Api, connector: str) -> dict[str, str] | None:
    """What a job would read."""
    target = await find(api.runtime.db, uuid_of(Kind.Connector, connector), api.viewer.organization_id)
    credential = credential_of(target, api.runtime.vault)
    if credential is None:
        return None
    return {
        str(type(credential).model_fields[name].alias): text.get_secret_value()
        for name, text in credential
        if isinstance(text, SecretStr)
    }


def test_every_kind_that_takes_a_credential_is_tried_in_every_way() -> None:
    assert SECRETS.keys() == CREDENTIALS.keys() == set(ConnectorKind) - {ConnectorKind.LOCAL}
    for kind, credential in CREDENTIALS.items():
        assert len(SECRETS[kind]) >= max(1, len(credential.ways))


@pytest.mark.parametrize(
    ("kind", "texts"),
    [(kind, texts) for kind, ways in SECRETS.items() for texts in ways],
    ids=lambda given: given if isinstance(given, str) else "+".join(given),
)
async def test_a_credential_is_stored_for_jobs_to_read(api: Api, kind: ConnectorKind, texts: dict[str, str]) -> None:
    connector = await of_kind(api, kind)
    data = (await api(SET, id=connector, secret={member(kind): texts}))["setConnectorSecret"]
    assert (data["id"], data["hasSecret"], data["status"], data["version"]) == (connector, True, "UNTESTED", 2)
    age = datetime.now(UTC) - datetime.fromisoformat(data["secretSetAt"])
    assert abs(age) < timedelta(minutes=1)
    assert await stored(api, connector) == texts


async def test_setting_costs_four_statements_and_the_two_fields_one_more(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api(SET, id=connector, secret=S3)
    assert api.statements == 5


async def test_a_second_credential_takes_the_place_of_the_first(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.MLFLOW)
    await api(SET, id=connector, secret={"mlflow": {"username": "ann", "password": "old"}})
    await api(SET, id=connector, secret={"mlflow": {"token": "new"}})
    assert await stored(api, connector) == {"token": "new"}


async def test_a_credential_is_removed_and_removing_it_again_changes_nothing(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api(SET, id=connector, secret=S3)
    gone = {"hasSecret": False, "secretSetAt": None, "status": "UNTESTED", "version": 3}
    assert (await api(REMOVE, id=connector))["removeConnectorSecret"] == gone
    assert await stored(api, connector) is None
    before = await api.state()
    assert (await api(REMOVE, id=connector))["removeConnectorSecret"] == gone
    assert await api.state() == before


async def test_the_credentials_of_all_connectors_cost_one_statement(api: Api) -> None:
    for name in ("a", "b"):
        connector = await of_kind(api, ConnectorKind.S3, name)
    await api(SET, id=connector, secret=S3)
    data = await api("{ connectors(sort: [{field: NAME}]) { nodes { name hasSecret secretSetAt } } }")
    assert [(node["name"], node["hasSecret"]) for node in data["connectors"]["nodes"]] == [("a", False), ("b", True)]
    assert api.statements == 2


NO_KEY_FILE = "is no key file of a service account, which is JSON with type, client_email, private_key"
LONG = "x" * 20_001
TOO_LONG = "has 20,001 characters; at most 20,000 are allowed"
IN_DOCUMENT = "A Secret is sent in a variable, so that it is not in the document, which is kept and shown."
UNKNOWN = (
    "at .mlflow: Expected value of type 'MlflowCredentialInput' not to include unknown field 'tokens'. "
    "Did you mean 'token'?"
)


@pytest.mark.parametrize(
    ("kind", "texts", "field", "message"),
    [
        (ConnectorKind.POSTGRESQL, {"password": ""}, ".password", "is empty"),
        (ConnectorKind.POSTGRESQL, {"password": "hush\0"}, ".password", "holds a NUL or half a character"),
        (
            ConnectorKind.POSTGRESQL,
            {"password": LONG},
            ".password",
            "has 20,001 characters; at most 20,000 are allowed",
        ),
        (ConnectorKind.GCS, {"serviceAccount": "hush"}, ".serviceAccount", NO_KEY_FILE),
        (ConnectorKind.BIGQUERY, {"serviceAccount": '{"type": "hush"}'}, ".serviceAccount", NO_KEY_FILE),
        (
            ConnectorKind.SNOWFLAKE,
            {"privateKey": "hush"},
            ".privateKey",
            "is no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----",
        ),
        (
            ConnectorKind.SNOWFLAKE,
            {"token": "hush", "password": "hush"},
            "",
            "Give password, or privateKey (and privateKeyPassphrase if there is one), or token",
        ),
        (ConnectorKind.AZURE_BLOB, {}, "", "Give accountKey, or sasToken"),
        (ConnectorKind.MLFLOW, {"password": "hush"}, "", "Give token, or username and password"),
    ],
)
async def test_a_text_that_cannot_be_is_refused_by_its_name_and_not_repeated(
    api: Api, *, kind: ConnectorKind, texts: dict[str, str], field: str, message: str
) -> None:
    connector = await of_kind(api, kind)
    before = await api.state()
    (error,) = await api.errors(SET, id=connector, secret={member(kind): texts})
    place = f"secret.{member(kind)}{field}"
    assert error["message"] == f"{place}: {message}."
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", place)
    assert error["extensions"]["hint"]
    assert "hush" not in json.dumps(error)
    assert await api.state() == before


async def test_the_credential_of_another_kind_is_refused(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.AZURE_BLOB)
    before = await api.state()
    (error,) = await api.errors(SET, id=connector, secret=S3)
    assert error["message"] == "This connector is of kind AZURE_BLOB; a credential of S3 does not fit."
    assert error["extensions"]["hint"] == "Give `azureBlob`."
    assert await api.state() == before


async def test_a_folder_of_the_server_takes_no_credential(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.LOCAL)
    (error,) = await api.errors(SET, id=connector, secret=S3)
    assert error["extensions"]["hint"] == "A connector of this kind takes none."


async def test_a_credential_is_not_set_in_the_trash(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api("mutation ($id: ID!) { deleteConnector(id: $id) { id } }", id=connector)
    before = await api.state()
    (error,) = await api.errors(SET, id=connector, secret=S3)
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            'mutation { setConnectorSecret(id: "x", secret: {postgresql: {password: "hush"}}) { id } }',
            IN_DOCUMENT,
        ),
        (
            'mutation ($p: Secret! = "hush") { setConnectorSecret(id: "x", secret: {mysql: {password: $p}}) { id } }',
            IN_DOCUMENT,
        ),
        (
            'mutation { setConnectorSecret(id: "x", secret: {s3: {accessKeyId: "hush"}}) { id } }',
            "Expected value of type 'S3CredentialInput' to include required field 'secretAccessKey'.",
        ),
    ],
)
async def test_a_secret_that_is_written_into_the_document_is_refused(api: Api, document: str, message: str) -> None:
    errors = await api.errors(document)
    assert message in [error["message"] for error in errors]
    assert "hush" not in json.dumps(errors)


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (
            {"s3": {"accessKeyId": "hush"}},
            "at .s3: Expected value of type 'S3CredentialInput' to include required field 'secretAccessKey'.",
        ),
        ({"postgresql": {"password": {"a": "hush"}}}, "at .postgresql.password: A Secret is a text."),
        ({"mlflow": {"tokens": "hush"}}, UNKNOWN),
        ("hush", ": Expected value of type 'ConnectorSecretInput' to be an object."),
    ],
)
async def test_a_variable_that_does_not_fit_is_not_repeated(api: Api, secret: Any, message: str) -> None:
    (error,) = await api.errors(SET, id="x", secret=secret)
    assert error["message"].endswith(message)
    assert "hush" not in json.dumps(error)


async def test_the_log_says_that_a_credential_was_set_and_removed_and_not_which(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api(SET, id=connector, secret=S3)
    await api(REMOVE, id=connector)
    entries = await api.runtime.db.fetch_sql(
        "SELECT operation, target_id, before, after FROM audit_entry WHERE operation LIKE '%Secret' ORDER BY seq"
    )
    key = uuid_of(Kind.Connector, connector)
    assert [tuple(entry) for entry in entries] == [
        ("setConnectorSecret", key, {}, {"secret": "[redacted]"}),
        ("removeConnectorSecret", key, {"secret": "[redacted]"}, {}),
    ]


def maintainer_of(api: Api) -> Viewer:
    return viewer_as(Role.MAINTAINER, api.viewer.actor_id, api.viewer.organization_id)


async def test_who_may_change_a_connector_may_not_set_its_credential(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    before = await api.state()
    maintainer = Api(api.runtime, maintainer_of(api))
    for call in (maintainer.errors(SET, id=connector, secret=S3), maintainer.errors(REMOVE, id=connector)):
        (error,) = await call
        assert error["extensions"]["permission"] == "secret:manage"
    assert await api.state() == before


async def test_a_strangers_connector_is_not_found(api: Api, foreign: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api(SET, id=connector, secret=S3)
    before = await api.state()
    for call in (foreign.errors(SET, id=connector, secret=S3), foreign.errors(REMOVE, id=connector)):
        (error,) = await call
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_a_connector_that_is_deleted_for_good_takes_its_credential_along(api: Api) -> None:
    connector = await of_kind(api, ConnectorKind.S3)
    await api(SET, id=connector, secret=S3)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM connector")
    assert await api.runtime.db.fetch_sql("SELECT 1 FROM connector_secret") == []


async def test_a_ciphertext_that_was_moved_to_another_connector_does_not_open(api: Api) -> None:
    first, second = [await of_kind(api, ConnectorKind.S3, name) for name in "ab"]
    await api(SET, id=first, secret=S3)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector_secret SET connector_id = $1", uuid_of(Kind.Connector, second))
    with pytest.raises(DamagedSecret):
        await stored(api, second)
