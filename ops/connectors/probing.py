"""How connectors are tried by what they lead to: signing in, a list, a read and, only when it is asked for, a write."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from itertools import islice
from typing import Any, Final, Protocol

from connectors.documents.capability import DocumentSource
from connectors.sql.capability import SqlSource
from connectors.stores.capability import ObjectStore, StoredObject
from connectors.stores.probing import FOLDER
from connectors.stores.transfers import read
from connectors.tracking.capability import TrackingSource
from maestro.errors import DigestMismatch, Forbidden
from maestro.vendor_errors import NotSupported
from maestro.vendors import ConnectorCapability

KIB: Final = 1024
_KNOWN: Final = frozenset({"AccessDenied", "AuthorizationPermissionMismatch", "AuthorizationFailure", "forbidden"})
"""Words of vendors for somebody whom they know, and who may not do something."""


class Probe(Protocol):
    """What is tried with an opened connector; each returns what is to be told, and raises what is wrong."""

    async def authenticate(self) -> str | None:
        """Do the cheapest thing that needs the credentials."""
        ...

    async def list(self) -> str | None:
        """List something."""
        ...

    async def read(self) -> str | None:
        """Read something; NotSupported where there is nothing to be read."""
        ...

    async def write(self) -> str | None:
        """Write something, and leave nothing behind; NotSupported where that cannot be."""
        ...


class StoreProbe:
    """Tries a store of objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._listed: Sequence[StoredObject] | None = None
        self._is_refused = False

    async def authenticate(self) -> str | None:
        """List: nothing else is the same for all stores; who is known and may not list is signed in."""
        try:
            await self._list()
        except Forbidden as error:
            if error.details.get("vendorCode") not in _KNOWN:
                raise
            self._is_refused = True
        return None

    async def list(self) -> str | None:
        """List the first objects."""
        found = await self._list()
        return f"There are objects, such as {found[0].key}." if found else "There are no objects yet."

    async def read(self) -> str | None:
        """Read the beginning of an object, the smallest of the first ones."""
        if self._is_refused:
            raise NotSupported("Nothing can be listed, so it is not known what could be read.")
        found = await self._list()
        if not found:
            raise NotSupported("There is no object to be read.")
        smallest = min(found, key=lambda one: one.size)
        async with aclosing(self._store.get(smallest.key, end=min(KIB, smallest.size))) as parts:
            size = sum([len(part) async for part in parts])
        return f"Read {size:,} bytes of {smallest.key}."

    async def write(self) -> str | None:
        """Write a small object, read it again and remove it."""
        key, content = f"{FOLDER}/{secrets.token_hex(16)}", secrets.token_bytes(KIB)
        try:
            await self._store.put_bytes(key, content)
            if await read(self._store, key, limit=2 * KIB) != content:
                raise DigestMismatch("What was written is not what is read.")
        finally:
            await self._store.delete([key])
        return "Wrote an object, and removed it."

    async def _list(self) -> Sequence[StoredObject]:
        if self._listed is None:
            async with aclosing(self._store.list(page=10)) as pages:  # type: ignore[type-var] # all stores generate
                self._listed = await _first(pages)
        return self._listed


class _RolledBackError(Exception):
    """Ends a transaction without a trace."""


class SqlProbe:
    """Tries a database."""

    def __init__(self, source: SqlSource) -> None:
        self._source = source

    async def authenticate(self) -> str | None:
        """Ask who we are."""
        return await self._source.identify()

    async def list(self) -> str | None:
        """List a table."""
        found = await self._source.tables(limit=1)
        return f"There are tables, such as {found[0].schema}.{found[0].name}." if found else "There are no tables yet."

    async def read(self) -> str | None:
        """Run a statement."""
        async with self._source.query("SELECT 1") as result, aclosing(result.batches()) as batches:  # type: ignore[type-var] # all sources generate
            async for _ in batches:
                pass
        return None

    async def write(self) -> str | None:
        """Make a temporary table in a transaction that is rolled back."""
        name = f"maestro_probe_{secrets.token_hex(8)}"
        with suppress(_RolledBackError):
            async with self._source.transaction() as tx:
                async with tx.query(f"CREATE TEMPORARY TABLE {name} (id int)", is_writing=True):
                    pass
                async with tx.query(f"INSERT INTO {name} (id) VALUES (1)", is_writing=True):  # noqa: S608 -- ours
                    pass
                async with tx.query(f"DROP TABLE {name}", is_writing=True):
                    pass
                raise _RolledBackError
        return "Made a temporary table, and dropped it."


class DocumentProbe:
    """Tries a database of documents."""

    def __init__(self, source: DocumentSource) -> None:
        self._source = source

    async def authenticate(self) -> str | None:
        """Ask who we are."""
        return await self._source.identify()

    async def list(self) -> str | None:
        """List the collections."""
        found = await self._source.collections()
        return f"There are collections, such as {found[0].name}." if found else "There are no collections yet."

    async def read(self) -> str | None:
        """Read a document."""
        for collection in islice(await self._source.collections(), 1):
            async with aclosing(self._source.find(collection.name, limit=1)) as batches:  # type: ignore[type-var] # all sources generate
                async for _ in batches:
                    pass
            return f"Read from {collection.name}."
        raise NotSupported("There is no collection to be read.")

    async def write(self) -> str | None:
        """Leave it: a collection that was written to stays when it is empty again."""
        raise NotSupported("Nothing can be written here that leaves nothing behind.")


class TrackingProbe:
    """Tries a tracking server."""

    def __init__(self, source: TrackingSource) -> None:
        self._source = source

    async def authenticate(self) -> str | None:
        """Ask what answers."""
        return await self._source.identify()

    async def list(self) -> str | None:
        """List the first experiments."""
        found = await self._experiments()
        return f"There are experiments, such as {found[0].name}." if found else "There are no experiments yet."

    async def read(self) -> str | None:
        """Read the first runs."""
        for experiment in islice(await self._experiments(), 1):
            async with aclosing(self._source.runs(experiment.id, page=1)) as pages:
                await _first(pages)
            return f"Read the runs of {experiment.name}."
        raise NotSupported("There is no experiment to be read.")

    async def write(self) -> str | None:
        """Leave it: what is removed from a tracking server stays in its trash."""
        raise NotSupported("Nothing can be written here that leaves nothing behind.")

    async def _experiments(self) -> Sequence[Any]:
        async with aclosing(self._source.experiments()) as pages:  # type: ignore[type-var] # as above
            return await _first(pages)


async def _first(pages: AsyncIterator[Sequence[Any]]) -> Sequence[Any]:
    # `anext` with a default ends in a SystemError for a generator that yields nothing, on Python 3.11.
    async for page in pages:
        return page
    return ()


PROBES: Final[dict[ConnectorCapability, Any]] = {
    ConnectorCapability.OBJECT_STORE: StoreProbe,
    ConnectorCapability.SQL_SOURCE: SqlProbe,
    ConnectorCapability.DOCUMENT_SOURCE: DocumentProbe,
    ConnectorCapability.TRACKING_SOURCE: TrackingProbe,
}
"""How connectors are tried that have a capability."""
