"""Documents that are to be stored: one operation each, valid under the schema that is served."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import GraphQLError

from execution.operations import OperationCache


@dataclass(frozen=True, slots=True)
class Checked:
    """What a document does, and what keeps it from being stored or run; `kind` is None where it cannot be told."""

    name: str | None = None
    kind: str | None = None
    problems: tuple[str, ...] = ()


def checked(operations: OperationCache, text: str) -> Checked:
    """Look at a document under the schema of a cache, and guess what was meant: who registers knows the schema."""
    prepared = operations.prepare(text)
    if prepared.refusal is not None:
        return Checked(problems=_told(prepared.errors))
    if len(prepared.operations) != 1:
        return Checked(problems=(f"It has {len(prepared.operations)} operations; a stored document has one.",))
    (operation,) = prepared.operations
    name = operation.name.value if operation.name is not None else None
    return Checked(name, operation.operation.name, _told(prepared.errors_told(hints=True)))


def _told(errors: Sequence[GraphQLError]) -> tuple[str, ...]:
    places = ((error, error.locations[0] if error.locations else None) for error in errors)
    return tuple(
        error.message if place is None else f"{error.message} (line {place.line}, column {place.column})"
        for error, place in places
    )
