"""Body limits, broken-off bodies, headers, and a database that is away."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from app.middleware import COOKIE, SAFE_HEADERS
from app.middleware.heads import LARGEST_HEADERS
from maestro.access.secrets import hash_of
from maestro.db.engine import Database
from maestro.postgres import Address
from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.fixtures.graphql import Api, owners_key, untraced

JSON = {"content-type": "application/json"}
CREATE = b'{"query": "mutation { createProject(input: {name: \\"x\\"}) { __typename } }"}'
TOO_LARGE = {
    "errors": [
        {
            "message": "The body is larger than 2,000 bytes.",
            "extensions": {
                "code": "PAYLOAD_TOO_LARGE",
                "hint": "Send points in smaller batches, and files through their upload address.",
            },
        }
    ]
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_body_bytes": 2000})


async def chunks(body: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def padded(length: int) -> bytes:
    return CREATE + b" " * (length - len(CREATE))


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", content=padded(2000), headers=JSON)
    assert answer.json()["data"] == {"createProject": {"__typename": "ProjectSaved"}}


async def test_a_body_in_chunks_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", content=chunks(padded(2000)), headers=JSON)
    assert answer.json()["data"] == {"createProject": {"__typename": "ProjectSaved"}}


async def test_a_body_declared_larger_than_the_limit_is_refused(client: httpx.AsyncClient, api: Api) -> None:
    before = await api.state()
    answer = await client.post("/graphql", content=padded(2001), headers=JSON)
    assert (answer.status_code, untraced(answer)) == (413, TOO_LARGE)
    assert await state_but_for_the_key(api) == before


async def test_a_body_in_chunks_larger_than_the_limit_is_refused(client: httpx.AsyncClient, api: Api) -> None:
    before = await api.state()
    answer = await client.post("/graphql", content=chunks(padded(2001)), headers=JSON)
    assert (answer.status_code, untraced(answer)) == (413, TOO_LARGE)
    assert await state_but_for_the_key(api) == before


async def state_but_for_the_key(api: Api) -> str:
    """The state of the database as it was before a key was used."""
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE api_key SET last_used_at = NULL")
    return await api.state()


async def test_a_body_that_breaks_off_executes_nothing(app: Starlette, client: httpx.AsyncClient, api: Api) -> None:
    before = await api.state()
    whole = CREATE.replace(b'"}', b'"}   ')
    sent = await exchange(
        app,
        client,
        {"type": "http.request", "body": whole[:-1], "more_body": True},
        {"type": "http.disconnect"},
    )
    assert [message["status"] for message in sent if "status" in message] == [400]
    assert await state_but_for_the_key(api) == before


async def exchange(app: Starlette, client: httpx.AsyncClient, *received: Message) -> list[Message]:
    """Send messages to the application as a server would, and return what it sends."""
    messages, sent = iter(received), []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {**JSON, "authorization": client.headers["authorization"]}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "POST",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return sent


async def test_a_declared_length_that_is_no_number_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", content=CREATE, headers={**JSON, "content-length": "-5"})
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/", "/livez", "/graphql", "/sign-in", "/static/pages.css", "/no-such-page"])
async def test_every_answer_carries_the_headers_that_keep_browsers_safe(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    answer = await anonymous.get(path)
    assert {name: answer.headers.get(name) for name in SAFE_HEADERS} == SAFE_HEADERS


async def test_refusals_and_failures_carry_them_too(app: Starlette, client: httpx.AsyncClient, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("ALTER TABLE artifact_version RENAME TO away")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=client.headers
    ) as unshielded:
        answers = {
            413: await unshielded.post("/graphql", content=padded(2001), headers=JSON),
            431: await unshielded.get("/livez", headers={"cookie": "a" * LARGEST_HEADERS}),
            405: await unshielded.put("/livez"),
            500: await unshielded.put(f"/artifacts/artifact_version_{'0' * 32}/a", content=b"x"),
        }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in SAFE_HEADERS} == SAFE_HEADERS
        assert answer.headers["cache-control"] == "no-store"


async def test_answers_with_data_or_secrets_are_kept_by_nobody(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post("/graphql", json={"query": "{ __typename }"}),
        await client.get("/graphql", params={"query": "{ __typename }"}),
        await client.get("/sign-in", params={"token": "made-up"}),
        await client.post("/sign-out"),
        await client.get("/graphiql/examples.json"),
    ]
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 5


async def test_files_of_pages_may_be_kept(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/static/pages.css")
    assert ("etag" in answer.headers, "cache-control" in answer.headers) == (True, False)


async def test_https_is_demanded_where_it_is_spoken(app: Starlette, anonymous: httpx.AsyncClient) -> None:
    assert "strict-transport-security" not in (await anonymous.get("/livez")).headers
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver") as client:
        assert (await client.get("/livez")).headers["strict-transport-security"] == "max-age=31536000"


async def test_unknown_expired_and_revoked_keys_are_answered_alike(
    runtime: Runtime, anonymous: httpx.AsyncClient
) -> None:
    keys = ["mst_made-up"]
    for column in ("expires_at", "revoked_at"):
        keys.append(await owners_key(runtime))
        async with runtime.db.transaction() as tx:
            await tx.fetch_sql(f"UPDATE api_key SET {column} = now() WHERE secret_hash = $1", hash_of(keys[-1]))
    answers = [await anonymous.get("/graphql", headers={"authorization": f"Bearer {key}"}) for key in keys]
    assert [answer.status_code for answer in answers] == [401] * 3
    heads = [sorted(set(answer.headers.items()) - {("x-trace-id", answer.headers["x-trace-id"])}) for answer in answers]
    assert untraced(answers[0]) == untraced(answers[1]) == untraced(answers[2])
    assert heads[0] == heads[1] == heads[2]


async def test_the_query_editor_runs_no_foreign_script_and_is_shown_in_no_frame(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphiql")
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "worker-src": "'self' blob:",
        "font-src": "'self' data:",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_an_answer_names_no_server_software(client: httpx.AsyncClient) -> None:
    assert "server" not in (await client.get("/livez")).headers


@pytest.fixture
async def outage(runtime: Runtime, postgres: Address) -> None:
    """The database refuses every connection, and has ended those that were open."""
    name = runtime.db.url.database
    other = await asyncpg.connect(replace(postgres, database="postgres").url("postgresql"))
    await other.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await other.close()


@pytest.mark.usefixtures("outage")
async def test_a_credential_that_cannot_be_checked_is_answered_with_503(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer mst_x"}
    )
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert untraced(answer) == {
        "errors": [
            {
                "message": "The database does not answer.",
                "extensions": {"code": "SERVICE_UNAVAILABLE", "hint": "Try again after a pause."},
            }
        ]
    }


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize(
    ("path", "status"), [("/livez", 200), ("/readyz", 503), ("/", 200), ("/static/pages.css", 200)]
)
async def test_public_pages_answer_a_browser_with_a_session_while_the_database_is_away(
    anonymous: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await anonymous.get(path, headers={"cookie": f"{COOKIE}=x", "authorization": "Bearer mst_x"})
    assert answer.status_code == status


@pytest.mark.usefixtures("outage")
async def test_readiness_says_that_the_database_is_away(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "unavailable", "problem": "The database does not answer."},
    )
    assert answer.headers["retry-after"] == "5"
