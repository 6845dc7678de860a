"""Who gets in: links, sessions, API keys, and nobody else."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from app.middleware import COOKIE, is_public
from maestro.access import Access
from maestro.runtime import Runtime
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.graphql import Api, browser

PUBLIC_ROUTES = {
    "/",
    "/sign-in",
    "/livez",
    "/readyz",
    "/graphiql",
    "/graphiql/",
    "/graphiql/examples.json",
    "/graphiql/*",
    "/static/*",
    "/download/{token}",
}
ME = {"query": "{ __typename }"}


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


@pytest.fixture
async def owner(runtime: Runtime) -> Owner:
    return await ensure_owner(runtime.db)


@pytest.fixture
async def token(runtime: Runtime, owner: Owner) -> str:
    """The token of a sign-in link that nobody has used."""
    return await runtime.access.create_link_token(owner.user_id)


@pytest.fixture
async def key(runtime: Runtime, owner: Owner) -> str:
    """An API key that nobody has used."""
    made = await runtime.access.create_api_key(owner.user_id, owner.organization_id, "test")
    return made.key


def assert_nobody(answer: httpx.Response) -> None:
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "errors": [
            {
                "message": "Nobody is signed in.",
                "extensions": {
                    "code": "UNAUTHENTICATED",
                    "hint": "Open the link that the server printed, or send an API key: Authorization: Bearer mst_…",
                },
            }
        ]
    }


async def ask(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json=ME, headers=headers)


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


async def test_a_link_opens_a_session(anonymous: httpx.AsyncClient, token: str) -> None:
    answer = await anonymous.get("/sign-in", params={"token": token})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert (await ask(anonymous)).json() == {"data": {"__typename": "Query"}}


async def test_a_link_works_once(app: Starlette, anonymous: httpx.AsyncClient, token: str) -> None:
    await anonymous.get("/sign-in", params={"token": token})
    async with browser(app) as second:
        answer = await second.get("/sign-in", params={"token": token})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "This link does not work" in answer.text
        assert_nobody(await ask(second))


async def test_a_link_expires(runtime: Runtime, anonymous: httpx.AsyncClient, token: str) -> None:
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE sign_in_link SET expires_at = now()")
    assert (await anonymous.get("/sign-in", params={"token": token})).status_code == 403
    assert_nobody(await ask(anonymous))


async def test_a_link_lasts_a_day(runtime: Runtime, token: str) -> None:
    rows = await runtime.db.fetch_sql("SELECT expires_at - now() AS rest FROM sign_in_link")
    assert timedelta(hours=23, minutes=59) < rows[0].rest <= timedelta(hours=24)


@pytest.mark.parametrize("query", ["", "?token=", "?token=made-up", "?token=%00", "?token=" + "x" * 5000])
async def test_a_token_that_is_none_opens_nothing(anonymous: httpx.AsyncClient, query: str) -> None:
    answer = await anonymous.get(f"/sign-in{query}")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_the_token_itself_is_not_stored(runtime: Runtime, token: str) -> None:
    rows = await runtime.db.fetch_sql("SELECT l::text AS row FROM sign_in_link l")
    assert len(rows) == 1
    assert token not in rows[0].row
    assert token.encode().hex() not in rows[0].row


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    anonymous: httpx.AsyncClient, token: str
) -> None:
    answer = await anonymous.get("/sign-in", params={"token": token})
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert {flag.lower() for flag in flags} == {"httponly", "samesite=lax", "path=/", "max-age=1209600"}


async def test_the_session_cookie_of_an_https_server_stays_on_https(app: Starlette, token: str) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        answer = await client.get("/sign-in", params={"token": token})
    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


async def test_signing_out_ends_the_browsers_session(anonymous: httpx.AsyncClient, token: str) -> None:
    await anonymous.get("/sign-in", params={"token": token})
    answer = await anonymous.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert_nobody(await ask(anonymous))


async def test_signing_out_takes_a_post_so_that_no_image_can_do_it(client: httpx.AsyncClient) -> None:
    assert (await client.get("/sign-out")).status_code == 405


def session(secret: bytes, owner: Owner, *, salt: str = "maestro.session") -> dict[str, str]:
    content = {"user": owner.user_id.hex}
    return {"cookie": f"{COOKIE}={URLSafeTimedSerializer(secret, salt=salt).dumps(content)}"}


async def test_a_session_signed_by_this_server_is_good(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    assert (await ask(anonymous, **session(runtime.secret, owner))).status_code == 200


async def test_a_session_signed_by_somebody_else_is_refused(owner: Owner, anonymous: httpx.AsyncClient) -> None:
    assert_nobody(await ask(anonymous, **session(b"another secret of thirty-two bytes", owner)))


async def test_a_signature_made_for_another_purpose_opens_no_session(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    assert_nobody(await ask(anonymous, **session(runtime.secret, owner, salt="maestro.download")))


async def test_a_session_with_a_byte_changed_is_refused(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    good = session(runtime.secret, owner)["cookie"]
    forged = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
    assert_nobody(await ask(anonymous, cookie=forged))


async def test_a_session_without_a_signature_is_refused(anonymous: httpx.AsyncClient) -> None:
    assert_nobody(await ask(anonymous, cookie=f"{COOKIE}=made-up"))


async def test_a_session_expires(app: Starlette, runtime: Runtime, owner: Owner) -> None:
    cookie = session(runtime.secret, owner)["cookie"].partition("=")[2]
    lasting = Access(runtime.db, secret=runtime.secret, session_ttl=timedelta(seconds=60))
    ended = Access(runtime.db, secret=runtime.secret, session_ttl=timedelta(seconds=-1))
    assert await lasting.viewer(session=cookie, key=None) is not None
    assert await ended.viewer(session=cookie, key=None) is None


async def test_the_session_of_a_person_who_left_the_organisation_is_refused(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM membership")
    assert_nobody(await ask(anonymous, **session(runtime.secret, owner)))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_an_api_key_is_good(anonymous: httpx.AsyncClient, key: str, scheme: str) -> None:
    answer = await ask(anonymous, authorization=f"{scheme} {key}")
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer mst_made-up", "Bearer made-up", "Basic eDp5", "mst_x"])
async def test_what_is_no_api_key_is_refused(anonymous: httpx.AsyncClient, value: str) -> None:
    assert_nobody(await ask(anonymous, authorization=value))


async def test_a_key_is_only_good_as_a_whole(anonymous: httpx.AsyncClient, key: str) -> None:
    assert_nobody(await ask(anonymous, authorization=f"Bearer {key[:-1]}"))
    assert_nobody(await ask(anonymous, authorization=f"Bearer {key}x"))


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_revoked_or_expired_key_is_refused(runtime: Runtime, key: str, column: str) -> None:
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql(f"UPDATE api_key SET {column} = now()")
    assert await runtime.access.viewer(session=None, key=key) is None


async def test_a_bad_key_is_refused_beside_a_good_session(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    headers = session(runtime.secret, owner)
    assert_nobody(await ask(anonymous, authorization="Bearer mst_made-up", **headers))


async def test_a_session_that_was_just_good_is_no_key_and_a_key_is_no_session(
    runtime: Runtime, owner: Owner, key: str
) -> None:
    cookie = session(runtime.secret, owner)["cookie"].partition("=")[2]
    assert await runtime.access.viewer(session=cookie, key=None) is not None
    assert await runtime.access.viewer(session=None, key=key) is not None
    assert await runtime.access.viewer(session=None, key=cookie) is None
    assert await runtime.access.viewer(session=key, key=None) is None


async def test_the_use_of_a_key_is_noted(runtime: Runtime, anonymous: httpx.AsyncClient, key: str) -> None:
    await ask(anonymous, authorization=f"Bearer {key}")
    rows = await runtime.db.fetch_sql("SELECT now() - last_used_at AS age FROM api_key")
    assert timedelta(0) <= rows[0].age < timedelta(seconds=30)


async def test_the_key_itself_is_not_stored(runtime: Runtime, key: str) -> None:
    rows = await runtime.db.fetch_sql("SELECT k::text AS row FROM api_key k")
    assert len(rows) == 1
    assert key not in rows[0].row
    assert key.encode().hex() not in rows[0].row
