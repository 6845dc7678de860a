"""Work that goes on at the same time, none of which is left behind when some of it fails."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_END: Final = object()


async def ahead(parts: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Yield the parts of a generator, which works on the next one already, and is closed at the end however that is."""
    coming: asyncio.Future[object] = asyncio.ensure_future(anext(parts, _END))
    try:
        while (part := await coming) is not _END:
            coming = asyncio.ensure_future(anext(parts, _END))
            yield part  # type: ignore[misc] # all but the mark of the end are parts
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await parts.aclose()


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of them; when one fails, the others are given up, and have ended when this raises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
