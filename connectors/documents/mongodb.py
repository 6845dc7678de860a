"""A database of MongoDB; this module alone calls motor, so that its successor is a day's work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import errors as vendor

from connectors.documents.capability import BATCH, TIMEOUT_S, Change, Collection, Document, FieldSeen, Written
from connectors.documents.changes import change_of, token_of
from connectors.documents.fields import fields_of
from connectors.documents.frames import frame_of
from connectors.documents.mongodb_errors import translated
from connectors.documents.mongodb_writes import written_as
from connectors.documents.values import opened
from maestro.credentials import Credential, MongodbCredential
from maestro.crowd import for_each
from maestro.errors import Forbidden, MaestroError, NotFound
from maestro.pipelines import require_allowed
from maestro.vendor_errors import TimedOut
from maestro.vendors import Mongodb

if TYPE_CHECKING:
    from pandas import DataFrame

CONNECT_S: Final = 10
CONNECTIONS: Final = 16
AT_ONCE: Final = 8
GRACE_S: Final = 2.0
"""So much later than it should a server may say that it has stopped."""
STOPPING_S: Final = 3.0
"""So long a statement may take to be stopped whose caller has gone."""
_OPTIONS: Final[CodecOptions[dict[str, Any]]] = CodecOptions(tz_aware=True)
_NO_STATISTICS: Final = (Forbidden, NotFound)


@asynccontextmanager
async def mongodb_source(config: Mongodb, credential: Credential | None) -> "AsyncIterator[MongodbSource]":
    """Open a database for a block; nothing is connected to before it is asked for something. ConnectorFailed."""
    password = credential.password.get_secret_value() if isinstance(credential, MongodbCredential) else None
    with translated("its settings"):
        client: Any = AsyncIOMotorClient(**_settings(config, password))
    try:
        yield MongodbSource(client, config)
    finally:
        # It says goodbye to the server, and motor would have this loop wait for that.
        await asyncio.shield(asyncio.to_thread(client.close))


def _settings(config: Mongodb, password: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "host": f"mongodb+srv://{config.host}" if config.is_srv else config.host,
        "port": None if config.is_srv else config.port,
        "username": config.user,
        "password": password,
        "authSource": (config.auth_source or config.database) if config.user else None,
        "replicaSet": config.replica_set,
        # The servers of a cluster that were not named may be out of reach.
        "directConnection": None if config.is_srv or config.replica_set else True,
        "tls": True if config.is_tls else None,
    }
    limits = {
        "appname": "maestro",
        "connectTimeoutMS": CONNECT_S * 1000,
        "serverSelectionTimeoutMS": CONNECT_S * 1000,
        "maxPoolSize": CONNECTIONS,
        # Without a second line for each server, on which it tells of changes: we are here for a short time.
        "serverMonitoringMode": "poll",
    }
    return {**limits, **{name: value for name, value in found.items() if value is not None}}


class MongodbSource:
    """The collections of one database. Every read has a session of its own, by which it is stopped at the server."""

    def __init__(self, client: Any, config: Mongodb) -> None:
        self._client = client
        self._database = client.get_database(config.database, codec_options=_OPTIONS)
        self._place = f"mongodb://{config.host}{'' if config.is_srv else f':{config.port}'}/{config.database}"

    def __str__(self) -> str:
        return self._place

    async def identify(self) -> str:
        """Return the user and the version of the server."""
        with translated("the name of the user"):
            status = await self._database.command("connectionStatus")
            about = await self._database.command("buildInfo")
        users = [f"{user['user']}@{user['db']}" for user in status["authInfo"]["authenticatedUsers"]]
        return f"{', '.join(users) or 'nobody'}, MongoDB {about['version']}"

    async def collections(self) -> Sequence[Collection]:
        """Return the collections and views by their names, with estimates where the user may see them."""
        with translated("collections"):
            cursor = await self._database.list_collections()
            listed = {one["name"]: one["type"] async for one in cursor if not one["name"].startswith("system.")}
        found: dict[str, Collection] = {}

        async def look(name: str) -> None:
            found[name] = await self._look(name, listed[name])

        await for_each(sorted(listed), look, at_once=AT_ONCE)
        return [found[name] for name in sorted(found)]

    async def _look(self, name: str, kind: str) -> Collection:
        if kind == "view":
            return Collection(name, "VIEW")
        try:
            with translated(f"the size of {name}"):
                about = await self._database.command("collStats", name)
        except _NO_STATISTICS:
            return Collection(name, kind.upper())
        return Collection(name, kind.upper(), int(about.get("count", 0)), int(about.get("size", 0)))

    async def fields(self, collection: str, *, sample: int = BATCH) -> Sequence[FieldSeen]:
        """Return the fields of a sample of documents."""
        await self._require(collection)
        pipeline = [{"$sample": {"size": sample}}]
        documents = [one async for batch in self.aggregate(collection, pipeline) for one in batch]
        return fields_of(documents)

    async def find(
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
        options: dict[str, Any] = {
            "projection": None if fields is None else list(fields),
            "sort": list(sort) or None,
            "limit": limit or 0,
            "batch_size": BATCH,
            "max_time_ms": int(timeout_s * 1000),
        }
        async with self._stoppable() as session:
            with translated(collection, timeout_s=timeout_s):
                cursor = self._database[collection].find(where or {}, session=session, **options)
            async for batch in _batches(cursor, collection, timeout_s):
                yield batch

    async def aggregate(
        self,
        collection: str,
        pipeline: Sequence[Document],
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
    ) -> AsyncIterator[Sequence[Document]]:
        """Yield what a pipeline makes, a batch at a time."""
        require_allowed(pipeline, field="pipeline", is_writing=is_writing)
        if is_writing:
            # What is made of no collection would take the place of what is there.
            await self._require(collection)
        is_empty = True
        async with self._stoppable() as session:
            with translated(collection, timeout_s=timeout_s):
                cursor = self._database[collection].aggregate(
                    list(pipeline), session=session, batchSize=BATCH, maxTimeMS=int(timeout_s * 1000)
                )
            async for batch in _batches(cursor, collection, timeout_s):
                is_empty = False
                yield batch
        if is_empty and not is_writing:
            await self._require(collection)

    def opened(self, value: Any, *, field: str) -> Any:
        """Return what Extended JSON stands for; InvalidInput, which names the `field`."""
        return opened(value, field=field)

    async def frame(self, collection: str, pipeline: Sequence[Document] = ()) -> "DataFrame":
        """Return documents as a table of pandas."""
        await self._require(collection)
        return await frame_of(self.aggregate(collection, pipeline))

    async def insert(self, collection: str, documents: Sequence[Document]) -> Written:
        """Add documents; those before the first that cannot be are added."""
        if not documents:
            return Written()
        with translated(collection):
            done = await self._database[collection].insert_many([dict(one) for one in documents])
        return Written(inserted=len(done.inserted_ids))

    async def update(self, collection: str, where: Document, change: Document, *, is_upsert: bool = False) -> Written:
        """Change all documents that match."""
        with translated(collection):
            done = await self._database[collection].update_many(where, change, upsert=is_upsert)
        upserted = 0 if done.upserted_id is None else 1
        return Written(matched=done.matched_count, modified=done.modified_count, upserted=upserted)

    async def delete(self, collection: str, where: Document) -> Written:
        """Remove all documents that match."""
        with translated(collection):
            done = await self._database[collection].delete_many(where)
        return Written(deleted=done.deleted_count)

    async def bulk_write(self, collection: str, operations: Sequence[Document], *, is_ordered: bool = True) -> Written:
        """Do many writes in few requests."""
        wanted = [written_as(one, number) for number, one in enumerate(operations)]
        if not wanted:
            return Written()
        with translated(collection):
            done = await self._database[collection].bulk_write(wanted, ordered=is_ordered)
        return Written(
            inserted=done.inserted_count,
            matched=done.matched_count,
            modified=done.modified_count,
            deleted=done.deleted_count,
            upserted=done.upserted_count,
        )

    @asynccontextmanager
    async def watch(self, collection: str, *, after: str | None = None) -> AsyncIterator[AsyncIterator[Change]]:
        """Hear changes for a block, from now or after a token."""
        what = f"the changes of {collection}"
        with translated(what):
            stream = self._database[collection].watch(
                resume_after=None if after is None else token_of(after), full_document="updateLookup"
            )
            await stream.__aenter__()
            # It begins with the first answer; what happens after this line is heard.
            first = await stream.try_next()
        try:
            yield _changes(stream, first, what)
        finally:
            with suppress(vendor.PyMongoError):
                await stream.close()

    async def _require(self, collection: str) -> None:
        with translated(collection):
            names = await self._database.list_collection_names(filter={"name": collection})
        if not names:
            raise NotFound(f"There is no collection {collection[:100]}.")

    @asynccontextmanager
    async def _stoppable(self) -> AsyncIterator[Any]:
        """Give a session for the length of a block; whatever runs in it is stopped when the block is cut off."""
        with translated("a session"):
            session = await self._client.start_session()
        try:
            yield session
        except (asyncio.CancelledError, GeneratorExit, TimedOut):
            await asyncio.shield(asyncio.ensure_future(self._stop(session)))
            raise
        finally:
            await session.end_session()

    async def _stop(self, session: Any) -> None:
        with suppress(MaestroError, TimeoutError):
            async with asyncio.timeout(STOPPING_S):
                with translated("the end of a statement"):
                    await self._client.admin.command("killSessions", [session.session_id])


async def _batches(cursor: Any, what: str, timeout_s: float) -> AsyncIterator[Sequence[Document]]:
    """Yield what a cursor gives, as many documents at a time as one answer of the server brings."""
    try:
        while True:
            with translated(what, timeout_s=timeout_s):
                # The server keeps to the time itself; one that has fallen silent does not.
                async with asyncio.timeout(timeout_s + GRACE_S):
                    batch = await cursor.to_list(BATCH)
            if batch:
                yield batch
            if len(batch) < BATCH:
                return
    finally:
        with suppress(vendor.PyMongoError):
            await cursor.close()


async def _changes(stream: Any, first: Any, what: str) -> AsyncIterator[Change]:
    if first is not None:
        yield change_of(first)
    while stream.alive:
        with translated(what):
            found = await stream.next()
        yield change_of(found)
