"""A document that was prepared: its text and hash, and what is known of it once it was parsed and validated."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)

from execution.limits import Measures
from execution.measures import Measured

Fact = TypeVar("Fact")


class Settle(Protocol):
    """How a document's errors are found out, and what becomes of the document then."""

    def __call__(self, one: "Prepared", *, hints: bool) -> list[GraphQLError]:
        """Return the errors."""
        ...


class Prepared:
    """One document for one schema. Whoever keeps it may ask again for free."""

    __slots__ = (
        "_errors",
        "_facts",
        "_is_valid",
        "_settle",
        "answers",
        "document",
        "measured",
        "refusal",
        "schema",
        "sha256",
        "text",
    )

    def __init__(self, text: str, sha256: str, schema: GraphQLSchema, *, settle: Settle) -> None:
        self.text = text
        self.sha256 = sha256
        self.schema = schema
        self.document: DocumentNode | None = None
        """None where the text cannot be parsed, or is not for its size."""
        self.measured: Measured | None = None
        self.refusal: GraphQLError | None = None
        """Why the document is not even validated: its syntax, or a bound that holds for everybody."""
        self.answers = 0
        """How many operations were answered by it."""
        self._settle = settle
        self._errors: dict[bool, list[GraphQLError]] = {}
        self._is_valid = False
        self._facts: dict[Hashable, Any] = {}

    def take_over(self, other: "Prepared") -> None:
        """Take what does not depend on the schema from the same document for another one."""
        self.document, self.measured, self.refusal = other.document, other.measured, other.refusal

    @property
    def errors(self) -> list[GraphQLError]:
        """What is wrong with it, without guesses at what was meant; it is validated when this is first asked."""
        return self.errors_told(hints=False)

    def errors_told(self, *, hints: bool) -> list[GraphQLError]:
        """Return what is wrong with it; with `hints`, for those who may know the schema, guesses at what was meant."""
        if self.refusal is not None:
            return [_again(self.refusal)]
        if self._is_valid:
            return []
        if hints not in self._errors:
            self._errors[hints] = self._settle(self, hints=hints)
            self._is_valid = not self._errors[hints]
        return [*self._errors[hints]]

    @property
    def is_known_valid(self) -> bool:
        """Whether it was validated before and found good."""
        return self._is_valid

    def fact(self, key: Hashable, compute: Callable[[], Fact]) -> Fact:
        """Return what follows from the document and its schema alone, computed once."""
        if key not in self._facts:
            self._facts[key] = compute()
        found: Fact = self._facts[key]
        return found

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        """Its operations in their order."""
        found = () if self.document is None else self.document.definitions
        return [node for node in found if isinstance(node, OperationDefinitionNode)]

    def operation(self, name: str | None = None) -> OperationDefinitionNode | None:
        """Return the operation of this name, without one the only operation; None where no single one is meant."""
        return None if self.document is None else get_operation_ast(self.document, name)

    def kind(self, name: str | None = None) -> OperationType | None:
        """Say whether a query, a mutation or a subscription is meant; None where no single operation is."""
        found = self.operation(name)
        return None if found is None else found.operation

    def measures(self, name: str | None = None) -> Measures:
        """Return the measures of an operation; without its name, the greatest of all."""
        return Measures() if self.measured is None else self.measured.of(name)


def _again(error: GraphQLError) -> GraphQLError:
    """Return the same error anew: who raises it hangs the frames of an operation on it, and it is kept for others."""
    if isinstance(error, GraphQLSyntaxError) and error.source is not None and error.positions:
        return GraphQLSyntaxError(
            error.source, next(iter(error.positions)), error.message.removeprefix("Syntax Error: ")
        )
    return GraphQLError(error.message, original_error=error.original_error, extensions=error.extensions)
