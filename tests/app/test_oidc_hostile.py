"""Providers and browsers that do not behave: nobody is signed in, nothing changes, and nobody learns of accounts."""

from collections.abc import Awaitable, Callable

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from maestro.settings import Settings
from tests.fixtures.graphql import Api
from tests.fixtures.oidc import Browser, Idp, browsing

FORGED = {
    "wrong issuer": "invalid_claim (iss)",
    "wrong audience": "invalid_claim (aud)",
    "another party": "invalid_claim (azp)",
    "several audiences without a party": "missing_claim (azp)",
    "wrong nonce": "invalid_claim (nonce)",
    "no nonce": "missing_claim (nonce)",
    "expired": "expired_token (exp)",
    "never expires": "missing_claim (exp)",
    "not yet good": "invalid_claim (nbf)",
    "made in the future": "invalid_claim (iat)",
    "wrong access token hash": "invalid_claim (at_hash)",
    "no subject": "missing_claim (sub)",
    "subject of many characters": "invalid_claim (sub)",
    "groups elsewhere": "they are too many",
    "no signature": "unsupported_algorithm",
    "signed with the public key": "unsupported_algorithm",
    "signed with the client secret": "unsupported_algorithm",
    "signed by somebody else": "bad_signature",
    "unknown key": "invalid_key_id",
    "no ID token": "gives no ID token",
    "token fails": "gives no tokens: status 500",
    "token redirects": "gives no tokens: status 307",
    "token is too long": "more than 1,048,576 bytes",
    "token is no JSON": "no JSON object",
    "jwks fails": "jwks with status 500",
    "jwks redirects": "jwks with status 307",
    "jwks is too long": "more than 1,048,576 bytes",
    "jwks is no JSON": "no JSON object",
}
"""What a provider does, and what the log says of it."""
UNREACHABLE = (
    "discovery fails",
    "discovery redirects",
    "discovery is too long",
    "discovery is no JSON",
    "another issuer",
    "endpoint without HTTPS",
)
PAGE_FOR_ALL = "This account cannot sign in here."


@pytest.fixture
def settings(oidc_settings: Settings) -> Settings:
    return oidc_settings


@pytest.fixture(autouse=True)
def organization(api: Api) -> Api:
    """There is one, so that nobody is refused for lack of it."""
    return api


@pytest.fixture
def refused(visitor: Browser, idp: Idp, api: Api) -> Callable[[str], Awaitable[None]]:
    """Asserts that a sign-in by a provider that misbehaves comes to nothing."""

    async def refused_for(misbehaviour: str) -> None:
        before = await api.state()
        idp.set(misbehaviour=misbehaviour)
        answer = await visitor.sign_in()
        assert answer.status_code == 502
        assert "You are not signed in" in answer.text
        assert "maestro_session" not in visitor.http.cookies
        assert await api.state() == before

    return refused_for


@pytest.mark.parametrize("misbehaviour", FORGED)
async def test_a_provider_that_misbehaves_signs_nobody_in(
    refused: Callable[[str], Awaitable[None]], caplog: pytest.LogCaptureFixture, misbehaviour: str
) -> None:
    await refused(misbehaviour)
    assert FORGED[misbehaviour] in caplog.text


async def test_user_info_about_somebody_else_signs_nobody_in(
    refused: Callable[[str], Awaitable[None]], idp: Idp
) -> None:
    idp.set(in_userinfo=["groups"])
    await refused("tells of somebody else")


@pytest.mark.parametrize("misbehaviour", UNREACHABLE)
async def test_a_provider_that_cannot_be_relied_on_is_not_gone_to(
    visitor: Browser, idp: Idp, misbehaviour: str
) -> None:
    idp.set(misbehaviour=misbehaviour)
    answer = await visitor.http.get("/sign-in/oidc")
    assert answer.status_code == 502
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_a_provider_that_recovers_is_asked_again(visitor: Browser, idp: Idp) -> None:
    idp.set(misbehaviour="discovery fails")
    assert (await visitor.http.get("/sign-in/oidc")).status_code == 502
    idp.set(misbehaviour="")
    await visitor.sign_in()
    assert await visitor.name() == "Ada"


async def test_unknown_keys_do_not_make_us_ask_for_keys_without_end(site: str, idp: Idp) -> None:
    idp.set(misbehaviour="unknown key")
    for _ in range(4):
        async with browsing(site) as browser:
            assert (await browser.sign_in()).status_code == 502
    assert idp.set()["counts"]["jwks"] == 2


async def test_who_comes_back_twice_is_refused_even_by_a_provider_that_takes_codes_twice(
    site: str, idp: Idp, api: Api
) -> None:
    idp.set(misbehaviour="takes codes twice")
    async with browsing(site) as first, browsing(site) as second:
        back = await first.leave()
        second.http.cookies.update(first.http.cookies)
        assert (await first.http.get(back)).status_code == 303
        before, tokens = await api.state(), idp.set()["counts"]["token"]
        answer = await second.http.get(back)
        assert answer.status_code == 400
        assert "maestro_session" not in second.http.cookies
        assert (await api.state(), idp.set()["counts"]["token"]) == (before, tokens)


async def test_what_one_browser_brings_back_signs_no_other_in(site: str, idp: Idp, api: Api) -> None:
    async with browsing(site) as attacker, browsing(site) as victim:
        back = await attacker.leave()
        await victim.http.get("/sign-in/oidc")
        before = await api.state()
        assert (await victim.http.get(back)).status_code == 400
        assert "maestro_session" not in victim.http.cookies
        assert await api.state() == before
        assert idp.set()["counts"]["token"] == 0


@pytest.mark.parametrize("cookie", ["", "made-up", "e30.aaaa.bbbb"])
async def test_without_the_cookie_of_the_way_nobody_comes_in(visitor: Browser, api: Api, cookie: str) -> None:
    back = await visitor.leave()
    before = await api.state()
    visitor.http.cookies.clear()
    visitor.http.cookies.set("maestro_sign_in", cookie)
    assert (await visitor.http.get(back)).status_code == 400
    assert await api.state() == before


async def test_a_cookie_with_a_byte_changed_is_refused(visitor: Browser, api: Api) -> None:
    back = await visitor.leave()
    before = await api.state()
    kept = visitor.http.cookies["maestro_sign_in"]
    visitor.http.cookies.clear()
    visitor.http.cookies.set("maestro_sign_in", ("A" if kept[0] != "A" else "B") + kept[1:])
    assert (await visitor.http.get(back)).status_code == 400
    assert await api.state() == before


@pytest.mark.parametrize(("age_s", "status"), [(590, 303), (611, 400)])
async def test_the_way_takes_ten_minutes_at_most(visitor: Browser, api: Api, age_s: int, *, status: int) -> None:
    class Earlier(TimestampSigner):
        def get_timestamp(self) -> int:
            return super().get_timestamp() - age_s

    back = await visitor.leave()
    secret, salt = api.runtime.secret, "maestro.oidc.trip"
    kept = URLSafeTimedSerializer(secret, salt=salt).loads(visitor.http.cookies["maestro_sign_in"])
    visitor.http.cookies.clear()
    visitor.http.cookies.set("maestro_sign_in", URLSafeTimedSerializer(secret, salt=salt, signer=Earlier).dumps(kept))
    assert (await visitor.http.get(back)).status_code == status


@pytest.mark.parametrize("query", ["", "?state=", "?state=made-up&code=x", "?code=x", "?state=%00&code=%ff"])
async def test_a_way_back_that_nobody_has_started_leads_nowhere(visitor: Browser, api: Api, query: str) -> None:
    before = await api.state()
    await visitor.http.get("/sign-in/oidc")
    answer = await visitor.http.get(f"/sign-in/oidc/callback{query}")
    assert answer.status_code == 400
    assert await api.state() == before


async def test_looking_at_the_way_back_uses_nothing_up(visitor: Browser) -> None:
    back = await visitor.leave()
    assert (await visitor.http.head(back)).status_code == 200
    assert (await visitor.http.get(back)).status_code == 303


async def test_who_changes_their_mind_is_told_that_nobody_is_signed_in(visitor: Browser, idp: Idp, api: Api) -> None:
    idp.set(misbehaviour="denied")
    before = await api.state()
    answer = await visitor.sign_in()
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert await api.state() == before


async def test_a_refusal_tells_nobody_whether_there_is_an_account(site: str, idp: Idp, api: Api) -> None:
    async with browsing(site) as browser:
        await browser.sign_in()
    idp.user(groups=[])
    async with browsing(site) as browser:
        known = await browser.sign_in()
    idp.user(sub="nobody-1", groups=[])
    async with browsing(site) as browser:
        before = await api.state()
        unknown = await browser.sign_in()
        assert await api.state() == before
        assert "maestro_session" not in browser.http.cookies
    assert PAGE_FOR_ALL in unknown.text
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text) == (403, unknown.text)


async def test_every_page_of_a_refusal_has_the_headers_of_the_others(visitor: Browser) -> None:
    answer = await visitor.http.get("/sign-in/oidc/callback")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-frame-options"] == "DENY"
