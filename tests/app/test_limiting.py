"""Rate limits from outside: headers, refusals before any effect, buckets of their own, sockets, and shared limits."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from app.server import create_app
from maestro.rate_limits import RateLimiter
from maestro.runtime import Runtime
from maestro.settings import Settings
from tests.fixtures.artifacts import CONTENT, new_artifact, opened
from tests.fixtures.graphql import Api, browser, owners_key
from tests.fixtures.metrics import local
from tests.fixtures.registry import new_project
from tests.fixtures.sockets import ask, connected, listening
from tests.schema.metric_texts import batch, metric, new_run

PROJECTS = "{ projects(first: 3) { nodes { id } } }"
CREATE = 'mutation { createProject(input: {name: "x"}) { __typename } }'
LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { accepted } }"
LOG_AND_READ = LOG.replace("accepted", "run { project { experiments { nodes { id } } } }")


@pytest.fixture
def limits() -> dict[str, str | int]:
    """What a test changes of the limits."""
    return {}


@pytest.fixture
def settings(settings: Settings, limits: dict[str, str | int]) -> Settings:
    return settings.model_copy(update=limits)


def limited(**limits: str | int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("limits", [limits], ids=" ".join)


async def send(client: httpx.AsyncClient, query: str, **variables: Any) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, "variables": variables})


def code_of(answer: httpx.Response) -> str | None:
    errors = answer.json().get("errors")
    return errors[0]["extensions"]["code"] if errors else None


def fields(header: str) -> dict[str, dict[str, int]]:
    """Read a list of strings with integer parameters, as RFC 9651 writes it; fails for anything else."""
    items = header.split(", ")
    read = [re.fullmatch(r'"([a-z-]+)"((?:;[a-z]+=\d+)+)', item) for item in items]
    assert all(read), header
    pairs = [(item[1], re.findall(r";([a-z]+)=(\d+)", item[2])) for item in read if item]
    return {name: {key: int(value) for key, value in found} for name, found in pairs}


@limited(rate_limit_requests="100/minute", rate_limit_cost="1000/hour")
async def test_an_answer_tells_the_limits_and_what_is_left(client: httpx.AsyncClient) -> None:
    answer = await send(client, PROJECTS)
    assert answer.headers["ratelimit-policy"] == '"requests";q=100;w=60, "cost";q=1000;w=3600'
    left = fields(answer.headers["ratelimit"])
    assert {name: standing["r"] for name, standing in left.items()} == {"requests": 99, "cost": 995}
    assert 0 < left["requests"]["t"] <= 60
    assert 0 < left["cost"]["t"] <= 3_600
    assert answer.json()["extensions"]["cost"] == {"requested": 5, "actual": 2, "remaining": 995, "limit": 1000}


@limited(rate_limit_requests="off", rate_limit_cost="off", rate_limit_ingest="off")
async def test_limits_that_are_off_have_no_headers(client: httpx.AsyncClient) -> None:
    answer = await send(client, PROJECTS)
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers
    assert answer.json()["extensions"] == {"cost": {"requested": 5, "actual": 2}}


@limited(rate_limit_requests="1/hour")
async def test_a_refused_mutation_changes_nothing_and_says_when_to_come_again(
    client: httpx.AsyncClient, api: Api
) -> None:
    await send(client, PROJECTS)
    before = await api.state()
    answer = await send(client, CREATE)
    assert answer.status_code == 429
    [error] = answer.json()["errors"]
    retry = error["extensions"]["retryAfterSeconds"]
    assert error["extensions"] == {
        "code": "RATE_LIMITED",
        "hint": f"Send it again in {retry} s.",
        "bucket": "requests",
        "limit": 1,
        "retryAfterSeconds": retry,
        "traceId": answer.headers["x-trace-id"],
    }
    assert answer.headers["retry-after"] == str(retry)
    assert fields(answer.headers["ratelimit"])["requests"]["r"] == 0
    assert await api.state() == before


@limited(rate_limit_cost="10/hour")
async def test_an_operation_beyond_the_whole_limit_is_refused_with_advice(client: httpx.AsyncClient) -> None:
    answer = await send(client, "query ($n: Int) { projects(first: $n) { nodes { id } } }", n=100)
    assert (answer.status_code, code_of(answer)) == (429, "RATE_LIMITED")
    assert "retry-after" not in answer.headers
    assert (await send(client, PROJECTS)).status_code == 200


@limited(rate_limit_cost="2000/hour")
@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ projects(first: 3) { totalCount } }", 1 + 1 + 50),
        ("{ projects(first: 3) { nodes { runs(first: 1) { totalCount } } } }", 1 + 1 + 3 * (1 + 1 + 50)),
        ("{ verifyAuditLog { isIntact } }", 1 + 1 + 1_000),
    ],
)
async def test_what_reads_more_than_it_answers_costs_more(client: httpx.AsyncClient, query: str, cost: int) -> None:
    assert (await send(client, query)).json()["extensions"]["cost"]["requested"] == cost


@limited(rate_limit_cost="2000/hour")
async def test_a_document_full_of_counts_is_refused(client: httpx.AsyncClient) -> None:
    counts = " ".join(f"a{number}: runs {{ totalCount }}" for number in range(40))
    answer = await send(client, f"{{ {counts} }}")
    assert (answer.status_code, code_of(answer)) == (429, "RATE_LIMITED")


@limited(rate_limit_requests="1000/hour", rate_limit_organization=0)
@pytest.mark.parametrize(
    "body",
    [
        '{"query": "{ projects {"}',
        '{"query": "{ nothing }"}',
        '{"query": "query ($n: Int!) { projects(first: $n) { nodes { id } } }"}',
        '{"query"',
        "[]",
        '{"query": "subscription { runUpdated(id: \\"x\\") { id } }"}',
    ],
)
async def test_what_is_refused_for_its_form_counts_as_one_request(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.json().get("data") is None
    assert fields(answer.headers["ratelimit"])["requests"]["r"] == 999


@limited(rate_limit_requests="1/hour")
async def test_what_is_refused_for_its_form_is_limited_too(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/graphql", content="{", headers={"content-type": "application/json"}) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [400, 429]


@limited(rate_limit_requests="1/hour", rate_limit_ingest="2/hour")
async def test_logging_goes_on_while_requests_are_refused_and_the_other_way_round(
    client: httpx.AsyncClient, api: Api, runtime: Runtime
) -> None:
    run = await _run(api, runtime)
    assert (await send(client, PROJECTS)).status_code == 200
    assert (await send(client, PROJECTS)).status_code == 429
    logged = [await send(client, LOG, input=batch(run, seq, metrics=[metric([seq])])) for seq in range(3)]
    assert [answer.status_code for answer in logged] == [200, 200, 429]
    assert logged[0].headers["ratelimit-policy"] == '"ingest";q=2;w=3600'
    assert [code_of(answer) for answer in logged] == [None, None, "RATE_LIMITED"]


@limited(rate_limit_requests="2/hour")
async def test_who_has_no_request_left_is_refused_before_anything_is_looked_for(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    for _ in range(2):
        assert (await send(client, PROJECTS)).status_code == 200
    assert runtime.cache is not None
    stats = runtime.cache.answers.stats
    before = replace(stats)
    by_get = await client.get("/graphql", params={"query": PROJECTS})
    by_text = await send(client, PROJECTS)
    nameless = await client.post("/graphql", json={"query": PROJECTS, "operationName": "Unknown"})
    assert stats == before
    for answer in (by_get, by_text, nameless):
        assert (answer.status_code, code_of(answer)) == (429, "RATE_LIMITED")
        assert fields(answer.headers["ratelimit"])["requests"]["r"] == 0
        assert int(answer.headers["retry-after"]) > 0


@limited(rate_limit_cost="1000/hour")
async def test_reading_much_in_the_answer_to_logging_has_its_cost(
    client: httpx.AsyncClient, api: Api, runtime: Runtime
) -> None:
    run = await _run(api, runtime)
    answer = await send(client, LOG_AND_READ, input=batch(run, metrics=[metric([0])]))
    assert fields(answer.headers["ratelimit"])["cost"]["r"] == 1000 - (1 + 1 + 1 + 1 + 1 + 20)


@limited(rate_limit_requests="1/hour", rate_limit_ingest="100/hour")
async def test_logging_beside_anything_else_is_a_request(client: httpx.AsyncClient, api: Api, runtime: Runtime) -> None:
    run = await _run(api, runtime)
    both = LOG.replace("{ logBatch", '{ x: createProject(input: {name: "x"}) { __typename } logBatch')
    assert '"requests"' in (await send(client, both, input=batch(run))).headers["ratelimit"]
    before = await api.state()
    assert (await send(client, both, input=batch(run, 1))).status_code == 429
    assert await api.state() == before


@limited(rate_limit_ingest="1/hour")
async def test_uploads_are_limited_before_their_body_is_stored(client: httpx.AsyncClient, api: Api) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    first = await client.put(f"/artifacts/{version}/a.bin", content=CONTENT)
    assert (first.status_code, fields(first.headers["ratelimit"])["ingest"]["r"]) == (200, 0)
    before = await api.state()
    second = await client.put(f"/artifacts/{version}/b.bin", content=CONTENT)
    assert (second.status_code, code_of(second)) == (429, "RATE_LIMITED")
    assert second.headers["retry-after"] == str(second.json()["errors"][0]["extensions"]["retryAfterSeconds"])
    assert await api.state() == before


@limited(rate_limit_requests="2/hour")
async def test_an_operation_on_a_socket_is_refused_by_an_error(app: Starlette, runtime: Runtime) -> None:
    key = await owners_key(runtime)
    async with listening(app) as url, connected(url, key) as websocket:
        assert (await ask(websocket, PROJECTS))["type"] == "next"
        assert (await ask(websocket, "{ projects {"))["type"] == "error"
        refused = await ask(websocket, CREATE)
        assert refused["type"] == "error"
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["RATE_LIMITED"]


@limited(rate_limit_requests="1/hour")
async def test_a_refusal_counts_once_by_whatever_way_it_came(app: Starlette, runtime: Runtime) -> None:
    key = await owners_key(runtime)
    async with listening(app) as url, connected(url, key) as websocket:
        assert (await ask(websocket, PROJECTS))["type"] == "next"
        before = await local(app)
        assert (await ask(websocket, PROJECTS))["type"] == "error"
    async with browser(app, authorization=f"Bearer {key}") as client:
        assert (await send(client, PROJECTS)).status_code == 429
        assert (await client.get("/graphql", params={"query": PROJECTS})).status_code == 429
    assert (await local(app)).since(before, "maestro_rate_limit_refused_total") == {("requests",): 3}


@limited(rate_limit_requests="2/hour", rate_limit_organization=1)
async def test_the_keys_of_an_organisation_share_its_limit(app: Starlette, runtime: Runtime) -> None:
    outcomes = []
    for _ in range(3):
        async with browser(app, authorization=f"Bearer {await owners_key(runtime)}") as client:
            outcomes.append(await send(client, PROJECTS))
    assert [answer.status_code for answer in outcomes] == [200, 200, 429]
    assert outcomes[2].json()["errors"][0]["extensions"]["bucket"] == "organization-requests"


class TestSharedByTwoServers:
    """Two applications on one database and one Redis."""

    @pytest.fixture
    def settings(self, settings: Settings, redis_url: str) -> Settings:
        return Settings(  # type: ignore[call-arg] # a keyword of pydantic's
            data_dir=settings.data_dir, redis_url=SecretStr(redis_url), rate_limit_requests="4/hour", _env_file=None
        )

    @pytest.fixture
    async def another(self, settings: Settings, server_url: str) -> AsyncIterator[Starlette]:
        application = create_app(settings, server_url)
        async with application.router.lifespan_context(application):
            yield application

    async def test_a_key_has_one_limit_for_both(self, app: Starlette, another: Starlette, runtime: Runtime) -> None:
        key = f"Bearer {await owners_key(runtime)}"
        async with browser(app, authorization=key) as one, browser(another, authorization=key) as other:
            answers = [await send((one, other)[turn % 2], PROJECTS) for turn in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2


async def _run(api: Api, runtime: Runtime) -> str:
    """Make a run without any limit."""
    return await new_run(Api(replace(runtime, limiter=RateLimiter()), api.viewer))
