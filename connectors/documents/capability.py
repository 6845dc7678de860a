"""What a database of documents can do: one protocol a verb, whole in their contracts.

Documents are dicts of Python values and of the vendor's own. Filters, updates and pipelines are in MongoDB's language.
Errors are those of `connectors/sql/capability.py`; Conflict, with the documents that were not written, where a key is
taken.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from pandas import DataFrame

Document = Mapping[str, Any]
BATCH: Final = 1000
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection or view; the counts are estimates."""

    name: str
    kind: str
    documents: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A field as it occurs in a sample: its path with dots, its types and in how many of the documents it is."""

    path: str
    types: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a write has done."""

    inserted: int = 0
    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Something that has happened to a document, and from where on later changes are heard: `token`."""

    operation: str
    key: Any
    document: Document | None
    token: str


class Identify(Protocol):
    """The cheapest thing that needs the credentials."""

    async def identify(self) -> str:
        """Return whom the vendor takes us for, and what answers: user and version."""
        ...


class Browse(Protocol):
    """Look at what there is."""

    async def collections(self) -> Sequence[Collection]:
        """Return the collections by their names, without the vendor's own."""
        ...

    async def fields(self, collection: str, *, sample: int = 1000) -> Sequence[FieldSeen]:
        """Return the fields of a sample of documents, by their paths; NotFound."""
        ...


class Find(Protocol):
    """Read."""

    def find(
        self,
        collection: str,
        where: Document | None = None,
        *,
        fields: Sequence[str] | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> AsyncIterator[Sequence[Document]]:
        """Yield documents, a batch at a time."""
        ...

    def aggregate(
        self,
        collection: str,
        pipeline: Sequence[Document],
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
    ) -> AsyncIterator[Sequence[Document]]:
        """Yield what a pipeline makes, a batch at a time; NotFound for a collection that is not there.

        Forbidden for JavaScript, and unless `is_writing` for stages that write, wherever they stand in it.
        """
        ...

    def opened(self, value: Any, *, field: str) -> Any:
        """Return what JSON stands for, in the vendor's form of it; InvalidInput, which names the `field`."""
        ...

    async def frame(self, collection: str, pipeline: Sequence[Document] = ()) -> "DataFrame":
        """Return documents, or what a pipeline makes of them, as a table of pandas: a column a field of the top."""
        ...


class Write(Protocol):
    """Change."""

    async def insert(self, collection: str, documents: Sequence[Document]) -> Written:
        """Add documents; those before the first that cannot be are added."""
        ...

    async def update(self, collection: str, where: Document, change: Document, *, is_upsert: bool = False) -> Written:
        """Change all documents that match."""
        ...

    async def delete(self, collection: str, where: Document) -> Written:
        """Remove all documents that match."""
        ...

    async def bulk_write(self, collection: str, operations: Sequence[Document], *, is_ordered: bool = True) -> Written:
        """Do many writes in few requests, each as in MongoDB's shell: `{"insertOne": {"document": {…}}}`.

        There are `insertOne`, `updateOne`, `updateMany`, `replaceOne`, `deleteOne` and `deleteMany`.
        """
        ...


class Watch(Protocol):
    """Hear what changes."""

    def watch(self, collection: str, *, after: str | None = None) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Hear changes for a block, from now or after a token; NotSupported by a server that keeps no log of them."""
        ...


class DocumentSource(Identify, Browse, Find, Write, Watch, Protocol):
    """A database with all of it; `str` of it names the place, and holds no secret."""
