"""The line to the server: GraphQL and files over HTTP, and what an answer means for what was sent."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

import httpx

from maestro_client.errors import Away, Refused

TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
PASSING: Final = frozenset(
    {"RATE_LIMITED", "SERVICE_UNAVAILABLE", "RESTORING", "TRANSIENT_FAILURE", "TIMED_OUT", "INTERNAL_SERVER_ERROR"}
)
"""Codes of errors that pass by themselves."""
REQUEST_TIMEOUT: Final = 408
TOO_MANY_REQUESTS: Final = 429
SERVER_ERROR: Final = 500
OK: Final = 200


class Key:
    """An API key, which is used and never shown."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Key('…')"

    def authorization(self) -> str:
        """Return the header's value."""
        return f"Bearer {self._text}"


class Line:
    """Asks one server; threads may share it."""

    def __init__(self, url: str, key: Key | None) -> None:
        self.url = url.rstrip("/")
        self._key = key

    def __repr__(self) -> str:
        return f"Line({self.url!r})"

    def close(self) -> None:
        """Let go of the connections."""
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> httpx.Client:
        # Made by who first asks: reading the certificates takes a training 50 ms, and a thread of ours nothing.
        headers = {"user-agent": "maestro-client/0.1.0"}
        if self._key is not None:
            headers["authorization"] = self._key.authorization()
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run an operation and return its data; Away, Refused."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"content-type": "application/json"}
        content = self._send("POST", "/graphql", content=body, headers=headers)
        data = content.get("data")
        if not isinstance(data, dict):
            raise Away("The answer is none of GraphQL.")
        return data

    def put(self, path: str, content: Iterable[bytes], *, size: int, sha256: str) -> None:
        """Send a file of so many bytes; Away, Refused, and whatever reading it raises."""
        headers = {"content-length": str(size), "x-content-sha256": sha256}
        self._send("PUT", path, content=content, headers=headers)

    def _send(self, method: str, path: str, *, content: Any, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, content=content, headers=dict(headers))
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
            raise Refused(f"{self.url!r} cannot be asked with this key: {type(error).__name__}.") from error
        except httpx.TransportError as error:
            raise Away(f"{self.url} does not answer: {type(error).__name__}.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(f"{self.url} cannot be asked: {error}.") from error
        return _read(answer)


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        if errors := content.get("errors"):
            raise _error(errors[0], answer)
        if answer.status_code == OK:
            return content
    if answer.status_code >= SERVER_ERROR or answer.status_code in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS):
        raise Away(f"The server answers with status {answer.status_code}.", after_s=_seconds(answer))
    raise Refused(
        f"The answer, of status {answer.status_code}, is not that of a Maestro server.", hint="Look at the address."
    )


def _error(error: Mapping[str, Any], answer: httpx.Response) -> Away | Refused:
    extensions = error.get("extensions") or {}
    code, message = str(extensions.get("code") or ""), str(error.get("message"))
    if code in PASSING:
        return Away(message, after_s=float(extensions.get("retryAfterSeconds") or _seconds(answer)))
    return Refused(message, code=code, hint=extensions.get("hint"), status=extensions.get("status"))


def _seconds(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdigit() else 0.0
