"""How a document is priced: each selection set is one step for each type on which it can be selected.

However many ways lead to a selection set, it is looked at once: pricing and charging are linear in the document.
"""

from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    value_from_ast_untyped,
)

from execution.cost import MOST, Condition, Given, Length, Price, Sizes, Step, Term, length_of


def priced(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, *, sizes: Sizes) -> Price:
    """Price an operation of a valid document; RecursionError when it is nested too deeply to be run."""
    operation = get_operation_ast(document, operation_name)
    return _priced(schema, document, operation, sizes=sizes)


def root_prices(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, *, sizes: Sizes
) -> list[tuple[str, str, Price]]:
    """Price each field at the root of an operation by itself, with its key in the answer and its name."""
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return []
    pricing = _Pricing(schema, document, operation, sizes=sizes)
    return [
        (
            (node.alias or node.name).value,
            node.name.value,
            _priced(schema, document, _with(operation, node), sizes=sizes),
        )
        for node in pricing.root_nodes(operation.selection_set, set())
    ]


def _priced(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode | None, *, sizes: Sizes
) -> Price:
    root = None if operation is None else schema.get_root_type(operation.operation)
    if operation is None or root is None:
        return Price(Step(), 0, (), {}, sizes.short)
    pricing = _Pricing(schema, document, operation, sizes=sizes)
    step = pricing.step(operation.selection_set, root)
    changing = tuple(one for one in pricing.steps.values() if not one.is_fixed)
    nodes = pricing.root_nodes(operation.selection_set, set())
    fields = {(node.alias or node.name).value: node.name.value for node in nodes}
    return Price(step, len(pricing.steps), changing, fields, sizes.short)


def _with(operation: OperationDefinitionNode, field: FieldNode) -> OperationDefinitionNode:
    """Return an operation of one field, with the same variables."""
    return OperationDefinitionNode(
        operation=operation.operation,
        variable_definitions=operation.variable_definitions,
        selection_set=SelectionSetNode(selections=(field,)),
    )


class _Pricing:
    """The steps of one operation, each after those that it rests on."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, *, sizes: Sizes
    ) -> None:
        self._schema = schema
        self._sizes = sizes
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._defaults = {
            node.variable.name.value: None if node.default_value is None else value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
        }
        self.steps: dict[tuple[int, str], Step] = {}

    def step(self, selected: SelectionSetNode, of: Any) -> Step:
        """Return the step of a selection set on a type."""
        key = id(selected), of.name
        if key not in self.steps:
            made = self._branches(selected, of) if is_abstract_type(of) else self._terms(selected, of)
            self.steps[key] = made
        return self.steps[key]

    def root_nodes(self, selected: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        """Yield the fields at the root; each fragment is looked at once."""
        for node in selected.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.root_nodes(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                yield from self.root_nodes(self._fragments[node.name.value].selection_set, seen)

    def _branches(self, selected: SelectionSetNode, of: Any) -> Step:
        branches = [self.step(selected, kind) for kind in self._schema.get_possible_types(of)]
        fixed = [one for one in branches if one.is_fixed]
        made = Step(branches=[one for one in branches if not one.is_fixed])
        dearest = Step(max((one.plain for one in fixed), default=0), max((one.each for one in fixed), default=0))
        if not made.branches:
            return dearest
        made.branches.append(dearest)
        return made

    def _terms(self, selected: SelectionSetNode, of: GraphQLObjectType) -> Step:
        made = Step()
        for node in selected.selections:
            conditions = self._conditions(node)
            if conditions is None:
                continue
            for term in self._parts(node, of, conditions):
                if term.is_fixed:
                    made.add(*term.cost({}, term.step.fixed))
                else:
                    made.terms.append(term)
        return made

    def _parts(self, node: SelectionNode, of: GraphQLObjectType, conditions: tuple[Condition, ...]) -> Iterator[Term]:
        """Yield what a selection comes to: its objects, and for a field its own price if it has one."""
        if isinstance(node, FieldNode):
            dear, name = self._sizes.dear, node.name.value
            if price := dear.get(f"{of.name}.{name}") or dear.get(name):
                yield Term(Step(price), conditions)
            term = self._field(node, of, conditions)
        else:
            term = self._fragment(node, of, conditions)
        if term is not None:
            yield term

    def _field(self, node: FieldNode, of: GraphQLObjectType, conditions: tuple[Condition, ...]) -> Term | None:
        declared = of.fields.get(node.name.value)
        if declared is None or node.selection_set is None:
            return None
        named = get_named_type(declared.type)
        if not is_composite_type(named):
            return None
        is_list = is_list_type(get_nullable_type(declared.type))
        length, is_item = self._length(node, declared, f"{of.name}.{node.name.value}")
        step = self.step(node.selection_set, named)
        return Term(step, conditions, length, is_list, is_item and is_list, self._sizes.short)

    def _fragment(self, node: SelectionNode, of: GraphQLObjectType, conditions: tuple[Condition, ...]) -> Term | None:
        found = self._fragments.get(node.name.value) if isinstance(node, FragmentSpreadNode) else node
        if not isinstance(found, FragmentDefinitionNode | InlineFragmentNode) or not self._fits(found, of):
            return None
        return Term(self.step(found.selection_set, of), conditions)

    def _fits(self, fragment: FragmentDefinitionNode | InlineFragmentNode, of: GraphQLObjectType) -> bool:
        condition = fragment.type_condition
        wanted = of if condition is None else self._schema.get_type(condition.name.value)
        return wanted is of or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, of))

    def _length(self, node: FieldNode, declared: GraphQLField, name: str) -> tuple[Length, bool]:
        """Return the length of a list or of the lists in an object, and whether the surrounding field multiplies it."""
        sizes = self._sizes
        telling = [arg for arg in (*sizes.counts, *sizes.lists) if arg in declared.args]
        if not telling:
            is_list = is_list_type(get_nullable_type(declared.type))
            known = sizes.known.get(name)
            return Length((), known or (1 if is_list else sizes.short), MOST), known is None
        sent = tuple(self._value(arg.value) for arg in node.arguments or () if arg.name.value in telling)
        usual = (length_of(declared.args[name].default_value) for name in telling)
        otherwise = next((length for length in usual if length), sizes.page)
        # A null that is sent takes the place of the default, and the field decides then.
        return Length(sent, max(otherwise, sizes.page) if sent else otherwise, sizes.longest), False

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            return Given(node.name.value, self._defaults.get(node.name.value))
        if isinstance(node, ListValueNode):
            return [None] * len(node.values)
        if isinstance(node, NullValueNode):
            return None
        return int(node.value) if isinstance(node, IntValueNode) else [None]

    def _conditions(self, node: SelectionNode) -> tuple[Condition, ...] | None:
        """Return what decides on a selection, None when it is left out whatever the variables are."""
        found: list[Condition] = []
        for directive in node.directives or ():
            if directive.name.value not in ("skip", "include"):
                continue
            unless = directive.name.value == "skip"
            (value,) = (argument.value for argument in directive.arguments or ())
            if isinstance(value, VariableNode):
                found.append(Condition(Given(value.name.value, self._defaults.get(value.name.value)), unless))
            elif getattr(value, "value", None) is unless:
                return None
        return tuple(found)
