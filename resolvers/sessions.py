"""Use cases of a person's own sessions. A key has none and sees none: what leaks with a job is not a way into browsers.

Only the system view of the database shows sessions, so every statement here names the viewer.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from maestro.access import SignInMethod, sessions
from maestro.access.door import TOPIC
from maestro.access.sessions import NewLink
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.errors import Forbidden, NotFound
from maestro.events import Event, publish
from resolvers import auditing
from resolvers.context import Context

NOUN: Final = "Session"


async def shown(ctx: Context) -> list[Row]:
    """Return the viewer's sessions that have not ended, the last used first; Forbidden for a key."""
    return await sessions.shown(ctx.runtime.db, _person(ctx), current=ctx.viewer.session_id)


async def revoke(ctx: Context, key: UUID) -> UUID:
    """End one of the viewer's sessions, and their unused links, at once and return its id.

    NotFound, Forbidden for a key.
    """
    user_id = _person(ctx)
    auditing.concerned(ctx, NOUN, key)
    async with _changing(ctx) as tx:
        if not await sessions.revoke(tx, user_id, [key]):
            raise NotFound("There is no such Session.")
    return key


async def revoke_others(ctx: Context) -> list[UUID]:
    """End all of the viewer's sessions but the one that asks, and their unused links; return the ids of the sessions.

    Forbidden for a key.
    """
    user_id = _person(ctx)
    async with _changing(ctx) as tx:
        return await sessions.revoke(tx, user_id, but=ctx.viewer.session_id)


async def create_link(ctx: Context) -> NewLink:
    """Make a link that signs the viewer in elsewhere, once; Forbidden for a key."""
    user_id = _person(ctx)
    async with ctx.runtime.db.transaction() as tx:
        made = await sessions.create_link(tx, user_id)
        await auditing.carried_out(ctx, tx)
    auditing.committed(ctx)
    return made


@asynccontextmanager
async def _changing(ctx: Context) -> AsyncIterator[Transaction]:
    async with ctx.runtime.db.transaction() as tx:
        yield tx
        # Whoever was in a session that is to end may have made links in it, to come back by.
        await sessions.end_links(tx, _person(ctx))
        await publish(tx, [Event(TOPIC)])
        await auditing.carried_out(ctx, tx)
    auditing.committed(ctx)
    ctx.runtime.access.forget()


def _person(ctx: Context) -> UUID:
    if ctx.viewer.user_id is None or ctx.viewer.method is not SignInMethod.SESSION:
        raise Forbidden("Sessions are shown and changed in a session only.", hint="Sign in in a browser.")
    return ctx.viewer.user_id
