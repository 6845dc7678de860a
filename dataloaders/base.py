"""What loaders are made of. The viewer's organisation is applied here, in one place, to every read."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select
from strawberry.dataloader import DataLoader

from dataloaders.keeping import Keeping, place_of
from execution.policy import Cached
from maestro import effort
from maestro.access import Permission, Viewer, lowest_role
from maestro.cache import TAGS, Cache, CacheTag, Kept, Snapshot
from maestro.db.engine import Database, Statement
from maestro.db.rows import Row
from maestro.db.tables import Base
from maestro.errands import NO_DESK, ErrandDesk
from maestro.errors import Forbidden, NotFound
from maestro.spans import ACTIVE, spanned
from maestro.telemetry import database as families

K = TypeVar("K")
R = TypeVar("R")
L = TypeVar("L", bound="Loader[Any, Any]")

UUIDS = ARRAY(Uuid(as_uuid=True))
KEYS = bindparam("keys", type_=UUIDS, required=False)
"""The keys of a statement; SQLAlchemy would ask for required ones already when it writes out a filter's IN."""
ORGANIZATION = bindparam("organization_id", type_=Uuid(as_uuid=True))


class Loader(ABC, Generic[K, R]):
    """One kind of answer for many keys at once.

    `fetch` runs one statement for all keys and returns the answers in the order of the keys, with an exception in
    the slot of a key that has no answer. `load` collects the keys of one tick of the event loop into one `fetch`.
    """

    needs: ClassVar[Permission | None]
    """What a viewer has to hold to be answered; None for everybody. There is no default: each loader decides."""
    reads: ClassVar[tuple[CacheTag, ...] | None] = None
    """The tags of what its answers are made of; None where nobody counts the changes, so that none may be kept.

    A loader with a `statement` has those of its tables; one that writes out its SQL names them.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        statement = cls.__dict__.get("statement")
        if isinstance(statement, Statement) and "reads" not in cls.__dict__:
            cls.reads = tags_read(statement.tables)

    def __init__(self, db: Database, viewer: Viewer) -> None:
        self.db = db
        self.viewer = viewer
        self.organization_id = viewer.organization_id
        self._batch: DataLoader[K, R] = DataLoader(load_fn=self._answers)
        self._waiting: Counter[asyncio.Future[R]] = Counter()

    def join(self, others: "Loaders") -> None:
        """Learn of the other loaders of the request, for one that asks them."""

    async def _answers(self, keys: list[K]) -> Sequence[R | BaseException]:
        name, began = (type(self).__name__,), time.perf_counter()
        families.FETCHES.add(name)
        families.KEYS.add(name, len(keys))
        families.BATCH.observe(len(keys))
        if (sums := effort.current()) is not None:
            sums.loaded(name[0], len(keys))
        is_failed = True
        try:
            answers = await (self.fetch(keys) if ACTIVE.tracer is None else self._traced(keys))
            is_failed = False
        except asyncio.CancelledError:
            is_failed = False
            raise
        finally:
            families.LOADER_TIME.add(name, time.perf_counter() - began)
            if is_failed:
                families.LOADER_ERRORS.add(name)
        return answers

    async def _traced(self, keys: list[K]) -> Sequence[R | Exception]:
        name = type(self).__name__
        with spanned(f"load {name}", {"maestro.loader": name, "maestro.loader.keys": len(keys)}):
            return await self.fetch(keys)

    @classmethod
    def reads_with(cls, arguments: Collection[str]) -> tuple[CacheTag, ...] | None:  # noqa: ARG003 -- lists look at them
        """Return the tags of what answers with some arguments of the field are made of."""
        return cls.reads

    def tags(self, key: K) -> tuple[CacheTag, ...] | None:  # noqa: ARG002 -- a loader of many tables looks at it
        """Return the tags of what the answer for a key is made of; None when it may not be kept."""
        return self.reads

    @abstractmethod
    async def fetch(self, keys: Sequence[K]) -> Sequence[R | Exception]:
        """Return one answer a key, in the order of the keys."""

    def load(self, key: K) -> Awaitable[R]:
        """Return the answer for one key; asked in the same tick, many keys cost one statement.

        The answer is shared: who gives up, since a sibling has failed, does not cancel it for the others; when nobody
        waits for it any more, the statement is cancelled.
        """
        shared = cast("asyncio.Future[R]", self._batch.load(key))
        waiter = asyncio.shield(shared)
        self._waiting[shared] += 1
        waiter.add_done_callback(partial(self._left, shared))
        return waiter

    def _left(self, shared: "asyncio.Future[R]", waiter: "asyncio.Future[R]") -> None:
        self._waiting[shared] -= 1
        if not self._waiting[shared]:
            del self._waiting[shared]
            if waiter.cancelled():
                shared.cancel()

    async def rows(self, statement: Statement, **values: Any) -> list[Row]:
        """Run a statement of this loader in the viewer's organisation."""
        families.LOADER_STATEMENTS.add((type(self).__name__,))
        return await self.db.fetch(statement, organization_id=self.organization_id, **values)


class Loaders:
    """The loaders of one request, each made when it is first asked for: `loaders[RunById].load(id)`."""

    def __init__(self, db: Database, viewer: Viewer, cache: Cache | None = None, *, desk: ErrandDesk = NO_DESK) -> None:
        self.desk = desk
        self._db = db
        self._viewer = viewer
        self._cache = cache
        self._made: dict[type[Loader[Any, Any]], Loader[Any, Any]] = {}
        self._keeping: dict[str, Keeping] = {}
        self._snapshot: Snapshot | None = None

    def __getitem__(self, kind: type[L]) -> L:
        loader = self._made.get(kind)
        if loader is None:
            require(self._viewer, kind.needs)
            loader = self._made[kind] = kind(self._db, self._viewer)
            loader.join(self)
        return loader  # type: ignore[return-value] # the dict holds under each class an instance of it

    def asked(self, kind: type[L]) -> L:
        """Return a loader that the client asks directly, which a key that may log and never read cannot do."""
        if self._viewer.grants.is_append_only:
            raise Forbidden("This API key may log and do nothing else.", hint="Use another key.")
        return self[kind]

    def kept(self, loader: L, cached: Cached, *, name: str) -> "L | Keeping":
        """Return a loader whose answers are kept under a field's name; the loader itself where nothing is kept."""
        if self._cache is None:
            return loader
        keeping = self._keeping.get(name)
        if keeping is None:
            keeping = self._keeping[name] = Keeping(
                loader,
                self._cache.fields,
                Kept(name, cached.ttl),
                place=place_of(self._viewer, cached.scope),
                tags=cached.tags,
                snapshot=self.snapshot,
            )
        return keeping

    @property
    def seen(self) -> Snapshot | None:
        """The versions as they were when the operation first asked; None when it has not, or nobody has told it."""
        return self._snapshot

    async def snapshot(self) -> Snapshot | None:
        """Return the versions of the data, as they were when the operation first asked; None when nothing is kept."""
        if self._cache is None:
            return None
        if self._snapshot is None:
            keeping = self._keeping
            found = await self._cache.versions.at(self._viewer.organization_id)
            if keeping is not self._keeping:
                # Something was written meanwhile, and what follows has to see it.
                return found
            self._snapshot = found
        return self._snapshot

    def clear(self) -> None:
        """Forget every answer; called after a write, so that what follows reads what was written."""
        self._made.clear()
        self._keeping = {}
        self._snapshot = None


def tags_read(tables: Iterable[str]) -> tuple[CacheTag, ...] | None:
    """Return the tags of tables by their names; None when nobody counts the changes of one of them."""
    names = set(tables)
    known = {table.__tablename__: tag for table, tag in TAGS.items()}
    return tuple(sorted({known[name] for name in names})) if names and names <= known.keys() else None


def may_read(viewer: Viewer, needs: Permission | None) -> bool:
    """Say whether a viewer may read something somewhere: the database shows only what is where they may."""
    return needs is None or viewer.grants.allow_somewhere(needs)


def require(viewer: Viewer, needs: Permission | None) -> None:
    """Raise Forbidden unless a viewer may read something somewhere."""
    if needs is not None and not may_read(viewer, needs):
        raise forbidden(viewer, needs)


def forbidden(viewer: Viewer, permission: Permission) -> Forbidden:
    """Return the error for a permission that the viewer does not hold."""
    by_key = " An API key may be narrower than the role of its bearer." if viewer.api_key_id is not None else ""
    return Forbidden(
        f"This needs the permission {permission}, which you do not hold here.",
        hint=f"The role {lowest_role(permission)} has it.{by_key}",
        permission=permission.value,
    )


class ById(Loader[UUID, Row]):
    """Rows of a table by their id, those in the trash included. NotFound also for another organisation's."""

    table: ClassVar[type[Base]]
    statement: ClassVar[Statement]

    def __init_subclass__(cls) -> None:
        columns = cls.table.__table__.c
        query = select(*columns).where(columns.id == any_(KEYS), columns.organization_id == ORGANIZATION)
        cls.statement = Statement(query)
        super().__init_subclass__()

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each id."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or self.missing() for key in keys]

    def missing(self) -> NotFound:
        """Return the error for an id without a row."""
        return NotFound(f"There is no such {self.table.__name__}.")


class Grouped(Loader[UUID, list[Row]]):
    """The rows of a table that belong to each key, sorted; for lists that are short by their nature."""

    table: ClassVar[type[Base]]
    key: ClassVar[str]
    order: ClassVar[tuple[str, ...]]
    statement: ClassVar[Statement]

    def __init_subclass__(cls) -> None:
        cls.statement = Statement(cls.query())
        super().__init_subclass__()

    @classmethod
    def query(cls) -> Any:
        """Return the statement; a subclass narrows or joins it."""
        columns = cls.table.__table__.c
        in_use = [columns.deleted_at.is_(None)] if "deleted_at" in columns else []
        return (
            select(*columns)
            .where(columns[cls.key] == any_(KEYS), columns.organization_id == ORGANIZATION, *in_use)
            .order_by(*(columns[name] for name in cls.order))
        )

    async def fetch(self, keys: Sequence[UUID]) -> list[list[Row] | Exception]:
        """Return the rows of each key, an empty list where there are none."""
        groups: dict[UUID, list[Row]] = {key: [] for key in keys}
        for row in await self.rows(self.statement, keys=list(keys)):
            groups[row[self.key]].append(row)
        return [groups[key] for key in keys]
