"""Stores as connectors lead to them: with their own credential, and with what the server allows of this machine."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.stores import LocalStore, exists, read
from connectors.stores.buckets import Ability
from connectors.stores.s3 import S3Store
from maestro.connector_rules import ConnectorRules
from maestro.credentials import S3Credential
from maestro.errors import Forbidden, InvalidInput, MaestroError, StoreFailed
from maestro.vendor_errors import NotSupported
from maestro.vendors import S3, Local
from tests.fixtures.emulators import S3_KEY, S3_SECRET
from tests.fixtures.faults import Refuser, listening

CREDENTIAL = S3Credential.model_validate({"accessKeyId": S3_KEY, "secretAccessKey": S3_SECRET})
TEMPORARY = CREDENTIAL.model_copy(update={"session_token": SecretStr("token-of-a-session")})
AMBIENT = ConnectorRules(has_ambient_credentials=True)

PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}],
}


def bucket(address: str | None, **settings: Any) -> S3:
    return S3.model_validate({"bucket": "models", "endpointUrl": address, **settings})


class Heads:
    """A server that keeps the heads of requests, and has nothing of what is asked for."""

    def __init__(self) -> None:
        self.heads: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
                writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        writer.close()


@pytest.fixture
def role_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-machine")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


async def head_of(credential: S3Credential | None, rules: ConnectorRules, **settings: Any) -> str:
    """Open a bucket as connectors do, look for an object in it, and return what was sent."""
    server = Heads()
    async with listening(server) as address:
        config = bucket(address, region="eu-west-1", **settings)
        async with opened("S3", config, credential, rules=rules) as store:
            assert not await exists(store, "a")
    return server.heads[0]


async def test_a_bucket_is_opened_with_the_credential_of_its_connector(s3_bucket: S3Store) -> None:
    await s3_bucket.put_bytes("a", b"x")
    given = s3_bucket.config
    config = bucket(given.endpoint_url, bucket=given.bucket, region=given.region, prefix="maestro/backups/")
    async with opened("S3", config, CREDENTIAL) as store:
        assert await read(store, "a") == b"x"
        assert store.abilities == set(Ability) - {Ability.POLICY}
        assert str(store) == f"s3://{given.bucket}/maestro/backups/"
    assert S3_SECRET not in repr(store.config)


@pytest.mark.usefixtures("role_of_the_machine")
async def test_the_credential_of_a_connector_is_used_and_not_that_of_the_machine() -> None:
    sent = await head_of(CREDENTIAL, AMBIENT)
    assert f"credential={S3_KEY.lower()}/" in sent
    assert "x-amz-security-token" not in sent


async def test_a_temporary_credential_is_sent_with_its_token() -> None:
    assert "x-amz-security-token: token-of-a-session\r\n" in await head_of(TEMPORARY, ConnectorRules())


@pytest.mark.usefixtures("role_of_the_machine")
async def test_without_a_credential_nothing_is_signed() -> None:
    sent = await head_of(None, ConnectorRules())
    assert "authorization" not in sent
    assert "akiaofthemachine" not in sent


@pytest.mark.usefixtures("role_of_the_machine")
async def test_the_credential_of_the_machine_is_used_where_that_is_allowed() -> None:
    assert "credential=akiaofthemachine/" in await head_of(None, AMBIENT)


async def test_a_bucket_is_in_the_path_of_another_store_than_amazons_unless_it_is_told() -> None:
    assert (await head_of(CREDENTIAL, ConnectorRules())).startswith("head /models/a ")
    for config, expected in [
        (bucket("http://store"), True),
        (bucket("http://store", isPathStyle=False), False),
        (bucket(None), False),
        (bucket(None, isPathStyle=True), True),
    ]:
        async with opened("S3", config, CREDENTIAL) as store:
            assert store.config.is_path_style is expected


async def test_a_bucket_that_is_not_public_refuses_who_has_no_credential(s3_bucket: S3Store) -> None:
    await s3_bucket.put_bytes("a", b"secret")
    given = s3_bucket.config
    config = bucket(given.endpoint_url, bucket=given.bucket, region=given.region, prefix="maestro/backups/")
    async with opened("S3", config, None) as store:
        with pytest.raises(Forbidden) as refused:
            await read(store, "a")
    assert refused.value.details["vendorCode"] == "AccessDenied"


async def test_a_public_bucket_is_read_without_a_credential(s3_bucket: S3Store) -> None:
    await s3_bucket.put_bytes("a", b"public")
    given = s3_bucket.config
    await s3_bucket._client.delete_public_access_block(Bucket=given.bucket)
    await s3_bucket._client.put_bucket_policy(Bucket=given.bucket, Policy=json.dumps(PUBLIC))
    config = bucket(given.endpoint_url, bucket=given.bucket, region=given.region, prefix="maestro/backups/")
    async with opened("S3", config, None) as store:
        assert await read(store, "a") == b"public"
        with pytest.raises(Forbidden):
            await store.put_bytes("a", b"changed")
    assert await read(s3_bucket, "a") == b"public"


@pytest.mark.parametrize(
    ("answer", "kind"), [((400, "AuthorizationHeaderMalformed"), StoreFailed), ((403, "AccessDenied"), Forbidden)]
)
async def test_what_fails_with_a_connector_does_not_lead_to_the_settings_of_backups(
    answer: tuple[int, str], kind: type[MaestroError]
) -> None:
    server = Refuser()
    server.answer = answer
    async with (
        listening(server) as address,
        opened("S3", bucket(address), CREDENTIAL) as store,
    ):
        with pytest.raises(kind) as refused:
            await read(store, "a")
    assert refused.value.hint
    assert "MAESTRO_BACKUP" not in refused.value.hint


async def test_a_folder_is_opened_where_connectors_may_lead(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rules = ConnectorRules(folders=(tmp_path / "data",))
    async with opened("LOCAL", Local(folder=str(tmp_path / "data" / "models")), None, rules=rules) as store:
        await store.put_bytes("a", b"x")
        assert isinstance(store, LocalStore)
    assert (tmp_path / "data" / "models" / "a").read_bytes() == b"x"


async def test_a_folder_that_is_not_allowed_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "out").symlink_to(tmp_path)
    rules = ConnectorRules(folders=(tmp_path / "data",))
    for folder, given in [(tmp_path / "data" / "out", rules), (tmp_path, rules), (tmp_path / "data", ConnectorRules())]:
        with pytest.raises(InvalidInput):
            async with opened("LOCAL", Local(folder=str(folder)), None, rules=given):
                pass
    with pytest.raises(InvalidInput):
        async with opened("LOCAL", Local(folder=str(tmp_path / "data")), None):
            pass


async def test_links_within_the_folder_of_a_connector_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    rules = ConnectorRules(folders=(tmp_path / "data",))
    async with opened("LOCAL", Local(folder=str(tmp_path / "data")), None, rules=rules) as store:
        with pytest.raises(Forbidden):
            await read(store, "link")


async def test_nothing_is_signed_for_others_without_a_credential() -> None:
    async with opened("S3", bucket("http://127.0.0.1:1"), None) as store:
        with pytest.raises(NotSupported):
            await store.presign_get("a", timedelta(minutes=1))
