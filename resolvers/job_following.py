"""Following a job: its state after each change and what has happened to it, until it has ended."""

import base64
import binascii
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from dataloaders.jobs import BEFORE_ALL, MOST_EVENTS, EventsAfter, JobById
from dataloaders.paging import binding, no_cursor
from maestro.db.rows import Row
from maestro.errors import InvalidInput
from maestro.events import topic
from maestro.ids import Kind
from maestro.queue.starting import LIVE
from resolvers.context import Context
from resolvers.listening import listening, look_again
from resolvers.patience import patiently

_BINDING_BYTES: Final = 8
_CURSOR_BYTES: Final = _BINDING_BYTES + 16


class JobNews(NamedTuple):
    """A job as it is, what has happened to it since the last time, and the cursor after that."""

    job: Row
    events: Sequence[Row]
    cursor: str


async def job_updates(ctx: Context, job_id: UUID, *, after: str | None = None) -> AsyncGenerator[JobNews, None]:
    """Yield a job as it is now with what has happened to it so far, then after each change, to the end.

    After the cursor of an earlier item, what has happened since comes first; changes close to each other are told as
    one. It is over once an end of the job was told. NotFound, also as soon as the viewer may not see the job any more,
    Forbidden, Unauthenticated when nobody is signed in, InvalidInput for a cursor that is none.
    """
    bound_to = binding(ctx.organization_id, "jobUpdated", job_id)
    told = BEFORE_ALL if after is None else _position(after, bound_to)
    async with listening(ctx, topic(Kind.Job, job_id)) as changes:
        # A restore exchanges the very database that the job is told in.
        job, events = await patiently(ctx, partial(_read, ctx, job_id, told))
        while True:
            told = events[-1].id if events else told
            yield JobNews(job, events, _cursor(told, bound_to))
            is_all = len(events) < MOST_EVENTS
            if is_all and job.state not in LIVE:
                return
            if is_all:
                await changes.next()
            job, events = await patiently(ctx, partial(_read_again, ctx, job_id, told))


async def _read(ctx: Context, job_id: UUID, told: UUID) -> tuple[Row, list[Row]]:
    # The job is read first: whatever belongs to an end is there when the end is.
    job = await ctx.loaders[JobById].load(job_id)
    return job, await ctx.loaders[EventsAfter].load((job_id, told))


async def _read_again(ctx: Context, job_id: UUID, told: UUID) -> tuple[Row, list[Row]]:
    await look_again(ctx)
    return await _read(ctx, job_id, told)


def _cursor(told: UUID, bound_to: bytes) -> str:
    return base64.urlsafe_b64encode(bound_to + told.bytes).decode()


def _position(cursor: str, bound_to: bytes) -> UUID:
    try:
        content = base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise no_cursor("after") from None
    if len(content) != _CURSOR_BYTES:
        raise no_cursor("after")
    if content[:_BINDING_BYTES] != bound_to:
        raise InvalidInput(
            "This cursor belongs to another subscription.",
            field="after",
            hint="A cursor goes on where its own subscription stopped: same job.",
        )
    return UUID(bytes=content[_BINDING_BYTES:])
