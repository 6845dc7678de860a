"""A store of objects in a bucket: what every store can do, and how one is opened."""

import base64
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from connectors.stores.buckets import Ability
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.drafts import digest
from connectors.stores.keys import checked_key, is_key
from connectors.stores.s3.bucket import STANDARD, S3Config
from connectors.stores.s3.container import S3Container
from connectors.stores.s3.described import S3Described
from connectors.stores.s3.direct import Direct, Door
from connectors.stores.s3.errors import translated
from connectors.stores.s3.lifecycle import S3Lifecycle
from connectors.stores.s3.line import Line
from connectors.stores.s3.moments import moment_of
from connectors.stores.s3.presigning import S3Presign
from connectors.stores.s3.reading import stream
from connectors.stores.s3.targets import PART, checksum, verify
from connectors.stores.s3.uploads import S3Uploads
from connectors.stores.s3.versions import S3Versions
from connectors.stores.sending import read_whole, send_file
from maestro import clock
from maestro.threads import Told, in_thread, untold

CONNECT_S: Final = 10
READ_S: Final = 60
CONNECTIONS: Final = 32
MOST_DELETED: Final = 1000
"""Most keys of one request to delete."""
ABANDONED: Final = timedelta(days=7)
"""An upload in parts that was begun so long ago is not gone on with."""
_DIGESTED: Final = ("DeleteObjects", "PutBucketLifecycleConfiguration", "PutBucketVersioning")


@asynccontextmanager
async def s3_store(config: S3Config) -> "AsyncIterator[S3Store]":
    """Open a store in a bucket for a block; StoreFailed for an address or a region that cannot be."""
    secret, token = config.secret_access_key, config.session_token
    with translated("its settings", config.advice):
        session = aioboto3.Session(
            botocore_session=(core := get_session()),
            aws_access_key_id=config.access_key_id,
            aws_secret_access_key=secret and secret.get_secret_value(),
            aws_session_token=token and token.get_secret_value(),
            region_name=config.region,
        )
        core.register_component("data_loader", _known())
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment_of)
        lines: list[Line] = []
        opening = session.client("s3", endpoint_url=config.endpoint_url, config=_options(config, lines))
        client = await opening.__aenter__()
    try:
        for name in _DIGESTED:
            client.meta.events.register(f"before-sign.s3.{name}", _digested)
        credentials = None if config.is_anonymous else await session.get_credentials()
        is_passable = config.is_anonymous or credentials is not None
        door = Door(lines[0], credentials)
        yield S3Store(client, config, await Direct.opened(client, config.bucket, door) if is_passable else None)
    finally:
        await opening.__aexit__(None, None, None)


@cache
def _known() -> Any:
    """Return what the library knows of the vendor, kept for all stores: to read it takes longer than all else."""
    return create_loader()


def _options(config: S3Config, lines: list[Line]) -> Any:
    def line(*given: Any, **named: Any) -> Line:
        lines.append(Line(*given, **named))
        return lines[-1]

    return AioConfig(
        http_session_cls=line,
        signature_version=UNSIGNED if config.is_anonymous else "s3v4",
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": config.tries},  # with jitter
        s3={
            "addressing_style": "path" if config.is_path_style else "auto",
            # Servers that take no notice of checksums do compare the digest that is signed.
            "payload_signing_enabled": config.endpoint_url is not None,
        },
        # The checksums that we send are SHA-256; other ones are not known to every server.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _digested(request: Any, **_: Any) -> None:
    """Give a request the MD5 that servers other than Amazon's ask for."""
    md5 = hashlib.md5(request.body, usedforsecurity=False).digest()
    request.headers["Content-MD5"] = base64.b64encode(md5).decode()


class S3Store(S3Uploads, S3Described, S3Versions, S3Presign, S3Lifecycle, S3Container):
    """Objects under `<prefix>/` of a bucket. Each has its SHA-256 as metadata, and was compared by the server with it.

    The library tries each request again that fails by the network or a busy server; a body that breaks off is asked for
    from there on.
    """

    abilities = frozenset(Ability) - {Ability.POLICY}

    @property
    def folder(self) -> Path | None:
        """None: nothing of it lies on this machine."""
        return None

    async def free_bytes(self) -> int | None:
        """Return None: there is no end to the room."""
        return None

    async def head(self, key: str) -> StoredObject:
        """Return all that the server knows of an object; NotFound."""
        return self._stored(key, await self._seen(self.target(key)))

    async def list(
        self,
        prefix: str = "",
        *,
        after: str | None = None,
        page: int = PAGE,
        left_out: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects whose keys begin with a text, page by page, with their tags and tiers."""
        begin = {} if after is None else {"StartAfter": self._prefix + after}
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": min(page, PAGE)}, **begin
        )
        with self._asking(f"{prefix}…"):
            async for found in pages:
                listed: list[StoredObject] = []
                for one in found.get("Contents", ()):
                    if is_key(key := one["Key"].removeprefix(self._prefix)):
                        listed.append(_listed(key, one))
                    elif left_out is not None:
                        left_out(key)
                if listed:
                    yield listed

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object; what breaks off is gone on with, unless another has taken its place."""
        if end is not None and start >= end:
            await self.head(key)
            return
        async with aclosing(stream(self.target(key), start=start, end=end)) as parts:
            async for part in parts:
                yield part

    async def put_bytes(self, key: str, content: bytes) -> StoredObject:
        """Store a few bytes."""
        found, target = hashlib.sha256(content), self.target(key)
        with target.asking():
            made = await self._client.put_object(
                **target.names,
                Body=content,
                ChecksumSHA256=checksum(found.digest()),
                Metadata={"sha256": found.hexdigest()},
            )
        verify(made, checksum(found.digest()), key)
        etag, version_id = made["ETag"].strip('"'), made.get("VersionId")
        return StoredObject(key, len(content), clock.now(), found.hexdigest(), etag=etag, version_id=version_id)

    async def put_file(
        self, key: str, path: Path, *, sha256: str | None = None, consume: bool = False, told: Told = untold
    ) -> StoredObject:
        """Store the bytes of a file, a larger one in parts; without a SHA-256 it is read once more before."""
        checked_key(key)
        size = (await in_thread(lambda _: path.stat())).st_size
        known = await in_thread(partial(digest, path)) if sha256 is None else sha256
        if size > PART:
            stored = await send_file(self, key, path, size=size, sha256=known, told=told)
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
            with self._asking("some objects"):
                done = await self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
                )
                for error in done.get("Errors", ()):
                    raise ClientError({"Error": error, "ResponseMetadata": done["ResponseMetadata"]}, "DeleteObjects")

    async def tidy(self) -> None:
        """Throw away the parts of uploads that were begun days ago and did not come to an end."""
        with self._asking("uploads"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            async for found in pages:
                for upload in found.get("Uploads", ()):
                    if upload["Initiated"] < clock.now() - ABANDONED:
                        await self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )


def _listed(key: str, found: Mapping[str, Any]) -> StoredObject:
    etag = str(found.get("ETag", "")).strip('"')
    tier = found.get("StorageClass", STANDARD)
    return StoredObject(key, found["Size"], found["LastModified"], etag=etag or None, tier=tier)
