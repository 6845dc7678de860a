"""A blob as a stream of bytes: in ranges bound to the tag of the first, each asked for again where it breaks off."""

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError

from connectors.stores.azure_blob.errors import BEYOND, is_line_error, translated
from connectors.stores.azure_blob.place import Target

RANGE: Final = 4 * 1024 * 1024
"""Most bytes of one request."""
TRIES: Final = 2
"""So often a range is asked for that breaks off; the library itself does so three times each."""
PAUSE_S: Final = 0.2
"""Most of the pause before the second try; it doubles with each."""


async def stream(target: Target, *, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a blob from `start` up to, but without, `end`; Transient when it is another meanwhile."""
    reading = _Reading(target, start, end)
    while not reading.is_done:
        if content := await reading.following():
            yield content


@dataclass(slots=True)
class _Reading:
    target: Target
    place: int
    end: int | None
    tag: str | None = None
    is_done: bool = False

    async def following(self) -> bytes:
        """Return the next bytes; none at the end."""
        with translated(self.target.key):
            for attempt in range(1, TRIES + 1):
                try:
                    return await self._range()
                except AzureError as error:
                    if attempt == TRIES or not is_line_error(error):
                        raise
                await asyncio.sleep(random.uniform(0, PAUSE_S * 2**attempt))  # noqa: S311 -- nobody is to be kept guessing
        return b""

    async def _range(self) -> bytes:
        wanted = RANGE if self.end is None else min(RANGE, self.end - self.place)
        condition: dict[str, Any] = (
            {} if self.tag is None else {"etag": self.tag, "match_condition": MatchConditions.IfNotModified}
        )
        try:
            # The library would unpack what is stored as gzip, which are other bytes than those of the object.
            found = await self.target.blob.download_blob(self.place, wanted, decompress=False, **condition)
            content: bytes = await found.readall()
        except HttpResponseError as error:
            if error.status_code != BEYOND:
                raise
            self.is_done = True
            return b""
        self.tag = str(found.properties.etag)
        self.place += len(content)
        size = int(str(found.properties.content_range).rpartition("/")[2])
        self.is_done = self.place >= (size if self.end is None else min(size, self.end))
        return content
