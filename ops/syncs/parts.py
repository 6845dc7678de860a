"""A large object on its way in parts, several at a time, which goes on after a crash with those that are missing."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from connectors.stores.buckets import Part, Upload, Uploads
from connectors.stores.capability import StoredObject
from maestro.crowd import for_each
from maestro.errors import MaestroError, NotFound
from ops.syncs.sending import (
    Digests,
    Means,
    Sent,
    Task,
    changed,
    description_of,
    gone,
    is_another,
    require_arrived,
    uploads_of,
)

AT_ONCE: Final = 4
"""Parts of one object that are on their way at a time."""
_DIGESTS: Final = {32: "md5", 64: "sha256"}
"""The digest that a tag is, by its length, where it is one."""


async def send_in_parts(task: Task, known: StoredObject, means: Means) -> Sent:
    """Copy an object in parts; what an earlier attempt has sent of the same object is not sent again.

    Its bytes are read again all the same: the digest of the whole is that of all of them. Errors as of `transfer`.
    """
    before = await _of_source(task.key, means)
    if is_another(known, before):
        raise changed(task.key)
    begun = await _begun(task, before, means)
    if isinstance(begun, Sent):
        return begun
    sending = _Sending(means, begun, digests=Digests.of(before))
    await sending.run()
    try:
        if identity(await _of_source(task.key, means)) != identity(before):
            raise changed(task.key)
        sending.digests.compare(task.key)
    except MaestroError:
        with suppress(MaestroError):
            await uploads_of(means.ends.target).abort_upload(sending.begun.upload)
        raise
    stored = await uploads_of(means.ends.target).complete_upload(begun.upload, sha256=sending.digests.sha256)
    require_arrived(task.key, stored, size=before.size, sha256=sending.digests.sha256)
    return Sent(stored, sending.digests.sha256, sending.sent_bytes)


def identity(one: StoredObject) -> dict[str, Any]:
    """Return, as JSON, what tells an object of the source from one that has taken its place."""
    return {"size": one.size, "etag": one.etag, "modifiedAt": one.modified_at.isoformat()}


@dataclass(frozen=True, slots=True)
class _Begun:
    """An upload, with the parts that have arrived already."""

    upload: Upload
    there: Mapping[int, Part] = field(default_factory=dict)


async def _of_source(key: str, means: Means) -> StoredObject:
    found = await means.ends.source.head(key)
    if found is None:
        raise gone(key)
    return found


async def _begun(task: Task, source: StoredObject, means: Means) -> _Begun | Sent:
    """Go on with what was begun for this very object, or begin; what has ended already is what was sent."""
    uploads = uploads_of(means.ends.target)
    if task.upload is not None:
        upload = Upload(**task.upload["upload"])
        if task.upload["source"] == identity(source):
            begun = await _gone_on_with(uploads, upload)
            if begun is not None:
                return begun
        else:
            await uploads.abort_upload(upload)
    description = description_of(source, sha256=source.sha256)
    upload = await uploads.begin_upload(means.ends.target.at(task.key), source.size, description)
    await task.keep({"upload": asdict(upload), "source": identity(source)})
    return _Begun(upload)


async def _gone_on_with(uploads: Uploads, upload: Upload) -> _Begun | Sent | None:
    """Return what has arrived of an upload, or what it has become if it was complete; None when it is gone."""
    with suppress(NotFound):
        return _Begun(upload, {part.number: part for part in await uploads.parts(upload)})
    with suppress(NotFound):
        stored = await uploads.complete_upload(upload)
        return Sent(stored, stored.sha256, 0)
    return None


@dataclass(slots=True)
class _Sending:
    """The parts of one object: read some at a time, digested in their order, and sent unless they are there."""

    means: Means
    begun: _Begun
    digests: Digests
    sent_bytes: int = 0
    digested: int = 0
    """How many parts have been digested."""
    turn: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Read, digest and send."""
        await for_each(range(self.begun.upload.count), self._pass_on, at_once=AT_ONCE)

    async def _pass_on(self, number: int) -> None:
        # Memory is lent in the order of the parts, so that the one whose turn it is never waits for a later one.
        size = self.begun.upload.size_of(number)
        async with self.means.memory.lent(2 * size):
            content = await self._read(number, size)
            async with self.turn:
                await self.turn.wait_for(lambda: self.digested == number)
                await self.digests.take(content)
                self.digested += 1
                self.turn.notify_all()
            await self._send(number, content)
        self.means.told(size)

    async def _read(self, number: int, size: int) -> bytes:
        source, key = self.means.ends.source, self._key
        start, pieces = number * self.begun.upload.part_size, list[bytes]()
        async with aclosing(source.store.get(source.at(key), start=start, end=start + size)) as parts:
            async for part in parts:
                await self.means.bandwidth.pass_on(len(part))
                pieces.append(part)
        content = b"".join(pieces)
        if len(content) != size:
            raise changed(key)
        return content

    async def _send(self, number: int, content: bytes) -> None:
        there = self.begun.there.get(number)
        if there is not None and await self._is_same(there, content):
            return
        await uploads_of(self.means.ends.target).put_part(self.begun.upload, number, content)
        self.sent_bytes += len(content)

    @staticmethod
    async def _is_same(there: Part, content: bytes) -> bool:
        """Say whether a part that has arrived before is the one that was read now, as far as its tag tells."""
        tag = there.tag.strip('"').lower()
        name = _DIGESTS.get(len(tag))
        if there.size != len(content) or name is None:
            return there.size == len(content)
        digest = await asyncio.to_thread(lambda: hashlib.new(name, content, usedforsecurity=False).hexdigest())
        return digest == tag

    @property
    def _key(self) -> str:
        return self.begun.upload.key[len(self.means.ends.target.prefix) :]
