"""CORS: pages of the sites that the settings name may read answers, others may not."""

from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from maestro.settings import Settings

LISTED, UNLISTED = "https://pages.example.org", "https://evil.example"
ME = {"query": "{ __typename }"}


def preflight(origin: str, headers: str = "authorization,content-type,x-maestro-organization") -> dict[str, str]:
    return {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": headers}


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


async def test_without_the_setting_no_site_is_told_anything(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=ME, headers={"origin": LISTED})
    assert (answer.status_code, cors(answer)) == (200, {})


async def test_without_the_setting_a_preflight_is_a_request_of_nobody(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.options("/graphql", headers=preflight(LISTED))
    assert (answer.status_code, cors(answer)) == (401, {})


class TestWithASiteListed:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": (LISTED,)})

    async def test_a_preflight_allows_keys_and_the_choice_of_an_organisation(
        self, anonymous: httpx.AsyncClient
    ) -> None:
        answer = await anonymous.options("/graphql", headers=preflight(LISTED))
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, PUT"
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "x-maestro-organization"} <= allowed

    async def test_a_preflight_of_another_site_or_for_another_header_is_refused(
        self, anonymous: httpx.AsyncClient
    ) -> None:
        answer = await anonymous.options("/graphql", headers=preflight(UNLISTED))
        assert (answer.status_code, "access-control-allow-origin" in answer.headers) == (400, False)
        assert (await anonymous.options("/graphql", headers=preflight(LISTED, "x-other"))).status_code == 400

    async def test_an_answer_may_be_read_with_its_limits(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/graphql", json=ME, headers={"origin": LISTED})
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["vary"] == "Origin"
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed

    async def test_a_refusal_may_be_read_too(self, anonymous: httpx.AsyncClient) -> None:
        answer = await anonymous.post("/graphql", json=ME, headers={"origin": LISTED})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, LISTED)

    async def test_another_site_may_read_nothing(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/graphql", json=ME, headers={"origin": UNLISTED})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "value", ["*", "https://*.example.org", "null", "ftp://x", "https://x/path", "https://user@x", "x.example.org"]
)
def test_what_is_no_origin_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAESTRO_CORS_ORIGINS", f"{LISTED},{value}")
    with pytest.raises(ValidationError, match="an origin looks like"):
        Settings()


def test_origins_are_read_between_commas_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAESTRO_CORS_ORIGINS", "https://A.example:443, http://localhost:3000/")
    assert Settings().cors_origins == ("https://a.example", "http://localhost:3000")
