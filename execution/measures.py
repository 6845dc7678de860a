"""What the operations of a document come to, measured on the parsed document before it is validated.

Each definition is walked once and each fragment summed up once, so measuring is linear however often fragments are
spread; a cycle of fragments, which validation refuses, counts once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from execution.bounds import DEFINITIONS, NESTING, SELECTIONS
from execution.cost import MOST
from execution.limits import Excess, Measure, Measures

INTROSPECTION: Final = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Measured:
    """What a document holds: its operations in their order, and what all definitions come to as they are written."""

    operations: Mapping[str | None, Measures]
    definitions: int
    selections: int
    nesting: int
    introspects: bool
    """Whether any field asks for the schema itself."""

    def of(self, name: str | None) -> Measures:
        """Return the measures of an operation; without its name, the greatest of all."""
        if name in self.operations or not self.operations:
            return self.operations.get(name, Measures())
        rows = [tuple(one.named().values()) for one in self.operations.values()]
        return Measures(*map(max, zip(*rows, strict=True)))

    def excess(self) -> Excess | None:
        """Return what the document has more of than is validated, whoever asks."""
        for measure, value, limit in (
            (Measure.DEFINITIONS, self.definitions, DEFINITIONS),
            (Measure.SELECTIONS, self.selections, SELECTIONS),
            (Measure.NESTING, self.nesting, NESTING),
        ):
            if value > limit:
                return Excess(measure, value, limit)
        return None


@dataclass(slots=True)
class _Total:
    """What a definition comes to; `spreads` are the fragments in it that are not counted yet."""

    depth: int = 0
    nesting: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    fields: int = 0
    selections: int = 0
    introspects: bool = False
    spreads: list["_Spread"] = field(default_factory=list)

    def add(self, spread: "_Spread", of: "_Total") -> None:
        """Count a fragment where it is spread."""
        self.depth = max(self.depth, spread.depth + of.depth)
        self.nesting = max(self.nesting, spread.nesting + of.nesting)
        self.aliases = min(self.aliases + of.aliases, MOST)
        self.directives = min(self.directives + of.directives, MOST)
        self.fields = min(self.fields + of.fields, MOST)
        if spread.is_at_root:
            self.root_fields = min(self.root_fields + of.root_fields, MOST)


@dataclass(frozen=True, slots=True)
class _Spread:
    """A fragment's name, and how deep in fields and in selections it is spread."""

    name: str
    depth: int
    nesting: int
    is_at_root: bool


def measured(document: DocumentNode) -> Measured:
    """Measure all operations of a document that is parsed and perhaps invalid."""
    fragments = {
        node.name.value: _walked(node) for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    operations = {
        node.name.value if node.name else None: _walked(node)
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    }
    for name in _inner_first(fragments):
        _sum_up(fragments[name], fragments)
    for total in operations.values():
        _sum_up(total, fragments)
    everything = [*operations.values(), *fragments.values()]
    return Measured(
        operations={
            name: Measures(one.depth, one.aliases, one.directives, one.root_fields, one.fields)
            for name, one in operations.items()
        },
        definitions=len(document.definitions),
        selections=sum(one.selections for one in everything),
        nesting=max((one.nesting for one in everything), default=0),
        introspects=any(one.introspects for one in everything),
    )


def _walked(definition: OperationDefinitionNode | FragmentDefinitionNode) -> _Total:
    """Measure one definition without its fragments."""
    total = _Total(directives=len(definition.directives or ()))
    if isinstance(definition, OperationDefinitionNode):
        total.directives += sum(len(variable.directives or ()) for variable in definition.variable_definitions or ())
    waiting: list[tuple[SelectionSetNode, int, int, bool]] = [(definition.selection_set, 0, 1, True)]
    while waiting:
        selected, depth, nesting, is_at_root = waiting.pop()
        total.nesting = max(total.nesting, nesting)
        total.selections += len(selected.selections)
        for node in selected.selections:
            total.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                _count(total, node, depth=depth, is_at_root=is_at_root)
                if node.selection_set is not None:
                    waiting.append((node.selection_set, depth + 1, nesting + 1, False))
            elif isinstance(node, InlineFragmentNode):
                waiting.append((node.selection_set, depth, nesting + 1, is_at_root))
            elif isinstance(node, FragmentSpreadNode):
                total.spreads.append(_Spread(node.name.value, depth, nesting, is_at_root))
    return total


def _count(total: _Total, node: FieldNode, *, depth: int, is_at_root: bool) -> None:
    total.fields += 1
    total.root_fields += is_at_root
    total.aliases += node.alias is not None
    total.depth = max(total.depth, depth + 1)
    total.introspects = total.introspects or node.name.value in INTROSPECTION


def _sum_up(total: _Total, fragments: Mapping[str, _Total]) -> None:
    """Count the fragments in a definition, which are summed up already; one on a cycle with it counts as it stands."""
    for spread in total.spreads:
        if spread.name in fragments:
            total.add(spread, fragments[spread.name])


def _inner_first(fragments: Mapping[str, _Total]) -> Iterator[str]:
    """Yield each fragment after those that are spread in it; a spread that closes a cycle is passed over."""
    met: set[str] = set()
    for first in fragments:
        if first in met:
            continue
        met.add(first)
        path: list[tuple[str, Iterator[str]]] = [(first, _names(fragments[first].spreads))]
        while path:
            name, inside = path[-1]
            following = next((one for one in inside if one in fragments and one not in met), None)
            if following is None:
                path.pop()
                yield name
            else:
                met.add(following)
                path.append((following, _names(fragments[following].spreads)))


def _names(spreads: Iterable[_Spread]) -> Iterator[str]:
    return (spread.name for spread in spreads)
