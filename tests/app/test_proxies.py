"""Who the client is, behind proxies: believed from trusted addresses alone, since keys and the audit log rest on it."""

from ipaddress import ip_network

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette

from maestro.access.keys import KeySpec
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import ensure_owner
from tests.fixtures.graphql import api_key

ME = {"query": "{ __typename }"}
OFFICE, ELSEWHERE, PROXY, OUTER = "203.0.113.7", "198.51.100.9", "10.0.0.5", "10.0.0.6"


@pytest.fixture
async def key(runtime: Runtime) -> str:
    """A key that is good from the office alone."""
    owner = await ensure_owner(runtime.db)
    spec = KeySpec(
        organization_id=owner.organization_id, user_id=owner.user_id, name="office", addresses=("203.0.113.0/24",)
    )
    return await api_key(runtime, spec)


async def ask(app: Starlette, key: str, *, peer: str, forwarded: str | None = None) -> int:
    """Ask with the key as a connection from `peer`, and return the status."""
    headers = {"authorization": f"Bearer {key}"} | ({"x-forwarded-for": forwarded} if forwarded else {})
    transport = httpx.ASGITransport(app, client=(peer, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        return (await client.post("/graphql", json=ME)).status_code


async def test_the_address_is_that_of_the_connection(app: Starlette, key: str) -> None:
    assert await ask(app, key, peer=OFFICE) == 200
    assert await ask(app, key, peer=ELSEWHERE) == 401


@pytest.mark.parametrize("peer", [ELSEWHERE, "127.0.0.1", PROXY])
async def test_nobody_is_believed_who_is_no_trusted_proxy(app: Starlette, key: str, peer: str) -> None:
    assert await ask(app, key, peer=peer, forwarded=OFFICE) == 401


class TestBehindTrustedProxies:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"trusted_proxies": (ip_network("10.0.0.0/24"),)})

    @pytest.mark.parametrize(
        ("peer", "forwarded", "status"),
        [
            (PROXY, OFFICE, 200),
            (PROXY, ELSEWHERE, 401),
            (PROXY, f"{ELSEWHERE}, {OFFICE}", 200),
            (PROXY, f"{OFFICE}, {OUTER}", 200),
            (PROXY, f"{OFFICE}, {ELSEWHERE}", 401),
            (PROXY, f"{OFFICE}, {ELSEWHERE}, {OUTER}", 401),
            (PROXY, "nonsense", 401),
            (PROXY, f"{OFFICE}:1234", 200),
            (ELSEWHERE, OFFICE, 401),
            (OFFICE, ELSEWHERE, 200),
            ("10.0.1.5", OFFICE, 401),
        ],
    )
    async def test_the_last_address_that_is_no_proxy_is_the_clients(
        self, app: Starlette, key: str, *, peer: str, forwarded: str, status: int
    ) -> None:
        assert await ask(app, key, peer=peer, forwarded=forwarded) == status

    @pytest.mark.parametrize(("peer", "is_secure"), [(PROXY, True), (ELSEWHERE, False)])
    async def test_the_scheme_and_the_host_are_believed_from_proxies_alone(
        self, app: Starlette, runtime: Runtime, *, peer: str, is_secure: bool
    ) -> None:
        token = await runtime.access.create_link_token((await ensure_owner(runtime.db)).user_id)
        forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "ml.example.org"}
        transport = httpx.ASGITransport(app, client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://inside", headers=forwarded) as client:
            signed_in = await client.get("/sign-in", params={"token": token})
            cookie = signed_in.headers["set-cookie"]
            assert ("; Secure" in cookie) == is_secure
            assert ("strict-transport-security" in signed_in.headers) == is_secure
            headers = {"origin": "https://ml.example.org", "cookie": cookie.partition(";")[0]}
            answer = await client.post("/graphql", json=ME, headers=headers)
        assert answer.status_code == (200 if is_secure else 403)


@pytest.mark.parametrize("value", ["*", "proxy.example.org", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_address_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MAESTRO_TRUSTED_PROXIES", f"10.0.0.1, {value}")
    with pytest.raises(ValidationError, match="not a valid IPv4 or IPv6 network"):
        Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's


def test_addresses_and_networks_are_read_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAESTRO_TRUSTED_PROXIES", "10.0.0.1, fd00::/8")
    settings = Settings(_env_file=None)  # type: ignore[call-arg] # a keyword of pydantic's
    assert settings.trusted_proxies == (ip_network("10.0.0.1/32"), ip_network("fd00::/8"))
