"""Objects read and written by requests that are made here, where the vendor's library takes most of the time.

Only what carries bytes is asked this way, and only the good answers are taken: whatever else comes back is thrown away,
and the library asks the same once more, with its retries, its redirects between regions and its errors.
"""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import ClientError
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as Refused
from yarl import URL

from connectors.stores.s3.line import Body, Line
from connectors.stores.s3.moments import moment_of_header
from connectors.stores.s3.signing import Request, Signer
from connectors.stores.s3.targets import checksum
from connectors.stores.s3.wire import Answer, Wire, head_of

MOST_IN_VAIN: Final = 8
"""After so many requests in a row that were not answered well this way is not taken any more."""
SMALL_BYTES: Final = 1024 * 1024
"""Bodies of at most so many bytes go over the wire of our own; larger ones over that of the library."""
WINDOW_BYTES: Final = 1024 * 1024
"""So much of an answer is read ahead."""
_FIRST: Final = "maestro"
_KEPT: Final = "-._~/"
"""What stands for itself in the path of a signed request, beside letters and digits."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXPRESS: Final = "--x-s3"
_FAILURES: Final = (ClientError, BotoCoreError, Refused, OSError, TimeoutError, ValueError)
"""What is tried again by the library, which tells it better."""
_META: Final = "x-amz-meta-"
_TOLD: Final = {
    "etag": "ETag",
    "content-type": "ContentType",
    "x-amz-version-id": "VersionId",
    "x-amz-storage-class": "StorageClass",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-checksum-sha256": "ChecksumSHA256",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
}
"""What answers tell of objects, with the names that the library has for it."""
_ARGUMENTS: Final = {
    "ContentType": "content-type",
    "StorageClass": "x-amz-storage-class",
}


@dataclass(frozen=True, slots=True)
class Door:
    """How a client of the library gets to a server: its line, and the credentials that it has, None for no one's."""

    line: Line
    credentials: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Direct:
    """Requests for the objects of one bucket; made by `opened`."""

    door: Door
    host: str
    address: str
    """The server, with nothing behind it."""
    path: str
    """What the paths of objects begin with."""
    signer: Signer
    wire: Wire
    in_vain: int = 0

    @classmethod
    async def opened(cls, client: Any, bucket: str, door: Door) -> "Direct | None":
        """Return the way to a bucket as the library would take it; None for one that only the library can take."""
        if not _PLAIN.fullmatch(bucket) or bucket.endswith(_EXPRESS):
            return None
        try:
            url = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": _FIRST})
        except _FAILURES:
            return None
        parts = urlsplit(url)
        region = dict(parse_qsl(parts.query)).get("X-Amz-Credential", "///").split("/")[2]
        address = f"{parts.scheme}://{parts.netloc}"
        if door.line.has_proxy(address) or not parts.path.endswith(f"/{_FIRST}"):
            return None
        wire = await door.line.wire(address)
        path = parts.path.removesuffix(_FIRST)
        return None if wire is None else cls(door, parts.netloc, address, path, Signer(region), wire)

    async def get(self, key: str, headers: Mapping[str, str], *, limit: int) -> tuple[dict[str, Any], bytes] | None:
        """Return what is told of an object, by the library's names, and its bytes.

        None when that did not go well, and for an object of more bytes than the limit.
        """
        if limit <= SMALL_BYTES:
            found = await self._told(Request("GET", self.host, self._place(key)), headers, limit=limit)
            return None if found is None else (told_of(found.headers), found.body)
        async with self.reading(key, headers) as answer:
            if answer is None or answer.content_length is None or answer.content_length > limit:
                return None
            try:
                content: bytes = await answer.read()
            except _FAILURES:
                return None
            return told_of(answer.headers), content

    @asynccontextmanager
    async def reading(self, key: str, headers: Mapping[str, str]) -> AsyncGenerator[Any, None]:
        """Give the answer to a request for an object for a block, None when it did not go well."""
        answer = await self._asked(Request("GET", self.host, self._place(key)), headers)
        try:
            yield answer
        finally:
            if answer is not None:
                answer.release()

    async def put(self, key: str, content: bytes, *, sha256: bytes, query: str = "", **given: Any) -> Any:
        """Send bytes with their SHA-256, and return what is told of them, None when it did not go well.

        What else is `given` has the names that the library has for it, and so has what is returned.
        """
        headers = {_ARGUMENTS[name]: value for name, value in given.items() if name != "Metadata"}
        headers |= {f"{_META}{name.lower()}": value for name, value in given.get("Metadata", {}).items()}
        headers["x-amz-checksum-sha256"] = checksum(sha256)
        request = Request("PUT", self.host, self._place(key), query, sha256.hex())
        if len(content) <= SMALL_BYTES:
            answer = await self._told(request, headers, content)
        elif answer := await self._asked(request, headers, content):
            answer.release()
        return None if answer is None or "etag" not in answer.headers else told_of(answer.headers)

    async def _told(
        self, request: Request, headers: Mapping[str, str], content: bytes = b"", *, limit: int = SMALL_BYTES
    ) -> Answer | None:
        """Return a good answer with its body, None for any other and for none."""
        if self.in_vain >= MOST_IN_VAIN:
            return None
        try:
            asked = await self._headers(request, headers)
            target = f"{request.path}?{request.query}" if request.query else request.path
            head = head_of(request.method, target, asked, size=len(content))
            answer = await self.wire.ask(head, content, limit=limit)
        except _FAILURES:
            self.in_vain += 1
            return None
        if answer.status == HTTPStatus.OK:
            self.in_vain = 0
            return answer
        self.in_vain += 1
        return None

    async def _asked(self, request: Request, headers: Mapping[str, str], content: bytes = b"") -> Any:
        """Return a good answer, None for any other and for none."""
        if self.in_vain >= MOST_IN_VAIN:
            return None
        address = f"{self.address}{request.path}{'?' if request.query else ''}{request.query}"
        try:
            answer = await (await self.door.line.opened()).request(
                request.method,
                URL(address, encoded=True),
                headers=await self._headers(request, headers),
                data=Body(content) if content else None,
                allow_redirects=False,
                read_bufsize=WINDOW_BYTES,
            )
        except _FAILURES:
            self.in_vain += 1
            return None
        if answer.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            self.in_vain = 0
            return answer
        answer.close()
        self.in_vain += 1
        return None

    async def _headers(self, request: Request, headers: Mapping[str, str]) -> Mapping[str, str]:
        asked = {"accept-encoding": "identity", **headers}
        if self.door.credentials is None:
            return asked
        return self.signer.signed(request, asked, await self.door.credentials.get_frozen_credentials())

    def _place(self, key: str) -> str:
        return self.path + quote(key, safe=_KEPT)


def told_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the headers of an answer as the library names them."""
    metadata: dict[str, str] = {}
    found: dict[str, Any] = {"Metadata": metadata}
    for header, value in headers.items():
        name = header.lower()
        if name in _TOLD:
            found[_TOLD[name]] = value
        elif name.startswith(_META):
            metadata[name.removeprefix(_META)] = value
        elif name == "content-length":
            found["ContentLength"] = int(value)
        elif name == "last-modified":
            found["LastModified"] = moment_of_header(value)
    return found
