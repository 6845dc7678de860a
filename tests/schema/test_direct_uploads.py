"""Files of artifacts in object stores: sent to them by signed requests, fetched from them by links that lead there."""

from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.stores.s3 import S3Store, s3_store
from tests.fixtures.artifact_stores import (
    COMPLETE,
    REQUEST,
    SET_STORE,
    WEIGHTS,
    azure_connector,
    fetched,
    gcs_connector,
    keys_of,
    promised,
    rows_of,
    s3_connector,
    send,
    sent,
)
from tests.fixtures.artifacts import ADD_ENTRY, COMMIT, ENTRIES, opened
from tests.fixtures.gcs_servers import key_file, replaying
from tests.fixtures.graphql import Api
from tests.fixtures.syncs import bucket_config
from tests.schema.job_texts import refused


@pytest.fixture(params=["S3", "AZURE_BLOB", "GCS"])
async def vendor(request: pytest.FixtureRequest, api: Api, *, project: str) -> AsyncIterator[str]:
    """Each vendor in turn, whose store is that of the project."""
    if request.param == "S3":
        async with s3_store(bucket_config(request.getfixturevalue("s3_endpoint"))) as opened_store:
            await opened_store.create_container()
            made = await s3_connector(api, opened_store)
    elif request.param == "AZURE_BLOB":
        made, _ = await azure_connector(api, request.getfixturevalue("azurite").address)
    else:
        async with replaying() as (tokens, address):
            tokens.say((200, {}, {"access_token": "a-token", "expires_in": 3600}))
            made = await gcs_connector(api, request.getfixturevalue("fake_gcs"), key_file(f"{address}/token"))
            await api(SET_STORE, project=project, connector=made)
            yield request.param
        return
    await api(SET_STORE, project=project, connector=made)
    yield request.param


async def test_a_file_goes_to_the_store_and_comes_from_there(
    api: Api, anonymous: httpx.AsyncClient, version: str, *, vendor: str
) -> None:
    assert vendor
    (entry,) = await sent(api, version, {"weights/größe.bin": WEIGHTS})
    assert (entry["sizeBytes"], entry["sha256"]) == (len(WEIGHTS), promised("", WEIGHTS)["sha256"])
    assert (await api(COMMIT, id=version))["commitArtifactVersion"]["state"] == "COMMITTED"
    answer = await fetched(anonymous, entry["downloadUrl"])
    assert (answer.status_code, answer.content) == (200, WEIGHTS)
    if vendor != "GCS":  # fake-gcs-server gives a file no name that was signed for it
        assert "gr%C3%B6%C3%9Fe.bin" in answer.headers["content-disposition"]
    assert await rows_of(api, "loose_object") == []


async def test_bytes_that_were_not_promised_are_refused(api: Api, version: str, vendor: str) -> None:
    asked = (await api(REQUEST, version=version, files=[promised("a.bin", WEIGHTS)]))["requestUploads"][0]
    other = bytes(reversed(WEIGHTS))
    answer = await send(asked["upload"], other)
    # S3 compares the digest that was signed; of the others only what has come can be looked at.
    assert answer.is_success is (vendor != "S3"), answer.text
    error = await refused(api, "DIGEST_MISMATCH", COMPLETE, version=version, paths=["a.bin"])
    assert error["extensions"]["missing" if vendor == "S3" else "different"] == ["a.bin"]
    assert await rows_of(api, "artifact_entry") == []


async def test_what_has_come_is_not_replaced_by_others(
    api: Api, anonymous: httpx.AsyncClient, version: str, *, vendor: str
) -> None:
    if vendor == "GCS":
        pytest.skip("fake-gcs-server takes no notice of x-goog-if-generation-match in a signed PUT")
    asked = (await api(REQUEST, version=version, files=[promised("a.bin", WEIGHTS)]))["requestUploads"][0]
    await send(asked["upload"], WEIGHTS)
    (entry,) = (await api(COMPLETE, version=version, paths=["a.bin"]))["completeUploads"]
    assert (await send(asked["upload"], bytes(reversed(WEIGHTS)))).is_client_error
    assert (await fetched(anonymous, entry["downloadUrl"])).content == WEIGHTS


async def test_an_object_of_another_size_is_refused(
    api: Api, bucket_of_files: S3Store, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    await api(REQUEST, version=version, files=[promised("a.bin", WEIGHTS)])
    (awaited,) = await rows_of(api, "loose_object")
    await bucket_of_files.put_bytes(awaited["key"], b"less")
    error = await refused(api, "DIGEST_MISMATCH", COMPLETE, version=version, paths=["a.bin"])
    assert error["extensions"]["different"] == ["a.bin"]


async def test_a_file_that_is_wrong_keeps_the_others_out(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    files = {"a.bin": b"a", "b.bin": b"bb"}
    asked = (await api(REQUEST, version=version, files=[promised(*one) for one in files.items()]))["requestUploads"]
    assert (await send(asked[0]["upload"], b"a")).is_success
    error = await refused(api, "DIGEST_MISMATCH", COMPLETE, version=version, paths=list(files))
    assert error["extensions"]["missing"] == ["b.bin"]
    assert (await send(asked[1]["upload"], b"bb")).is_success
    done = (await api(COMPLETE, version=version, paths=list(files)))["completeUploads"]
    assert [one["path"] for one in done] == ["a.bin", "b.bin"]


async def test_what_the_store_has_need_not_be_sent_again(
    api: Api, bucket_of_files: S3Store, artifact: str, *, version: str, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS})
    second = await opened(api, artifact)
    files = [promised("same.bin", WEIGHTS), promised("new.bin", b"new")]
    asked = (await api(REQUEST, version=second, files=files))["requestUploads"]
    assert [(one["path"], one["isStored"], one["upload"] is None) for one in asked] == [
        ("same.bin", True, True),
        ("new.bin", False, False),
    ]
    found = (await api(ENTRIES, id=second))["artifactVersion"]
    assert (found["fileCount"], found["sizeBytes"]) == (1, len(WEIGHTS))
    await api(ADD_ENTRY, id=second, path="again.bin", sha256=promised("", WEIGHTS)["sha256"])
    assert len(await keys_of(bucket_of_files)) == 1


async def test_keys_are_apart_for_each_organisation_and_tell_the_digest(
    api: Api, bucket_of_files: S3Store, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS})
    (key,) = await keys_of(bucket_of_files)
    digest = promised("", WEIGHTS)["sha256"]
    assert key.startswith(f"team/models/{api.viewer.organization_id.hex}/{digest[:2]}/{digest}-")


async def test_the_same_bytes_that_came_twice_are_kept_once(api: Api, version: str, artifact_store: str) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS, "b.bin": WEIGHTS})
    (kept,) = await rows_of(api, "remote_blob")
    (loose,) = await rows_of(api, "loose_object")
    assert kept["sha256"] == loose["sha256"]
    assert loose["path"] is None


async def test_a_list_of_links_costs_no_statement_and_no_errand(
    api: Api, artifact: str, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": b"a"})
    await api(ENTRIES, id=version)
    one = api.statements
    many = await opened(api, artifact)
    await sent(api, many, {f"{number}.bin": bytes([number]) for number in range(20)})
    found = await api(ENTRIES, id=many)
    assert len(found["artifactVersion"]["entries"]) == 20
    assert api.statements == one
    assert all("/download/" in entry["downloadUrl"] for entry in found["artifactVersion"]["entries"])


async def test_ranges_are_those_of_the_store(
    api: Api, anonymous: httpx.AsyncClient, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    (entry,) = await sent(api, version, {"a.bin": WEIGHTS})
    answer = await fetched(anonymous, entry["downloadUrl"], range="bytes=0-3")
    assert (answer.status_code, answer.content) == (206, WEIGHTS[:4])


async def test_a_head_is_answered_without_the_store(
    api: Api, anonymous: httpx.AsyncClient, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    (entry,) = await sent(api, version, {"a.bin": WEIGHTS})
    answer = await anonymous.head(entry["downloadUrl"])
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(WEIGHTS)))
    assert answer.headers["etag"] == f'"{entry["sha256"]}"'
    known = await anonymous.get(entry["downloadUrl"], headers={"if-none-match": answer.headers["etag"]})
    assert known.status_code == 304


async def test_files_do_not_go_through_this_server(
    api: Api, client: httpx.AsyncClient, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    answer = await client.put(f"/artifacts/{version}/a.bin", content=b"a")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (409, "CONFLICT")
    assert "requestUploads" in error["extensions"]["hint"]
    assert await rows_of(api, "artifact_entry") == await rows_of(api, "blob") == []


async def test_without_a_store_files_go_to_this_server(api: Api, version: str) -> None:
    error = await refused(api, "CONFLICT", REQUEST, version=version, files=[promised("a.bin", b"a")])
    assert "uploadUrl" in error["extensions"]["hint"]


async def test_another_setting_leaves_files_readable(
    api: Api,
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    *,
    project: str,
    version: str,
    artifact_store: str,
) -> None:
    assert artifact_store
    (there,) = await sent(api, version, {"a.bin": WEIGHTS})
    await api(SET_STORE, project=project, connector=None)
    assert (await client.put(f"/artifacts/{version}/here.bin", content=b"here")).status_code == 200
    found = (await api(ENTRIES, id=version))["artifactVersion"]["entries"]
    assert (await anonymous.get(found[1]["downloadUrl"])).content == b"here"
    assert (await fetched(anonymous, there["downloadUrl"])).content == WEIGHTS
