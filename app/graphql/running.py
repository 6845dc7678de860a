"""Running operations for a request: one answer or many, whatever the transport makes of them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from app.answer_cache import Kept, answer_from, charged, find, keep
from app.answers import answer_of, encoded, errors_of, told
from app.clients import client_of
from app.documents import text_of
from app.following import followed
from app.graphql.refusals import malformed, needs_post
from app.operation_counting import KEPT_ANSWER, CountedOperation
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import BadRequest, MaestroError, Unavailable
from maestro.rate_limits import Bucket
from maestro.requests import OperationRequest
from resolvers.context import Context

ALLOWED: Final = {
    "POST": frozenset({OperationType.QUERY, OperationType.MUTATION}),
    "GET": frozenset({OperationType.QUERY}),
    "HEAD": frozenset({OperationType.QUERY}),
}
"""What each method may run for one answer."""


class IsSubscription(Exception):
    """The operation has many answers."""


@dataclass(slots=True)
class Outcome:
    """What became of an operation: its answer, and the status where HTTP has one that the answer does not tell."""

    answer: dict[str, Any]
    status: int | None = None
    kept: Kept | None = None
    """The answer as it was kept, now or before."""
    way: str | None = None
    """How it was found, if not by running the operation."""

    @property
    def was_kept(self) -> bool:
        """Whether the answer was kept before, so that nothing was computed."""
        return self.way == KEPT_ANSWER


def context_of(request: Request) -> Context:
    """Make the context of one operation; the middleware has found out who is asking."""
    state = request.state
    return Context(
        request.app.state.runtime,
        state.viewer,
        credentials=state.credentials.lasting(state.viewer),
        client=client_of(request.headers),
    )


class Runner:
    """Runs operations on a schema, in contexts of their own, and charges them.

    Every operation comes through `run` or `stream` with its `OperationRequest`. Answers that were kept are looked for
    once the text is known.
    """

    def __init__(self, schema: BaseSchema) -> None:
        self.schema = schema

    async def run(self, ctx: Context, asked: OperationRequest | BadRequest, *, method: str) -> Outcome:
        """Run a query or a mutation; IsSubscription for anything else, Refused for a mutation by GET.

        Whatever has not been charged by then is charged as a request.
        """
        with CountedOperation(ctx, asked) as counted:
            outcome = await self.charged(ctx, await self._run(ctx, asked, method=method))
            counted.answered(outcome.answer, way=outcome.way)
            return outcome

    async def stream(self, ctx: Context, asked: OperationRequest, *, method: str) -> AsyncGenerator[Outcome, None]:
        """Run any operation and yield its answers; Refused as above."""
        is_sent = False
        with CountedOperation(ctx, asked) as counted:
            async with aclosing(self._subscribed(ctx, asked)) as outcomes:
                async for outcome in outcomes:
                    is_sent = True
                    counted.sent(outcome.answer, "http")
                    yield outcome
        if not is_sent:
            yield await self.run(ctx, asked, method=method)

    async def _subscribed(self, ctx: Context, asked: OperationRequest) -> AsyncGenerator[Outcome, None]:
        """Yield the answers of a subscription, and what is answered to none at all; nothing for other operations."""
        text = await _text(ctx, asked)
        if isinstance(text, Outcome):
            yield await self.charged(ctx, text)
            return
        alone = await self.schema.subscribe(
            text,
            variable_values=dict(asked.variables),
            context_value=ctx,
            operation_name=asked.operation_name,
            operation_extensions=dict(asked.extensions),
        )
        try:
            async with aclosing(followed(ctx, asked, text, alone=alone)) as results:
                async for result in results:
                    if _is_no_subscription(result):
                        return
                    yield await self.charged(ctx, Outcome(answer_of(result)))
        except GraphQLError as error:
            # A document that cannot be read: `execute` would have returned it.
            yield await self.charged(ctx, Outcome({"errors": [told(error)]}))

    async def charged(self, ctx: Context, outcome: Outcome) -> Outcome:
        """Charge what never came so far that it was charged, and answer by the refusal when that is too much."""
        if ctx.receipt is None:
            ctx.receipt = await ctx.runtime.limiter.charge(ctx.viewer, {Bucket.REQUESTS: 1})
            if ctx.receipt.refusal is not None:
                return Outcome({"errors": errors_of(ctx.receipt.refusal)})
        return outcome

    async def _run(self, ctx: Context, asked: OperationRequest | BadRequest, *, method: str) -> Outcome:
        if isinstance(asked, BadRequest):
            return Outcome({"errors": errors_of(asked)})
        limit = ctx.runtime.settings.operation_timeout.total_seconds()
        deadline = asyncio.timeout(limit)
        try:
            async with deadline:
                ctx.deadline = deadline
                text = await _text(ctx, asked)
                if isinstance(text, Outcome):
                    return text
                return await self._answer(ctx, asked, text=text, method=method)
        except TimeoutError:
            if not deadline.expired():
                raise
            return Outcome({"errors": errors_of(Unavailable(f"The operation took longer than {limit:g} s."))}, 504)

    async def _answer(self, ctx: Context, asked: OperationRequest, *, text: str, method: str) -> Outcome:
        """Return the answer that was kept, or compute it: once for all who miss it at a time."""
        began = time.perf_counter()
        place = await find(ctx, asked, text)
        if place is None:
            return await self._execute(ctx, asked, text=text, method=method)
        kept = place.found() or await place.awaited()
        if kept is not None:
            return await _given(ctx, kept, text=text, began=began)
        try:
            return await self._execute(ctx, asked, text=text, method=method)
        finally:
            place.done()

    async def _execute(self, ctx: Context, asked: OperationRequest, *, text: str, method: str) -> Outcome:
        try:
            result = await self.schema.execute(
                text,
                variable_values=dict(asked.variables),
                context_value=ctx,
                operation_name=asked.operation_name,
                allowed_operation_types=ALLOWED[method],
                operation_extensions=dict(asked.extensions),
            )
        except CannotGetOperationTypeError as error:
            return Outcome({"errors": [told(GraphQLError(error.as_http_error_reason(), original_error=error))]})
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise IsSubscription from error
            raise needs_post() from error
        return _keeping(ctx, asked, answer_of(result))


async def _given(ctx: Context, kept: Kept, *, text: str, began: float) -> Outcome:
    """Return the outcome of an operation whose answer was kept; all else that comes of running it is done."""
    receipt = await charged(ctx, kept.answer)
    if receipt.refusal is not None:
        return Outcome({"errors": errors_of(receipt.refusal)})
    if ctx.left is not None:
        await ctx.runtime.automatic.keep(ctx.organization_id, ctx.left, text)
    if ctx.document is not None:
        seconds = time.perf_counter() - began
        ctx.runtime.usage.note(ctx.document, ctx.client, seconds=seconds, is_error=False, cost=ctx.cost)
    return Outcome(answer_from(ctx, kept.answer), kept=kept, way=KEPT_ANSWER)


def _keeping(ctx: Context, asked: OperationRequest, answer: dict[str, Any]) -> Outcome:
    """Return the outcome of an operation, and keep its answer where that may be given again."""
    if ctx.policy is None or not ctx.policy.is_cacheable or "errors" in answer or "data" not in answer:
        return Outcome(answer)
    data = encoded(answer["data"])
    return Outcome({**answer, "data": orjson.Fragment(data)}, kept=keep(ctx, asked, answer, data=data))


async def _text(ctx: Context, asked: OperationRequest) -> str | Outcome:
    """Return the text to run, or what is answered where there is none; Refused for a request that names none."""
    try:
        return await text_of(ctx, asked)
    except BadRequest as error:
        raise malformed(error) from error
    except MaestroError as error:
        return Outcome({"errors": errors_of(error)})
    except CONNECTION_LOST as lost:
        return Outcome({"errors": [told(GraphQLError("The document is not to be had.", original_error=lost))]})


def _is_no_subscription(result: Any) -> bool:
    errors = (result.errors if isinstance(result, ExecutionResult) else None) or ()
    return any(isinstance(error.original_error, InvalidOperationTypeError) for error in errors)
