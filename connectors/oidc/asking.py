"""How a provider of identity is asked: with little patience, for short JSON, at safe addresses, and not too often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson

from maestro.errors import IdentityProviderFailed

T = TypeVar("T")

KEPT_S: Final = 3600.0
"""How long a document of the provider is taken to be as it was."""
RENEWAL_PAUSE_S: Final = 30.0
"""How long a document that has been fetched again out of turn is not fetched so once more."""
PATIENCE_S: Final = 10.0
LARGEST: Final = 1024 * 1024
"""Most bytes of an answer."""
OK: Final = 200
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Line:
    """The connections to a provider. They follow no redirect: what it says stands at the address that it has named."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=PATIENCE_S, follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def document(self, url: str, **options: Any) -> dict[str, Any]:
        """Return the JSON object at an address; IdentityProviderFailed."""
        status, content = await self.ask("GET", url, **options)
        if status != OK:
            raise IdentityProviderFailed(f"The identity provider answers {urlsplit(url).path} with status {status}.")
        return content

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON object of an answer, empty when a refusal has none; IdentityProviderFailed."""
        headers = {"accept": "application/json", **options.pop("headers", {})}
        body = bytearray()
        async with self._http.stream(method, url, headers=headers, **options) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise IdentityProviderFailed(f"The identity provider answers with more than {LARGEST:,} bytes.")
        try:
            content = orjson.loads(body)
        except ValueError:
            content = None
        if isinstance(content, dict):
            return answer.status_code, content
        if answer.status_code == OK:
            raise IdentityProviderFailed("The identity provider answers with something that is no JSON object.")
        return answer.status_code, {}


class Kept(Generic[T]):
    """Something of the provider that is fetched when it is first needed, and again when it has become old."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._turn = asyncio.Lock()
        self._held: tuple[T, float] | None = None
        self._renewed_at = float("-inf")

    async def content(self) -> T:
        """Return it, perhaps as it was an hour ago."""
        async with self._turn:
            if self._held is None or time.monotonic() - self._held[1] > KEPT_S:
                self._held = await self._fetch(), time.monotonic()
            return self._held[0]

    async def renewed(self) -> T:
        """Return it as it is now, or as it was when this was asked a moment ago."""
        async with self._turn:
            if self._held is None or time.monotonic() - self._renewed_at > RENEWAL_PAUSE_S:
                self._renewed_at = time.monotonic()
                self._held = await self._fetch(), time.monotonic()
            return self._held[0]


@asynccontextmanager
async def patience() -> AsyncIterator[None]:
    """Give the provider some seconds for a block; IdentityProviderFailed when it does not answer."""
    hint = "Try again; if it lasts, look whether the provider is up and can be reached from this server."
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError as error:
        raise IdentityProviderFailed("The identity provider does not answer in time.", hint=hint) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = type(error).__name__
        raise IdentityProviderFailed(f"The identity provider cannot be reached ({kind}).", hint=hint) from error


def is_safe(url: str) -> bool:
    """Say whether nobody can listen on the way to an address: it is HTTPS, or on this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and not parts.fragment and (parts.scheme == "https" or is_local)
