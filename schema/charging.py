"""What operations are charged, before they run, and what their answers tell of it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from graphql import GraphQLError, OperationType
from strawberry.extensions import SchemaExtension

from execution.limits import Excess, Measure
from maestro.errors import InvalidInput, MaestroError
from maestro.rate_limits import Bucket, Receipt
from resolvers.context import Context
from schema.complexity import limits_of, too_complex
from schema.guarding import OPERATIONS
from schema.pricing import amounts, logged_by, price_of, unreadable, weight_of


class Charging(SchemaExtension):
    """Charges an operation when it was validated, and before anything of it runs.

    Comes after the guard: what that refuses is charged as a request. What cannot even be parsed does not come here; the
    transports charge it.
    """

    _cost = 1

    async def on_validate(self) -> AsyncIterator[None]:
        """Charge, and refuse what does not fit into a limit."""
        execution = self.execution_context
        asked: dict[Bucket, int] = {Bucket.REQUESTS: 1}
        refusal: MaestroError | None = None
        if not execution.pre_execution_errors:
            try:
                asked, refusal = self._amounts()
            except RecursionError:
                refusal = InvalidInput("The document is nested too deeply.", field="query")
        receipt = await self._charge(asked)
        refusal = receipt.refusal or refusal
        if refusal is not None:
            execution.pre_execution_errors = [GraphQLError(refusal.message, original_error=refusal)]
        yield

    def get_results(self) -> dict[str, Any]:
        """Return `cost` and `warnings` for the extensions of an answer with data; events of subscriptions have none."""
        ctx: Context = self.execution_context.context
        answer = self.execution_context.result
        # An operation that is refused has no result here; that of a subscription is the event before.
        if ctx.receipt is None or ctx.prepared is None or answer is None or answer.data is None:
            return {}
        if ctx.prepared.kind(self.execution_context.operation_name) is OperationType.SUBSCRIPTION:
            return {}
        cost: dict[str, Any] = {"requested": self._cost, "actual": weight_of(ctx.prepared, answer.data)}
        if standing := ctx.receipt.standing(Bucket.COST):
            cost |= {"remaining": standing.remaining, "limit": standing.rate.amount}
        return {"cost": cost, "warnings": ctx.warnings} if ctx.warnings else {"cost": cost}

    async def _charge(self, amounts: Mapping[Bucket, int]) -> Receipt:
        ctx: Context = self.execution_context.context
        ctx.receipt = await ctx.runtime.limiter.charge(ctx.viewer, amounts)
        return ctx.receipt

    def _amounts(self) -> tuple[dict[Bucket, int], MaestroError | None]:
        """Return what to charge, and why the operation is refused whatever is left in the buckets."""
        execution = self.execution_context
        ctx: Context = execution.context
        if ctx.prepared is None:
            return {Bucket.REQUESTS: 1}, None
        price, variables = price_of(ctx.prepared, execution.operation_name), execution.variables or {}
        excess = unreadable(ctx.prepared, execution.operation_name, variables)
        if excess is None:
            self._cost = ctx.cost = price.of(variables)
            excess = cost_excess(ctx, self._cost)
        if excess is not None:
            return {Bucket.REQUESTS: 1}, too_complex(excess)
        return amounts(price, self._cost), None


def refuse_spent(ctx: Context, text: str, operation_name: str | None) -> None:
    """Raise RateLimited, with the receipt in the context, for a document that was run before, and needs a request.

    It would be refused in the end, after its answer was looked for: what is refused is to cost next to nothing.
    """
    spent = ctx.runtime.limiter.spent(ctx.viewer)
    if spent is None or spent.refusal is None:
        return
    prepared = OPERATIONS.prepare(text)
    if prepared.is_known_valid and not logged_by(price_of(prepared, operation_name)):
        ctx.prepared, ctx.receipt = prepared, spent
        ctx.runtime.limiter.refuse(spent)
        raise spent.refusal


def cost_excess(ctx: Context, cost: int) -> Excess | None:
    """Return the excess of an operation that costs more than the viewer may ask for at once."""
    limit = limits_of(ctx.runtime.settings, ctx.viewer).cost
    return Excess(Measure.COST, cost, limit) if cost > limit else None
