"""The policy of a whole operation, put together from those of its fields.

Each selection set is looked at once for each type, however many ways lead to it: linear in the document.
"""

from collections.abc import Iterator
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
    is_abstract_type,
    is_composite_type,
)
from strawberry.types.field import StrawberryField

from execution.declare import DECLARATION, Relation
from execution.policy import ANYTHING, NOT_CACHEABLE, Cached, Policy, Scope

CACHED: Final = "maestro.cached"
"""The metadata key under which a field that is no edge carries its policy."""
STRAWBERRY: Final = "strawberry-definition"


def policy_of(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> Policy:
    """Return the policy of an operation of a valid document; RecursionError when it is nested too deeply to be run.

    What changes something, what goes on, and what looks at the schema is not to be kept.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.QUERY or schema.query_type is None:
        return NOT_CACHEABLE
    found = _Policies(schema, document).of_selection(operation.selection_set, schema.query_type)
    # Of nothing but `__typename` there is nothing to keep.
    return NOT_CACHEABLE if found == ANYTHING else found


def scope_of_events(schema: GraphQLSchema, document: DocumentNode | None, operation_name: str | None) -> Scope:
    """Return who is told the same by the events of a subscription of a valid document, whatever they are about.

    RecursionError as above. What may not be kept is told to the viewer alone.
    """
    operation = None if document is None else get_operation_ast(document, operation_name)
    root = schema.subscription_type
    if document is None or operation is None or root is None:
        return Scope.VIEWER
    found = _Policies(schema, document).of_selection(operation.selection_set, root)
    return max(found.scope, Scope.ORGANIZATION)


class _Policies:
    """The policies of the selection sets of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[tuple[int, str], Policy] = {}

    def of_selection(self, selected: SelectionSetNode, of: Any) -> Policy:
        """Return the policy of a selection set on a type; on an abstract one that of all types that it may be."""
        key = id(selected), of.name
        known = self._known.get(key)
        if known is None:
            types = self._schema.get_possible_types(of) if is_abstract_type(of) else [of]
            parts = (self._of_node(node, one) for one in types for node in selected.selections)
            known = self._known[key] = _together(parts)
        return known

    def _of_node(self, node: SelectionNode, of: Any) -> Policy:
        if isinstance(node, FieldNode):
            return self._of_field(node, of)
        spread = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        if not isinstance(spread, FragmentDefinitionNode | InlineFragmentNode):
            return NOT_CACHEABLE
        if spread.type_condition is not None and not self._may_be(of, spread.type_condition.name.value):
            return ANYTHING
        return self.of_selection(spread.selection_set, of)

    def _may_be(self, of: Any, name: str) -> bool:
        wanted: Any = self._schema.type_map[name]
        return of is wanted or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, of))

    def _of_field(self, node: FieldNode, of: Any) -> Policy:
        name = node.name.value
        if name == "__typename":
            return ANYTHING
        field = of.fields.get(name)
        if field is None:
            return NOT_CACHEABLE
        if of is self._schema.subscription_type:
            # An event is read for whoever is told of it: what counts is what is selected of it.
            own = ANYTHING
        else:
            own = _own(field.extensions.get(STRAWBERRY), node, is_root=of is self._schema.query_type)
        inside = get_named_type(field.type)
        if not own.is_cacheable or node.selection_set is None or not is_composite_type(inside):
            return own
        return own.with_(self.of_selection(node.selection_set, inside))


def _own(field: Any, node: FieldNode, *, is_root: bool) -> Policy:
    """Return the policy of a field without what is selected inside."""
    if isinstance(field, Relation):
        return field.edge.policy([argument.name.value for argument in node.arguments or ()])
    if not isinstance(field, StrawberryField):
        return NOT_CACHEABLE
    declared: Cached | None = field.metadata.get(CACHED)
    if declared is not None:
        return Policy(declared.ttl, declared.scope, declared.tags or ())
    return ANYTHING if not is_root and _is_pure(field) else NOT_CACHEABLE


def _is_pure(field: StrawberryField) -> bool:
    """Say whether a field is a function of its parent alone, which it inherits the policy of."""
    if DECLARATION in field.metadata or field.base_resolver is None:
        return True
    return field.base_resolver.info_parameter is None and not field.base_resolver.is_async


def _together(policies: Iterator[Policy]) -> Policy:
    total = ANYTHING
    for policy in policies:
        if not policy.is_cacheable:
            return NOT_CACHEABLE
        total = total.with_(policy)
    return total
