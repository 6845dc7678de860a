"""The registry as requests see it: known documents by their ids, kept in memory and forgotten at every change."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from maestro.db.absence import absence_of
from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST
from maestro.documents.ids import is_possible, plain
from maestro.events import Event, Events

TOPIC: Final = "documents"
"""Where it is told that documents were registered, retired or restored."""
MOST_KNOWN: Final = 4_096
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_UNKNOWN: Final = 4_096
KNOWN_FOR_S: Final = 60.0
"""A change is heard at once; should the connection that hears it be dead and not know, this bounds the harm."""

_FIND: Final = """
    SELECT d.id, d.sha256, d.text, d.name, d.kind, d.schema_sha256,
        ARRAY(SELECT DISTINCT ARRAY[c.name, c.version] FROM document_client c WHERE c.document_id = d.id) AS clients
    FROM document d
    WHERE d.retired_at IS NULL AND d.id = coalesce(
        (SELECT id FROM document WHERE organization_id = $1 AND sha256 = $2),
        (SELECT document_id FROM document_client WHERE organization_id = $1 AND alias = $2 LIMIT 1)
    )
"""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A registered document that is in use."""

    id: UUID
    organization_id: UUID
    sha256: str
    text: str
    name: str | None
    kind: str
    schema_sha256: str
    """The schema under which it was valid when it was registered."""
    clients: frozenset[tuple[str, str]]
    """The names and versions of the clients that have registered it."""


class KnownDocuments:
    """Finds documents by their ids: the newest answers, good and bad, are kept for a while.

    The two are kept apart, so that nobody who tries ids pushes out what is in use.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[tuple[UUID, str], tuple[float, KnownDocument]] = OrderedDict()
        self._unknown: OrderedDict[tuple[UUID, str], float] = OrderedDict()
        self._bytes = 0
        self._changes = 0

    async def find(self, organization_id: UUID, id_: str) -> KnownDocument | None:
        """Return the document with an id, with or without its prefix, None for none; Unavailable."""
        place = organization_id, plain(id_)
        if not is_possible(place[1]):
            return None
        found = self._known.get(place)
        if found is not None and found[0] > time.monotonic():
            self._known.move_to_end(place)
            return found[1]
        if self._unknown.get(place, 0.0) > time.monotonic():
            return None
        return await self._looked_up(place)

    def forget(self) -> None:
        """Look every document up again when it comes next."""
        self._changes += 1
        self._known.clear()
        self._unknown.clear()
        self._bytes = 0

    async def _looked_up(self, place: tuple[UUID, str]) -> KnownDocument | None:
        changes = self._changes
        try:
            rows = await self._db.fetch_sql(_FIND, *place)
        except CONNECTION_LOST as error:
            raise absence_of(error) from error
        document = None
        if rows:
            row = dict(rows[0])
            clients = frozenset((name, version) for name, version in row.pop("clients"))
            document = KnownDocument(organization_id=place[0], clients=clients, **row)
        # Where something has changed meanwhile, the answer may be out of date: good for this request alone.
        if changes == self._changes:
            self._keep(place, document)
        return document

    def _keep(self, place: tuple[UUID, str], document: KnownDocument | None) -> None:
        good_until = time.monotonic() + KNOWN_FOR_S
        self._drop(place)
        if document is None:
            self._unknown[place] = good_until
            if len(self._unknown) > MOST_UNKNOWN:
                self._unknown.popitem(last=False)
            return
        self._unknown.pop(place, None)
        self._known[place] = good_until, document
        self._bytes += len(document.text)
        while len(self._known) > MOST_KNOWN or self._bytes > MOST_BYTES:
            self._drop(next(iter(self._known)))

    def _drop(self, place: tuple[UUID, str]) -> None:
        dropped = self._known.pop(place, None)
        if dropped is not None:
            self._bytes -= len(dropped[1].text)


@asynccontextmanager
async def kept_current(documents: KnownDocuments, events: Events) -> AsyncIterator[None]:
    """Let a registry forget what it knows at every change, heard or missed, for the length of a block."""
    async with events.subscribed(TOPIC) as heard:
        task = asyncio.create_task(_forget(documents, heard), name="documents")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _forget(documents: KnownDocuments, heard: AsyncIterator[Event]) -> None:
    # An event that marks a gap stands for changes that were not heard.
    async for _event in heard:
        documents.forget()
