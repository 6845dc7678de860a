"""Files over HTTP into open artifact versions."""

import asyncio
import base64
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from maestro.access.keys import KeySpec
from maestro.settings import Settings
from tests.fixtures.artifacts import (
    COMMIT,
    CONTENT,
    DELETE_ARTIFACT,
    ENTRIES,
    MEGABYTE,
    SHA256,
    committed,
    in_parts,
    new_artifact,
    opened,
    stored,
    told,
)
from tests.fixtures.graphql import Api, untraced
from tests.fixtures.registry import new_project


@pytest.fixture
async def artifact(api: Api) -> str:
    return await new_artifact(api, await new_project(api))


@pytest.fixture
async def version(api: Api, artifact: str) -> str:
    return await opened(api, artifact)


@pytest.fixture
def store(settings: Settings, app: Starlette) -> Path:
    return settings.data_dir / "blobs"


async def recorded(api: Api) -> int:
    """How many files and blobs the database knows."""
    rows = await api.runtime.db.fetch_sql("SELECT 1 FROM artifact_entry UNION ALL SELECT 1 FROM blob")
    return len(rows)


async def test_a_file_is_stored_and_listed(api: Api, client: httpx.AsyncClient, version: str) -> None:
    response = await client.put(f"/artifacts/{version}/plots/roc.png", content=CONTENT)
    assert response.status_code == 200
    assert response.json() == {"path": "plots/roc.png", "sha256": SHA256, "sizeBytes": 10_240}
    data = await api(ENTRIES, id=version)
    (entry,) = data["artifactVersion"]["entries"]
    assert (entry["path"], entry["sha256"], entry["mediaType"]) == ("plots/roc.png", SHA256, "image/png")
    assert (data["artifactVersion"]["fileCount"], data["artifactVersion"]["sizeBytes"]) == (1, 10_240)


async def test_a_file_goes_where_the_version_says(api: Api, client: httpx.AsyncClient, version: str) -> None:
    query = "query ($id: ID!, $path: String!) { artifactVersion(id: $id) { uploadUrl(path: $path) } }"
    path = "größe/a b?#%2e.txt"
    data = await api(query, id=version, path=path)
    response = await client.put(data["artifactVersion"]["uploadUrl"], content=CONTENT)
    assert response.json()["path"] == path


async def test_the_senders_media_type_is_kept(api: Api, client: httpx.AsyncClient, version: str) -> None:
    headers = {"content-type": "text/csv; charset=utf-8"}
    await client.put(f"/artifacts/{version}/a.bin", content=CONTENT, headers=headers)
    data = await api(ENTRIES, id=version)
    assert data["artifactVersion"]["entries"][0]["mediaType"] == "text/csv; charset=utf-8"


async def test_files_that_come_at_once_are_all_counted(api: Api, client: httpx.AsyncClient, version: str) -> None:
    paths = [f"{number}/a" for number in range(8)]
    await asyncio.gather(*(client.put(f"/artifacts/{version}/{path}", content=CONTENT) for path in paths))
    listed = (await api(ENTRIES, id=version))["artifactVersion"]
    assert [entry["path"] for entry in listed["entries"]] == paths
    assert (listed["fileCount"], listed["sizeBytes"]) == (8, 81_920)


async def test_a_large_body_is_never_held_in_memory(client: httpx.AsyncClient, version: str, store: Path) -> None:
    tracemalloc.start()
    try:
        response = await client.put(f"/artifacts/{version}/large", content=in_parts(64 * MEGABYTE))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.json()["sizeBytes"] == 64 * MEGABYTE
    assert peak < 16 * MEGABYTE
    (blob,) = stored(store)
    assert blob.stat().st_size == 64 * MEGABYTE


async def test_a_body_that_is_cut_off_leaves_nothing(
    app: Starlette, api: Api, client: httpx.AsyncClient, *, version: str, store: Path
) -> None:
    messages = [
        {"type": "http.request", "body": b"x" * 2 * MEGABYTE, "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "path": f"/artifacts/{version}/a",
        "query_string": b"",
        "headers": [(b"authorization", client.headers["authorization"].encode())],
    }
    await app(scope, receive, send)
    assert messages == []
    assert answered[0]["status"] == 400
    assert stored(store) == []
    assert await recorded(api) == 0


DIGESTS = [
    {"x-content-sha256": SHA256.upper()},
    {"digest": "md5=x, SHA-256=" + base64.b64encode(bytes.fromhex(SHA256)).decode()},
    {"digest": "md5=Q2hlY2sgSW50ZWdyaXR5IQ=="},
]


@pytest.mark.parametrize("headers", DIGESTS)
async def test_a_body_with_its_digest_is_stored(
    client: httpx.AsyncClient, version: str, headers: dict[str, str]
) -> None:
    response = await client.put(f"/artifacts/{version}/a", content=CONTENT, headers=headers)
    assert response.json()["sha256"] == SHA256


WRONG = hashlib.sha256(b"something else")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-content-sha256": WRONG.hexdigest()},
        {"digest": "sha-256=" + base64.b64encode(WRONG.digest()).decode()},
    ],
)
async def test_a_body_with_another_digest_leaves_nothing(
    api: Api, client: httpx.AsyncClient, *, version: str, store: Path, headers: dict[str, str]
) -> None:
    response = await client.put(f"/artifacts/{version}/a", content=CONTENT, headers=headers)
    assert response.status_code == 422
    extensions = told(response)
    assert extensions["code"] == "DIGEST_MISMATCH"
    assert (extensions["expected"], extensions["actual"]) == (WRONG.hexdigest(), SHA256)
    assert stored(store) == []
    assert await recorded(api) == 0


@pytest.mark.parametrize(
    ("path", "headers", "field"),
    [
        ("a", {"x-content-sha256": "abc"}, "X-Content-SHA256"),
        ("a", {"digest": "sha-256=%%%"}, "Digest"),
        ("a", {"digest": "sha-256=YWJj"}, "Digest"),
        ("a", {"content-type": "nonsense"}, "mediaType"),
        ("a%2F..%2Fb", {}, "path"),
        ("", {}, "path"),
        ("x" * 1001, {}, "path"),
    ],
)
async def test_a_bad_request_stores_nothing(
    client: httpx.AsyncClient, *, version: str, store: Path, path: str, headers: dict[str, str], field: str
) -> None:
    response = await client.put(f"/artifacts/{version}/{path}", content=CONTENT, headers=headers)
    assert response.status_code == 400
    assert (told(response)["code"], told(response)["field"]) == ("BAD_USER_INPUT", field)
    assert stored(store) == []


async def test_a_stranger_stores_nothing_in_a_version_of_ours(
    app: Starlette, api: Api, foreign: Api, *, version: str, store: Path
) -> None:
    spec = KeySpec(organization_id=foreign.viewer.organization_id, user_id=foreign.viewer.actor_id, name="stranger")
    key = await foreign.runtime.access.create_key(spec)
    transport = httpx.ASGITransport(app)
    headers = {"authorization": f"Bearer {key.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as stranger:
        response = await stranger.put(f"/artifacts/{version}/a", content=CONTENT)
    assert response.status_code == 404
    assert told(response)["code"] == "NOT_FOUND"
    assert stored(store) == []
    assert await recorded(api) == 0


async def test_nobody_stores_anything_without_signing_in(
    api: Api, anonymous: httpx.AsyncClient, *, version: str, store: Path
) -> None:
    response = await anonymous.put(f"/artifacts/{version}/a", content=CONTENT)
    assert response.status_code == 401
    assert stored(store) == []
    assert await recorded(api) == 0


async def test_a_version_of_nothing_is_not_found(client: httpx.AsyncClient, store: Path) -> None:
    response = await client.put(f"/artifacts/artifact_version_{'0' * 32}/a", content=CONTENT)
    assert (response.status_code, told(response)["code"]) == (404, "NOT_FOUND")
    assert stored(store) == []


async def test_a_committed_version_takes_no_more_files(
    api: Api, client: httpx.AsyncClient, *, artifact: str, store: Path
) -> None:
    version, before = await committed(api, artifact), stored(store)
    response = await client.put(f"/artifacts/{version}/c", content=CONTENT)
    assert response.status_code == 409
    assert (told(response)["code"], told(response)["state"]) == ("CONFLICT", "COMMITTED")
    assert stored(store) == before
    assert await recorded(api) == 4


async def test_a_version_in_the_trash_takes_no_files(
    api: Api, client: httpx.AsyncClient, *, artifact: str, version: str, store: Path
) -> None:
    await api(DELETE_ARTIFACT, id=artifact)
    response = await client.put(f"/artifacts/{version}/a", content=CONTENT)
    assert (response.status_code, told(response)["code"]) == (409, "CONFLICT")
    assert stored(store) == []


async def test_a_version_that_is_committed_while_a_file_comes_stays_as_it_is(
    api: Api, client: httpx.AsyncClient, version: str
) -> None:
    await client.put(f"/artifacts/{version}/a", content=CONTENT)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"half"
        await api(COMMIT, id=version)
        yield b"the rest"

    response = await client.put(f"/artifacts/{version}/b", content=slowly())
    assert (response.status_code, told(response)["state"]) == (409, "COMMITTED")
    data = await api(ENTRIES, id=version)
    assert [entry["path"] for entry in data["artifactVersion"]["entries"]] == ["a"]


class TestSmallLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_upload_bytes": 100_000})

    @pytest.mark.parametrize("declares", [True, False])
    async def test_a_body_over_the_limit_leaves_nothing(
        self, client: httpx.AsyncClient, *, version: str, store: Path, declares: bool
    ) -> None:
        body = b"x" * 131_072 if declares else in_parts(131_072)
        response = await client.put(f"/artifacts/{version}/a", content=body)
        assert response.status_code == 413
        assert untraced(response)["errors"][0]["extensions"] == {"code": "PAYLOAD_TOO_LARGE", "limit": 100_000}
        assert stored(store) == []
