"""Which operation of a document is meant: one that has several is refused unless the request names one of them."""

from collections.abc import Iterator

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension


class OperationChoice(SchemaExtension):
    """Refuses a document of several operations without `operationName`, which Strawberry takes to mean the first.

    Comes after the extension that validates, whose errors go first. The rule: GraphQL specification, GetOperation.
    """

    def on_operation(self) -> Iterator[None]:
        """Note the name that was sent: once the document is parsed, Strawberry answers that of the first operation."""
        self._name = self.execution_context.operation_name
        yield

    def on_validate(self) -> Iterator[None]:
        """Add the error to those of validation, so that nothing runs."""
        context = self.execution_context
        if self._name is None and not context.pre_execution_errors and context.graphql_document is not None:
            nodes = [node for node in context.graphql_document.definitions if isinstance(node, OperationDefinitionNode)]
            if len(nodes) > 1:
                message = "The document has several operations, and operationName does not say which one to run."
                context.pre_execution_errors = [GraphQLError(message, nodes)]
        yield
