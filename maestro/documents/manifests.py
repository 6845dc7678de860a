"""Manifests of documents: one loader for the shapes that GraphQL Code Generator, Apollo's generator and Relay write.

Code Generator and Relay write an object of texts by their ids, Apollo an object with a list of operations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from maestro.documents.ids import LONGEST, is_possible, is_sha256, plain, sha256_of
from maestro.errors import InvalidInput
from maestro.storable import UNSTORABLE

APOLLO: Final = "apollo-persisted-query-manifest"
MOST: Final = 2_000
"""So many documents are taken at once."""
HINT: Final = (
    'A manifest is an object of texts by their ids, like {"<id>": "query { … }"}, '
    'or Apollo\'s {"format": "apollo-persisted-query-manifest", "version": 1, "operations": […]}.'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of a manifest; `id` is the one that requests send, without the prefix `sha256:`."""

    id: str
    text: str

    @property
    def sha256(self) -> str:
        """The hash of its text."""
        return sha256_of(self.text)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A document that cannot be registered, and why; `name` is the operation's where it is known."""

    id: str
    problems: tuple[str, ...]
    name: str | None = None


@dataclass(slots=True)
class Manifest:
    """What stands in a manifest: documents by their ids, and what is wrong with the others."""

    entries: dict[str, Entry] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)

    def add(self, id_: Any, text: Any) -> None:
        """Take in one document."""
        problem = _problem(id_, text)
        if problem is None:
            entry = Entry(plain(id_), text)
            if self.entries.setdefault(entry.id, entry).text == text:
                return
            problem = "The manifest has two documents with this id."
        self.refused.append(Refusal(str(id_)[:LONGEST], (problem,)))


def manifest_of(content: object, *, field: str = "manifest") -> Manifest:
    """Return the documents of a manifest, whichever of the shapes it has; InvalidInput for what is none."""
    if not isinstance(content, Mapping):
        raise InvalidInput("The manifest is no JSON object.", field=field, hint=HINT)
    pairs = list(_operations(content, field) if _is_apollo(content) else content.items())
    return manifest_from(pairs, field=field)


def manifest_from(pairs: list[tuple[Any, Any]], *, field: str) -> Manifest:
    """Return a manifest of ids and texts; InvalidInput for none and for too many."""
    if not pairs:
        raise InvalidInput("There is no document in it.", field=field, hint=HINT)
    if len(pairs) > MOST:
        told = f"{len(pairs):,} documents; at most {MOST:,} are registered at once."
        raise InvalidInput(told, field=field, limit=MOST, hint="Register them in parts.")
    manifest = Manifest()
    for id_, text in pairs:
        manifest.add(id_, text)
    return manifest


def _is_apollo(content: Mapping[Any, Any]) -> bool:
    return "operations" in content or content.get("format") == APOLLO


def _operations(content: Mapping[Any, Any], field: str) -> Iterator[tuple[Any, Any]]:
    if content.get("format") != APOLLO or content.get("version") != 1:
        told = f"This server reads the format {APOLLO!r}, version 1."
        raise InvalidInput(told, field=field, hint=HINT)
    operations = content.get("operations")
    if not isinstance(operations, list):
        raise InvalidInput("`operations` of the manifest is no list.", field=field, hint=HINT)
    for number, operation in enumerate(operations, start=1):
        if isinstance(operation, Mapping):
            yield operation.get("id"), operation.get("body")
        else:
            yield f"operation {number}", None


def _problem(id_: Any, text: Any) -> str | None:
    """Return why a document cannot be stored under an id, None where it can."""
    if not isinstance(id_, str) or not is_possible(plain(id_)):
        return f"The id is no text of 1 to {LONGEST} characters."
    if not isinstance(text, str) or not text.strip():
        return "The document is no text."
    if UNSTORABLE.search(text):
        return "The document holds characters that no text has."
    if is_sha256(plain(id_)) and plain(id_) != sha256_of(text):
        # Or one document could stand in another's place, for everybody who names that one by its hash.
        return "The id has the form of a SHA-256, and is not that of the text."
    return None
