"""Pages of other sites cannot act in the name of who is signed in, and programs with a key never meet this."""

from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from maestro.settings import Settings
from tests.fixtures.graphql import Api, browser

ME = {"query": "{ __typename }"}
CREATE = {"query": 'mutation { createProject(input: {name: "x"}) { __typename } }'}
JSON = {"content-type": "application/json"}
FOREIGN = [
    "https://evil.example",
    "null",
    "http://testserver:8001",
    "https://testserver",
    "http://sub.testserver",
    "http://testserver.evil.example",
    "http://evil.example/http://testserver",
    "http://testserver@evil.example",
    "http://[",
    "",
]


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert error["message"] == "The browser does not say that a page of this server sends this."
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_page_of_our_own_may_send_changes(person: httpx.AsyncClient) -> None:
    answer = await person.post("/graphql", json=CREATE)
    assert answer.json()["data"] == {"createProject": {"__typename": "ProjectSaved"}}


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_changes_nothing(api: Api, person: httpx.AsyncClient, origin: str) -> None:
    before = await settled(api)
    assert_refused(await person.post("/graphql", json=CREATE, headers={"origin": origin}))
    assert await settled(api) == before


async def settled(api: Api) -> str:
    """The state of the database but for when a session was last seen."""
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE session SET last_seen_at = created_at")
    return await api.state()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", urlencode(CREATE)),
        ("text/plain", '{"query": "mutation { createProject(input: {name: \\"x\\"}) { __typename } }"}'),
        (
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--',
        ),
    ],
)
async def test_what_a_foreign_form_can_send_without_asking_changes_nothing(
    api: Api, person: httpx.AsyncClient, *, content_type: str, body: str
) -> None:
    before = await settled(api)
    headers = {"origin": "https://evil.example", "content-type": content_type, "sec-fetch-site": "cross-site"}
    assert_refused(await person.post("/graphql", content=body, headers=headers))
    assert await settled(api) == before


async def test_a_request_with_a_session_that_names_no_origin_is_refused(person: httpx.AsyncClient) -> None:
    del person.headers["origin"]
    assert_refused(await person.post("/graphql", json=CREATE))


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_what_the_browser_calls_our_own_is_let_in(person: httpx.AsyncClient, site: str) -> None:
    answer = await person.post("/graphql", json=ME, headers={"origin": "null", "sec-fetch-site": site})
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
async def test_what_the_browser_calls_another_site_is_refused(person: httpx.AsyncClient, site: str) -> None:
    del person.headers["origin"]
    assert_refused(await person.post("/graphql", json=ME, headers={"sec-fetch-site": site}))


async def test_a_put_and_the_way_out_are_guarded_too(person: httpx.AsyncClient) -> None:
    foreign = {"origin": "https://evil.example"}
    assert_refused(await person.put(f"/artifacts/artifact_version_{'0' * 32}/a", content=b"x", headers=foreign))
    assert_refused(await person.post("/sign-out", headers=foreign))
    assert (await person.post("/graphql", json=ME)).status_code == 200


async def test_a_get_may_come_from_anywhere_and_changes_nothing(api: Api, person: httpx.AsyncClient) -> None:
    before = await settled(api)
    foreign = {"origin": "https://evil.example"}
    read = await person.get("/graphql", params=ME, headers=foreign)
    assert read.json()["data"] == {"__typename": "Query"}
    assert (await person.get("/graphql", params=CREATE, headers=foreign)).status_code == 405
    assert await settled(api) == before


async def test_a_key_is_exempt(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=ME, headers={"origin": "https://evil.example"})
    assert answer.json()["data"] == {"__typename": "Query"}


async def test_a_key_beside_a_session_counts_as_a_key(person: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    headers = {"origin": "https://evil.example", "authorization": client.headers["authorization"]}
    assert (await person.post("/graphql", json=ME, headers=headers)).status_code == 200


class TestBehindAnAddressOfItsOwn:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"public_url": "https://ml.example.org/", "cors_origins": ("https://pages.example.org",)}
        )

    @pytest.mark.parametrize("origin", ["https://ml.example.org", "https://pages.example.org", "http://testserver"])
    async def test_the_public_address_and_the_sites_of_the_settings_are_let_in(
        self, person: httpx.AsyncClient, origin: str
    ) -> None:
        answer = await person.post("/graphql", json=ME, headers={"origin": origin})
        assert answer.json()["data"] == {"__typename": "Query"}

    @pytest.mark.parametrize(
        "origin", ["http://ml.example.org", "https://ml.example.org:8443", "https://evil.pages.example.org"]
    )
    async def test_what_resembles_them_is_refused(self, person: httpx.AsyncClient, origin: str) -> None:
        assert_refused(await person.post("/graphql", json=ME, headers={"origin": origin}))

    @pytest.fixture
    async def person(self, person: httpx.AsyncClient) -> httpx.AsyncClient:
        """The owner in a browser: what the server gave for HTTPS is sent over the test's plain transport."""
        (cookie,) = [f"{cookie.name}={cookie.value}" for cookie in person.cookies.jar]
        person.headers["cookie"] = cookie
        return person


async def test_nobody_is_signed_in_by_a_form_of_another_site(app: Starlette) -> None:
    async with browser(app, origin="https://evil.example") as stranger:
        assert_refused(await stranger.post("/sign-in", data={"token": "x"}))
