"""Who asks Google Cloud Storage: what a service account signs in with, and what nobody is led to."""

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.stores.gcs.service import GcsConfig
from connectors.stores.gcs.store import GcsStore, gcs_store
from maestro.connector_rules import ConnectorRules
from maestro.credentials import GcsCredential
from maestro.errors import Forbidden, InvalidInput
from maestro.vendors import Gcs
from tests.fixtures.gcs_answers import ok, resource
from tests.fixtures.gcs_servers import EMAIL, Replay, key_file, private_key, refused

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def service(gcs_service: Replay) -> Replay:
    return gcs_service


@pytest.fixture
def store(gcs_store_replayed: GcsStore) -> GcsStore:
    return gcs_store_replayed


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def tokens_of(service: Replay) -> list[str]:
    return [one.headers["authorization"] for one in service.asked if one.path.startswith("/storage")]


async def test_a_service_account_signs_in_once_and_shows_its_token(service: Replay, store: GcsStore) -> None:
    root = store._service.root
    service.say(ok({"access_token": "a-token", "expires_in": 3600}), ok(resource()))
    config = replace(store._service.config, service_account=SecretStr(key_file(f"{root}/token")))
    assert "PRIVATE KEY" not in repr(config)
    async with gcs_store(config) as signed_in:
        await signed_in.head("a")
        await signed_in.head("a")
    assert service.requests == ["POST /token", *["GET /storage/v1/b/b/o/p/a"] * 2]
    assert tokens_of(service) == ["Bearer a-token"] * 2
    assertion = service.asked[0].body.decode().partition("assertion=")[2].partition("&")[0]
    signed, _, signature = assertion.rpartition(".")
    private_key().public_key().verify(unpacked(signature), signed.encode(), PKCS1v15(), SHA256())
    claims = orjson.loads(unpacked(signed.partition(".")[2]))
    assert (claims["iss"], claims["aud"]) == (EMAIL, f"{root}/token")
    assert claims["scope"] == "https://www.googleapis.com/auth/devstorage.full_control"


async def test_a_token_is_not_shown_by_errors(service: Replay, store: GcsStore) -> None:
    service.say(ok({"access_token": "a-token", "expires_in": 3600}), refused(403, "forbidden"))
    config = replace(store._service.config, service_account=SecretStr(key_file(f"{store._service.root}/token")))
    async with gcs_store(config) as signed_in:
        with pytest.raises(Forbidden) as raised:
            await signed_in.head("a")
    assert tokens_of(service) == ["Bearer a-token"]
    assert "a-token" not in repr(raised.value.__cause__)


async def test_a_key_that_was_withdrawn_is_refused_at_once(service: Replay, store: GcsStore) -> None:
    service.say((400, {}, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}))
    config = replace(store._service.config, service_account=SecretStr(key_file(f"{store._service.root}/token")))
    async with gcs_store(config) as failing:
        with pytest.raises(Forbidden) as raised:
            await failing.head("a")
    assert raised.value.details == {"vendorCode": "invalid_grant"}
    assert service.requests == ["POST /token"]


async def test_who_gives_up_waiting_for_a_token_does_not_fail_the_others(service: Replay, store: GcsStore) -> None:
    service.say(refused(503, "backendError"), ok({"access_token": "a-token", "expires_in": 3600}), ok(resource()))
    config = replace(store._service.config, service_account=SecretStr(key_file(f"{store._service.root}/token")))
    async with gcs_store(config) as signed_in:
        impatient = asyncio.create_task(signed_in.head("a"))
        patient = asyncio.create_task(signed_in.head("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).size == 7000
    assert impatient.cancelled()


@pytest.mark.parametrize(
    "changes",
    [
        {"token_uri": "https://oauth2.example.com/token"},
        {"token_uri": "http://oauth2.googleapis.com/token"},
        {"type": "external_account"},
    ],
)
async def test_a_key_that_leads_elsewhere_is_not_used(changes: dict[str, str]) -> None:
    key = SecretStr(key_file(**{"token_uri": "https://oauth2.googleapis.com/token", **changes}))
    with pytest.raises(InvalidInput):
        async with gcs_store(GcsConfig(bucket="b", service_account=key)):
            pass


async def test_the_credentials_of_the_machine_are_used_only_when_it_is_asked_for(
    service: Replay, store: GcsStore, *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_text(key_file(f"{store._service.root}/token"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    service.say(ok({"access_token": "a-token", "expires_in": 3600}), ok(resource()))
    async with gcs_store(replace(store._service.config, is_ambient=True)) as ambient:
        await ambient.head("a")
    assert tokens_of(service) == ["Bearer a-token"]
    service.say(ok(resource()))
    async with gcs_store(store._service.config) as nobody:
        await nobody.head("a")
    assert "authorization" not in service.asked[0].headers
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(Forbidden):
        async with gcs_store(replace(store._service.config, is_ambient=True)):
            pass


@pytest.mark.parametrize(("is_allowed", "has_credential"), [(False, False), (True, False), (False, True)])
async def test_a_connector_signs_in_with_its_credential_or_what_the_server_allows(
    service: Replay,
    store: GcsStore,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_allowed: bool,
    has_credential: bool,
) -> None:
    root = store._service.root
    (tmp_path / "key.json").write_text(key_file(f"{root}/machine"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    service.say(
        *([ok({"access_token": "a-token", "expires_in": 3600})] * (is_allowed or has_credential)), ok(resource())
    )
    config = Gcs.model_validate({"bucket": "b", "prefix": "p", "endpointUrl": root})
    credential = GcsCredential.model_validate({"serviceAccount": key_file(f"{root}/own")}) if has_credential else None
    async with opened("GCS", config, credential, rules=ConnectorRules(has_ambient_credentials=is_allowed)) as one:
        await one.head("a")
    asked = ["GET /storage/v1/b/b/o/p/a"]
    assert service.requests == [*["POST /machine"] * is_allowed, *["POST /own"] * has_credential, *asked]
