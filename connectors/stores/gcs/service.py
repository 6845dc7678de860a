"""A bucket of Google Cloud Storage as a partner for requests: over the library's session, with its token."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote

import orjson
from aiohttp import ClientTimeout
from pydantic import SecretStr

from connectors.retrying import TRIES, retried
from connectors.stores.gcs.errors import json_of, translated
from connectors.stores.keys import checked_key

T = TypeVar("T")

GOOGLE: Final = "https://storage.googleapis.com"
CONNECT_S: Final = 10
READ_S: Final = 60
TIMEOUT: Final = ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsConfig:
    """A bucket, what the names in it begin with, who pays, and how it is reached.

    The key file of a service account; without one, with `is_ambient`, whatever this machine has; else nobody, who
    reads public buckets. `tries` is how often a request is sent that fails by the network or a busy server.
    """

    bucket: str
    prefix: str = ""
    project: str | None = None
    endpoint_url: str | None = None
    service_account: SecretStr | None = field(default=None, repr=False)
    is_ambient: bool = False
    tries: int = TRIES


def root_of(config: GcsConfig) -> str:
    """Return the address of the server, without a slash at its end."""
    return (config.endpoint_url or GOOGLE).rstrip("/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server has answered: the status, the headers, and the JSON object, empty when there is none."""

    status: int
    headers: Mapping[str, str]
    content: Any


class Service:
    """Requests for one bucket, each tried again while it fails by the network or a busy server."""

    def __init__(self, storage: Any, config: GcsConfig) -> None:
        self.storage = storage
        """The library: its types are those of a sister of it that does not wait."""
        self.config = config
        self.bucket = config.bucket
        self.root = root_of(config)
        prefix = config.prefix.strip("/")
        self.prefix = f"{prefix}/" if prefix else ""

    def name(self, key: str) -> str:
        """Return the name of the object under a key; InvalidInput."""
        return self.prefix + checked_key(key)

    def params(self, **given: Any) -> dict[str, str]:
        """Return parameters of a request: those that are given, and who pays."""
        known = {**given, "userProject": self.config.project}
        return {name: str(value) for name, value in known.items() if value is not None}

    def url(self, *path: str, upload: bool = False) -> str:
        """Return the address of something below the bucket, like `"o", name`."""
        start = f"{self.root}{'/upload' if upload else ''}/storage/v1/b/{quote(self.bucket, safe='')}"
        return "/".join([start, *(quote(part, safe="") for part in path)])

    async def tried(self, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the library that may be done twice; the errors of ours, which name `what`."""

        async def once() -> T:
            with translated(what):
                return await work()

        return await retried(once, tries=self.config.tries)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Any:
        """Send a request with JSON that may be sent twice, and return the JSON of the answer."""
        return (await self.tried(what, lambda: self.send(method, url, params=params, json=json))).content

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, once; the errors of the library."""
        given = {**await self.authorization(), **(headers or {})}
        body = None
        if json is not None:
            given["Content-Type"], body = "application/json; charset=UTF-8", orjson.dumps(json)
        answer = await self.storage.session.request(
            method,
            url,
            headers=given,
            params=self.params() if params is None else params,
            data=body,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        async with answer:
            content = await answer.read()
        return Answer(answer.status, answer.headers, json_of(content))

    async def authorization(self) -> dict[str, str]:
        """Return the header that says who asks; none for nobody."""
        token = await self.storage.token.get()
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def resource(self, name: str, what: str, **given: Any) -> dict[str, Any]:
        """Return what the service knows of an object; NotFound."""
        found: dict[str, Any] = await self.ask("GET", self.url("o", name), what=what, params=self.params(**given))
        return found

    async def pages(self, prefix: str, *, page: int, **given: Any) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the objects whose names begin with a text, in the order of their names, page by page."""
        token = None
        while True:
            params = self.params(prefix=prefix, maxResults=page, pageToken=token, **given)
            found = await self.tried(
                "the list of objects",
                lambda params=params: self.storage.list_objects(  # type: ignore[misc] # mypy knows no defaults here
                    self.bucket, params=dict(params), timeout=TIMEOUT
                ),
            )
            if items := found.get("items"):
                yield items
            token = found.get("nextPageToken")
            if not token:
                return

    async def remove(self, name: str, what: str, **given: Any) -> None:
        """Remove an object, or one generation of it; NotFound."""
        await self.tried(
            what,
            lambda: self.storage.delete(self.bucket, name, params=self.params(**given), timeout=TIMEOUT),
        )


class OfService:
    """A part of the store, which asks the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
