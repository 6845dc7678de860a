"""A store of objects in a bucket of Google Cloud Storage."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from gcloud.aio.storage import Storage

from connectors.stores.buckets import Ability, Description
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.drafts import digest
from connectors.stores.gcs.administration import Administration
from connectors.stores.gcs.joining import UPLOADS, Joining
from connectors.stores.gcs.reading import stream
from connectors.stores.gcs.resources import FIELDS, Digests, described, moment, stored
from connectors.stores.gcs.rewriting import Rewriting
from connectors.stores.gcs.sending import PIECE, send_bytes, send_file
from connectors.stores.gcs.service import TIMEOUT, GcsConfig, Service, root_of
from connectors.stores.gcs.signing import Signing
from connectors.stores.gcs.tokens import AccountToken, Nobody, account_token, ambient_token
from connectors.stores.gcs.versions import Versioning
from connectors.stores.keys import WORK, checked_key, is_key
from connectors.stores.sending import read_whole
from maestro import clock
from maestro.crowd import for_each
from maestro.errors import NotFound
from maestro.threads import Told, in_thread, untold

CONNECTIONS: Final = 32
AT_ONCE: Final = 16
"""Objects that are removed at the same time."""
ABANDONED: Final = timedelta(days=7)
"""An upload in parts to which nothing has been added for so long is not gone on with."""


@asynccontextmanager
async def gcs_store(config: GcsConfig) -> AsyncIterator["GcsStore"]:
    """Open a store in a bucket for a block; InvalidInput for a key that is none of a service account."""
    async with ClientSession(
        connector=TCPConnector(limit=CONNECTIONS), timeout=TIMEOUT, cookie_jar=DummyCookieJar()
    ) as session:
        token = await in_thread(lambda _: _token(config, session))
        # Told all of it, the library neither looks for an emulator in the environment nor trusts any certificate.
        is_nobody = isinstance(token, Nobody)
        given: dict[str, Any] = {"session": session, "token": token, "api_is_dev": is_nobody}
        storage = Storage(api_root=root_of(config), **given)
        yield GcsStore(Service(storage, config))


def _token(config: GcsConfig, session: Any) -> AccountToken | Nobody:
    if config.service_account is not None:
        return account_token(config.service_account, session, is_anywhere=config.endpoint_url is not None)
    return ambient_token(session) if config.is_ambient else Nobody()


class GcsStore(Rewriting, Joining, Versioning, Signing, Administration):
    """Objects under `<prefix>/` of a bucket. Each has its SHA-256 as metadata, and was compared with MD5 and CRC32C."""

    abilities: frozenset[Ability] = frozenset(Ability) - {Ability.DESCRIBED}

    def __str__(self) -> str:
        return f"gs://{self._service.bucket}/{self._service.prefix}"

    @property
    def folder(self) -> Path | None:
        """None: nothing of it lies on this machine."""
        return None

    async def free_bytes(self) -> int | None:
        """Return None: there is no end to the room."""
        return None

    async def head(self, key: str) -> StoredObject:
        """Return what the service knows of an object; NotFound."""
        return stored(key, await self._service.resource(self._service.name(key), key))

    async def arrived(self, key: str) -> StoredObject:
        """Return an object without the SHA-256 that whoever has sent it may have told of it."""
        return replace(await self.head(key), sha256=None)

    async def list(
        self,
        prefix: str = "",
        *,
        after: str | None = None,
        page: int = PAGE,
        left_out: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page, with their digests."""
        start, fields = self._service.prefix, f"nextPageToken,items({FIELDS})"
        # The service begins with the very name that it is given, so one more is asked for.
        size = min(page if after is None else page + 1, PAGE)
        offset = None if after is None else start + after
        async for items in self._service.pages(start + prefix, page=size, fields=fields, startOffset=offset):
            listed: list[StoredObject] = []
            for one in items:
                key = one["name"].removeprefix(start)
                if key == after:
                    continue
                if is_key(key):
                    listed.append(stored(key, one))
                elif left_out is not None and not key.startswith(f"{WORK}/"):
                    left_out(key)
            for some in (listed[:page], listed[page:]):
                if some:
                    yield some

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; what breaks off is gone on with, unless another has taken its place."""
        name = self._service.name(key)
        if end is not None and start >= end:
            await self.head(key)
            return
        async with aclosing(stream(self._service, name, start=start, end=end)) as parts:
            async for part in parts:
                yield part

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes."""
        told = described(Description(sha256=Digests.of(content).sha256.hexdigest()))
        return stored(key, await send_bytes(self._service, self._service.name(key), content, told=told))

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file, a larger one in pieces; without a SHA-256 it is read once more before."""
        name, size = self._service.name(key), (await in_thread(lambda _: path.stat())).st_size
        known = await in_thread(partial(digest, path)) if sha256 is None else sha256
        if size > PIECE:
            description = described(Description(sha256=known))
            made = await send_file(self._service, name, path, told=description, sha256=known, progress=told)
            done = stored(key, made)
        else:
            done = await self.put_bytes(key, await in_thread(lambda _: read_whole(path, key, known)))
            told(size)
        if consume:
            await in_thread(lambda _: path.unlink())
        return done

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, some at a time; those that are not there are not missed."""

        async def remove(key: str) -> None:
            with suppress(NotFound):
                await self._service.remove(self._service.name(key), key)

        await for_each((checked_key(key) for key in keys), remove, at_once=AT_ONCE)

    async def tidy(self) -> None:
        """Remove the parts of uploads to which nothing was added for days; larger files leave nothing behind."""
        start, old = f"{self._service.prefix}{UPLOADS}", list[dict[str, Any]]()
        deadline = clock.now() - ABANDONED

        async def remove(one: dict[str, Any]) -> None:
            with suppress(NotFound):
                await self._service.remove(one["name"], "parts of an upload", generation=one["generation"])

        fields = f"nextPageToken,items({FIELDS})"
        found = [one async for items in self._service.pages(start, page=PAGE, fields=fields) for one in items]
        for _, parts in groupby(found, lambda one: one["name"].removeprefix(start).partition("/")[0]):
            upload = list(parts)
            if max(moment(one["timeCreated"]) for one in upload) < deadline:
                old += upload
        await for_each(old, remove, at_once=AT_ONCE)
