"""What is told of a container, and how far it is open to everybody, read and set by GraphQL."""

from dataclasses import replace
from typing import Any, Final

import pytest

from connectors.stores import read
from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from maestro.errors import Conflict, Forbidden, MaestroError, NotFound, StoreFailed
from maestro.ids import Kind, uuid_of
from maestro.public_access import PublicAccess
from tests.connectors.stores.azure_blob.opened import config_of
from tests.connectors.stores.contract import CONTENT
from tests.fixtures.azurite_server import ACCOUNT, ACCOUNT_KEY, Azurite
from tests.fixtures.connected import secured_connector
from tests.fixtures.faults import listening
from tests.fixtures.graphql import Api
from tests.fixtures.replays import Exchange, Replay
from tests.schema.connector_texts import administer, refused_action

SETTINGS: Final = """
query ($id: ID!) {
  connector(id: $id) {
    containerSettings { metadata publicAccess storedPolicies { name permissions startsAt expiresAt } etag }
  }
}"""
READERS: Final = {"name": "readers", "permissions": "r", "startsAt": None, "expiresAt": "2030-01-01T00:00:00.000000Z"}


@pytest.fixture
async def made(api: Api, store: AzureStore, config: AzureConfig) -> str:
    """A connector to the container, which has an object."""
    await store.put_bytes("a", CONTENT)
    place = {"account": ACCOUNT, "container": config.container, "prefix": "shop/", "endpointUrl": config.endpoint_url}
    return await secured_connector(api, {"azureBlob": place}, {"azureBlob": {"accountKey": ACCOUNT_KEY}})


async def settings(api: Api, made: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api(SETTINGS, id=made))["connector"]["containerSettings"]
    return found


async def access(api: Api, made: str, config: AzureConfig, **given: Any) -> dict[str, Any]:
    """All that setting the access to the container takes, as it is now."""
    told = {"name": config.container, "etag": (await settings(api, made))["etag"], "storedPolicies": []}
    return {**told, **given}


async def is_public(config: AzureConfig) -> bool:
    """Whether somebody who does not sign in reads the object."""
    async with azure_store(replace(config, account_key=None)) as reading:
        try:
            return await read(reading, "a") == CONTENT
        except (Forbidden, NotFound):
            return False


async def test_metadata_of_a_container_are_set_and_told(api: Api, made: str) -> None:
    before = await settings(api, made)
    assert (before["metadata"], before["publicAccess"], before["storedPolicies"]) == ({}, None, [])
    await administer(api, made, setContainerMetadata={"metadata": {"team": "vision"}})
    assert (await settings(api, made))["metadata"] == {"team": "vision"}
    wrong = await refused_action(api, made, setContainerMetadata={"metadata": {"a-b": "x"}})
    assert wrong["code"] == "BAD_USER_INPUT"
    assert (await settings(api, made))["metadata"] == {"team": "vision"}


async def test_a_container_is_opened_to_everybody_and_closed_again(api: Api, made: str, *, config: AzureConfig) -> None:
    assert not await is_public(config)
    wanted = await access(api, made, config, publicAccess="OBJECTS", storedPolicies=[READERS])
    await administer(api, made, setContainerAccess=wanted)
    found = await settings(api, made)
    assert (found["publicAccess"], found["storedPolicies"]) == ("OBJECTS", [READERS])
    assert await is_public(config)
    await administer(api, made, setContainerAccess=await access(api, made, config))
    found = await settings(api, made)
    assert (found["publicAccess"], found["storedPolicies"]) == (None, [])
    assert not await is_public(config)


async def test_a_container_is_opened_only_by_its_name_as_it_was_seen_and_with_policies_that_can_be(
    api: Api, made: str, *, config: AzureConfig
) -> None:
    seen = await access(api, made, config, publicAccess="CONTAINER")
    many = [{"name": f"{number}", "permissions": "r"} for number in range(6)]
    for changed, told in (
        ({"name": "another"}, ("BAD_USER_INPUT", "action.name")),
        ({"etag": '"0x1"'}, ("CONFLICT", None)),
        ({"storedPolicies": many}, ("BAD_USER_INPUT", "action.storedPolicies")),
        ({"storedPolicies": [READERS, READERS]}, ("BAD_USER_INPUT", "action.storedPolicies")),
        ({"storedPolicies": [{"name": "x" * 65}]}, ("BAD_USER_INPUT", "action.storedPolicies")),
    ):
        extensions = await refused_action(api, made, setContainerAccess={**seen, **changed})
        assert (extensions["code"], extensions.get("field")) == told
    assert await settings(api, made) == {**seen_settings(seen), "metadata": {}}
    assert not await is_public(config)
    await administer(api, made, setContainerMetadata={"metadata": {"team": "vision"}})
    assert (await refused_action(api, made, setContainerAccess=seen))["code"] == "CONFLICT"
    assert not await is_public(config)


def seen_settings(seen: dict[str, Any]) -> dict[str, Any]:
    """What settings are while nothing has changed them."""
    return {"publicAccess": None, "storedPolicies": [], "etag": seen["etag"]}


async def test_who_has_opened_a_container_is_in_the_audit_log(api: Api, made: str, config: AzureConfig) -> None:
    wanted = await access(api, made, config, publicAccess="CONTAINER", storedPolicies=[READERS])
    await administer(api, made, setContainerAccess=wanted)
    (entry,) = await api.runtime.db.fetch_sql(
        "SELECT after, actor_id, target_id FROM audit_entry WHERE operation = 'administerConnector'"
    )
    assert entry.after == {
        "action": "set_container_access",
        "name": config.container,
        "etag": wanted["etag"],
        "public_access": "CONTAINER",
        "stored_policies": [
            {"name": "readers", "permissions": "r", "starts_at": None, "expires_at": "2030-01-01T00:00:00+00:00"}
        ],
    }
    assert (entry.actor_id, entry.target_id) == (api.viewer.actor_id, uuid_of(Kind.Connector, made))


async def test_a_signature_neither_reads_nor_sets_who_may_read(
    api: Api, store: AzureStore, azurite: Azurite, *, config: AzureConfig
) -> None:
    etag = (await store.container_settings()).etag
    place = {"account": ACCOUNT, "container": config.container, "endpointUrl": config.endpoint_url}
    signature = azurite.signature("rwdlacx")
    made = await secured_connector(api, {"azureBlob": place}, {"azureBlob": {"sasToken": signature}})
    (error,) = await api.errors(SETTINGS, id=made)
    assert error["extensions"]["code"] == "FORBIDDEN"
    wanted = {"name": config.container, "etag": etag, "publicAccess": "CONTAINER", "storedPolicies": []}
    assert (await refused_action(api, made, setContainerAccess=wanted))["code"] == "FORBIDDEN"
    assert (await store.container_settings()).public_access is None


async def test_a_container_that_is_not_there_has_no_settings(missing: AzureStore) -> None:
    with pytest.raises(NotFound):
        await missing.container_settings()
    with pytest.raises(NotFound):
        await missing.set_access(PublicAccess.OBJECTS, [], etag="x")


@pytest.mark.parametrize(("code", "kind"), [("ConditionNotMet", Conflict), ("LeaseIdMissing", StoreFailed)])
async def test_a_change_between_the_look_and_the_setting_is_refused_by_azure(
    code: str, kind: type[MaestroError]
) -> None:
    """Azurite cannot be made to change a container in between: the answers are as Azure is known to give them."""
    at, seen = "Mon, 29 Jun 2026 12:00:00 GMT", '"0x8D1"'
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>So it is.</Message></Error>'
    refusal = {"x-ms-error-code": code, "x-ms-request-id": "R-17", "Content-Type": "application/xml"}
    place = f"/{ACCOUNT}/kept"
    replay = Replay(
        [
            Exchange("GET", place, {"restype": "container"}, 200, {"ETag": seen, "Last-Modified": at}),
            Exchange("PUT", place, {"restype": "container", "comp": "acl"}, 412, refusal, body),
        ]
    )
    async with (
        listening(replay) as address,
        azure_store(config_of(f"{address}/{ACCOUNT}", container="kept", tries=1)) as store,
    ):
        with pytest.raises(kind):
            await store.set_access(PublicAccess.CONTAINER, [], etag=seen)
    assert (replay.unexpected, replay.left) == ([], [])
    assert [headers.get("if-unmodified-since") for headers in replay.headers] == [None, at]
