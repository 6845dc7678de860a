"""Subscriptions that share their readings: who would be told the same is told what was read and encoded once.

The first event is read for its subscriber alone, as it is charged and guarded. Where each event is the present state,
later ones come from a channel for all who see and may do the same. Before each, its subscriber is looked at again.
"""

import time
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import blake2b
from inspect import isawaitable
from typing import Any, Final

import orjson
from graphql import ExecutionResult as Executed
from graphql import GraphQLError, OperationType, subscribe
from strawberry.types import ExecutionResult

from app.answer_cache import LONGEST, seen_by
from app.answers import encoded
from execution.policies import scope_of_events
from execution.prepared import Prepared
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.errors import MaestroError
from maestro.fanout import EndOfReading, Reading, Round
from maestro.requests import OperationRequest
from resolvers.context import Context
from resolvers.listening import look_again
from resolvers.patience import patiently
from schema import operations, schema
from schema.guards import does_tell_state

EXPECTED: Final = (MaestroError, GraphQLError, StatementFailed, *CONNECTION_LOST)
"""What ends one subscription; anything else ends its socket or its response."""
_SPENT: Final = b""
"""In the place of a digest that need not be compared any more."""


@dataclass(slots=True)
class Told:
    """How far a subscriber was told: by a reading of its own, which `began` and `ended`, or in a channel."""

    began: float
    ended: float
    digest: bytes = _SPENT
    """Of the answer, until it is of no use any more."""


async def followed(
    ctx: Context, asked: OperationRequest, text: str, *, alone: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    """Yield the results of an operation; `alone` yields those of a subscriber who shares nothing.

    What a subscription reads for itself takes turns with what others do, so that requests find a connection.
    """
    prepared = operations.prepare(text)
    is_lasting = prepared.kind(asked.operation_name) is OperationType.SUBSCRIPTION
    if is_lasting:
        ctx.take_turns()
    async with aclosing(alone):
        first = await anext(alone, None)
        if first is None:
            return
        told = Told(ctx.looked_at, time.monotonic())
        yield first
        key = _key(ctx, asked, prepared=prepared) if is_lasting and first.data is not None else None
        if key is None:
            async for result in alone:
                yield result
            return
    told.digest = _digest(first.data)
    del first
    ctx.loaders.clear()
    later = _Follower(ctx, asked, prepared, told).results(key)
    del key
    async with aclosing(later) as results:
        async for result in results:
            yield result


@dataclass(slots=True)
class _Follower:
    """One subscriber of what several may follow."""

    ctx: Context
    asked: OperationRequest
    prepared: Prepared
    told: Told

    async def results(self, key: Hashable | None) -> AsyncGenerator[ExecutionResult, None]:
        """Yield what is read after a first result, until it ends or the subscriber may not see it any more."""
        while key is not None:
            with self.ctx.runtime.channels.followed(key, self._reading) as channel:
                # The same for all of them: thousands need not keep one each.
                number, seen = 0, channel.key
                key = seen
                while seen == key:
                    latest = await channel.after(number)
                    number = latest.number
                    if _is_old(latest, self.told):
                        continue
                    result, seen = await self._next(latest, key)
                    if result is None:
                        return
                    yield result
                    if result.data is None:
                        return
            key = seen

    async def _next(
        self, latest: Round[ExecutionResult], key: Hashable
    ) -> tuple[ExecutionResult | None, Hashable | None]:
        """Return what to tell after a round, None for the end; and what the subscriber shares with others by now."""
        viewer = self.ctx.viewer
        try:
            await patiently(self.ctx, self.ctx.still_permitted)
        except EXPECTED as error:
            return _ended(error), key
        seen = key if self.ctx.viewer is viewer else _key(self.ctx, self.asked, prepared=self.prepared)
        if seen != key or latest.began < self.told.ended:
            # Their rights have changed, or it is not known which of the two readings is newer.
            return await self._own(), seen
        self.told.digest = _SPENT
        return _result(latest), key

    async def _own(self) -> ExecutionResult | None:
        """Read for this subscriber alone."""
        try:
            found = await patiently(self.ctx, self._once)
        except EXPECTED as error:
            return _ended(error)
        self.told = Told(self.ctx.looked_at, time.monotonic())
        return None if found is None else ExecutionResult(data=found.data, errors=found.errors)

    async def _once(self) -> Executed | None:
        await look_again(self.ctx)
        async with aclosing(_events(self.ctx, self.asked, self.prepared)) as events:
            return await anext(events, None)

    def _reading(self) -> Reading[ExecutionResult]:
        """Read on in the place of all who see the same; nobody's credential is looked at."""
        ctx = Context(self.ctx.runtime, self.ctx.viewer)
        ctx.take_turns()
        return _shared(ctx, self.asked, self.prepared)


async def _shared(ctx: Context, asked: OperationRequest, prepared: Prepared) -> Reading[ExecutionResult]:
    async with aclosing(_events(ctx, asked, prepared)) as events:
        async for found in events:
            # What has errors is told by each under a trace id of their own.
            data: Any = found.data
            if data is not None and not found.errors:
                data = orjson.Fragment(encoded(data))
            yield ctx.looked_at, ExecutionResult(data=data, errors=found.errors)


async def _events(ctx: Context, asked: OperationRequest, prepared: Prepared) -> AsyncGenerator[Executed, None]:
    """Yield the results of a subscription that was charged and found valid; the errors of its source are raised."""
    if prepared.document is None:
        return
    started: Any = subscribe(
        prepared.schema,
        prepared.document,
        context_value=ctx,
        variable_values=dict(asked.variables),
        operation_name=asked.operation_name,
        executor_class=schema.execution_context_class,
        operation_extensions=dict(asked.extensions),
    )
    if isawaitable(started):
        started = await started
    if isinstance(started, Executed):
        yield started
        return
    async with aclosing(started):
        async for result in started:
            yield result


def _is_old(latest: Round[ExecutionResult], told: Told) -> bool:
    """Say whether a round holds nothing that the subscriber was not told already."""
    if latest.error is not None:
        return False
    found = latest.found
    if latest.began < told.began:
        return True
    if not latest.is_first or not told.digest or found is None or found.errors:
        return False
    return _digest(found.data) == told.digest


def _result(latest: Round[ExecutionResult]) -> ExecutionResult | None:
    if isinstance(latest.error, EndOfReading):
        return None
    return latest.found if latest.error is None else _ended(latest.error)


def _digest(data: Any) -> bytes:
    return blake2b(encoded(data), digest_size=16).digest()


def _ended(error: Exception) -> ExecutionResult:
    # One of each subscriber's own: the error is the same for all.
    known = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    return ExecutionResult(data=None, errors=[known])


def _key(ctx: Context, asked: OperationRequest, *, prepared: Prepared) -> Hashable | None:
    """Return what those have in common who are told the same; None where nothing is shared."""
    name = asked.operation_name
    scope = prepared.fact(
        ("events", name),
        lambda: scope_of_events(prepared.schema, prepared.document, name) if does_tell_state(prepared, name) else None,
    )
    if scope is None:
        return None
    variables = orjson.dumps(asked.variables, option=orjson.OPT_SORT_KEYS) if asked.variables else b""
    if len(variables) > LONGEST:
        return None
    return (prepared.sha256, name, blake2b(variables, digest_size=16).digest(), *seen_by(ctx.viewer, scope))
