"""What an operation would come to, told before it is run, in the schema."""

from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from graphql.execution.values import get_variable_values
from strawberry.scalars import JSON
from strawberry.types import Info

from execution.limits import Limits, Measure
from execution.prepared import Prepared
from execution.pricing import root_prices
from execution.validating import MOST_ERRORS
from maestro.errors import InvalidInput, MaestroError
from resolvers.context import Context
from schema.charging import cost_excess
from schema.complexity import limits_of, refusal_of
from schema.guarding import OPERATIONS, problems
from schema.guards import query
from schema.pricing import SIZES, amounts, price_of, unreadable
from schema.scalars import BigInt


@strawberry.type(description="A measure of an operation, and the most that it may be for whoever asks.")
class OperationMeasure:
    """A measure beside its limit."""

    name: str = strawberry.field(
        description="What is measured: `depth`, `aliases`, `directives`, `rootFields`, `fields` or `cost`."
    )
    value: BigInt = strawberry.field(description="What the operation comes to, with all fragments put in.")
    limit: BigInt = strawberry.field(description="The most that it may be.")


@strawberry.type(description="Why an operation would be refused.")
class OperationProblem:
    """An error as the operation would be answered with."""

    message: str = strawberry.field(description="What is wrong, for people.")
    code: str = strawberry.field(description="The error's stable code.")
    hint: str | None = strawberry.field(description="What to do about it.")
    line: int | None = strawberry.field(description="The line of the document where it is, from 1.")
    column: int | None = strawberry.field(description="The column of that line, from 1.")


@strawberry.type(description="What one field at the root of an operation costs.")
class RootFieldCost:
    """A root field."""

    key: str = strawberry.field(description="Its key in the answer: its alias, or else its name.")
    name: str = strawberry.field(description="Its name.")
    cost: BigInt = strawberry.field(description="The objects that it can answer at most.")


@strawberry.type(description="What an operation would be charged.")
class OperationCharge:
    """A bucket and an amount."""

    bucket: str = strawberry.field(description="The rate limit: `requests`, `cost` or `ingest`.")
    amount: BigInt = strawberry.field(description="How much of it.")


@strawberry.type(description="What an operation would come to, had it been sent instead of being explained.")
class OperationExplanation:
    """The explanation of one operation."""

    is_accepted: bool = strawberry.field(
        description="Whether it would be run, as far as it shows beforehand: permissions and rate limits are not asked."
    )
    kind: str | None = strawberry.field(
        description="`query`, `mutation` or `subscription`; null where no single operation is meant."
    )
    sha256: str = strawberry.field(description="The SHA-256 of the document's text, in hexadecimal digits.")
    errors: list[OperationProblem] = strawberry.field(description="Why it would be refused; at most five reasons.")
    cost: BigInt | None = strawberry.field(
        description="The objects that its answer can hold at most; null for what is not valid."
    )
    measures: list[OperationMeasure] = strawberry.field(
        description="What it comes to beside the limits; without `cost` for what is not valid."
    )
    root_fields: list[RootFieldCost] = strawberry.field(description="Its root fields, each with its own cost.")
    charges: list[OperationCharge] = strawberry.field(description="What it would be charged; empty when it is refused.")


@strawberry.type
class ExplainingQueries:
    """Root fields."""

    @query(None, description="What an operation would come to: its cost and measures, and why it would be refused.")
    def explain_operation(
        self,
        info: Info[Context, Any],
        document: Annotated[str, strawberry.argument(description="The document, as it would be sent.")],
        variables: Annotated[JSON | None, strawberry.argument(description="Its variables, a JSON object.")] = None,
        operation_name: Annotated[
            str | None, strawberry.argument(description="The operation that is meant, of several in the document.")
        ] = None,
    ) -> OperationExplanation:
        """Explain; InvalidInput when one operation asks for several explanations."""
        given: Any = {} if variables is None else variables
        if not isinstance(given, dict):
            raise InvalidInput("Variables are a JSON object.", field="variables")
        named = info.operation.name
        _require_alone(info.context, None if named is None else named.value)
        return _explained(info.context, OPERATIONS.prepare(document), given, operation_name)


def _require_alone(ctx: Context, operation_name: str | None) -> None:
    # Each may cost as much as a hostile document does, and the limits on such are limits on one.
    asked = ctx.prepared and price_of(ctx.prepared, operation_name).fields.values()
    if asked and [*asked].count("explainOperation") > 1:
        raise InvalidInput("One operation explains one other.", hint="Ask in several operations.", field="document")


def _explained(
    ctx: Context, prepared: Prepared, variables: dict[str, Any], operation_name: str | None
) -> OperationExplanation:
    """Explain an operation to a viewer, with the answers that they would get."""
    errors = _refusals(ctx, prepared, operation_name)
    if errors:
        return _told(ctx, prepared, operation_name, errors=errors)
    price = price_of(prepared, operation_name)
    excess = unreadable(prepared, operation_name, variables)
    if excess is not None:
        return _told(ctx, prepared, operation_name, errors=[_problem(refusal_of(excess))])
    cost = price.of(variables)
    explained = _told(
        ctx, prepared, operation_name, errors=_costly(ctx, cost) or _unfit(prepared, variables, operation_name)
    )
    explained.cost = BigInt(cost)
    explained.measures.append(_measure(Measure.COST, cost, limits_of(ctx.runtime.settings, ctx.viewer)))
    explained.root_fields = _root_fields(prepared, variables, operation_name)
    if explained.is_accepted:
        explained.charges = [
            OperationCharge(bucket=bucket.value, amount=BigInt(amount))
            for bucket, amount in amounts(price, cost).items()
        ]
    return explained


def _told(
    ctx: Context, prepared: Prepared, operation_name: str | None, *, errors: list[OperationProblem]
) -> OperationExplanation:
    limits, measures = limits_of(ctx.runtime.settings, ctx.viewer), prepared.measures(operation_name)
    kind = prepared.kind(operation_name)
    return OperationExplanation(
        is_accepted=not errors,
        kind=None if kind is None else kind.value,
        sha256=prepared.sha256,
        errors=errors[:MOST_ERRORS],
        cost=None,
        measures=[_measure(measure, value, limits) for measure, value in measures.named().items()],
        root_fields=[],
        charges=[],
    )


def _measure(measure: Measure, value: int, limits: Limits) -> OperationMeasure:
    return OperationMeasure(name=measure.value, value=BigInt(value), limit=BigInt(limits.of(measure)))


def _refusals(ctx: Context, prepared: Prepared, operation_name: str | None) -> list[OperationProblem]:
    """Return why a document is refused whatever its variables are."""
    if prepared.refusal is not None:
        return [_problem(prepared.refusal)]
    if (operation_name is not None and prepared.operation(operation_name) is None) or not prepared.operations:
        return [_problem(GraphQLError("The document has no such operation."), "BAD_REQUEST")]
    return [_problem(error) for error in problems(ctx, prepared, operation_name)]


def _costly(ctx: Context, cost: int) -> list[OperationProblem]:
    excess = cost_excess(ctx, cost)
    return [] if excess is None else [_problem(refusal_of(excess))]


def _unfit(prepared: Prepared, variables: dict[str, Any], operation_name: str | None) -> list[OperationProblem]:
    """Return which variables do not fit their types."""
    operation = prepared.operation(operation_name)
    if operation is None:
        return []
    found = get_variable_values(
        prepared.schema, operation.variable_definitions or (), variables, max_errors=MOST_ERRORS, hide_suggestions=True
    )
    return [_problem(error, InvalidInput.code) for error in found] if isinstance(found, list) else []


def _root_fields(prepared: Prepared, variables: dict[str, Any], operation_name: str | None) -> list[RootFieldCost]:
    if prepared.document is None:
        return []
    prices = root_prices(prepared.schema, prepared.document, operation_name, sizes=SIZES)
    # The root itself is one object of the operation's cost, and of no field's.
    return [RootFieldCost(key=key, name=name, cost=BigInt(price.of(variables) - 1)) for key, name, price in prices]


def _problem(error: GraphQLError, code: str | None = None) -> OperationProblem:
    cause = error.original_error
    place = error.locations[0] if error.locations else None
    if isinstance(cause, MaestroError):
        code = cause.code
    elif code is None:
        code = "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "GRAPHQL_VALIDATION_FAILED"
    return OperationProblem(
        message=error.message,
        code=code,
        hint=cause.hint if isinstance(cause, MaestroError) else None,
        line=place and place.line,
        column=place and place.column,
    )
