"""Files over HTTP out of the store, by signed links."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette

from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.fixtures.artifacts import CONTENT, ENTRIES, MEGABYTE, SHA256, in_parts, new_artifact, opened, stored, told
from tests.fixtures.graphql import Api
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


async def link(api: Api, client: httpx.AsyncClient, version: str, *, path: str = "data.bin", **headers: str) -> str:
    """Send a file and return the address from which it can be fetched."""
    await client.put(f"/artifacts/{version}/{path}", content=CONTENT, headers=headers)
    data = await api(ENTRIES, id=version)
    address: str = data["artifactVersion"]["entries"][0]["downloadUrl"]
    return address


async def test_a_link_gives_the_bytes_to_anybody(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str
) -> None:
    response = await anonymous.get(await link(api, client, version, path="data.csv"))
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["content-type"] == "text/csv"
    assert response.headers["content-length"] == "10240"
    assert response.headers["etag"] == f'"{SHA256}"'


async def test_what_is_fetched_cannot_run_in_a_browser(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str
) -> None:
    address = await link(api, client, version, path="page.html", **{"content-type": "text/html"})
    headers = (await anonymous.get(address)).headers
    assert headers["content-disposition"] == 'attachment; filename="page.html"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("name", ["größe 1.csv", 'a"; filename="b.exe', "目.bin", "a;b,c", "%41", "a'b"])
async def test_any_file_name_survives_as_one_value(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str, name: str
) -> None:
    query = "query ($id: ID!, $path: String!) { artifactVersion(id: $id) { uploadUrl(path: $path) } }"
    upload = (await api(query, id=version, path=f"dir/{name}"))["artifactVersion"]["uploadUrl"]
    await client.put(upload, content=CONTENT)
    address = (await api(ENTRIES, id=version))["artifactVersion"]["entries"][0]["downloadUrl"]
    disposition = (await anonymous.get(address)).headers["content-disposition"]
    encoded = disposition.removeprefix("attachment; filename*=utf-8''")
    assert unquote(encoded) == name
    assert not set(encoded) & set("\"'; ,")


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("bytes=0-0", range(1)), ("bytes=100-199", range(100, 200)), ("bytes=-10", range(10_230, 10_240))],
)
async def test_a_range_gives_that_part(
    api: Api, client: httpx.AsyncClient, *, version: str, wanted: str, part: range
) -> None:
    response = await client.get(await link(api, client, version), headers={"range": wanted})
    assert response.status_code == 206
    assert response.content == CONTENT[part.start : part.stop]
    assert response.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/10240"


async def test_a_range_beyond_the_end_is_refused(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str
) -> None:
    response = await anonymous.get(await link(api, client, version), headers={"range": "bytes=10240-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */10240"


async def test_who_has_the_bytes_is_not_sent_them_again(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str
) -> None:
    address = await link(api, client, version)
    known = await anonymous.get(address, headers={"if-none-match": f'"other", W/"{SHA256}"'})
    assert (known.status_code, known.content) == (304, b"")
    other = await anonymous.get(address, headers={"if-none-match": '"other"'})
    assert other.status_code == 200


async def test_head_tells_the_size_alone(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str
) -> None:
    response = await anonymous.head(await link(api, client, version))
    assert (response.status_code, response.headers["content-length"], response.content) == (200, "10240", b"")


async def test_a_forged_link_is_refused(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str, runtime: Runtime
) -> None:
    address = await link(api, client, version)
    content, _, signature = address.removeprefix("/download/").rpartition(".")
    forger = Api(replace(runtime, secret=b"y" * 32), api.viewer)
    elsewhere = (await forger(ENTRIES, id=version))["artifactVersion"]["entries"][0]["downloadUrl"]
    changed = f"/download/{content[:-1]}{'A' if content[-1] != 'A' else 'B'}.{signature}"
    for forged in (elsewhere, changed, f"/download/{content}", "/download/x"):
        response = await anonymous.get(forged)
        assert (response.status_code, told(response)["code"]) == (403, "FORBIDDEN")


async def test_an_expired_link_is_refused(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str, runtime: Runtime
) -> None:
    await link(api, client, version)
    hasty = replace(runtime, settings=runtime.settings.model_copy(update={"download_ttl": timedelta(seconds=-1)}))
    data = await Api(hasty, api.viewer)(ENTRIES, id=version)
    response = await anonymous.get(data["artifactVersion"]["entries"][0]["downloadUrl"])
    assert (response.status_code, told(response)["code"]) == (403, "FORBIDDEN")
    assert response.json()["errors"][0]["message"] == "This link is too old."


async def test_a_link_to_bytes_that_are_gone_is_not_found(
    api: Api, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, *, version: str, store: Path
) -> None:
    address = await link(api, client, version)
    stored(store)[0].unlink()
    response = await anonymous.get(address)
    assert (response.status_code, told(response)["code"]) == (404, "NOT_FOUND")


async def test_a_large_file_is_never_held_in_memory_on_its_way_out(
    app: Starlette, api: Api, client: httpx.AsyncClient, *, version: str
) -> None:
    await client.put(f"/artifacts/{version}/large", content=in_parts(64 * MEGABYTE))
    address = (await api(ENTRIES, id=version))["artifactVersion"]["entries"][0]["downloadUrl"]
    received = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal received
        received += len(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": address,
        "query_string": b"",
        "headers": [],
    }
    tracemalloc.start()
    try:
        await app(scope, receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received == 64 * MEGABYTE
    assert peak < 16 * MEGABYTE


async def test_a_link_names_the_server_that_is_reached_under_another_address(api: Api, version: str) -> None:
    settings = api.runtime.settings.model_copy(update={"public_url": "https://ml.example.org/maestro/"})
    public = Api(replace(api.runtime, settings=settings), api.viewer)
    query = 'query ($id: ID!) { artifactVersion(id: $id) { uploadUrl(path: "a") } }'
    data = await public(query, id=version)
    assert data["artifactVersion"]["uploadUrl"] == f"https://ml.example.org/maestro/artifacts/{version}/a"
