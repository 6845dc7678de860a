"""Signing in by an identity provider: there and back over real connections, with a provider that is a process."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette

from app.server import create_app
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.graphql import Api
from tests.fixtures.metrics import local
from tests.fixtures.oidc import Browser, Idp, browsing, served, settings_for
from tests.fixtures.oidc_provider import CLIENT_SECRET

REDIRECT = "/sign-in/oidc/callback"


@pytest.fixture
def settings(oidc_settings: Settings) -> Settings:
    return oidc_settings


@pytest.fixture(autouse=True)
async def owner(runtime: Runtime) -> Owner:
    return await ensure_owner(runtime.db)


async def link_on(browser: Browser) -> str:
    """The start page's link that connects an account of the provider."""
    found = re.search(r'href="(/sign-in/oidc[?]link=[^"]+)"', (await browser.http.get("/")).text)
    assert found is not None
    return found[1]


@pytest.fixture
async def owners_browser(runtime: Runtime, owner: Owner, site: str) -> AsyncIterator[Browser]:
    """A browser in which the owner has signed in by a link."""
    async with browsing(site) as browser:
        await browser.http.get("/sign-in", params={"token": await runtime.access.create_link_token(owner.user_id)})
        assert await browser.name() == "Owner"
        yield browser


async def test_somebody_signs_in_for_the_first_time(visitor: Browser, runtime: Runtime, owner: Owner) -> None:
    answer = await visitor.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert await visitor.name() == "Ada"
    made = await runtime.db.fetch_sql(
        "SELECT u.email, m.organization_id, m.role, m.source, s.way, s.organization_id AS place "
        'FROM identity i JOIN "user" u ON u.id = i.user_id JOIN membership m ON m.user_id = u.id '
        "JOIN session s ON s.user_id = u.id WHERE i.subject = 'ada-1'"
    )
    place = owner.organization_id
    assert [tuple(row) for row in made] == [("ada@example.org", place, "CONTRIBUTOR", "OIDC", "OIDC", place)]


async def test_sign_ins_by_a_provider_are_counted(app: Starlette, visitor: Browser, idp: Idp) -> None:
    before = await local(app)
    await visitor.sign_in()
    idp.set(misbehaviour="denied")
    await visitor.sign_in()
    assert (await local(app)).since(before, "maestro_sign_ins_total") == {
        ("accepted", "OIDC"): 1,
        ("refused", "OIDC"): 1,
    }


async def test_the_same_account_of_the_provider_is_the_same_person_here(site: str, runtime: Runtime) -> None:
    for _ in range(2):
        async with browsing(site) as browser:
            await browser.sign_in()
            assert await browser.name() == "Ada"
    assert len(await runtime.db.fetch_sql("SELECT 1 FROM \"user\" WHERE name = 'Ada'")) == 1


async def test_an_address_opens_nobody_elses_account(visitor: Browser, idp: Idp, api: Api) -> None:
    idp.user(email="owner@localhost")
    await visitor.sign_in()
    assert await visitor.name() == "Ada"
    (identity,) = await api.runtime.db.fetch_sql("SELECT user_id FROM identity")
    assert identity.user_id != api.viewer.actor_id


async def test_the_way_there_carries_state_nonce_and_challenge(visitor: Browser, idp: Idp, site: str) -> None:
    away = urlsplit((await visitor.http.get("/sign-in/oidc")).headers["location"])
    assert f"{away.scheme}://{away.netloc}{away.path}" == f"{idp.issuer}/authorize"
    asked = {name: values[0] for name, values in parse_qs(away.query).items()}
    assert {name: asked.pop(name) for name in ("response_type", "client_id", "redirect_uri", "scope")} == {
        "response_type": "code",
        "client_id": "maestro",
        "redirect_uri": f"{site}{REDIRECT}",
        "scope": "openid profile email",
    }
    assert asked.pop("code_challenge_method") == "S256"
    assert {name: len(value) for name, value in asked.items()} == {"state": 43, "nonce": 43, "code_challenge": 43}


async def test_two_ways_there_have_nothing_in_common(visitor: Browser) -> None:
    ways = [parse_qs(urlsplit((await visitor.http.get("/sign-in/oidc")).headers["location"]).query) for _ in range(2)]
    assert all(ways[0][name] != ways[1][name] for name in ("state", "nonce", "code_challenge"))


async def test_the_cookie_of_the_way_is_out_of_reach_and_taken_away_at_its_end(visitor: Browser) -> None:
    name, *flags = (await visitor.http.get("/sign-in/oidc")).headers["set-cookie"].split("; ")
    assert name.startswith("maestro_sign_in=")
    assert {flag.lower() for flag in flags} == {"httponly", "samesite=lax", "path=/", "max-age=600"}
    await visitor.sign_in()
    assert "maestro_sign_in" not in visitor.http.cookies


async def test_the_cookies_of_an_https_server_are_bound_to_its_host(idp: Idp, tmp_path: Path, server_url: str) -> None:
    app = create_app(settings_for(idp, tmp_path, public_url="https://ml.example.org/"), server_url)
    async with app.router.lifespan_context(app), served(app) as address, browsing(address) as browser:
        answer = await browser.http.get("/sign-in/oidc")
    assert answer.headers["set-cookie"].startswith("__Host-maestro_sign_in=")
    assert answer.headers["set-cookie"].lower().endswith("; secure")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["redirect_uri"] == [f"https://ml.example.org{REDIRECT}"]


async def test_somebody_goes_on_where_they_wanted_to(visitor: Browser) -> None:
    answer = await visitor.sign_in("/sign-in/oidc?return_to=/graphiql?a=b%26c")
    assert answer.headers["location"] == "/graphiql?a=b&c"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.org/",
        "//evil.example.org",
        "/\\evil.example.org",
        "/%5Cevil.example.org\\",
        "/\t/evil.example.org",
        "\\\\evil.example.org",
        "javascript:alert(1)",
        "graphiql",
        "",
        "/x\r\nset-cookie: a=b",
        "/" + "x" * 1001,
    ],
)
async def test_the_way_never_ends_elsewhere(visitor: Browser, elsewhere: str) -> None:
    answer = await visitor.http.get("/sign-in/oidc", params={"return_to": elsewhere})
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_a_secret_can_travel_in_the_body_where_a_provider_wants_that(visitor: Browser, idp: Idp) -> None:
    idp.set(methods=["client_secret_post"])
    await visitor.sign_in()
    assert await visitor.name() == "Ada"
    assert idp.set()["method_used"] == "client_secret_post"


async def test_a_secret_travels_in_the_header_where_a_provider_takes_both(visitor: Browser, idp: Idp) -> None:
    await visitor.sign_in()
    assert idp.set()["method_used"] == "client_secret_basic"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_provider_may_sign_with_either_kind_of_key(visitor: Browser, idp: Idp, algorithm: str) -> None:
    idp.set(algorithm=algorithm)
    await visitor.sign_in()
    assert await visitor.name() == "Ada"


async def test_a_provider_may_change_its_keys(site: str, idp: Idp) -> None:
    for _ in range(2):
        async with browsing(site) as browser:
            await browser.sign_in()
            assert await browser.name() == "Ada"
        idp.set(rotate=True)
    assert idp.set()["counts"]["jwks"] == 2


async def test_documents_are_fetched_once(site: str, idp: Idp) -> None:
    for _ in range(3):
        async with browsing(site) as browser:
            await browser.sign_in()
    counts = idp.set()["counts"]
    assert (counts["discovery"], counts["jwks"]) == (1, 1)


async def test_groups_may_stand_in_the_user_info(visitor: Browser, idp: Idp, runtime: Runtime) -> None:
    idp.set(in_userinfo=["groups", "email", "name"])
    idp.user(groups=["ml-admins"])
    await visitor.sign_in()
    assert await visitor.name() == "Ada"
    roles = await runtime.db.fetch_sql("SELECT role FROM membership WHERE source = 'OIDC'")
    assert [row.role for row in roles] == ["ADMIN"]


async def test_an_address_that_the_provider_has_not_verified_is_not_kept(
    visitor: Browser, idp: Idp, runtime: Runtime
) -> None:
    idp.user(email="owner@localhost", email_verified=False)
    await visitor.sign_in()
    assert [row.email for row in await runtime.db.fetch_sql("SELECT email FROM identity")] == [None]


async def test_the_start_page_shows_the_way(visitor: Browser) -> None:
    page = (await visitor.http.get("/")).text
    assert '<a class="card primary" href="/sign-in/oidc"><strong>Sign in with Team &lt;ID&gt;</strong>' in page


async def test_who_has_signed_in_by_a_link_connects_their_account(owners_browser: Browser, site: str, api: Api) -> None:
    answer = await owners_browser.sign_in(await link_on(owners_browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "/sign-in/oidc" not in (await owners_browser.http.get("/")).text
    async with browsing(site) as browser:
        await browser.sign_in()
        assert await browser.name() == "Owner"
    owner = api.viewer.actor_id
    rows = await api.runtime.db.fetch_sql("SELECT role, source FROM membership WHERE user_id = $1", owner)
    assert [tuple(row) for row in rows] == [("OWNER", "MANUAL")]


async def test_connecting_is_told_to_the_audit_log(owners_browser: Browser, runtime: Runtime, owner: Owner) -> None:
    await owners_browser.sign_in(await link_on(owners_browser))
    told = await runtime.db.fetch_sql(
        "SELECT actor_id, session_id IS NOT NULL AS has_session, is_allowed FROM audit_entry "
        "WHERE operation = 'connectIdentity'"
    )
    assert [tuple(row) for row in told] == [(owner.user_id, True, True)]


@pytest.mark.parametrize("link", ["yes", "", "made-up"])
async def test_no_other_page_can_connect_an_account(owners_browser: Browser, link: str) -> None:
    answer = await owners_browser.http.get("/sign-in/oidc", params={"link": link})
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_the_link_of_one_session_connects_nothing_to_another(owners_browser: Browser, visitor: Browser) -> None:
    theirs = await link_on(owners_browser)
    await visitor.sign_in()
    assert (await visitor.http.get(theirs)).status_code == 400


async def test_an_account_is_not_connected_to_who_has_signed_out_meanwhile(
    owners_browser: Browser, runtime: Runtime
) -> None:
    back = await owners_browser.leave(await link_on(owners_browser))
    await owners_browser.http.post("/sign-out", headers={"sec-fetch-site": "same-origin"})
    assert (await owners_browser.http.get(back)).status_code == 400
    assert await runtime.db.fetch_sql("SELECT 1 FROM identity") == []


async def test_an_account_is_connected_to_one_person_only(
    owners_browser: Browser, visitor: Browser, runtime: Runtime
) -> None:
    await visitor.sign_in()
    before = await runtime.db.fetch_sql("SELECT * FROM identity")
    assert (await owners_browser.sign_in(await link_on(owners_browser))).status_code == 403
    assert await runtime.db.fetch_sql("SELECT * FROM identity") == before
    refused = await runtime.db.fetch_sql(
        "SELECT code FROM audit_entry WHERE operation = 'connectIdentity' AND NOT is_allowed"
    )
    assert [row.code for row in refused] == ["SIGN_IN_REFUSED"]


async def test_no_secret_comes_into_the_log(visitor: Browser, idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="app")
    caplog.set_level(logging.DEBUG, logger="connectors")
    back = await visitor.leave()
    idp.set(misbehaviour="token fails")
    await visitor.http.get(back)
    # The visitor of this test logs where it goes; the server may not.
    told = [record.getMessage() for record in caplog.records if record.name.startswith(("app", "connectors"))]
    assert "IDENTITY_PROVIDER_FAILED" in "".join(told)
    for secret in (CLIENT_SECRET, *(value for values in parse_qs(urlsplit(back).query).values() for value in values)):
        assert secret not in "".join(told)


async def test_without_a_provider_there_is_no_way_to_one(tmp_path: Path, server_url: str) -> None:
    plain: Starlette = create_app(Settings(data_dir=tmp_path / "data", _env_file=None), server_url)  # type: ignore[call-arg] # a keyword of pydantic's
    async with plain.router.lifespan_context(plain), served(plain) as address, browsing(address) as browser:
        assert (await browser.http.get("/sign-in/oidc")).status_code == 404
        assert (await browser.http.get(REDIRECT)).status_code == 404
        assert "/sign-in/oidc" not in (await browser.http.get("/")).text
