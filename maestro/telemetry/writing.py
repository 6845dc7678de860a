"""The values of this process, written for all of them every second, with what is only looked at then."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client import Metric
from prometheus_client.mmap_dict import mmap_key

from maestro.telemetry import process
from maestro.telemetry.folder import Folder
from maestro.telemetry.process import Role
from maestro.telemetry.values import FAMILIES, SWITCH, Family, Gauge, Labels, Number, Sample

logger = logging.getLogger(__name__)

FOLDER: Final = "metrics"
"""The folder within the data folder."""
EVERY_S: Final = 1.0
"""So old what one process tells of the others is at most, and so much is lost when a process is killed."""
GLANCES: Final = 4
"""So often meanwhile the event loop is asked how late it is."""

Source = Callable[[], Iterable[Number]]
"""What is counted elsewhere already: the numbers as they are when it is called."""


class Writer:
    """Writes what one process has counted and what its sources say; what has not changed is not written again."""

    def __init__(self, folder: Folder, sources: Sequence[Source]) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()
        self._place = folder.join()
        self._sources = sources
        self._written: dict[tuple[str, Labels], float] = {}
        self._keys: dict[tuple[str, Labels], str] = {}

    def write(self) -> None:
        """Write what has changed."""
        for family in list(FAMILIES.values()):
            self._put(family, family.samples())
        for source in self._sources:
            for family, labels, value in source():
                self._put(family, (Sample(family.name, labels, value),))

    async def merged(self) -> list[Metric]:
        """Return the families of all processes together; one scrape after the other, so that threads are left."""
        async with self._turn:
            self.write()
            return await asyncio.to_thread(self._folder.merged)

    def close(self) -> None:
        """Write for the last time, and count as ended."""
        self.write()
        self._place.leave()

    def _put(self, family: Family, samples: Iterable[Sample]) -> None:
        for name, labels, value in samples:
            place = (name, labels)
            if self._written.get(place) == value:
                continue
            self._written[place] = value
            key = self._keys.get(place) or self._key(family, place)
            kind = f"gauge_{family.mode}" if isinstance(family, Gauge) else family.kind
            self._place.write(kind, key, value, at=time.time())

    def _key(self, family: Family, place: tuple[str, Labels]) -> str:
        name, labels = place
        names = family.labels if len(labels) == len(family.labels) else (*family.labels, "le")
        base = family.name.removesuffix("_total") if family.kind == "counter" else family.name
        made = self._keys[place] = str(mmap_key(base, name, list(names), list(labels), family.help))
        return made


@asynccontextmanager
async def counted(
    data_dir: Path, role: Role, sources: Iterable[Source] = (), *, is_on: bool = True
) -> AsyncIterator[Writer | None]:
    """Write the values of this process for the length of a block; with `is_on` False nothing is even counted.

    None as well where the folder cannot be written to: nobody is to go without a server because of its metrics.
    """
    writer = _opened(data_dir, [process.source(role), *sources]) if is_on else None
    before, SWITCH.is_on = SWITCH.is_on, writer is not None
    if writer is None:
        try:
            yield None
        finally:
            SWITCH.is_on = before
        return
    task = asyncio.create_task(_write_forever(writer), name="metrics")
    try:
        yield writer
    finally:
        SWITCH.is_on = before
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        _safely(writer.close)


def _opened(data_dir: Path, sources: Sequence[Source]) -> Writer | None:
    try:
        return Writer(Folder(data_dir / FOLDER), sources)
    except OSError as error:
        logger.warning("There are no metrics, since their folder cannot be written to: %s", error)
        return None


async def _write_forever(writer: Writer) -> None:
    while True:
        for _ in range(GLANCES):
            due = time.perf_counter() + EVERY_S / GLANCES
            await asyncio.sleep(EVERY_S / GLANCES)
            process.LAG.observe(max(time.perf_counter() - due, 0.0))
        _safely(writer.write)


def _safely(write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        # The disk is full, or the folder was taken away: the process has better to do than to end by it.
        logger.warning("Metrics were not written: %s", error)
