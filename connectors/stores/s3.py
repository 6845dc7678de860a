"""A store of objects in a bucket of S3, or of a server that speaks its protocol; only this folder knows aioboto3."""

import base64
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError
from pydantic import SecretStr

from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.drafts import digest
from connectors.stores.keys import checked_key, is_key
from connectors.stores.s3_errors import translated
from connectors.stores.s3_parts import PART, Target, checksum, read_whole, send, verify
from connectors.stores.s3_reading import TRIES, stream
from maestro import clock
from maestro.threads import Told, in_thread, untold

CONNECT_S: Final = 10
READ_S: Final = 60
CONNECTIONS: Final = 16
MOST_DELETED: Final = 1000
"""Most keys of one request to delete."""
ABANDONED: Final = timedelta(days=7)
"""An upload in parts that was begun so long ago is not gone on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """A bucket, what the keys in it begin with, and how it is reached; without an access key the machine's own.

    `tries` is how often a request is sent that fails by the network or a busy server.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = field(default=None, repr=False)
    is_path_style: bool = False
    tries: int = TRIES


@asynccontextmanager
async def s3_store(config: S3Config) -> "AsyncIterator[S3Store]":
    """Open a store in a bucket for a block; StoreFailed for an address or a region that cannot be."""
    secret = config.secret_access_key
    session = aioboto3.Session(
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=secret and secret.get_secret_value(),
        region_name=config.region,
    )
    with translated("its settings"):
        opening = session.client("s3", endpoint_url=config.endpoint_url, config=_options(config))
        client = await opening.__aenter__()
    try:
        client.meta.events.register("before-sign.s3.DeleteObjects", _digested)
        yield S3Store(client, config)
    finally:
        await opening.__aexit__(None, None, None)


def _options(config: S3Config) -> Any:
    return AioConfig(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": config.tries},  # with jitter
        s3={"addressing_style": "path" if config.is_path_style else "auto"},
        # The checksums that we send are SHA-256; other ones are not known to every server.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _digested(request: Any, **_: Any) -> None:
    """Give a list of keys to delete the MD5 that servers other than Amazon's ask for."""
    md5 = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(md5).decode()


class S3Store:
    """Objects under `<prefix>/` of a bucket. Each has its SHA-256 as metadata, and was compared by the server with it.

    The library tries each request again that fails by the network or a busy server; a body that breaks off is asked for
    from there on.
    """

    def __init__(self, client: Any, config: S3Config) -> None:
        self._client = client
        self._bucket = config.bucket
        prefix = config.prefix.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    @property
    def folder(self) -> Path | None:
        """None: nothing of it lies on this machine."""
        return None

    async def free_bytes(self) -> int | None:
        """Return None: there is no end to the room."""
        return None

    async def head(self, key: str) -> StoredObject:
        """Return an object's size, time and SHA-256; NotFound."""
        with translated(key):
            found = await self._client.head_object(**self._target(key).names)
        return StoredObject(key, found["ContentLength"], found["LastModified"], found["Metadata"].get("sha256"))

    async def list(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": min(page, PAGE)}
        )
        with translated(f"{prefix}…"):
            async for found in pages:
                listed = [
                    StoredObject(key, one["Size"], one["LastModified"])
                    for one in found.get("Contents", ())
                    if is_key(key := one["Key"].removeprefix(self._prefix))
                ]
                if listed:
                    yield listed

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; what breaks off is gone on with, unless another has taken its place."""
        if end is not None and start >= end:
            await self.head(key)
            return
        async with aclosing(stream(self._target(key), start=start, end=end)) as parts:
            async for part in parts:
                yield part

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes."""
        found = hashlib.sha256(content)
        with translated(key):
            made = await self._client.put_object(
                **self._target(key).names,
                Body=content,
                ChecksumSHA256=checksum(found.digest()),
                Metadata={"sha256": found.hexdigest()},
            )
        verify(made, checksum(found.digest()), key)
        return StoredObject(key, len(content), clock.now(), found.hexdigest())

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file, a larger one in parts; without a SHA-256 it is read once more before."""
        target, size = self._target(key), (await in_thread(lambda _: path.stat())).st_size
        known = await in_thread(partial(digest, path)) if sha256 is None else sha256
        if size > PART:
            await send(target, path, size=size, sha256=known, told=told)
            stored = StoredObject(key, size, clock.now(), known)
        else:
            stored = await self.put_bytes(key, await in_thread(lambda _: read_whole(path, key, known)))
            told(size)
        if consume:
            await in_thread(lambda _: path.unlink())
        return stored

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand a request."""
        waiting = (self._prefix + checked_key(key) for key in keys)
        while some := list(islice(waiting, MOST_DELETED)):
            with translated("some objects"):
                done = await self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
                )
                for error in done.get("Errors", ()):
                    raise ClientError({"Error": error, "ResponseMetadata": done["ResponseMetadata"]}, "DeleteObjects")

    async def tidy(self) -> None:
        """Throw away the parts of uploads that were begun days ago and did not come to an end."""
        with translated("uploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            async for found in pages:
                for upload in found.get("Uploads", ()):
                    if upload["Initiated"] < clock.now() - ABANDONED:
                        await self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )

    def _target(self, key: str) -> Target:
        return Target(self._client, self._bucket, self._prefix + checked_key(key))
