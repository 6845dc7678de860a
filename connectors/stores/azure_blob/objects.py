"""What every store of objects can do, of a container of Azure."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from connectors.stores.azure_blob.blocks import BLOCK, md5_header
from connectors.stores.azure_blob.errors import MISSING, translated
from connectors.stores.azure_blob.listing import flat, in_pages, is_tree, walked
from connectors.stores.azure_blob.names import is_held, with_digest
from connectors.stores.azure_blob.place import Place, bare, told
from connectors.stores.azure_blob.reading import stream
from connectors.stores.azure_blob.sending import Sent, send
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.sending import require_digest
from maestro.crowd import for_each
from maestro.threads import Told, in_thread, untold

MOST_DELETED: Final = 256
"""Most blobs of one request to delete."""
DELETED_AT_ONCE: Final = 16
_DELETED: Final = 202


class Objects:
    """Blobs under `<prefix>/` of a container. Each has its SHA-256 as metadata, and its MD5 as the vendor keeps it.

    Azure compares the MD5 of whatever is sent with what has arrived. The library tries each request again that fails by
    the network or a busy server.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._is_tree: bool | None = None

    def __str__(self) -> str:
        return f"az://{self.place.config.account}/{self.place.config.container}/{self.place.prefix}"

    @property
    def folder(self) -> Path | None:
        """None: nothing of it lies on this machine."""
        return None

    async def free_bytes(self) -> int | None:
        """Return None: there is no end to the room."""
        return None

    async def tidy(self) -> None:
        """Do nothing: Azure removes blocks that nobody has used for a week by itself."""

    async def head(self, key: str) -> StoredObject:
        """Return what Azure knows of an object; NotFound."""
        blob = self.place.blob(key)
        with translated(key):
            return told(key, await blob.get_blob_properties())

    async def list(
        self,
        prefix: str = "",
        *,
        after: str | None = None,
        page: int = PAGE,
        left_out: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page, with their SHA-256."""
        if self._is_tree is None:
            self._is_tree = await is_tree(self.place)
        with translated(f"{prefix}…"):
            found = walked(self.place, prefix, after) if self._is_tree else flat(self.place, prefix, after, page=page)
            async for objects in in_pages(self._keys(found, left_out), page):
                yield objects

    async def _keys(
        self, found: AsyncIterator[Any], left_out: Callable[[str], None] | None
    ) -> AsyncIterator[StoredObject]:
        async for blob in found:
            key = str(blob.name).removeprefix(self.place.prefix)
            if is_held(key):
                yield told(key, blob)
            elif left_out is not None:
                left_out(key)

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; what breaks off is gone on with, unless another has taken its place."""
        target = self.place.target(key)
        if end is not None and start >= end:
            await self.head(key)
            return
        async with aclosing(stream(target, start=start, end=end)) as parts:
            async for part in parts:
                yield part

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes."""
        return await self._put(key, content, hashlib.sha256(content).hexdigest())

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file, a larger one in blocks, of which some are in memory at a time."""
        target, size = self.place.target(key), (await in_thread(lambda _: path.stat())).st_size
        if size > BLOCK:
            sent = await send(target, path, sha256=sha256, told=told)
            stored = _answered(key, sent)
        else:
            content, found = await in_thread(partial(_whole, path, key, sha256))
            stored = await self._put(key, content, found)
            told(len(content))
        if consume:
            await in_thread(lambda _: path.unlink())
        return stored

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, 256 a request; StoreFailed for one that has snapshots."""
        waiting = (self.place.name(key) for key in keys)
        while names := list(islice(waiting, MOST_DELETED)):
            if len(names) == 1 or not await self._deleted(names):
                await for_each(names, self._delete, at_once=DELETED_AT_ONCE)

    async def _deleted(self, names: Sequence[str]) -> bool:
        """Delete blobs in one request; False when it has not gone well with one of them, or with the request itself.

        Answers are in no order, and some servers do not know such requests: what is wrong is told one by one.
        """
        with translated("some objects"):
            try:
                answers = await self.place.client.delete_blobs(*names, raise_on_any_failure=False)
                return all([_is_gone(answer) async for answer in answers])
            except HttpResponseError:
                return False

    async def _delete(self, name: str) -> None:
        with translated(name.removeprefix(self.place.prefix)):
            try:
                await self.place.client.delete_blob(name)
            except ResourceNotFoundError as error:
                if not _is_gone(error.response):
                    raise

    async def _put(self, key: str, content: bytes, sha256: str) -> StoredObject:
        blob, headers = self.place.blob(key), md5_header(content)
        with translated(key):
            made = await blob.upload_blob(
                content, length=len(content), overwrite=True, metadata=with_digest({}, sha256), headers=headers
            )
        return _answered(key, Sent(made, len(content), sha256, hashlib.md5(content, usedforsecurity=False).hexdigest()))


def _answered(key: str, sent: Sent) -> StoredObject:
    return StoredObject(
        key,
        sent.size,
        sent.answer["last_modified"],
        sha256=sent.sha256,
        md5=sent.md5,
        etag=bare(sent.answer["etag"]),
        version_id=sent.answer.get("version_id"),
    )


def _is_gone(answer: Any) -> bool:
    is_missing = answer.status_code == MISSING and answer.headers.get("x-ms-error-code") == "BlobNotFound"
    return bool(is_missing or answer.status_code == _DELETED)


def _whole(path: Path, key: str, expected: str | None, _: Told) -> tuple[bytes, str]:
    """Return the bytes of a small file and their SHA-256; DigestMismatch when it is not the expected one."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    require_digest(key, expected or found, found)
    return content, found
