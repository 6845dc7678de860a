"""Bytes on their way to Google Cloud Storage, with digests that the service compares before anything is there."""

import asyncio
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientResponseError

from connectors.retrying import retried
from connectors.stores.capability import CHUNK
from connectors.stores.gcs.errors import GONE, MISSING, json_of, translated
from connectors.stores.gcs.resources import Digests
from connectors.stores.gcs.service import TIMEOUT, Answer, Service
from connectors.stores.sending import require_digest
from maestro.errors import MaestroError, NotFound, Transient
from maestro.threads import Told, in_thread

PIECE: Final = 8 * 1024 * 1024
"""Bytes of one request of a large upload, a multiple of 256 KiB, and most of an object that is sent at once."""
INCOMPLETE: Final = 308
"""The status while bytes of a large upload are still to come."""


async def send_bytes(
    service: Service, name: str, content: bytes, *, told: Mapping[str, Any], **conditions: Any
) -> dict[str, Any]:
    """Store a few bytes with a description; Transient when they have not arrived as they were."""
    what, digests = name.removeprefix(service.prefix), Digests.of(content)
    metadata = {_dashed(field): text for field, text in {**told, **digests.told}.items() if field != "contentType"}
    made: dict[str, Any] = await service.tried(
        what,
        lambda: service.storage.upload(
            service.bucket,
            name,
            content,
            content_type=told["contentType"],
            metadata=metadata,
            parameters=service.params(**conditions),
            force_resumable_upload=False,
            timeout=TIMEOUT,
        ),
    )
    digests.verify(made, what)
    return made


def _dashed(field: str) -> str:
    """Return the name of a field so that the library makes the field of it: it knows headers only."""
    return {"md5Hash": "md5-hash", "storageClass": "storage-class"}.get(field, field)


async def send_file(
    service: Service, name: str, path: Path, *, told: Mapping[str, Any], sha256: str, progress: Told
) -> dict[str, Any]:
    """Store a file in one upload of many requests; DigestMismatch when it has not this SHA-256.

    When anything fails, or this is cancelled, nothing of it stays.
    """
    size = (await in_thread(lambda _: path.stat())).st_size
    what = name.removeprefix(service.prefix)
    begun = await service.tried(what, lambda: _begin(service, name, told=told, size=size))
    with path.open("rb", buffering=0) as file:
        sending = _Sending(service, what, begun.headers["Location"], file, size)
        is_done = False
        try:
            made = await sending.run(sha256, progress)
            is_done = True
        finally:
            if not is_done:
                await asyncio.shield(sending.abort())
    try:
        sending.digests.verify(made, what)
    except Transient:
        with suppress(NotFound):
            await service.remove(name, what, generation=made.get("generation"))
        raise
    return made


async def _begin(service: Service, name: str, *, told: Mapping[str, Any], size: int) -> Answer:
    return await service.send(
        "POST",
        service.url("o", upload=True),
        params=service.params(uploadType="resumable", name=name),
        json={"name": name, **told},
        headers={"X-Upload-Content-Type": told["contentType"], "X-Upload-Content-Length": str(size)},
    )


@dataclass(slots=True)
class _Sending:
    service: Service
    what: str
    address: str = field(repr=False)  # whoever has it may go on with the upload
    file: FileIO
    size: int
    digests: Digests = field(default_factory=Digests.of)

    async def run(self, sha256: str, progress: Told) -> dict[str, Any]:
        """Send all bytes; the last ones only if they are what they should be."""
        while True:
            place = self.digests.size
            content = await in_thread(lambda _: self._read())
            if self.digests.size == self.size:
                require_digest(self.what, sha256, self.digests.sha256.hexdigest())
            made = await self._push(content, place)
            progress(len(content))
            if self.digests.size == self.size:
                return made

    async def abort(self) -> None:
        """Have the service forget what has arrived; what it does not forget now it forgets in a week."""
        with suppress(MaestroError), translated(self.what):
            await self.service.send("DELETE", self.address, params={}, headers={"Content-Length": "0"})

    def _read(self) -> bytes:
        wanted = min(PIECE, self.size - self.digests.size)
        content = bytearray()
        while len(content) < wanted and (more := self.file.read(wanted - len(content))):
            content += more
        if len(content) < wanted:
            raise Transient(f"The file for {self.what} has become shorter while it was sent.")
        self.digests.update(bytes(content))
        return bytes(content)

    async def _push(self, content: bytes, begin: int) -> dict[str, Any]:
        """Have a piece arrive, and return the object when it is the last one."""
        place, end, is_known = begin, begin + len(content), True

        async def once() -> dict[str, Any]:
            nonlocal place, is_known
            with translated(self.what):
                asking, is_known = self._put(content, begin) if is_known else self._asked(), False
                answer = await asking
                while answer.status == INCOMPLETE:
                    place = _arrived(answer, range(begin, end + 1), self.what)
                    if place == end < self.size:
                        return {}
                    answer = await self._put(content[place - begin :], place)
                return dict(answer.content)

        return await retried(once, tries=self.service.config.tries)

    async def _put(self, content: bytes, place: int) -> Answer:
        end = place + len(content)
        headers = {"Content-Range": f"bytes {place}-{end - 1}/{self.size}"}
        if end == self.size:
            headers["X-Goog-Hash"] = self.digests.header
        return await self._sent(content, headers)

    async def _asked(self) -> Answer:
        """Ask how much has arrived."""
        return await self._sent(b"", {"Content-Range": f"bytes */{self.size}"})

    async def _sent(self, content: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            answer = await self.service.storage.session.request(
                "PUT",
                self.address,
                headers={**headers, "Content-Length": str(len(content)), **await self.service.authorization()},
                data=_in_steps(content) if content else None,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except ClientResponseError as error:
            if error.status in (MISSING, GONE):
                raise Transient(f"The store has forgotten the upload of {self.what}.") from None
            raise
        async with answer:
            return Answer(answer.status, answer.headers, json_of(await answer.read()))


async def _in_steps(content: bytes) -> AsyncIterator[bytes]:
    """Yield some bytes in steps, once: the library would send bytes again by itself, not knowing what has arrived."""
    for begin in range(0, len(content), CHUNK):
        yield content[begin : begin + CHUNK]


def _arrived(answer: Answer, places: Container[int], what: str) -> int:
    """Return up to where the bytes of an upload have arrived; Transient when that is nowhere in this piece."""
    told = answer.headers.get("Range")
    place = int(told.rpartition("-")[2]) + 1 if told else 0
    if place not in places:
        raise Transient(f"The store has lost bytes of {what} that had arrived.")
    return place
