"""Limits on operations from outside: each is told by its measure before anything is done, over HTTP and sockets."""

from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from starlette.applications import Starlette

from loadtests.hostile import CORPUS
from maestro.access import Permission
from maestro.access.keys import KeySpec
from maestro.access.permissions import ROLES
from maestro.db.tables.enums import Role
from maestro.operation_settings import Audience, Profile, RoleLimits
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import ensure_owner
from schema import operations
from tests.fixtures.graphql import Api, api_key, browser, owners_key
from tests.fixtures.sockets import ask, connected, listening

CREATE = 'mutation { a: createProject(input: {name: "x"}) { __typename } %s }'


@pytest.fixture
def given() -> dict[str, Any]:
    """What a test changes of the settings."""
    return {}


@pytest.fixture
def settings(settings: Settings, given: dict[str, Any]) -> Settings:
    return settings.model_copy(update=given)


def with_settings(**given: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("given", [given], ids=str)


async def send(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    content: dict[str, Any] = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    return content


def refusal(content: dict[str, Any]) -> dict[str, Any]:
    """The extensions of an answer that has one error and no data."""
    assert content.keys() == {"errors"}, content
    (error,) = content["errors"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


LIMITED = {
    "max_depth": 3,
    "max_aliases": 2,
    "max_directives": 2,
    "max_root_fields": 3,
    "max_fields": 6,
    "max_cost": 100,
}


@pytest.mark.parametrize("given", [LIMITED], ids=["low limits"])
@pytest.mark.parametrize(
    ("rest", "measure", "value"),
    [
        ("viewer: __typename b: __typename c: __typename", "aliases", 4),
        ("__typename @skip(if: false) @include(if: true) ...F @skip(if: false)", "directives", 3),
        ("__typename ...F", "rootFields", 4),
        ("...G", "depth", 4),
        ("...H", "fields", 8),
    ],
)
async def test_what_is_beyond_a_limit_is_told_and_nothing_is_done(  # noqa: PLR0917 -- two fixtures
    client: httpx.AsyncClient, api: Api, rest: str, measure: str, value: int
) -> None:
    fragments = {
        "F": "fragment F on Mutation { __typename ...E } fragment E on Mutation { __typename }",
        "G": "fragment G on Mutation { deleteProject(id: 1) { ... on Project { experiments { nodes { id } } } } }",
        "H": "fragment H on Mutation { deleteProject(id: 1) { ... on Project { id name createdAt updatedAt slug } } } ",
    }
    used = fragments.get(rest[rest.find("...") + 3], "") if "..." in rest else ""
    told = refusal(await send(client, f"{CREATE % rest} {used}"))
    assert told.pop("hint")
    assert told.pop("traceId")
    limit = LIMITED[{"rootFields": "max_root_fields"}.get(measure, f"max_{measure}")]
    assert told == {"code": "OPERATION_TOO_COMPLEX", "measure": measure, "value": value, "limit": limit}
    assert await api("{ projects { nodes { id } } }") == {"projects": {"nodes": []}}


@with_settings(max_cost=100)
async def test_the_cost_is_held_against_its_limit_with_the_variables(client: httpx.AsyncClient) -> None:
    query = "query ($n: Int) { projects(first: $n) { nodes { id } } }"
    assert (await send(client, query, n=98))["extensions"]["cost"]["requested"] == 100
    told = refusal(await send(client, query, n=99))
    assert (told["measure"], told["value"], told["limit"]) == ("cost", 101, 100)


@with_settings(max_cost=100)
async def test_what_is_refused_is_charged_as_a_request_and_not_its_cost(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await client.post("/graphql", json={"query": "{ projects(first: 1000) { nodes { id } } }"})
        assert '"cost"' not in answer.headers["ratelimit"]
    assert answer.headers["ratelimit"].startswith('"requests";r=5998')


@with_settings(max_depth=3)
async def test_what_is_beyond_a_limit_is_told_on_a_socket_which_stays_open(app: Starlette, runtime: Runtime) -> None:
    async with listening(app) as url, connected(url, await owners_key(runtime)) as websocket:
        refused = await ask(websocket, "{ projects { nodes { createdBy { __typename } } } }")
        assert refused["type"] == "error"
        assert [error["extensions"]["measure"] for error in refused["payload"]] == ["depth"]
        refused = await ask(websocket, "{" + "a " * 5_000 + "}")
        assert [error["extensions"]["measure"] for error in refused["payload"]] == ["tokens"]
        assert (await ask(websocket, "{ __typename }"))["payload"]["data"] == {"__typename": "Query"}


DEEP = "{ projects { nodes { createdBy { __typename } } } }"
READING = tuple(permission.value for permission in ROLES[Role.VIEWER])


async def key_of(runtime: Runtime, **narrowed: Any) -> str:
    """An API key of the owner."""
    owner = await ensure_owner(runtime.db)
    spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="key", **narrowed)
    return await api_key(runtime, spec)


@with_settings(max_depth=4, role_limits={Role.VIEWER: RoleLimits(depth=3)})
@pytest.mark.parametrize("scopes", [READING, (Permission.PROJECT_READ.value,)], ids=["a role", "less than any role"])
async def test_a_key_has_the_limits_of_the_role_that_it_still_allows(
    app: Starlette, runtime: Runtime, client: httpx.AsyncClient, *, scopes: tuple[str, ...]
) -> None:
    assert (await send(client, DEEP))["data"] == {"projects": {"nodes": []}}
    async with browser(app, authorization=f"Bearer {await key_of(runtime, scopes=scopes)}") as narrow:
        told = refusal(await send(narrow, DEEP))
        assert (told["measure"], told["limit"]) == ("depth", 3)


async def test_a_known_document_is_found_and_not_read_again(client: httpx.AsyncClient) -> None:
    query = "query Known($n: Int) { projects(first: $n) { nodes { id } } }"
    await send(client, query, n=1)
    before = operations.stats
    for number in range(49):
        assert "data" in await send(client, query, n=number + 1)
    after = operations.stats
    assert (after.hits - before.hits, after.misses - before.misses) == (49, 0)


async def test_one_document_is_judged_for_each_viewer_anew(
    app: Starlette, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    query = "{ auditLog { nodes { id } } }"
    async with browser(app, authorization=f"Bearer {await key_of(runtime, scopes=READING)}") as narrow:
        assert "data" in await send(client, query)
        assert (await send(narrow, query))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert (await send(client, query))["data"] is not None


async def test_graphiql_may_ask_for_the_whole_schema(client: httpx.AsyncClient) -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert (await send(client, query))["data"]["__schema"]["queryType"] == {"name": "Query", "kind": "OBJECT"}


INTROSPECTION = "{ ...F } fragment F on Query { s: __schema { queryType { name } } }"
MISSPELT = [
    ("{ projcts { nodes { id } } }", {}),
    ("{ projects(frst: 1) { nodes { id } } }", {}),
    ("{ projects }", {}),
    ("query ($f: RunFilte) { runs(filter: $f) { __typename } }", {}),
    ("{ node(id: 1) { name } }", {}),
    ("{ runs(filter: {statu: {}}) { __typename } }", {}),
    ("query ($f: RunFilter) { runs(filter: $f) { __typename } }", {"f": {"statu": {}}}),
    ('query ($l: FilterableList!) { validateFilter(list: $l, text: "") { isValid } }', {"l": "RUN"}),
]


@pytest.mark.parametrize("given", [{}, {"profile": Profile.PRODUCTION, "introspection": Audience.EVERYBODY}], ids=str)
async def test_whoever_may_know_the_schema_can_ask_for_it(client: httpx.AsyncClient) -> None:
    assert (await send(client, INTROSPECTION))["data"] == {"s": {"queryType": {"name": "Query"}}}


HIDDEN = [{"profile": Profile.PRODUCTION}, {"introspection": Audience.NOBODY, "suggestions": Audience.NOBODY}]


@pytest.mark.parametrize("given", HIDDEN, ids=str)
async def test_a_key_cannot_ask_for_the_schema_where_it_is_not_shown(client: httpx.AsyncClient) -> None:
    assert refusal(await send(client, INTROSPECTION))["code"] == "FORBIDDEN"
    assert (await send(client, "{ __typename }"))["data"] == {"__typename": "Query"}


@with_settings(profile=Profile.PRODUCTION)
async def test_people_can_ask_for_the_schema_in_production(person: httpx.AsyncClient) -> None:
    assert (await send(person, INTROSPECTION))["data"] == {"s": {"queryType": {"name": "Query"}}}


@with_settings(introspection=Audience.NOBODY)
async def test_nobody_can_ask_for_a_schema_that_is_for_nobody(person: httpx.AsyncClient) -> None:
    assert refusal(await send(person, INTROSPECTION))["code"] == "FORBIDDEN"


@pytest.mark.parametrize(("query", "variables"), MISSPELT)
async def test_errors_guess_at_names(client: httpx.AsyncClient, query: str, variables: dict[str, Any]) -> None:
    assert "Did you mean" in str(await send(client, query, **variables))


@pytest.mark.parametrize("given", HIDDEN, ids=str)
@pytest.mark.parametrize(("query", "variables"), MISSPELT)
async def test_errors_do_not_guess_where_the_schema_is_not_shown(
    client: httpx.AsyncClient, query: str, variables: dict[str, Any]
) -> None:
    content = await send(client, query, **variables)
    assert content["errors"]
    assert "Did you mean" not in str(content)


@with_settings(suggestions=Audience.PEOPLE)
async def test_who_has_seen_an_error_first_does_not_decide_what_others_see(
    client: httpx.AsyncClient, person: httpx.AsyncClient
) -> None:
    seen = ["Did you mean" in str(await send(who, "{ prjcts }")) for who in (client, person, client, person)]
    assert seen == [False, True, False, True]


async def test_what_nobody_means_well_is_told_by_a_code_and_the_server_lives_on(client: httpx.AsyncClient) -> None:
    wrong = {}
    for name, one in CORPUS.items():
        answer = await client.post("/graphql", content=one.body(), headers={"content-type": "application/json"})
        codes = [error["extensions"]["code"] for error in answer.json().get("errors", [])]
        if answer.status_code not in {200, 400, 413} or not 1 <= len(codes) <= 5 or not {*codes} <= {*one.codes}:
            wrong[name] = answer.text[:300]
    assert wrong == {}
    assert (await send(client, "{ __typename }"))["data"] == {"__typename": "Query"}
