"""One operation on a socket: its document, its time limit, and its answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from graphql import GraphQLError, OperationType
from strawberry.types import ExecutionResult

from app.answers import answer_of, told
from app.documents import text_of
from app.following import followed
from maestro.db.absence import absence_of
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import MaestroError, RateLimited, Unavailable
from maestro.rate_limits import Bucket
from maestro.requests import OperationRequest
from resolvers.context import Context
from schema import operations, schema


@dataclass(slots=True)
class Operation:
    """What a client asks for under an id."""

    request: OperationRequest
    is_lasting: bool = False
    """Whether it is known to be a subscription, which ends when its client wants it to."""

    async def answers(self, ctx: Context) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the answer, or one for each event; one without `data` is the last, and says why.

        The context is for this operation alone: loaders must not repeat what an earlier one has read. A query or a
        mutation that takes too long is cancelled.
        """
        try:
            text = await text_of(ctx, self.request)
            self.is_lasting = is_subscription(text, self.request.operation_name)
        except (MaestroError, GraphQLError) as error:
            yield await _refused(ctx, error)
        except CONNECTION_LOST as error:
            yield await _refused(ctx, absence_of(error))
        else:
            async with aclosing(self._results(ctx, text)) as results:
                async for result in results:
                    yield result

    async def _results(self, ctx: Context, text: str) -> AsyncGenerator[dict[str, Any], None]:
        limit_s = ctx.runtime.settings.operation_timeout.total_seconds()
        source = await schema.stream(
            text,
            variable_values=dict(self.request.variables),
            context_value=ctx,
            operation_name=self.request.operation_name,
            operation_extensions=dict(self.request.extensions),
        )
        async with aclosing(followed(ctx, self.request, text, alone=source)) as results:
            while True:
                try:
                    async with asyncio.timeout(None if self.is_lasting else limit_s) as ctx.deadline:
                        result = await anext(results, None)
                except TimeoutError:
                    yield refusal(Unavailable(f"The operation took longer than {limit_s:g} s."))
                    return
                if result is None:
                    return
                answer = answer_of(cast("ExecutionResult", result))
                yield answer
                if "data" not in answer:
                    return


def is_subscription(text: str, operation_name: str | None) -> bool:
    """Say whether the operation that is meant is a subscription; GraphQLError for what is not even validated."""
    prepared = operations.prepare(text)
    if prepared.refusal is not None:
        raise prepared.errors[0]
    return prepared.kind(operation_name) is OperationType.SUBSCRIPTION


def refusal(error: MaestroError | GraphQLError) -> dict[str, Any]:
    """Return the answer to an operation that is not carried out."""
    if isinstance(error, MaestroError):
        error = GraphQLError(error.message, original_error=error)
    return {"errors": [told(error)]}


def too_many(limit: int) -> RateLimited:
    """Return the error for an operation beside as many as a socket may have."""
    return RateLimited(
        f"{limit:,} operations run on this socket already.",
        hint="Complete one of them first, or open another socket.",
        bucket="socket-operations",
        limit=limit,
    )


async def _refused(ctx: Context, error: MaestroError | GraphQLError) -> dict[str, Any]:
    """Answer what never came to the extension that charges: it costs a request all the same, once."""
    if ctx.receipt is None:
        ctx.receipt = await ctx.runtime.limiter.charge(ctx.viewer, {Bucket.REQUESTS: 1})
    return refusal(ctx.receipt.refusal or error)
