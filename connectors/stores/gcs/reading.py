"""An object of Google Cloud Storage as a stream of bytes, which is gone on with where it breaks off."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientResponse, ClientResponseError

from connectors.stores.capability import CHUNK
from connectors.stores.gcs.errors import BEYOND, LINE_ERRORS, MISSING, translated
from connectors.stores.gcs.service import TIMEOUT, Service
from maestro.errors import Transient

TRIES: Final = 5
"""So often something is tried, if nothing has arrived in between."""
PAUSE_S: Final = 0.2
"""Most of the pause before the second try; it doubles with each."""
BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})


async def stream(
    service: Service, name: str, *, start: int = 0, end: int | None = None, generation: str | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an object, or of one generation of it, from `start` up to, but without, `end`.

    All of them are of one generation; Transient when that is gone before its end.
    """
    reading, tries = _Reading(service, name, start, end, generation), 0
    while True:
        try:
            async with aclosing(reading.parts()) as parts:
                async for part in parts:
                    tries = 0
                    yield part
        except LINE_ERRORS as error:
            tries += 1
            if tries == TRIES or not _is_passing(error):
                with translated(reading.what):
                    raise
            await asyncio.sleep(random.uniform(0, PAUSE_S * 2**tries))  # noqa: S311 -- nobody is to be kept guessing
        else:
            return


def _is_passing(error: BaseException) -> bool:
    return not isinstance(error, ClientResponseError) or error.status in BUSY


@dataclass(slots=True)
class _Reading:
    service: Service
    name: str
    place: int
    end: int | None
    generation: str | None
    is_begun: bool = False

    @property
    def what(self) -> str:
        """The object as messages name it."""
        return self.name.removeprefix(self.service.prefix)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield what is still to come."""
        answer = await self._asked()
        if answer is None:
            return
        async with answer:
            if self.generation is None:
                self.generation = answer.headers.get("x-goog-generation")
            self.is_begun = True
            while part := await answer.content.read(CHUNK):
                self.place += len(part)
                yield part

    async def _asked(self) -> ClientResponse | None:
        if self.is_begun and self.generation is None:
            raise Transient(f"The store does not tell which {self.what} it was that has broken off.")
        # As it is stored: the service and the library would unpack what is stored packed.
        headers: dict[str, Any] = {"Accept-Encoding": "gzip", **await self.service.authorization()}
        if self.place or self.end is not None:
            headers["Range"] = f"bytes={self.place}-{'' if self.end is None else self.end - 1}"
        try:
            answer: ClientResponse = await self.service.storage.session.get(
                self.service.url("o", self.name),
                headers=headers,
                params=self.service.params(alt="media", generation=self.generation),
                timeout=TIMEOUT,
                auto_decompress=False,
            )
        except ClientResponseError as error:
            if error.status == BEYOND:
                return None
            if error.status == MISSING and self.is_begun:
                raise Transient(f"Another object has taken the place of {self.what} while it was read.") from None
            raise
        return answer
