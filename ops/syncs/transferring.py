"""One object on its way from store to store: within the vendor, in one piece or in parts, and compared at its end.

What is copied is one state of the source: an object that becomes another one meanwhile is noticed, and Transient is
raised, so that it is tried again. Bytes are compared with all digests that the source knows, and what has arrived with
what was read.
"""

import asyncio
from contextlib import aclosing
from typing import Final, cast

from connectors.stores.buckets import Ability, Copy, Described, Description
from connectors.stores.capability import StoredObject
from ops.syncs.comparing import Likeness, likeness
from ops.syncs.ends import End, Ends
from ops.syncs.parts import send_in_parts
from ops.syncs.sending import (
    Digests,
    Means,
    Sent,
    Task,
    changed,
    description_of,
    is_another,
    require_arrived,
    uploads_of,
)

SMALL_BYTES: Final = 8 * 1024 * 1024
"""Larger objects go in parts."""


async def transfer(task: Task, known: StoredObject, means: Means) -> Sent:
    """Copy an object, of which `known` is what the source says of it.

    NotFound when it is gone, Transient when it is another one by now, DigestMismatch when bytes are not what they
    should be; the errors of the stores.
    """
    ends, target = means.ends, means.ends.target
    if target.can(Ability.COPY) and cast("Copy", target.store).can_copy_from(ends.source.store):
        return await _copied(task, known, means)
    if known.size <= SMALL_BYTES:
        return await _at_once(task, known, means)
    return await send_in_parts(task, known, means)


async def _copied(task: Task, known: StoredObject, means: Means) -> Sent:
    source, target = means.ends.source, means.ends.target
    stored = await cast("Copy", target.store).copy_from(source.store, source.at(task.key), target.at(task.key))
    if likeness(known, stored, are_of_one_vendor=True) is Likeness.OTHER:
        raise changed(task.key)
    means.told(known.size)
    return Sent(stored, None, 0)


async def _at_once(task: Task, known: StoredObject, means: Means) -> Sent:
    async with means.memory.lent(2 * known.size):
        await means.bandwidth.pass_on(known.size)
        told, content = await _read(means.ends, task.key, limit=known.size)
        found = told or known
        if len(content) != known.size or is_another(known, found):
            raise changed(task.key)
        digests = Digests.of(known, found)
        await digests.take(content)
        digests.compare(task.key)
        description = description_of(found, sha256=digests.sha256)
        stored = await _put(means.ends.target, task.key, content, description=description)
    require_arrived(task.key, stored, size=len(content), sha256=digests.sha256)
    means.told(len(content))
    return Sent(stored, digests.sha256, len(content))


async def _read(ends: Ends, key: str, *, limit: int) -> tuple[StoredObject | None, bytes]:
    """Return what the source tells of a small object, if the target can keep any of it, and its bytes."""
    source = ends.source
    if source.can(Ability.DESCRIBED):
        return await cast("Described", source.store).get_described(source.at(key), limit=limit)
    if source.store.folder is not None or ends.target.store.folder is not None:
        content = await _content(source, key, limit=limit)
        return None, content
    found, content = await asyncio.gather(source.store.head(source.at(key)), _content(source, key, limit=limit))
    return found, content


async def _content(end: End, key: str, *, limit: int) -> bytes:
    content = bytearray()
    async with aclosing(end.store.get(end.at(key), end=limit + 1)) as parts:
        async for part in parts:
            content += part
    return bytes(content)


async def _put(target: End, key: str, content: bytes, *, description: Description) -> StoredObject:
    store, place = target.store, target.at(key)
    if target.can(Ability.DESCRIBED):
        return await cast("Described", store).put_described(place, content, description)
    if store.folder is not None or not (description.media_type or description.metadata):
        return await store.put_bytes(place, content)
    uploads = uploads_of(target)
    upload = await uploads.begin_upload(place, len(content), description)
    if content:
        await uploads.put_part(upload, 0, content)
    return await uploads.complete_upload(upload, sha256=description.sha256)
