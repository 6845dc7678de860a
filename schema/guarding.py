"""What every operation goes through before it runs: it is prepared once, held against limits, and validated."""

from collections.abc import Iterator
from typing import Final

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from execution.operations import OperationCache
from execution.prepared import Prepared
from execution.validating import MOST_ERRORS, without_hint
from maestro.access.viewer import SignInMethod, Viewer
from maestro.errors import Forbidden
from maestro.operation_settings import Audience
from resolvers.context import Context
from schema.complexity import limits_of, refusal_of

OPERATIONS: Final = OperationCache(refusal_of)
"""The documents of this process, prepared for its schema."""


class OperationGuard(SchemaExtension):
    """Parses, measures and validates. What depends on the viewer is decided anew for each operation.

    Comes first of the extensions: the others find the document in the context.
    """

    def on_operation(self) -> Iterator[None]:
        """Note the name that was sent: once the document is parsed, Strawberry answers that of the first operation."""
        self._name = self.execution_context.operation_name
        yield

    def on_parse(self) -> Iterator[None]:
        """Prepare the document; GraphQLError for one that is not even validated."""
        execution = self.execution_context
        ctx: Context = execution.context
        if ctx.prepared is None or ctx.prepared.text != execution.query:
            ctx.prepared = OPERATIONS.prepare(execution.query or "")
        if ctx.prepared.refusal is not None:
            raise ctx.prepared.errors[0]
        execution.graphql_document = ctx.prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Refuse what is beyond the viewer's limits without a further look, and what is not valid."""
        ctx: Context = self.execution_context.context
        if ctx.prepared is not None:
            self.execution_context.pre_execution_errors = problems(ctx, ctx.prepared, self._name)
        yield

    def on_execute(self) -> Iterator[None]:
        """Tell a few errors only of variables that do not fit, and take guesses at names out of them."""
        yield
        ctx: Context = self.execution_context.context
        answer = self.execution_context.result
        if answer is None or not answer.errors or answer.data is not None:
            return
        answer.errors = answer.errors[:MOST_ERRORS]
        if not is_shown(ctx.runtime.settings.suggestions_for, ctx.viewer):
            for error in answer.errors:
                without_hint(error)


def problems(ctx: Context, prepared: Prepared, operation_name: str | None) -> list[GraphQLError]:
    """Return why a parsed document is not run for this viewer; nothing where it is."""
    settings, viewer = ctx.runtime.settings, ctx.viewer
    excess = limits_of(settings, viewer).excess(prepared.measures(operation_name))
    if excess is not None:
        return [refusal_of(excess)]
    errors = prepared.errors_told(hints=is_shown(settings.suggestions_for, viewer))
    if errors:
        return errors
    if operation_name is None and len(prepared.operations) > 1:
        message = "The document has several operations, and operationName does not say which one to run."
        return [GraphQLError(message, prepared.operations)]
    if (
        prepared.measured is not None
        and prepared.measured.introspects
        and not is_shown(settings.introspection_for, viewer)
    ):
        refusal = Forbidden(
            "The schema is not shown here.",
            hint="The definition is in the documentation, or ask who runs the server for `python -m app schema`.",
        )
        return [GraphQLError(refusal.message, original_error=refusal)]
    return []


def is_shown(audience: Audience, viewer: Viewer) -> bool:
    """Say whether something for an audience is for this viewer."""
    return audience is Audience.EVERYBODY or (audience is Audience.PEOPLE and viewer.method is SignInMethod.SESSION)
