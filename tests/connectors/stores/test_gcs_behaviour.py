"""What the store in a bucket of Google Cloud Storage does besides, and over lines that break."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.stores import digest_of, download, read, store_of
from connectors.stores.buckets import PLAIN, LifecycleRule, Upload
from connectors.stores.gcs import store as module
from connectors.stores.gcs.service import Service
from connectors.stores.gcs.store import GcsStore, gcs_store
from connectors.stores.policies import AccessPolicy, Grant
from maestro.errors import DigestMismatch, InvalidInput, NotFound, Transient
from maestro.settings import Settings
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, keys
from tests.fixtures.connected import secured_connector
from tests.fixtures.faults import Line, listening
from tests.fixtures.gcs_servers import key_file, replaying
from tests.fixtures.gcs_stores import gcs_config_of, names_in
from tests.fixtures.graphql import Api
from tests.schema.connector_texts import POLICY, RULES, STORE, administer, refused_action


@pytest.fixture
def store(gcs: GcsStore) -> GcsStore:
    return gcs


@pytest.fixture
def strict(strict_gcs: GcsStore) -> GcsStore:
    return strict_gcs


@pytest.fixture(scope="module")
async def line_and_session(fake_gcs: str) -> AsyncIterator[tuple[Line, GcsStore]]:
    line = Line(int(fake_gcs.rpartition(":")[2]))
    async with listening(line) as address, gcs_store(gcs_config_of(address)) as opened:
        yield line, opened


@pytest.fixture
def line(line_and_session: tuple[Line, GcsStore]) -> Line:
    return line_and_session[0]


@pytest.fixture
def over(line_and_session: tuple[Line, GcsStore], store: GcsStore) -> GcsStore:
    """The same store, over a line that breaks."""
    service = line_and_session[1]._service
    return GcsStore(Service(service.storage, replace(service.config, bucket=store._service.bucket)))


async def test_an_object_is_stored_with_its_digests_below_the_prefix(store: GcsStore) -> None:
    made = await store.put_bytes("a/b", CONTENT)
    assert made == await store.head("a/b")
    assert (made.sha256, made.md5) == (SHA256, hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
    assert made.etag == made.md5
    ((listed,),) = [page async for page in store.list()]
    assert listed == made
    assert await names_in(store) == ["maestro/backups/a/b"]
    assert str(store) == f"gs://{store._service.bucket}/maestro/backups/"
    assert (store.folder, await store.free_bytes()) == (None, None)


async def test_what_else_lies_in_the_bucket_is_not_listed(store: GcsStore) -> None:
    left_out: list[str] = []
    service = store._service
    for name in ["other", "maestro/backups/a//b", "maestro/backups/a/", "maestro/backups2/a"]:
        await service.storage.upload(service.bucket, name, b"x")
    await store.begin_upload("large", 10)
    await store.put_bytes("a/b", b"x")
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a/b"]
    assert left_out == ["a/", "a//b"]


async def test_bytes_that_were_changed_in_the_bucket_are_noticed(store: GcsStore, tmp_path: Path) -> None:
    await store.put_bytes("a", CONTENT)
    service = store._service
    told = {"metadata": {"sha256": SHA256}}
    await service.storage.upload(service.bucket, "maestro/backups/a", b"other", metadata=told)
    with pytest.raises(DigestMismatch):
        await download(store, "a", tmp_path / "a")


async def test_a_large_upload_that_is_cancelled_leaves_nothing(strict: GcsStore, tmp_path: Path) -> None:
    path, begun = tmp_path / "large", asyncio.Event()
    path.write_bytes(bytes(40 * MEGABYTE))
    sending = asyncio.create_task(strict.put_file("large", path, sha256="0" * 64, told=lambda _: begun.set()))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await names_in(strict) == []


async def test_a_large_file_of_another_digest_is_never_visible(store: GcsStore, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(20 * MEGABYTE))
    with pytest.raises(DigestMismatch):
        await store.put_file("large", tmp_path / "large", sha256="0" * 64)
    assert await names_in(store) == []


async def test_a_large_file_arrives_with_its_digests(store: GcsStore, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(20 * MEGABYTE))
    made = await store.put_file("large", tmp_path / "large")
    assert made == await store.head("large")
    assert made.md5
    assert made.sha256 == (await digest_of(store, "large"))[0]


async def test_a_download_that_breaks_off_is_gone_on_with(over: GcsStore, line: Line, tmp_path: Path) -> None:
    content, told = os.urandom(6 * MEGABYTE), list[int]()
    made = await over.put_bytes("a", content)
    line.breaks = [2 * MEGABYTE, 1 * MEGABYTE, 1000]
    assert await download(over, "a", tmp_path / "a", told=told.append) == (made.sha256, len(content))
    assert line.breaks == []
    assert sum(told) == len(content)


@pytest.mark.parametrize("is_versioned", [False, True])
async def test_an_object_that_is_replaced_while_its_reader_is_cut_off_is_not_mixed_with_the_next(
    over: GcsStore, store: GcsStore, line: Line, *, is_versioned: bool
) -> None:
    await store.set_versioned(is_versioned)
    await store.put_bytes("a", b"x" * (6 * MEGABYTE))
    line.breaks = [3 * MEGABYTE]
    line.goes_on.clear()
    reading = over.get("a")
    first = await anext(reading)
    await store.put_bytes("a", b"y" * (6 * MEGABYTE))
    line.goes_on.set()
    if is_versioned:
        # The generation that it was is still there, so all of it is read.
        assert first + b"".join([part async for part in reading]) == b"x" * (6 * MEGABYTE)
    else:
        with pytest.raises(Transient):
            async for _ in reading:
                pass
    assert line.breaks == []


async def test_a_large_upload_over_a_line_that_breaks_is_gone_on_with(
    gcp_storage: str, strict: GcsStore, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(20 * MEGABYTE))
    line, moved = Line(int(gcp_storage.rpartition(":")[2])), list[int]()
    async with (
        listening(line) as address,
        gcs_store(replace(strict._service.config, endpoint_url=address)) as over,
    ):

        def told(_: int) -> None:
            moved.append(0)
            if len(moved) == 1:
                line.breaks = [0]  # the next piece arrives, and nobody is told

        made = await over.put_file("large", tmp_path / "large", told=told)
    assert (len(moved), line.breaks) == (3, [])
    assert await download(strict, "large", tmp_path / "copy") == (made.sha256, made.size)


async def test_parts_that_are_many_are_joined_in_steps(store: GcsStore) -> None:
    begun = await store.begin_upload("many", 70)
    upload = Upload(begun.key, begun.id, 1, begun.size, begun.state)
    content = os.urandom(70)
    slots = asyncio.Semaphore(16)

    async def send(number: int) -> None:
        async with slots:
            await store.put_part(upload, number, content[number : number + 1])

    await asyncio.gather(*(send(number) for number in range(upload.count)))
    await store.complete_upload(upload)
    assert await read(store, "many") == content
    assert await names_in(store) == ["maestro/backups/many"]


async def test_an_upload_that_was_completed_is_not_taken_for_that_of_another(store: GcsStore) -> None:
    upload = await store.begin_upload("a", 1)
    await store.put_part(upload, 0, b"x")
    await store.complete_upload(upload)
    await store.put_bytes("a", b"later")
    with pytest.raises(NotFound):
        await store.complete_upload(upload)
    assert await read(store, "a") == b"later"
    with pytest.raises(NotFound):
        await store.put_part(upload, 0, b"y")
    assert await names_in(store) == ["maestro/backups/a"]


async def test_uploads_that_were_given_up_are_removed_when_the_store_is_tidied(
    store: GcsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await store.begin_upload("a", 2 * 8 * MEGABYTE, PLAIN)
    await store.put_part(upload, 1, bytes(8 * MEGABYTE))
    await store.put_bytes("b", b"x")
    monkeypatch.setattr(module, "ABANDONED", timedelta(0))
    await store.tidy()
    assert await names_in(store) == ["maestro/backups/b"]


async def test_who_may_do_what_is_set_and_read(strict: GcsStore) -> None:
    assert (await strict.iam_policy()).grants == ()
    condition = {"title": "soon", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    wanted = (
        Grant("roles/storage.objectViewer", ("group:readers@example.com", "user:a@example.com")),
        Grant("roles/storage.objectAdmin", ("user:b@example.com",), condition),
    )
    made = await strict.set_iam_policy(AccessPolicy(wanted, (await strict.iam_policy()).etag))
    assert made.grants == wanted
    assert (await strict.iam_policy()).grants == wanted


async def test_rules_for_other_objects_of_the_bucket_stay(strict: GcsStore) -> None:
    service = strict._service
    other = {"action": {"type": "Delete"}, "condition": {"age": 9, "matchesPrefix": ["elsewhere/"]}}
    await service.ask("PATCH", service.url(), what="the bucket", json={"lifecycle": {"rule": [other]}})
    await strict.set_lifecycle([LifecycleRule("1", expire_days=3)])
    found = await service.ask("GET", service.url(), what="the bucket")
    mine = {
        "action": {"type": "Delete"},
        "condition": {"age": 3, "isLive": True, "matchesPrefix": ["maestro/backups/"]},
    }
    assert found["lifecycle"]["rule"] == [other, mine]
    await strict.set_lifecycle([])
    assert (await service.ask("GET", service.url(), what="the bucket"))["lifecycle"]["rule"] == [other]


async def test_the_settings_of_a_server_name_its_store(store: GcsStore, tmp_path: Path) -> None:
    await store.put_bytes("a", b"x")
    async with replaying() as (tokens, address):
        tokens.say((200, {}, {"access_token": "a-token", "expires_in": 3600}))
        (tmp_path / "key.json").write_text(key_file(f"{address}/token"))
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
            backup_gcs_endpoint=store._service.root,
            backup_gcs_credentials_file=tmp_path / "key.json",
        )
        async with store_of(f"gs://{store._service.bucket}/maestro/backups/", settings) as opened:
            assert await read(opened, "a") == b"x"
            assert await keys(opened) == ["a"]
        assert tokens.requests == ["POST /token"]


@pytest.mark.parametrize("content", [None, "nonsense", '{"type": "external_account"}', "[]"])
async def test_a_key_file_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
        backup_gcs_credentials_file=path,
    )
    with pytest.raises(InvalidInput):
        async with store_of("gs://bucket/prefix", settings):
            pass


async def test_a_bucket_is_administered_by_graphql(api: Api, strict: GcsStore) -> None:
    config = strict._service.config
    place = {"bucket": config.bucket, "prefix": "maestro/backups/", "endpointUrl": config.endpoint_url}
    made = await secured_connector(api, {"gcs": place}, None)
    await strict.put_bytes("a", CONTENT)
    await administer(api, made, setObjectMetadata={"key": "a", "metadata": {"of": "shop"}})
    found = (await api(STORE, id=made, key="a"))["connector"]
    assert (found["object"]["metadata"], found["object"]["sizeBytes"]) == ({"of": "shop"}, len(CONTENT))
    assert (found["container"]["exists"], found["container"]["tiers"][0]) == (True, "STANDARD")
    await administer(api, made, setLifecycleRules={"rules": [{"name": "1", "expireDays": 3}]})
    (rule,) = (await api(RULES, id=made))["connector"]["lifecycleRules"]
    assert (rule["name"], rule["prefix"], rule["expireDays"]) == ("1", "", 3)
    before = (await api(POLICY, id=made))["connector"]["accessPolicy"]
    condition = {"title": "soon", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    grant = {"role": "roles/storage.objectViewer", "members": ["group:readers@example.com"], "condition": condition}
    await administer(api, made, setAccessPolicy={"etag": before["etag"], "grants": [grant]})
    assert (await api(POLICY, id=made))["connector"]["accessPolicy"]["grants"] == [grant]


async def test_a_policy_that_somebody_has_changed_meanwhile_is_not_overwritten_by_graphql(api: Api) -> None:
    async with replaying() as (service, address):
        made = await secured_connector(api, {"gcs": {"bucket": "b", "endpointUrl": address}}, None)
        told = {"error": {"code": 412, "message": "It has changed.", "errors": [{"reason": "conditionNotMet"}]}}
        service.say((412, {}, told))
        wanted = {"etag": "CAE=", "grants": [{"role": "roles/viewer", "members": ["user:a@example.com"]}]}
        assert (await refused_action(api, made, setAccessPolicy=wanted))["code"] == "CONFLICT"
