"""How rows are written: by optimistic lock, with names kept unique, in one transaction that tells what changed."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from typing import Any, Final, NoReturn
from uuid import UUID

from sqlalchemy import Select, func, insert, select, update
from uuid_utils.compat import uuid7

from maestro.access import Permission
from maestro.db.engine import Transaction
from maestro.db.rows import Row, UniqueViolation
from maestro.db.tables import (
    Artifact,
    ArtifactAlias,
    ArtifactEntry,
    ArtifactVersion,
    Base,
    Connector,
    ConnectorQuery,
    Experiment,
    Invitation,
    Membership,
    MetricKey,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
)
from maestro.errors import Conflict, NameTaken, NotFound, StaleVersion
from maestro.events import Event, publish
from resolvers import auditing
from resolvers.context import Context

EARLIER: Final = "earlier_"
"""Stands in front of a column's name for the value before an update."""

PARENTS: Final[dict[type[Base], tuple[str, type[Base]]]] = {
    ModelVersion: ("model_id", RegisteredModel),
    ModelAlias: ("model_id", RegisteredModel),
    ArtifactVersion: ("artifact_id", Artifact),
    ArtifactAlias: ("artifact_id", Artifact),
    ArtifactEntry: ("version_id", ArtifactVersion),
    ConnectorQuery: ("connector_id", Connector),
}
"""What names its project only by what it lies in."""
PLACED: Final = {
    Project,
    Experiment,
    Run,
    MetricKey,
    RegisteredModel,
    Artifact,
    Connector,
    Membership,
    Invitation,
    *PARENTS,
}
"""What lies in a project, or may; the rest goes with something that does."""


class Lock(Enum):
    """How a row is kept as it is until the transaction ends; others may still make rows that refer to it.

    Who locks several rows does so from the container to what it contains, and rows of one table in the order of their
    ids: project, experiment, run, model, artifact, connector, and last the versions and aliases of a model or artifact.
    Nobody then waits in a circle.
    """

    CHANGE = "to change it, before anybody else does"
    KEEP = "against changes, while others may keep it too"

    def added(self, query: Select[Any]) -> Select[Any]:
        """Return a query that locks the rows that it finds."""
        return query.with_for_update(key_share=True) if self is Lock.CHANGE else query.with_for_update(read=True)


class Writer:
    """An open transaction of a viewer. Every row that it touches belongs to the viewer's organisation."""

    __slots__ = ("ctx", "events", "tx")

    def __init__(self, ctx: Context, tx: Transaction) -> None:
        self.ctx = ctx
        self.tx = tx
        self.events: list[Event] = []

    async def create(self, table: type[Base], **values: Any) -> Row:
        """Insert a row and return it; NameTaken when another one has its name."""
        columns = table.__table__.c
        if "created_by_id" in columns:
            values.setdefault("created_by_id", self.ctx.viewer.actor_id)
        if "id" in columns:
            values.setdefault("id", uuid7())
        await self.permit(table, values)
        query = insert(table).values(organization_id=self.ctx.organization_id, **values)
        with names_unique(table, values):
            made = (await self.tx.fetch(query.returning(*columns)))[0]
        self.changed(table, made.get("id"), after=values)
        return made

    async def change(self, table: type[Base], key: UUID, *, expected_version: int | None = None, **values: Any) -> Row:
        """Update a row outside the trash, count its version up and return it.

        NotFound, Conflict when it is in the trash, StaleVersion when it is not at `expected_version`, NameTaken.
        """
        c = table.__table__.c
        found = select(*c).where(c.id == key, c.organization_id == self.ctx.organization_id)
        old = Lock.CHANGE.added(found).cte("old")
        query = update(table).where(c.id == old.c.id)
        if "deleted_at" in c:
            query = query.where(c.deleted_at.is_(None))
        if expected_version is not None:
            query = query.where(c.version == expected_version)
        query = query.values(**values, version=c.version + 1, updated_at=func.now())
        earlier = [old.c[name].label(f"{EARLIER}{name}") for name in values]
        with names_unique(table, values):
            changed = await self.tx.fetch_one(query.returning(*c, *earlier))
        if changed is None:
            refuse_change(table, await self.row(table, key), expected_version)
        await self.permit(table, changed)
        before = {name: changed[f"{EARLIER}{name}"] for name in values}
        self.changed(table, key, before=before, after={name: changed[name] for name in values})
        return changed

    async def row(
        self, table: type[Base], key: UUID, *, lock: Lock | None = None, needs: Permission | None = None
    ) -> Row:
        """Return a row as the transaction sees it, those in the trash included; NotFound.

        A row that is locked is about to be written or written into, so the mutation's permission, or `needs` in its
        place, has to be held in the row's project: Forbidden. `needs` is asked for without a lock too.
        """
        c = table.__table__.c
        query = select(*c).where(c.id == key, c.organization_id == self.ctx.organization_id)
        found = await self.tx.fetch_one(query if lock is None else lock.added(query))
        if found is None:
            raise NotFound(f"There is no such {table.__name__}.")
        if self.ctx.action is not None and lock is Lock.CHANGE:
            self.ctx.action.concerns(table, key)
        if lock is not None or needs is not None:
            await self.permit(table, found, needs)
        return found

    async def in_use(
        self, table: type[Base], key: UUID, *, lock: Lock | None = None, needs: Permission | None = None
    ) -> Row:
        """Return a row outside the trash; NotFound, Conflict when it is in the trash, Forbidden as `row`."""
        found = await self.row(table, key, lock=lock, needs=needs)
        if found.get("deleted_at") is not None:
            raise Conflict(f"This {table.__name__} is in the trash.", hint="Restore it first, or choose another.")
        return found

    async def container(self, table: type[Base], key: UUID, *, needs: Permission | None = None) -> Row:
        """Return a row that something is to be put into, which nobody can delete meanwhile; NotFound, Conflict."""
        return await self.in_use(table, key, lock=Lock.KEEP, needs=needs)

    async def permit(self, table: type[Base], row: Mapping[str, Any] | Row, needs: Permission | None = None) -> None:
        """Raise Forbidden unless the viewer holds the mutation's permission, or `needs`, in the project of a row."""
        wanted = needs or (None if self.ctx.action is None else self.ctx.action.needs)
        if wanted is None or self.ctx.viewer.grants.allow(wanted) or table not in PLACED:
            return
        self.ctx.require(wanted, await self.project_of(table, row))

    async def project_of(self, table: type[Base], row: Mapping[str, Any] | Row) -> UUID | None:
        """Return the project that a row lies in, None for what belongs to the whole organisation."""
        if table in PARENTS:
            column, parent = PARENTS[table]
            return await self.project_of(parent, await self.row(parent, row[column]))
        place: UUID | None = row.get("id" if table is Project else "project_id")
        return place

    def changed(
        self,
        table: type[Base],
        key: UUID | None,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Take note of a change for the audit log."""
        if self.ctx.action is not None:
            self.ctx.action.changed(table, key, before=before, after=after)

    def adds(self, **more: Any) -> None:
        """Tell the audit log what else the change has brought about."""
        if self.ctx.action is not None:
            self.ctx.action.adds(more)

    def tell(self, event: Event) -> None:
        """Send an event to every process when the transaction commits."""
        self.events.append(event)


@asynccontextmanager
async def writing(ctx: Context) -> AsyncIterator[Writer]:
    """Open a transaction for a viewer: committed at the end of the block, rolled back when it raises."""
    async with ctx.db.transaction() as tx:
        writer = Writer(ctx, tx)
        yield writer
        await publish(tx, writer.events)
        await auditing.carried_out(ctx, tx)
    auditing.committed(ctx)
    ctx.loaders.clear()


def refuse_change(table: type[Base], current: Row, expected_version: int | None) -> NoReturn:
    """Raise why a row that exists was not changed: it is in the trash, or at another version."""
    noun = table.__name__
    if current.get("deleted_at") is not None:
        raise Conflict(f"This {noun} is in the trash.", hint="Restore it first.")
    raise StaleVersion(
        f"This {noun} is at version {current.version}, not {expected_version}: somebody has changed it.",
        noun=noun,
        current=current,
        hint="Look at the current state, then send the change again with its version.",
    )


@contextmanager
def names_unique(table: type[Base], values: Mapping[str, Any]) -> Iterator[None]:
    """Turn the violation of a unique index into NameTaken, with the field that is taken."""
    try:
        yield
    except UniqueViolation as violation:
        index = str(violation.constraint_name)
        column = next((name for name in ("slug", "external_id", "number") if index.endswith(name)), "name")
        wording = f"{_article(table)} {table.__name__} with the {column.replace('_', ' ')}"
        taken = repr(values[column]) if column in values else "of one that would come back"
        raise NameTaken(
            f"There is already {wording} {taken}.",
            field="externalId" if column == "external_id" else column,
            hint="Choose another, or restore or rename the one that has it.",
        ) from None


def _article(table: type[Base]) -> str:
    return "an" if table.__name__[0] in "AEIOU" else "a"
