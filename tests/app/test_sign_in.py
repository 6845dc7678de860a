"""Browsers: a link opens a session once, its cookie is renewed, and signing out ends every copy of it."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from app.middleware import COOKIE
from maestro.access.door import Credentials
from maestro.runtime import Runtime
from resolvers.setup import Owner
from tests.fixtures.access import age, ask, assert_good, assert_nobody, change, cookie, open_session
from tests.fixtures.graphql import browser
from tests.fixtures.hearing import hearing


async def sign_in(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/sign-in", params={"token": token})


async def test_a_link_opens_a_session(anonymous: httpx.AsyncClient, token: str) -> None:
    answer = await sign_in(anonymous, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert_good(await ask(anonymous))


async def test_a_link_works_once(app: Starlette, anonymous: httpx.AsyncClient, token: str) -> None:
    await sign_in(anonymous, token)
    async with browser(app) as second:
        answer = await sign_in(second, token)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "This link does not work" in answer.text
        assert_nobody(await ask(second))


async def test_a_program_that_looks_at_a_link_does_not_use_it_up(anonymous: httpx.AsyncClient, token: str) -> None:
    await anonymous.head("/sign-in", params={"token": token})
    assert (await sign_in(anonymous, token)).status_code == 303


async def test_a_link_expires(runtime: Runtime, anonymous: httpx.AsyncClient, token: str) -> None:
    await change(runtime, "UPDATE sign_in_link SET expires_at = now()")
    assert (await sign_in(anonymous, token)).status_code == 403
    assert_nobody(await ask(anonymous))


async def test_a_link_lasts_a_day(runtime: Runtime, token: str) -> None:
    rows = await runtime.db.fetch_sql("SELECT expires_at - now() AS rest FROM sign_in_link")
    assert timedelta(hours=23, minutes=59) < rows[0].rest <= timedelta(hours=24)


@pytest.mark.parametrize("query", ["", "?token=", "?token=made-up", "?token=%00", "?token=" + "x" * 5000])
async def test_a_token_that_is_none_opens_nothing(anonymous: httpx.AsyncClient, token: str, query: str) -> None:
    answer = await anonymous.get(f"/sign-in{query}")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("table", ["sign_in_link", "session"])
async def test_tokens_themselves_are_not_stored(
    runtime: Runtime, anonymous: httpx.AsyncClient, *, token: str, table: str
) -> None:
    await sign_in(anonymous, token)
    rows = await runtime.db.fetch_sql(f"SELECT t::text AS row FROM {table} t")
    assert len(rows) == 1
    for secret in (token, anonymous.cookies[COOKIE]):
        assert secret not in rows[0].row
        assert secret.encode().hex() not in rows[0].row


async def test_a_session_tells_where_it_was_opened(runtime: Runtime, anonymous: httpx.AsyncClient, token: str) -> None:
    await anonymous.get("/sign-in", params={"token": token}, headers={"user-agent": "Firefox " + "x" * 500})
    (session,) = await runtime.db.fetch_sql("SELECT * FROM session")
    assert (session.way, session.address) == ("LINK", "127.0.0.1")
    assert session.user_agent == "Firefox " + "x" * 192


async def test_signing_in_never_takes_over_a_token_that_the_browser_brought(
    anonymous: httpx.AsyncClient, token: str
) -> None:
    planted = "planted-by-somebody-else-who-knows-it-00000"
    anonymous.cookies.set(COOKIE, planted)
    answer = await sign_in(anonymous, token)
    assert planted not in answer.headers["set-cookie"]
    assert_nobody(await ask(anonymous, **cookie(planted)))


async def test_signing_out_ends_the_browsers_session_and_every_copy_of_its_cookie(
    app: Starlette, anonymous: httpx.AsyncClient, token: str
) -> None:
    await sign_in(anonymous, token)
    copy = cookie(anonymous.cookies[COOKIE])
    async with browser(app) as thief:
        assert_good(await ask(thief, **copy))
        answer = await anonymous.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert_nobody(await ask(anonymous))
        assert_nobody(await ask(thief, **copy))


async def test_signing_out_is_told_to_every_process(runtime: Runtime, anonymous: httpx.AsyncClient, token: str) -> None:
    await sign_in(anonymous, token)
    async with hearing(runtime.events, runtime.db, "access") as heard:
        await anonymous.post("/sign-out")
        assert (await anext(heard)).topic == "access"


async def test_signing_out_takes_a_post_so_that_no_image_can_do_it(client: httpx.AsyncClient) -> None:
    assert (await client.get("/sign-out")).status_code == 405


async def test_a_session_with_a_character_changed_is_refused(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    good = (await open_session(runtime, owner)).token
    forged = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
    assert_good(await ask(anonymous, **cookie(good)))
    for other in (forged, good[:-1], good + "x", "made-up", ""):
        assert_nobody(await ask(anonymous, **cookie(other)))


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_session_that_has_ended_is_refused(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient, *, column: str
) -> None:
    shown = cookie((await open_session(runtime, owner)).token)
    assert_good(await ask(anonymous, **shown))
    await change(runtime, f"UPDATE session SET {column} = now()")
    assert_nobody(await ask(anonymous, **shown))


async def test_the_session_of_a_person_who_left_the_organisation_is_refused(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    shown = cookie((await open_session(runtime, owner)).token)
    await change(runtime, "UPDATE membership SET removed_at = now()")
    assert_nobody(await ask(anonymous, **shown))


async def test_a_fresh_session_keeps_its_token(runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient) -> None:
    token = (await open_session(runtime, owner)).token
    await age(runtime, "rotated_at", timedelta(minutes=59))
    assert "set-cookie" not in (await ask(anonymous, **cookie(token))).headers


async def test_a_session_gets_another_token_after_an_hour_and_the_old_one_lasts_for_a_moment(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    old = (await open_session(runtime, owner)).token
    await age(runtime, "rotated_at", timedelta(minutes=61))
    answer = await ask(anonymous, **cookie(old))
    assert_good(answer)
    new = answer.cookies[COOKIE]
    assert new != old
    again = await ask(anonymous, **cookie(old))
    assert_good(again)
    assert "set-cookie" not in again.headers
    await age(runtime, "rotated_at", timedelta(minutes=3))
    assert_nobody(await ask(anonymous, **cookie(old)))
    assert_good(await ask(anonymous, **cookie(new)))


async def test_an_old_token_is_refused_when_its_moment_is_over_though_it_was_just_good(
    runtime: Runtime, owner: Owner
) -> None:
    old = (await open_session(runtime, owner)).token
    await age(runtime, "rotated_at", timedelta(minutes=61))
    shown = Credentials(session=old)
    assert await runtime.access.viewer(shown) is not None
    assert await runtime.access.rotated(shown) is not None
    await age(runtime, "rotated_at", timedelta(minutes=1, seconds=59.6))
    assert await runtime.access.viewer(shown) is not None
    await asyncio.sleep(0.5)
    assert await runtime.access.viewer(shown) is None


async def test_an_old_token_never_rotates_again(runtime: Runtime, owner: Owner) -> None:
    old = Credentials(session=(await open_session(runtime, owner)).token)
    await age(runtime, "rotated_at", timedelta(minutes=61))
    new = await runtime.access.rotated(old)
    assert new is not None
    assert await runtime.access.rotated(old) is None
    assert await runtime.access.rotated(Credentials(session=new)) is None


async def test_requests_that_come_together_rotate_a_session_once(runtime: Runtime, owner: Owner) -> None:
    shown = Credentials(session=(await open_session(runtime, owner)).token)
    await age(runtime, "rotated_at", timedelta(minutes=61))
    assert await runtime.access.viewer(shown) is not None
    fresh = [await runtime.access.rotated(shown) for _ in range(3)]
    assert [token is not None for token in fresh] == [True, False, False]


async def test_the_last_use_of_a_session_is_noted_once_a_minute(runtime: Runtime, owner: Owner) -> None:
    shown = Credentials(session=(await open_session(runtime, owner)).token)
    for seconds, is_noted in ((50, False), (70, True)):
        await change(runtime, "UPDATE session SET last_seen_at = now() - make_interval(secs => $1)", float(seconds))
        assert await runtime.access.viewer(shown) is not None
        (row,) = await runtime.db.fetch_sql("SELECT now() - last_seen_at < interval '10 seconds' AS noted FROM session")
        assert row.noted is is_noted
