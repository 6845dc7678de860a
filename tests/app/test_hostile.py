"""Requests that nobody means well: each is answered in GraphQL's form, and nothing is used up or changed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.answers import MASKED
from maestro.db.engine import Database
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import ensure_owner
from tests.fixtures.artifacts import new_artifact, opened, told
from tests.fixtures.graphql import Api, owners_key
from tests.fixtures.registry import new_project


@pytest.mark.parametrize("path", ["/nothing", "/graphiql/nothing", "/static/nothing.css", "/download/a/b"])
async def test_an_address_of_nothing_is_told_by_a_code(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, told(answer)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fpages.py",
        "/static/%2e%2e/pages.py",
        "/static/%2fetc%2fpasswd",
        "/static/..%5c..%5cpages.py",
        "/static/%00",
        "/graphiql/..%2f..%2fcli%2f__init__.py",
        "/graphiql/%00",
        "/static/" + "a" * 5000,
    ],
)
async def test_no_path_leads_out_of_the_folder_of_pages(anonymous: httpx.AsyncClient, path: str) -> None:
    answer = await anonymous.get(path)
    assert (answer.status_code, told(answer)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/", {"GET", "HEAD"}), ("OPTIONS", "/graphql", {"GET", "HEAD", "POST"}), ("GET", "/sign-out", {"POST"})],
)
async def test_a_method_of_another_address_is_told_by_a_code(
    client: httpx.AsyncClient, *, method: str, path: str, allowed: set[str]
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, told(answer)["code"]) == (405, "BAD_REQUEST")
    assert set(answer.headers["allow"].split(", ")) == allowed


async def test_looking_at_a_link_does_not_use_it_up(runtime: Runtime, anonymous: httpx.AsyncClient) -> None:
    owner = await ensure_owner(runtime.db)
    token = await runtime.access.create_link_token(owner.user_id)
    looked = await anonymous.head("/sign-in", params={"token": token})
    assert looked.status_code == 200
    assert "set-cookie" not in looked.headers
    assert (await anonymous.get("/sign-in", params={"token": token})).status_code == 303


async def test_a_link_that_many_open_at_once_lets_one_in(runtime: Runtime, anonymous: httpx.AsyncClient) -> None:
    owner = await ensure_owner(runtime.db)
    token = await runtime.access.create_link_token(owner.user_id)
    answers = await asyncio.gather(*(anonymous.get("/sign-in", params={"token": token}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [403] * 19


@pytest.mark.parametrize("value", ["mst_é", "mst_" + "x" * 20_000, "目".encode().decode("latin-1")])
async def test_a_key_beyond_ascii_or_measure_is_refused(anonymous: httpx.AsyncClient, value: str) -> None:
    headers = {b"authorization": f"Bearer {value}".encode("latin-1")}
    answer = await anonymous.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert (answer.status_code, told(answer)["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("junk", [b"maestro_session=\xff\xfe; ;;;=;a", b"maestro_session=", b"=", b"maestro_session"])
async def test_junk_in_cookies_is_nobody(anonymous: httpx.AsyncClient, junk: bytes) -> None:
    answer = await anonymous.post("/graphql", json={"query": "{ __typename }"}, headers={b"cookie": junk})
    assert (answer.status_code, told(answer)["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", ["%FF", "a%FE.txt", "%ED%A0%80"])
async def test_a_path_that_is_no_text_is_refused_lest_two_files_become_one(
    api: Api, client: httpx.AsyncClient, path: str
) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    await client.post("/graphql", json={"query": "{ __typename }"})
    before = await api.state()
    answer = await client.put(f"/artifacts/{version}/{path}", content=b"x")
    assert (answer.status_code, told(answer)["code"], told(answer)["field"]) == (400, "BAD_USER_INPUT", "path")
    assert await api.state() == before


async def test_a_body_that_is_cut_off_is_told_so(app: Starlette, client: httpx.AsyncClient) -> None:
    answered: list[Any] = []
    messages = [
        {"type": "http.request", "body": b'{"query": "{ __type', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    headers = [(b"authorization", client.headers["authorization"].encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    assert answered[0]["status"] == 400
    assert b"The body was cut off." in answered[1]["body"]


class TestWithLittlePatience:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"operation_timeout": timedelta(seconds=0.2)})

    async def test_a_body_that_comes_too_slowly_is_not_waited_for(self, client: httpx.AsyncClient) -> None:
        async def slowly() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.02)

        answer = await client.post("/graphql", content=slowly(), headers={"content-type": "application/json"})
        assert (answer.status_code, told(answer)["code"]) == (408, "BAD_REQUEST")


async def test_what_goes_wrong_outside_of_an_operation_is_masked_too(
    app: Starlette, runtime: Runtime, db: Database
) -> None:
    key = await owners_key(runtime)
    async with db.transaction() as tx:
        await tx.fetch_sql("ALTER TABLE artifact_version RENAME TO secret_name_of_a_table")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        answer = await client.put(f"/artifacts/artifact_version_{'0' * 32}/a", content=b"x")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["message"]) == (500, MASKED)
    assert error["extensions"].keys() == {"code", "traceId"}
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
