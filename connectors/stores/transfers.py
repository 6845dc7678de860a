"""What is the same for every store: objects that are taken into memory, into files, or looked through."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

from connectors.stores.capability import CHUNK, Get, Head
from connectors.stores.drafts import Draft, told_apart
from maestro.errors import DigestMismatch, NotFound, PayloadTooLarge
from maestro.threads import Told, untold


class Readable(Head, Get, Protocol):
    """A store that objects are read from."""


async def exists(store: Head, key: str) -> bool:
    """Say whether there is an object under a key."""
    try:
        await store.head(key)
    except NotFound:
        return False
    return True


async def read(store: Get, key: str, *, limit: int = 64 * CHUNK) -> bytes:
    """Return all bytes of an object; NotFound, PayloadTooLarge beyond the limit."""
    content = bytearray()
    async with aclosing(store.get(key, end=limit + 1)) as parts:
        async for part in parts:
            content += part
    if len(content) > limit:
        raise PayloadTooLarge(f"{key} has more than {limit:,} bytes.", limit=limit)
    return bytes(content)


async def digest_of(store: Get, key: str, *, told: Told = untold) -> tuple[str, int]:
    """Read an object, and return its SHA-256 in lower-case hexadecimal and its size in bytes; NotFound."""
    found, size = hashlib.sha256(), 0

    async def take(content: bytes) -> None:
        nonlocal size
        await asyncio.to_thread(found.update, content)
        size += len(content)

    await _streamed(store, key, take, told=told)
    return found.hexdigest(), size


async def download(
    store: Readable, key: str, path: Path, *, sha256: str | None = None, told: Told = untold
) -> tuple[str, int]:
    """Write an object to a file of this machine, and return its SHA-256 and its size in bytes.

    The file is there when all of it has arrived, for its owner's eyes alone, and takes the place of what was there.
    NotFound; DigestMismatch when the object has not the SHA-256 that is given, or that the store knows.
    """
    expected = sha256 or (await store.head(key)).sha256
    draft = Draft(path.parent)
    try:

        async def take(content: bytes) -> None:
            with told_apart(path.name):
                await asyncio.to_thread(draft.append, content)

        await _streamed(store, key, take, told=told)
        if expected not in (None, draft.sha256):
            raise DigestMismatch(
                f"{key} has the SHA-256 {draft.sha256}, not {expected}.", expected=expected, actual=draft.sha256
            )
        with told_apart(path.name):
            await asyncio.to_thread(draft.keep, path, path.parent)
        return draft.sha256, draft.size
    finally:
        draft.discard()


async def _streamed(store: Get, key: str, take: Callable[[bytes], Awaitable[None]], *, told: Told) -> None:
    """Give the bytes of an object to a coroutine function, in pieces that are worth a step of a thread."""
    pending = bytearray()
    async with aclosing(store.get(key)) as parts:
        async for part in parts:
            pending += part
            if len(pending) >= CHUNK:
                await take(bytes(pending))
                told(len(pending))
                pending.clear()
    await take(bytes(pending))
    told(len(pending))
