"""What becomes of the items of a sync, gathered and written some at a time, with how far it has come."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import SyncAction, SyncItemState
from maestro.errors import MaestroError
from maestro.progress import Progress
from maestro.telemetry import jobs as families
from ops.syncs import records

MOST_WAITING: Final = 100
"""So many objects at most are copied again after a crash, beside those that are on their way."""
PERIOD_S: Final = 0.5
COPIED: Final = (SyncAction.ADD, SyncAction.UPDATE)

Result = tuple[int, SyncItemState, Mapping[str, Any] | None, Mapping[str, Any] | None]


@dataclass(slots=True)
class Count:
    """How many objects, of how many bytes together."""

    objects: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Ledger:
    """The states of a plan's items on their way to their rows; made by `opened`."""

    db: Database
    plan_id: UUID
    run_id: UUID
    progress: Progress
    phase: str
    total: Count = field(default_factory=Count)
    done: Count = field(default_factory=Count)
    failures: int = 0
    failures_in_row: int = 0
    moved_bytes: int = 0
    """Bytes that have gone by in this life of the sync, those of objects included that are still on their way."""
    began: float = field(default_factory=time.monotonic)
    _waiting: list[Result] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, db: Database, plan_id: UUID, run_id: UUID, *, progress: Progress, phase: str
    ) -> AsyncIterator["Ledger"]:
        """Open it for a block; what is noted is written twice a second, and at the end whatever happens."""
        ledger = cls(db, plan_id, run_id, progress, phase)
        counted = await records.counted(db, plan_id)
        for (action, state), (objects, size) in counted.items():
            if action in COPIED:
                ledger.total.objects += objects
                ledger.total.bytes += size
                if state is SyncItemState.DONE:
                    ledger.done.objects += objects
                    ledger.done.bytes += size
        writing = asyncio.create_task(ledger._write_forever())
        try:
            yield ledger
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            await asyncio.shield(ledger.write())
        if not writing.cancelled():
            writing.result()

    def moved(self, size: int) -> None:
        """Take note of bytes that have arrived."""
        self.moved_bytes += size

    async def succeeded(self, item: Row, written: Mapping[str, Any]) -> None:
        """Say that an object is copied, or removed."""
        if item.action in COPIED:
            self.done.objects += 1
            self.done.bytes += item.size_bytes
            families.SYNC_BYTES.add((), item.size_bytes)
        families.SYNC_OBJECTS.add((item.action.lower(),))
        self.failures_in_row = 0
        await self._note((item.number, SyncItemState.DONE, written, None))

    async def failed(self, item: Row, error: MaestroError, *, state: SyncItemState = SyncItemState.FAILED) -> None:
        """Say that an object cannot be dealt with, and why."""
        if state is SyncItemState.FAILED:
            self.failures += 1
            self.failures_in_row += 1
        families.SYNC_OBJECTS.add((state.value.lower(),))
        await self._note((item.number, state, None, {"message": error.message, **error.extensions}))

    async def write(self) -> None:
        """Write what is noted, and how far the sync has come."""
        async with self._turn:
            taken = list(self._waiting)
            await records.settle(self.db, self.plan_id, self.run_id, items=taken, progress=self.told)
            del self._waiting[: len(taken)]
        self.progress(self.phase, self.done.bytes, self.total.bytes, unit="bytes")

    @property
    def told(self) -> dict[str, Any]:
        """How far it has come, as JSON."""
        rate = self.moved_bytes / max(time.monotonic() - self.began, 0.001)
        left = self.total.bytes - self.done.bytes
        return {
            "objects": self.done.objects,
            "objectsTotal": self.total.objects,
            "bytes": self.done.bytes,
            "bytesTotal": self.total.bytes,
            "failed": self.failures,
            "bytesPerSecond": round(rate),
            "secondsLeft": round(left / rate) if rate else None,
        }

    async def _note(self, result: Result) -> None:
        self._waiting.append(result)
        if len(self._waiting) >= MOST_WAITING and not self._turn.locked():
            await self.write()

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            await self.write()
