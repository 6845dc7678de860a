"""Mutations that may be sent again: under one key the first answer is the only effect."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select

from maestro.db.rows import Row
from maestro.db.tables import Base, IdempotencyKey
from maestro.errors import Conflict, InvalidInput
from resolvers import auditing, validation
from resolvers.context import Context
from resolvers.writing import Writer, writing

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Once:
    """A mutation with what makes it the same one: its name, the caller's key and what it was given."""

    operation: str
    key: str | None
    given: Mapping[str, Any]

    def __post_init__(self) -> None:
        validation.text(self.key, field="idempotencyKey")
        if self.key is not None and not 0 < len(self.key) <= LONGEST_KEY:
            raise InvalidInput(
                f"An idempotency key has 1 to {LONGEST_KEY} characters.",
                field="idempotencyKey",
                hint="A UUID that you make for each new request is a good one.",
            )

    @property
    def digest(self) -> bytes:
        """Identify the input, so that a key reused for another one is noticed."""
        content = orjson.dumps([self.operation, self.given], option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.blake2b(content, digest_size=16).digest()


async def write_once(ctx: Context, table: type[Base], once: Once, *, write: Callable[[Writer], Awaitable[Row]]) -> Row:
    """Run a write in a transaction and return its row; under a used key, return the row of the first time.

    Conflict when the key was used for another input.
    """
    async with writing(ctx) as writer:
        if once.key is None:
            return await write(writer)
        earlier = await _earlier(writer, once)
        if earlier is not None:
            auditing.replayed(ctx, table.__name__, earlier)
            return await writer.row(table, earlier, needs=None if ctx.action is None else ctx.action.needs)
        row = await write(writer)
        await writer.create(
            IdempotencyKey, key=once.key, operation=once.operation, input_hash=once.digest, result_id=row.id
        )
        return row


async def _earlier(writer: Writer, once: Once) -> UUID | None:
    organization_id = writer.ctx.organization_id
    # The lock makes a second request with the key wait for the end of the first one instead of racing it.
    await writer.tx.fetch_sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{organization_id}/{once.key}")
    used = await writer.tx.fetch_one(
        select(IdempotencyKey.input_hash, IdempotencyKey.result_id).where(
            IdempotencyKey.organization_id == organization_id, IdempotencyKey.key == once.key
        )
    )
    if used is None:
        return None
    if used.input_hash != once.digest:
        raise Conflict(
            f"The idempotency key {once.key!r} was used for another request.",
            field="idempotencyKey",
            hint="Send the same input again, or use a new key.",
        )
    found: UUID = used.result_id
    return found
