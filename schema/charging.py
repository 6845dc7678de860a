"""What operations are charged: a request and the objects that the answer can hold; logging has a bucket of its own."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension

from dataloaders.paging import DEFAULT_SIZE, MAX_SIZE
from execution.cost import Price, Sizes
from execution.pricing import PriceList
from maestro.errors import InvalidInput, MaestroError
from maestro.rate_limits import Bucket, Receipt
from resolvers.context import Context

INGEST: Final = frozenset({"logBatch"})
"""A mutation of these fields alone is charged to `ingest` instead of `requests`, so that neither starves the other."""
ANSWER: Final = 10
"""So many objects an ingesting mutation may answer for each of its fields without paying their cost."""

SIZES: Final = Sizes(
    page=DEFAULT_SIZE,
    longest=MAX_SIZE,
    known={
        "ComparedParam.values": 50,
        "Experiment.aggregates": 1_000,
        "Experiment.metricKeys": 50,
        "FilterVocabulary.fields": 50,
        "LineageGraph.edges": 5_000,
        "LineageGraph.nodes": 500,
        "Project.metricKeys": 50,
        "Query.completeFilter": 20,
        "Run.metricSummaries": 50,
        "Run.params": 50,
        "Run.series": 50,
        "RunComparison.metrics": 200,
        "RunComparison.params": 200,
    },
    # A count goes through the whole list, and a verification through the whole log.
    dear={"__schema": 100, "__type": 100, "totalCount": 50, "verifyAuditLog": 1_000},
)
"""How long lists are whose length no argument tells, the most where it is fixed, else what is usual; and what is dear.

Both are in objects, as all costs are.
"""

PRICES: Final = PriceList(SIZES)


class Charging(SchemaExtension):
    """Charges an operation when it was validated, and before anything of it runs.

    Comes after the extension that validates: what that refuses is charged as a request. What cannot even be parsed does
    not come here; the transports charge it.
    """

    _cost = 1

    async def on_validate(self) -> AsyncIterator[None]:
        """Charge, and refuse what does not fit into a limit."""
        execution = self.execution_context
        try:
            receipt = await self._charge({Bucket.REQUESTS: 1} if execution.pre_execution_errors else self._amounts())
        except RecursionError:
            refusal: MaestroError | None = InvalidInput("The document is nested too deeply.", field="query")
        else:
            refusal = receipt.refusal
        if refusal is not None:
            execution.pre_execution_errors = [GraphQLError(refusal.message, original_error=refusal)]
        yield

    def get_results(self) -> dict[str, Any]:
        """Return `cost` and `warnings` for the extensions of an answer with data; events of subscriptions have none."""
        ctx: Context = self.execution_context.context
        answer = self.execution_context.result
        # An operation that is refused, and a subscription, which goes on, has no result here.
        if ctx.receipt is None or answer is None or answer.data is None:
            return {}
        cost: dict[str, Any] = {"requested": self._cost}
        if standing := ctx.receipt.standing(Bucket.COST):
            cost |= {"remaining": standing.remaining, "limit": standing.rate.amount}
        return {"cost": cost, "warnings": ctx.warnings} if ctx.warnings else {"cost": cost}

    async def _charge(self, amounts: Mapping[Bucket, int]) -> Receipt:
        ctx: Context = self.execution_context.context
        ctx.receipt = await ctx.runtime.limiter.charge(ctx.viewer, amounts)
        return ctx.receipt

    def _amounts(self) -> dict[Bucket, int]:
        execution = self.execution_context
        known: GraphQLSchema = execution.schema._schema  # noqa: SLF001 -- Strawberry shows it to extensions no other way
        document = cast("DocumentNode", execution.graphql_document)
        price = PRICES.price(known, document, text=execution.query, operation_name=execution.operation_name)
        self._cost = price.of(execution.variables or {})
        logged = _logged(price)
        if not logged:
            return {Bucket.REQUESTS: 1, Bucket.COST: self._cost}
        if self._cost <= 1 + ANSWER * logged:
            return {Bucket.INGEST: logged}
        return {Bucket.INGEST: logged, Bucket.COST: self._cost}


def _logged(price: Price) -> int:
    """Return how many batches a mutation logs, 0 when it does anything else."""
    names = [name for name in price.fields.values() if not name.startswith("__")]
    return len(names) if INGEST.issuperset(names) else 0
