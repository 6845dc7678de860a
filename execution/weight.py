"""What an answer holds, counted as `execution.cost` counts beforehand what it can hold at most."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, FieldNode, Visitor, visit


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys under which a document's fields are answered: those of objects, and those that cost more."""

    objects: set[str] = field(default_factory=set)
    dear: dict[str, int] = field(default_factory=dict)


def objects_in(data: Mapping[str, Any], keys: Keys) -> int:
    """Count the objects of an answer, the answer itself among them; what scalars hold is none."""
    count = 0
    waiting: list[Any] = [data]
    while waiting:
        one = waiting.pop()
        inside: Iterable[Any] = one
        if isinstance(one, dict):
            count += 1
            inside = [one[key] for key in keys.objects & one.keys()]
            if keys.dear:
                count += sum(keys.dear[key] for key in keys.dear.keys() & one.keys())
        waiting.extend(value for value in inside if isinstance(value, dict | list))
    return count


def keys_of(document: DocumentNode, dear: Mapping[str, int]) -> Keys:
    """Return the keys of a document's answers; `dear` is what fields of a name cost beside their objects."""
    found = Keys()

    class _Keys(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            key = (node.alias or node.name).value
            if node.selection_set is not None:
                found.objects.add(key)
            if node.name.value in dear:
                found.dear[key] = dear[node.name.value]

    visit(document, _Keys())
    return found
