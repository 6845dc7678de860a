"""The session's cookie: its name, its flags, its token that changes, and its end."""

from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from app.cookies import COOKIE, PREFIX
from maestro.access.sessions import GRACE, ROTATE_AFTER
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import ensure_owner
from tests.fixtures.graphql import browser

HOST_COOKIE = PREFIX + COOKIE
ME = {"query": "{ __typename }"}
A_MINUTE = timedelta(minutes=1)


async def ask(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json=ME, headers=headers)


async def signing_in(app: Starlette, runtime: Runtime, base_url: str) -> list[str]:
    """Sign in and return the cookie that is set, its flags in lower case."""
    token = await runtime.access.create_link_token((await ensure_owner(runtime.db)).user_id)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
        answer = await client.get("/sign-in", params={"token": token})
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    return [cookie.partition("=")[0], *sorted(flag.lower() for flag in flags)]


async def age(runtime: Runtime, by: timedelta) -> None:
    """Let the token of every session be older, and forget what is known of it."""
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE session SET rotated_at = rotated_at - $1::interval", by)
    runtime.access.forget()


async def test_over_http_it_is_out_of_reach_of_scripts_and_other_sites(app: Starlette, runtime: Runtime) -> None:
    cookie = await signing_in(app, runtime, "http://testserver")
    assert cookie == [COOKIE, "httponly", "max-age=1209600", "path=/", "samesite=lax"]


async def test_over_https_it_belongs_to_the_host_alone(app: Starlette, runtime: Runtime) -> None:
    cookie = await signing_in(app, runtime, "https://testserver")
    assert cookie == [HOST_COOKIE, "httponly", "max-age=1209600", "path=/", "samesite=lax", "secure"]


class TestBehindAProxyThatSpeaksTls:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"public_url": "https://ml.example.org"})

    async def test_the_public_address_makes_it_secure(self, app: Starlette, runtime: Runtime) -> None:
        assert (await signing_in(app, runtime, "http://testserver"))[0] == HOST_COOKIE


@pytest.mark.parametrize(("name", "status"), [(HOST_COOKIE, 200), (COOKIE, 401)])
async def test_over_https_a_cookie_that_another_page_may_have_planted_is_not_read(
    app: Starlette, person: httpx.AsyncClient, *, name: str, status: int
) -> None:
    async with browser(app, cookie=f"{name}={person.cookies[COOKIE]}", origin="https://testserver") as other:
        assert (await other.post("https://testserver/graphql", json=ME)).status_code == status


async def test_a_token_that_is_young_stays(runtime: Runtime, person: httpx.AsyncClient) -> None:
    await age(runtime, ROTATE_AFTER - A_MINUTE)
    assert "set-cookie" not in (await ask(person)).headers


async def test_a_token_of_an_hour_is_replaced_and_the_next_one_is_good(
    runtime: Runtime, person: httpx.AsyncClient
) -> None:
    first = person.cookies[COOKIE]
    await age(runtime, ROTATE_AFTER + A_MINUTE)
    answer = await ask(person)
    assert answer.json()["data"] == {"__typename": "Query"}
    assert {"HttpOnly", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))
    assert person.cookies[COOKIE] != first
    await age(runtime, GRACE + A_MINUTE)
    assert (await ask(person)).status_code == 200


async def test_the_token_before_is_good_for_a_while_only(
    app: Starlette, runtime: Runtime, person: httpx.AsyncClient
) -> None:
    first = person.cookies[COOKIE]
    await age(runtime, ROTATE_AFTER + A_MINUTE)
    await ask(person)
    async with browser(app) as late:
        answer = await ask(late, cookie=f"{COOKIE}={first}")
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        await age(runtime, GRACE + A_MINUTE)
        assert (await ask(late, cookie=f"{COOKIE}={first}")).status_code == 401


async def test_signing_out_with_an_old_token_sets_no_new_one(
    app: Starlette, runtime: Runtime, person: httpx.AsyncClient
) -> None:
    first = person.cookies[COOKIE]
    await age(runtime, ROTATE_AFTER + A_MINUTE)
    answer = await person.post("/sign-out")
    cookies = answer.headers.get_list("set-cookie")
    assert [(cookie.partition("=")[0], "Max-Age=0" in cookie) for cookie in cookies] == [(COOKIE, True)]
    async with browser(app) as thief:
        assert (await ask(thief, cookie=f"{COOKIE}={first}")).status_code == 401


async def test_signing_out_over_https_clears_the_hosts_own(app: Starlette, person: httpx.AsyncClient) -> None:
    async with browser(app, cookie=f"{HOST_COOKIE}={person.cookies[COOKIE]}", origin="https://testserver") as client:
        answer = await client.post("https://testserver/sign-out")
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    assert cookie.partition("=")[0] == HOST_COOKIE
    assert {"Max-Age=0", "Secure", "Path=/", "HttpOnly"} <= set(flags)
