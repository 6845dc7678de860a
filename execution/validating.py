"""Whether a document fits a schema: the rules of GraphQL and of Strawberry, within bounds of work and of errors."""

import re
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    ObjectValueNode,
    VariableDefinitionNode,
    VariableNode,
    specified_rules,
    validate,
)
from graphql.validation import ValidationContext
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.bounds import OVERLAPS

MOST_ERRORS: Final = 5
"""So many errors of one document are told."""
_HINT: Final = re.compile(r"[ .]?\.? Did you mean .*?\?(?= Found:|$)", re.DOTALL)
"""How graphql-core guesses at names, within a message or at its end."""

# Read whenever a validation begins; graphql-core's own half a million take 1.5 s.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = OVERLAPS


class TooMuchOverlap(Exception):
    """To compare the fields of a document would take too long."""


class _OneOfRule(OneOfInputValidationRule):
    """Strawberry's rule, which knows the variables of the operation before only and fails over others."""

    def __init__(self, validation_context: ValidationContext) -> None:
        super().__init__(validation_context)
        self.variable_definitions: dict[str, VariableDefinitionNode] = {}

    def validate_one_of(self, node: ObjectValueNode, type: GraphQLNamedType) -> None:  # noqa: A002 -- Strawberry's name
        """Check that one member is given; a variable that is not known here is checked when it has its value."""
        used = {field.value.name.value for field in node.fields if isinstance(field.value, VariableNode)}
        if used <= self.variable_definitions.keys():
            super().validate_one_of(node, type)


_RULES: Final[tuple[Any, ...]] = (*specified_rules, MaybeNullValidationRule, _OneOfRule)


def validated(schema: GraphQLSchema, document: DocumentNode, *, hints: bool = False) -> list[GraphQLError]:
    """Return what is wrong with a document, at most five errors; TooMuchOverlap when that cannot be found out cheaply.

    With `hints`, messages guess what was meant, which tells names of the schema.
    """
    errors = validate(schema, document, _RULES, max_errors=MOST_ERRORS, hide_suggestions=not hints)
    if any(isinstance(error, ValidationAbortedError) for error in errors) and len(errors) <= MOST_ERRORS:
        raise TooMuchOverlap
    told = errors[:MOST_ERRORS]
    return told if hints else [without_hint(error) for error in told]


def without_hint(error: GraphQLError) -> GraphQLError:
    """Take out of the message what may have been meant."""
    error.message = _HINT.sub("", error.message)
    return error
