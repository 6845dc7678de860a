"""Calls of an MLflow server: one HTTP client a connector, signed in by what it was given and by nothing else."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import orjson

from connectors.retrying import TRIES, retried
from connectors.tracking.mlflow_errors import refused, translated
from connectors.tracking.mlflow_library import ENDPOINTS, answer_to, to_json
from maestro.credentials import MlflowCredential
from maestro.vendor_errors import ConnectorFailed

CONNECT_S: Final = 10.0
ANSWER_S: Final = 120.0
CONNECTIONS: Final = 8
_OK: Final = range(200, 300)
_HEADERS: Final = {"user-agent": "maestro-ml", "accept-encoding": "identity"}
"""What is packed costs a server that is near more than it saves."""


@asynccontextmanager
async def called(uri: str, credential: MlflowCredential | None) -> "AsyncIterator[Calls]":
    """Open the line to a server for a block."""
    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=uri,
        auth=_auth(credential),
        headers=_HEADERS,
        timeout=timeout,
        limits=limits,
        # Neither a .netrc nor a proxy of the environment: it is the process's, not the connector's.
        trust_env=False,
    ) as http:
        yield Calls(http)


def _auth(credential: MlflowCredential | None) -> httpx.Auth | None:
    if credential is None:
        return None
    if credential.token is not None:
        return _Bearer(credential.token.get_secret_value())
    name, password = credential.username, credential.password
    if name is None or password is None:
        return None
    return httpx.BasicAuth(name.get_secret_value(), password.get_secret_value())


class _Bearer(httpx.Auth):
    """A bearer token."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Any:
        """Sign a request."""
        request.headers["Authorization"] = self._header
        yield request


class Calls:
    """Sends what a server of MLflow is asked; `what` names for people what that is about.

    Whatever passes is tried again some times, unless it may not be done twice.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, message: Any, what: str, *, is_repeatable: bool = True) -> Any:
        """Send a message of the library and return the answer to it."""
        path, method = ENDPOINTS[type(message)]
        content = to_json(message)
        given: dict[str, Any] = {"params": orjson.loads(content)} if method == "GET" else {"content": content}
        headers = {} if method == "GET" else {"content-type": "application/json"}

        async def once() -> Any:
            return await self._json(method, path, what, headers=headers, **given)

        found = await retried(once, tries=TRIES if is_repeatable else 1)
        try:
            return answer_to(message, found)
        except (TypeError, ValueError) as error:
            raise _no_answer(what) from error

    async def get(self, path: str, what: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON that lies under a path."""

        async def once() -> Any:
            return await self._json("GET", path, what, params=params)

        return await retried(once)

    async def text(self, path: str, what: str) -> str:
        """Return a short text that lies under a path."""
        return (await self._answer("GET", path, what)).text[:100]

    @asynccontextmanager
    async def stream(self, path: str, what: str, params: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """Open what lies under a path for reading, in a block."""
        with translated(what):
            async with self._http.stream("GET", path, params=params) as answer:
                if answer.status_code not in _OK:
                    await answer.aread()
                    raise refused(answer, what)
                yield answer.aiter_bytes()

    async def put(self, path: str, what: str, *, content: Any, size: int) -> None:
        """Put bytes under a path."""
        await self._answer("PUT", path, what, content=content, headers={"content-length": str(size)})

    async def _json(self, method: str, path: str, what: str, **given: Any) -> Any:
        answer = await self._answer(method, path, what, **given)
        try:
            return _parsed(answer.content)
        except ValueError as error:
            raise _no_answer(what) from error

    async def _answer(self, method: str, path: str, what: str, **given: Any) -> httpx.Response:
        with translated(what):
            answer = await self._http.request(method, path, **given)
        if answer.status_code not in _OK:
            raise refused(answer, what)
        return answer


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # NaN and infinities stand in answers as JavaScript writes them.
        return json.loads(content)


def _no_answer(what: str) -> ConnectorFailed:
    return ConnectorFailed(
        f"What came back for {what} is no answer of MLflow's.",
        hint="Look whether the address is that of an MLflow tracking server, and whether a sign-in page stands before.",
    )
