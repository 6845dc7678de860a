"""Answers that are given again over HTTP: the same bytes while nothing has changed, to whoever may have them alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from app.server import create_app
from maestro.access import Permission
from maestro.access.keys import KeySpec
from maestro.cache import Cache
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.access import make_key, service_account
from tests.fixtures.graphql import Api, api_key, browser, owners_key

NAMES = "query Names { projects { totalCount nodes { name } } }"
RENAME = "mutation ($id: ID!, $name: String!) { updateProject(id: $id, input: {name: $name}) { __typename } }"
CREATE = "mutation ($name: String!) { createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } } }"
SECONDS = 5.0
WHO = "{ viewer { user { name } method permissions } projects { nodes { name } } }"


async def ask(client: httpx.AsyncClient, query: str = NAMES, **variables: Any) -> Any:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    content = answer.json()
    assert "errors" not in content, content
    return content["data"]


async def create(client: httpx.AsyncClient, name: str) -> str:
    made = (
        "mutation ($name: String!) { createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } } }"
    )
    data = await ask(client, made, name=name)
    found: str = data["createProject"]["project"]["id"]
    return found


def names(data: Any) -> list[str]:
    return sorted(node["name"] for node in data["projects"]["nodes"])


def kept(runtime: Runtime) -> Cache:
    assert runtime.cache is not None
    return runtime.cache


@pytest.fixture
async def elsewhere(settings: Settings, server_url: str, app: Starlette) -> AsyncIterator[Starlette]:
    """Another server on the same database."""
    other = create_app(settings, server_url)
    async with other.router.lifespan_context(other):
        yield other


async def test_an_answer_is_given_again_without_a_statement(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await create(client, "one")
    first = [await ask(client) for _ in range(2)]
    before = runtime.db.statements_run
    again = [await ask(client) for _ in range(3)]
    assert runtime.db.statements_run == before
    assert [*first, *again] == [{"projects": {"totalCount": 1, "nodes": [{"name": "one"}]}}] * 5
    assert kept(runtime).answers.stats.hits == 4


async def test_other_variables_operations_and_documents_have_answers_of_their_own(client: httpx.AsyncClient) -> None:
    for name in ("one", "two"):
        await create(client, name)
    page = "query A($first: Int) { projects(first: $first) { nodes { name } } } query B { projects { totalCount } }"

    async def counted(**members: Any) -> Any:
        answer = await client.post("/graphql", json={"query": page, **members})
        return answer.json()["data"]["projects"]

    for _ in range(3):
        assert len((await counted(operationName="A", variables={"first": 1}))["nodes"]) == 1
        assert len((await counted(operationName="A", variables={"first": 2}))["nodes"]) == 2
        assert await counted(operationName="B") == {"totalCount": 2}


async def test_a_write_of_ones_own_is_seen_by_the_next_question(client: httpx.AsyncClient) -> None:
    expected: list[str] = []
    for number in range(10):
        assert names(await ask(client)) == expected
        await create(client, f"project {number}")
        expected = sorted([*expected, f"project {number}"])


async def test_a_write_elsewhere_is_seen_by_the_next_question(
    client: httpx.AsyncClient, elsewhere: Starlette, runtime: Runtime
) -> None:
    async with browser(elsewhere, authorization=f"Bearer {await owners_key(runtime)}") as other:
        project = await create(other, "one")
        for number in range(10):
            await ask(client)
            await ask(other, RENAME, id=project, name=f"name {number}")
            assert names(await ask(client)) == [f"name {number}"]


async def test_what_two_servers_write_and_read_for_some_seconds_is_never_stale(
    client: httpx.AsyncClient, elsewhere: Starlette, runtime: Runtime
) -> None:
    async with browser(elsewhere, authorization=f"Bearer {await owners_key(runtime)}") as other:
        project = await create(client, "0")
        done, stale, reads = 0, 0, 0
        until = time.monotonic() + SECONDS

        async def write() -> None:
            nonlocal done
            while time.monotonic() < until:
                await ask(other, RENAME, id=project, name=str(done + 1))
                done += 1

        async def read(reader: httpx.AsyncClient) -> None:
            nonlocal stale, reads
            while time.monotonic() < until:
                least = done
                (name,) = names(await ask(reader))
                stale += int(name) < least
                reads += 1

        await asyncio.gather(write(), *(read(reader) for reader in (client, other) for _ in range(4)))
    assert (stale, done > 20, reads > 200) == (0, True, True)
    assert kept(runtime).answers.stats.hits > 0


async def test_an_answer_of_one_organization_is_not_anothers(
    client: httpx.AsyncClient, app: Starlette, *, runtime: Runtime, foreign: Api
) -> None:
    await create(client, "secret")
    theirs = KeySpec(organization_id=foreign.viewer.organization_id, user_id=foreign.viewer.actor_id, name="theirs")
    async with browser(app, authorization=f"Bearer {await api_key(runtime, theirs)}") as stranger:
        for _ in range(3):
            assert names(await ask(client)) == ["secret"]
            assert names(await ask(stranger)) == []


async def test_a_narrower_key_gets_no_answer_of_a_wider_one(
    client: httpx.AsyncClient, app: Starlette, *, runtime: Runtime, owner: Owner
) -> None:
    for _ in range(3):
        await create(client, uuid4().hex)
        await ask(client)
    scopes = [permission.value for permission in Permission if permission is not Permission.PROJECT_READ]
    narrow = await make_key(runtime, owner, scopes=scopes)
    appending = await make_key(runtime, owner, is_append_only=True)
    for key in (narrow, appending):
        async with browser(app, authorization=f"Bearer {key}") as other:
            answer = (await other.post("/graphql", json={"query": NAMES})).json()
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert len(names(await ask(client))) == 3


async def test_what_is_about_the_viewer_is_given_to_them_alone(
    client: httpx.AsyncClient, person: httpx.AsyncClient, *, app: Starlette, runtime: Runtime, owner: Owner
) -> None:
    account = await make_key(runtime, owner, user_id=None, service_account_id=await service_account(runtime, owner))
    async with browser(app, authorization=f"Bearer {account}") as program:
        for _ in range(3):
            assert (await ask(client, WHO))["viewer"]["method"] == "API_KEY"
            assert (await ask(person, WHO))["viewer"]["method"] == "SESSION"
            assert (await ask(program, WHO))["viewer"]["user"] is None


async def test_an_answer_with_an_error_is_not_kept(client: httpx.AsyncClient, runtime: Runtime) -> None:
    query = 'query { projects { nodes { name } } project(id: "project_00000000000000000000000000000000") { id } }'
    for _ in range(3):
        answer = (await client.post("/graphql", json={"query": query})).json()
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert len(kept(runtime).answers) == 0


async def test_a_get_is_told_that_what_it_has_is_still_so(client: httpx.AsyncClient) -> None:
    await create(client, "one")
    first = await client.get("/graphql", params={"query": NAMES})
    again = await client.get("/graphql", params={"query": NAMES}, headers={"if-none-match": first.headers["etag"]})
    assert (first.headers["cache-control"], first.headers["age"]) == ("private, no-cache", "0")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await create(client, "two")
    other = await client.get("/graphql", params={"query": NAMES}, headers={"if-none-match": first.headers["etag"]})
    assert (other.status_code, other.headers["etag"] == first.headers["etag"]) == (200, False)


async def test_what_depends_on_no_data_may_be_kept_by_anybody_for_a_while(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/graphql", params={"query": "{ roles { role } }"}) for _ in range(2)]
    assert [answer.headers["cache-control"] for answer in answers] == ["public, max-age=3600"] * 2


@pytest.mark.parametrize("query", ["{ viewer { sessions { id } } }", "{ auditLog { nodes { id } } }"])
async def test_what_has_no_policy_is_kept_by_nobody(client: httpx.AsyncClient, query: str) -> None:
    answers = [await client.get("/graphql", params={"query": query}) for _ in range(2)]
    assert [one.headers["cache-control"] for one in answers] == ["no-store"] * 2


async def test_an_answer_to_a_post_is_kept_by_no_browser(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/graphql", json={"query": NAMES}) for _ in range(2)]
    assert [(one.headers["cache-control"], "etag" in one.headers) for one in answers] == [("no-store", False)] * 2


async def test_an_answer_that_was_kept_costs_what_it_cost(client: httpx.AsyncClient) -> None:
    answers = [(await client.post("/graphql", json={"query": NAMES})) for _ in range(3)]
    costs = [answer.json()["extensions"]["cost"] for answer in answers]
    assert len({cost["requested"] for cost in costs}) == 1
    assert [cost["remaining"] for cost in costs] == [
        costs[0]["remaining"] - i * costs[0]["requested"] for i in range(3)
    ]
    assert all(answer.headers["ratelimit"] for answer in answers)


async def test_who_has_used_up_a_limit_gets_no_answer_that_was_kept(server_url: str, settings: Settings) -> None:
    narrow = settings.model_copy(update={"rate_limit_requests": "3/hour"})
    limited = create_app(narrow, server_url)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(limited.router.lifespan_context(limited))
        key = await owners_key(limited.state.runtime)
        other = await stack.enter_async_context(browser(limited, authorization=f"Bearer {key}"))
        statuses = [(await other.post("/graphql", json={"query": NAMES})).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


async def test_who_was_turned_out_gets_no_answer_that_was_kept(
    client: httpx.AsyncClient, runtime: Runtime, owner: Owner
) -> None:
    await ask(client)
    await ask(client)
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE api_key SET revoked_at = now() WHERE user_id = $1", owner.user_id)
    runtime.access.forget()
    assert (await client.post("/graphql", json={"query": NAMES})).status_code == 401


async def test_switched_off_nothing_is_kept(server_url: str, settings: Settings) -> None:
    off = create_app(settings.model_copy(update={"cache": False}), server_url)
    async with off.router.lifespan_context(off):
        runtime: Runtime = off.state.runtime
        assert runtime.cache is None
        await ensure_owner(runtime.db)
        async with browser(off, authorization=f"Bearer {await owners_key(runtime)}") as other:
            await ask(other)
            before = runtime.db.statements_run
            await ask(other)
            assert runtime.db.statements_run > before
            assert await ask(other, "{ cacheStats { checks } }") == {"cacheStats": None}


async def test_when_it_is_not_known_what_has_changed_answers_are_computed(
    client: httpx.AsyncClient, runtime: Runtime, db: Any
) -> None:
    await create(client, "one")
    for _ in range(2):
        await ask(client)
    await db.fetch_sql("ALTER TABLE data_version RENAME TO gone")
    before = runtime.db.statements_run
    assert names(await ask(client)) == ["one"]
    assert runtime.db.statements_run > before


async def test_many_who_miss_the_same_answer_compute_it_once(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await create(client, "one")
    await ask(client)
    await create(client, "two")
    before = runtime.db.statements_run
    await ask(client)
    cost = runtime.db.statements_run - before
    await create(client, "three")
    before = runtime.db.statements_run
    answers = await asyncio.gather(*(ask(client) for _ in range(50)))
    assert runtime.db.statements_run - before == cost
    assert {tuple(names(answer)) for answer in answers} == {("one", "three", "two")}


async def test_who_waits_for_an_answer_that_comes_to_nothing_computes_it(client: httpx.AsyncClient) -> None:
    query = 'query { projects { nodes { name } } project(id: "project_00000000000000000000000000000000") { id } }'
    for _ in range(2):
        answers = await asyncio.gather(*(client.post("/graphql", json={"query": query}) for _ in range(10)))
        assert {answer.json()["errors"][0]["extensions"]["code"] for answer in answers} == {"NOT_FOUND"}
