"""How much the variables of an operation hold: to read each value by its type holds up everybody else."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    type_from_ast,
)

from execution.limits import Excess, Measure

MOST_DEEP: Final = 100
"""How deep objects and lists nest in variables; what nests deeper could not be written as JSON again."""
MOST_CONTAINERS: Final = 10_000
"""Objects and lists in variables, those within scalars included."""
MOST_VALUES: Final = 30_000
"""Values that have to be read by their types; an input object counts as many as its type has members."""

_MANY: Final = (dict, list)
_LIST: Final = 3
"""So many values a list counts beside those in it."""


def variables_excess(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any], *, are_counted: bool
) -> Excess | None:
    """Return what there is too much of; nothing is counted where logging is what an operation does, but depth."""
    level: list[Any] = [variables]
    depth = containers = 0
    while level:
        depth, containers = depth + 1, containers + len(level)
        if depth > MOST_DEEP:
            return Excess(Measure.VARIABLE_DEPTH, None, MOST_DEEP)
        if are_counted and containers > MOST_CONTAINERS:
            return Excess(Measure.CONTAINERS, None, MOST_CONTAINERS)
        level = [value for one in level for value in _inside(one) if isinstance(value, _MANY)]
    values = _values(schema, operation, variables) if are_counted else 0
    return Excess(Measure.VALUES, None, MOST_VALUES) if values > MOST_VALUES else None


def _values(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """Count the values, to the limit and little further."""
    count = 0
    waiting: list[tuple[Any, Any]] = [
        (type_from_ast(schema, node.type), variables.get(node.variable.name.value))
        for node in operation.variable_definitions or ()
    ]
    while waiting and count <= MOST_VALUES:
        type_, value = waiting.pop()
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList) and isinstance(value, list):
            count += _LIST + len(value)
            if isinstance(get_named_type(type_), GraphQLInputObjectType) or any(isinstance(one, list) for one in value):
                waiting.extend((type_.of_type, one) for one in value)
        elif isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
            count += 1 + len(type_.fields)
            waiting.extend(_members(type_, value))
    return count


def _members(type_: GraphQLInputObjectType, value: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    return ((type_.fields[name].type, one) for name, one in value.items() if name in type_.fields)


def _inside(one: Any) -> Any:
    return one.values() if isinstance(one, dict) else one
