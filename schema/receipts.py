"""What the answer to a change may hold for who may make it and not read: a receipt, and nothing besides."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    NamedTypeNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from dataloaders.base import may_read
from dataloaders.nodes import BY_KIND
from maestro.access import Permission, Viewer
from maestro.errors import Forbidden

READS: Final[dict[str, Permission | None]] = {
    **{kind.name: loader.needs for kind, loader in BY_KIND.items()},
    "ArtifactEntry": Permission.ARTIFACT_READ,
}
"""What it takes to read an object of a type, wherever it is met."""

ANY_NODE: Final = frozenset({"__typename", "id", "number", "version"})
RECEIPTS: Final = {
    "Run": ANY_NODE | {"status", "startedAt", "endedAt", "heartbeatAt", "stopRequestedAt"},
    "ArtifactVersion": ANY_NODE | {"state", "uploadUrl"},
}
"""What a program that logs has to know of what it has written."""


def check(info: GraphQLResolveInfo[Any], viewer: Viewer) -> None:
    """Raise Forbidden when a root field's answer is to hold what the viewer may not read, before the field has run.

    A key that may log and never read gets a receipt of every object. Of others, a query is refused field by field as
    it is answered; a change would have been made by then.
    """
    if info.operation.operation is not OperationType.MUTATION and not viewer.grants.is_append_only:
        return
    for parent, name in _selected(info):
        if name not in RECEIPTS.get(parent.name, ANY_NODE) and not _is_open(parent, viewer):
            raise Forbidden(
                f"{parent.name}.{name} is not for who may write and not read.",
                hint=f"Select {', '.join(sorted(RECEIPTS.get(parent.name, ANY_NODE)))} only, or use another key.",
                field=f"{parent.name}.{name}",
            )


def _is_open(parent: GraphQLNamedType, viewer: Viewer) -> bool:
    """Say whether a viewer may read all fields of a type; outcomes, which are no nodes, are for everybody."""
    if viewer.grants.is_append_only:
        return parent.name not in READS and not _is_node(parent)
    return may_read(viewer, READS.get(parent.name))


def _is_node(type_: GraphQLNamedType) -> bool:
    return type_.name == "Node" or (
        isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and any(map(_is_node, type_.interfaces))
    )


def _selected(info: GraphQLResolveInfo[Any]) -> Iterator[tuple[GraphQLNamedType, str]]:
    """Yield each field below the root field with the type that it is selected on, fragments once a type."""
    spread: set[tuple[str, str]] = set()

    def below(parent: Any, selections: SelectionSetNode | None) -> Iterator[tuple[GraphQLNamedType, str]]:
        for selection in selections.selections if selections is not None else ():
            match selection:
                case FieldNode():
                    yield parent, selection.name.value
                    if selection.selection_set is not None:
                        field = parent.fields[selection.name.value]
                        yield from below(get_named_type(field.type), selection.selection_set)
                case InlineFragmentNode():
                    yield from below(_narrowed(info, parent, selection.type_condition), selection.selection_set)
                case FragmentSpreadNode() if (parent.name, selection.name.value) not in spread:
                    spread.add((parent.name, selection.name.value))
                    fragment = info.fragments[selection.name.value]
                    yield from below(_narrowed(info, parent, fragment.type_condition), fragment.selection_set)

    answered: Iterable[FieldNode] = info.field_nodes
    for node in answered:
        yield from below(get_named_type(info.return_type), node.selection_set)


def _narrowed(info: GraphQLResolveInfo[Any], parent: Any, condition: NamedTypeNode | None) -> Any:
    # Seen through an interface, an object is still what it is.
    if condition is None or isinstance(parent, GraphQLObjectType):
        return parent
    return info.schema.type_map[condition.name.value]
