"""Whether a store can be used: a small object is written, looked at, read, listed and deleted."""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro.errors import DigestMismatch, MaestroError, NotFound

FOLDER: Final = "probe"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was tried with a store, how long it took, and what went wrong; None when nothing did."""

    name: str
    seconds: float
    error: MaestroError | None = None


async def probe(store: ObjectStore) -> tuple[Step, ...]:
    """Try what a backup needs of a store, step by step up to the first that fails, and leave nothing behind."""
    trial = _Trial(store, f"{FOLDER}/{secrets.token_hex(16)}", secrets.token_bytes(1024))
    steps: list[Step] = []
    for work in (trial.write, trial.look, trial.read, trial.list, trial.delete):
        steps.append(await _timed(work))
        if steps[-1].error is not None:
            break
    if steps[-1].error is not None and len(steps) > 1:
        await _timed(trial.delete)
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class _Trial:
    store: ObjectStore
    key: str
    content: bytes

    async def write(self) -> None:
        await self.store.put_bytes(self.key, self.content)

    async def look(self) -> None:
        if (await self.store.head(self.key)).size != len(self.content):
            raise DigestMismatch("What was written to the store has another size there.")

    async def read(self) -> None:
        if await read(self.store, self.key) != self.content:
            raise DigestMismatch("What was written to the store is not what is read from it.")

    async def list(self) -> None:
        if [one.key async for page in self.store.list(self.key) for one in page] != [self.key]:
            raise NotFound("What was written to the store is not in its list.")

    async def delete(self) -> None:
        await self.store.delete([self.key])


async def _timed(work: Callable[[], Awaitable[None]]) -> Step:
    began, name = time.monotonic(), work.__name__
    try:
        await work()
    except MaestroError as error:
        return Step(name, time.monotonic() - began, error)
    return Step(name, time.monotonic() - began)
