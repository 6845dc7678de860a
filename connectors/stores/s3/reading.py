"""An object of S3 as a stream of bytes, which is gone on with where it breaks off."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from connectors.stores.capability import CHUNK
from connectors.stores.s3.errors import BEYOND, LINE_ERRORS, status_of
from connectors.stores.s3.targets import Target

TRIES: Final = 5
"""So often something is tried, if nothing has arrived in between."""
PAUSE_S: Final = 0.2
"""Most of the pause before the second try; it doubles with each."""
_HEADERS: Final = {"IfMatch": "if-match", "Range": "range"}


async def stream(target: Target, *, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an object from `start` up to, but without, `end`; Transient when it is another meanwhile."""
    reading, tries = _Reading(target, start, end), 0
    while True:
        try:
            async with aclosing(reading.parts()) as parts:
                async for part in parts:
                    tries = 0
                    yield part
        except LINE_ERRORS:
            tries += 1
            if tries == TRIES:
                with target.asking():
                    raise
            await asyncio.sleep(random.uniform(0, PAUSE_S * 2**tries))  # noqa: S311 -- nobody is to be kept guessing
        else:
            return


@dataclass(slots=True)
class _Reading:
    target: Target
    place: int
    end: int | None
    tag: str | None = None

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield what is still to come."""
        if self.target.direct is not None and self.target.version_id is None:
            async with self.target.direct.reading(self.target.key, self._headers()) as answer:
                if answer is not None:
                    self.tag = answer.headers["ETag"]
                    while part := await answer.content.readany():
                        self.place += len(part)
                        yield part
                    return
        async with aclosing(self._by_library()) as parts:
            async for part in parts:
                yield part

    async def _by_library(self) -> AsyncGenerator[bytes, None]:
        with self.target.asking():
            try:
                answer = await self.target.client.get_object(**self.target.names, **self._conditions())
            except ClientError as error:
                if status_of(error) == BEYOND:
                    return
                raise
        self.tag = answer["ETag"]
        body = answer["Body"]
        async with body:
            while part := await body.read(CHUNK):
                self.place += len(part)
                yield part

    def _headers(self) -> dict[str, str]:
        return {_HEADERS[name]: value for name, value in self._conditions().items()}

    def _conditions(self) -> dict[str, Any]:
        given = {} if self.tag is None else {"IfMatch": self.tag}
        if self.place or self.end is not None:
            given["Range"] = f"bytes={self.place}-{'' if self.end is None else self.end - 1}"
        return given
