"""What documents look like: the fields of some of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.documents.capability import Document, FieldSeen
from connectors.documents.kinds import kind_of

DEEPEST: Final = 6
"""Levels below which a document is told as one."""
MOST: Final = 1000
"""Most fields; maps with keys made up, such as ids, would have any number."""


def fields_of(documents: Sequence[Document]) -> list[FieldSeen]:
    """Return each path with the types it has and how many documents have it, by path; elements of arrays are `[]`."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for document in documents:
        seen = set()
        for path, value in _walk(document, "", DEEPEST):
            kinds[path].add(kind_of(value))
            seen.add(path)
        counts.update(seen)
    return [FieldSeen(path, tuple(sorted(kinds[path])), counts[path]) for path in sorted(kinds)[:MOST]]


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if path:
        yield path, value
    if depth == 0:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}" if path else str(name), depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, f"{path}[]", depth - 1)
