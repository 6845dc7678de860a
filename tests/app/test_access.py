"""Who gets in over HTTP: nobody without a credential, but to the pages without data."""

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from app.middleware import is_public
from maestro.runtime import Runtime
from resolvers.setup import Owner
from tests.fixtures.access import ask, assert_good, assert_nobody, cookie, open_session
from tests.fixtures.graphql import Api

PUBLIC_ROUTES = {
    "/",
    "/sign-in",
    "/join",
    "/livez",
    "/readyz",
    "/metrics",
    "/graphiql",
    "/graphiql/",
    "/graphiql/examples.json",
    "/graphiql/*",
    "/static/*",
    "/download/{token}",
    "/download/profile/{token}",
    "/sign-in/oidc",
    "/sign-in/oidc/callback",
}


def http_routes(app: Starlette) -> Iterator[tuple[str, str]]:
    """Every method and path that the application serves, with a sample in the place of each parameter."""
    for route in app.routes:
        if isinstance(route, Route):
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, path_of(route)


def path_of(route: BaseRoute) -> str:
    assert isinstance(route, Route | WebSocketRoute | Mount)
    return f"{route.path}/*" if isinstance(route, Mount) else route.path


def sample_of(path: str) -> str:
    return "/".join("sample" if part.startswith("{") else part for part in path.split("/"))


def test_exactly_the_pages_without_data_are_public(app: Starlette) -> None:
    assert {path_of(route) for route in app.routes if is_public(path_of(route))} == PUBLIC_ROUTES


async def test_every_other_route_refuses_who_is_not_signed_in(app: Starlette, anonymous: httpx.AsyncClient) -> None:
    guarded = [(method, path) for method, path in http_routes(app) if path not in PUBLIC_ROUTES]
    assert {("GET", "/graphql"), ("POST", "/graphql"), ("POST", "/sign-out")} <= {*guarded}
    for method, path in guarded:
        assert_nobody(await anonymous.request(method, sample_of(path)))


async def test_a_path_that_does_not_exist_looks_like_any_other_to_who_is_not_signed_in(
    anonymous: httpx.AsyncClient,
) -> None:
    assert_nobody(await anonymous.get("/no-such-page"))


@pytest.mark.parametrize("path", ["/graphqlx", "/livez/x", "/sign-inx", "/%2e%2e/graphql", "/STATIC/x"])
async def test_paths_that_resemble_public_ones_are_not_public(anonymous: httpx.AsyncClient, path: str) -> None:
    assert_nobody(await anonymous.get(path))


async def test_a_refused_mutation_changes_nothing(api: Api, anonymous: httpx.AsyncClient) -> None:
    before = await api.state()
    mutation = 'mutation { createProject(input: {name: "x"}) { __typename } }'
    assert_nobody(await anonymous.post("/graphql", json={"query": mutation}))
    assert await api.state() == before


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_an_api_key_is_good(anonymous: httpx.AsyncClient, fresh_key: str, scheme: str) -> None:
    assert_good(await ask(anonymous, authorization=f"{scheme} {fresh_key}"))


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Bearer mst_made-up", "Bearer made-up", "Basic eDp5", "mst_x", "Bearer mst_" + "x" * 5000],
)
async def test_what_is_no_api_key_is_refused(anonymous: httpx.AsyncClient, fresh_key: str, value: str) -> None:
    assert_nobody(await ask(anonymous, authorization=value))


async def test_a_key_is_only_good_as_a_whole(anonymous: httpx.AsyncClient, fresh_key: str) -> None:
    assert_nobody(await ask(anonymous, authorization=f"Bearer {fresh_key[:-1]}"))
    assert_nobody(await ask(anonymous, authorization=f"Bearer {fresh_key}x"))
    assert_nobody(await ask(anonymous, authorization=fresh_key))


async def test_a_bad_key_is_refused_beside_a_good_session(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    session = cookie((await open_session(runtime, owner)).token)
    assert_good(await ask(anonymous, **session))
    assert_nobody(await ask(anonymous, authorization="Bearer mst_made-up", **session))


async def test_a_session_is_no_key_and_a_key_is_no_session(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient, *, fresh_key: str
) -> None:
    token = (await open_session(runtime, owner)).token
    assert_good(await ask(anonymous, **cookie(token)))
    assert_good(await ask(anonymous, authorization=f"Bearer {fresh_key}"))
    assert_nobody(await ask(anonymous, authorization=f"Bearer {token}"))
    assert_nobody(await ask(anonymous, **cookie(fresh_key)))


async def test_the_organization_header_names_one_of_the_bearers(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient, *, fresh_key: str
) -> None:
    for name in ("default", str(owner.organization_id), f"organization_{owner.organization_id.hex}"):
        headers = {"authorization": f"Bearer {fresh_key}", "x-maestro-organization": name}
        assert_good(await ask(anonymous, **headers))


@pytest.mark.parametrize("name", ["other", "no-such", ""])
async def test_an_organization_that_is_not_the_bearers_is_answered_like_one_that_does_not_exist(
    foreign: Api, anonymous: httpx.AsyncClient, *, fresh_key: str, name: str
) -> None:
    headers = {"authorization": f"Bearer {fresh_key}", "x-maestro-organization": name}
    answer = await ask(anonymous, **headers)
    assert answer.status_code == 404
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["message"] == "You do not belong to such an organization."
