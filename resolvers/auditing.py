"""Writing the audit log: one entry for every mutation and sign-in, allowed or refused."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access.sessions import Origin
from maestro.db.engine import Transaction
from maestro.db.rows import CONNECTION_LOST, StatementFailed, UniqueViolation
from maestro.db.tables.enums import ActorKind
from maestro.errors import MaestroError, Unavailable
from resolvers.actions import Action, clean, told
from resolvers.context import Context

logger = logging.getLogger(__name__)

# The trigger adds the number, the time and the hashes.
_RECORD: Final = """
    INSERT INTO audit_entry (id, organization_id, actor_id, actor_kind, actor_label, api_key_id, session_id, address,
        operation, operation_name, target_type, target_id, is_allowed, code, reason, before, after)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::boolean[], $14::text[], $15::text[],
        $16::jsonb[], $17::jsonb[])
"""

Entry = tuple[Any, ...]

PATIENCE_S: Final = 10.0
"""So long is tried to record a mutation that has failed."""
BROKEN: Final = "It failed unexpectedly, and changed nothing."
CUT_OFF: Final = "It was cut off, and changed nothing: it took too long, or the client went away."
REPLAYED: Final = "It had been carried out before, and changed nothing."
_LATE: Final[set[asyncio.Task[None]]] = set()
"""Entries that are being written while nobody waits for them."""


def entry_of(ctx: Context, action: Action, refusal: MaestroError | None = None) -> Entry:
    """Return the columns of an entry: who did what, or why they could not."""
    viewer = ctx.viewer
    return (
        action.id,
        viewer.organization_id,
        viewer.actor_id,
        viewer.actor_kind.value,
        viewer.email or viewer.name,
        viewer.api_key_id,
        viewer.session_id,
        viewer.address,
        action.operation,
        ctx.operation_name,
        *action.target,
        refusal is None,
        None if refusal is None else refusal.code,
        action.reason if refusal is None else clean(refusal.message),
        None if refusal is not None else action.before,
        None if refusal is not None else action.after,
    )


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody at the door: who, how, and how a role of theirs has changed by it."""

    user_id: UUID | None
    """None for whom nobody here knows."""
    label: str
    origin: Origin
    session_id: UUID | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] = field(default_factory=dict)
    operation: str = "signIn"


def sign_in_entry(sign_in: SignIn, organization_id: UUID, refusal: MaestroError | None = None) -> Entry:
    """Return the columns of the entry of a sign-in; a role may change even when it is refused."""
    user_id = sign_in.user_id
    return (
        uuid7(),
        organization_id,
        user_id,
        None if user_id is None else ActorKind.USER.value,
        clean(sign_in.label),
        None,
        sign_in.session_id,
        sign_in.origin.address,
        sign_in.operation,
        None,
        None if user_id is None else "User",
        user_id,
        refusal is None,
        None if refusal is None else refusal.code,
        None if refusal is None else clean(refusal.message),
        None if sign_in.before is None else told(sign_in.before),
        told({"way": sign_in.origin.way, **sign_in.after}),
    )


async def record(tx: Transaction, entries: list[Entry]) -> None:
    """Append entries in the transaction of what they tell: the log knows what was done, and nothing else.

    The last statement of a transaction: it keeps the end of the organisation's log locked until the commit.
    """
    if entries:
        # Of several organisations in one order for all, so that nobody waits in a circle for the ends of their logs.
        ordered = sorted(entries, key=itemgetter(1))
        await tx.fetch_sql(_RECORD, *map(list, zip(*ordered, strict=True)))
        tx.sealed()


async def carried_out(ctx: Context, tx: Transaction) -> None:
    """Record the mutation that is being carried out, unless an earlier transaction of it has done so."""
    if ctx.action is not None and not ctx.action.is_recorded:
        await record(tx, [entry_of(ctx, ctx.action)])


def committed(ctx: Context) -> None:
    """Take note that the entry is there: an attempt that was rolled back has taken its entry along."""
    if ctx.action is not None:
        ctx.action.is_recorded = True


async def ended(ctx: Context) -> None:
    """Record a mutation that had nothing to write."""
    if ctx.action is not None and not ctx.action.is_recorded:
        async with ctx.db.transaction() as tx:
            await carried_out(ctx, tx)
        committed(ctx)


@asynccontextmanager
async def audited(ctx: Context, action: Action) -> AsyncIterator[None]:
    """Record what is done in the block, carried out or not."""
    ctx.action = action
    try:
        yield
        await ended(ctx)
    except (Exception, asyncio.CancelledError) as error:
        await failed(ctx, error)
        raise


async def failed(ctx: Context, error: BaseException) -> None:
    """Record that a mutation was refused, broke or was cut off, and has changed nothing.

    What is unexpected is not told: nobody knows what stands in its message. A request that is cut off waits for
    nothing any more, so its entry is written by itself. Never raises: the client is to learn of the first error.
    """
    match error:
        case MaestroError():
            failure = error
        case asyncio.CancelledError():
            failure = Unavailable(CUT_OFF)
        case _:
            failure = MaestroError(BROKEN)
    task = asyncio.create_task(_record_failure(ctx, failure), name="audit")
    _LATE.add(task)
    task.add_done_callback(_LATE.discard)
    if not isinstance(error, asyncio.CancelledError):
        # Cut off now, the request leaves the entry to be written by itself.
        await asyncio.shield(task)


async def _record_failure(ctx: Context, failure: MaestroError) -> None:
    action = ctx.action
    if action is None:
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            if action.under_way is not None:
                await asyncio.wait([action.under_way])
            if not action.is_recorded:
                async with ctx.db.transaction() as tx:
                    await record(tx, [entry_of(ctx, action, failure)])
    except UniqueViolation:
        # It was cut off while the database was committing it: what was done is recorded.
        return
    except (*CONNECTION_LOST, StatementFailed):
        logger.exception("The audit log lacks a mutation that failed: %s, %s", action.operation, failure.code)


def goes_on(ctx: Context, work: asyncio.Future[Any]) -> None:
    """Say what carries on with the mutation, and records it, even when the request is cut off."""
    if ctx.action is not None:
        ctx.action.under_way = work


def concerned(ctx: Context, target_type: str, target_id: UUID) -> None:
    """Name the target of a mutation whose changes do not go through a writer."""
    if ctx.action is not None:
        ctx.action.target_type, ctx.action.target_id = target_type, target_id


def replayed(ctx: Context, target_type: str, target_id: UUID) -> None:
    """Say that the mutation had been carried out before, under the same key, and has changed nothing now."""
    concerned(ctx, target_type, target_id)
    if ctx.action is not None:
        ctx.action.reason = REPLAYED
