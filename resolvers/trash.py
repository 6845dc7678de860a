"""The trash: an object goes into it with what it contains, and comes back with what it took along."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from dataloaders.quotas import Quota
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import (
    Artifact,
    Base,
    Connector,
    Experiment,
    ModelAlias,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
)
from maestro.errors import Conflict
from resolvers import artifact_stores, quotas, validation
from resolvers.context import Context
from resolvers.writing import Lock, Writer, names_unique, refuse_change, writing

CONTENTS: Final[dict[type[Base], dict[type[Base], str]]] = {
    Project: {
        Experiment: "project_id",
        Run: "project_id",
        RegisteredModel: "project_id",
        Artifact: "project_id",
        Connector: "project_id",
    },
    Experiment: {Run: "experiment_id"},
    RegisteredModel: {ModelVersion: "model_id", ModelAlias: "model_id"},
    ModelVersion: {ModelAlias: "version_id"},
}
"""What lies in what, and by which column."""

CONTAINERS: Final[dict[type[Base], dict[str, type[Base]]]] = {
    Experiment: {"project_id": Project},
    Run: {"experiment_id": Experiment},
    RegisteredModel: {"project_id": Project},
    Artifact: {"project_id": Project},
    Connector: {"project_id": Project},
    ModelVersion: {"model_id": RegisteredModel},
    ModelAlias: {"version_id": ModelVersion},
}
"""What must be out of the trash before an object can come out of it."""


async def delete(ctx: Context, table: type[Base], key: UUID, *, expected_version: int | None = None) -> Row:
    """Move an object and what it contains to the trash and return it; deleting it again changes nothing.

    NotFound, StaleVersion, Conflict for a connector that files of artifacts need.
    """
    async with writing(ctx) as writer:
        return await discard(writer, table, key, expected_version=expected_version)


async def discard(writer: Writer, table: type[Base], key: UUID, *, expected_version: int | None = None) -> Row:
    """Do what `delete` does in a transaction that does more than that."""
    current = await writer.row(table, key, lock=Lock.CHANGE)
    if current.deleted_at is not None:
        return current
    if expected_version is not None and current.version != expected_version:
        refuse_change(table, current, expected_version)
    if table is Connector:
        await artifact_stores.refuse_if_needed(writer, key)
    await _take_along(writer, table, key)
    gone = (await _mark(writer, table, table.__table__.c.id == key, root=None))[0]
    writer.changed(table, key, before={"deleted_at": None}, after={"deleted_at": gone.deleted_at})
    return gone


async def restore(ctx: Context, table: type[Base], key: UUID, *, name: str | None = None) -> Row:
    """Bring an object back with what its deletion took along, under another name if one is given.

    NotFound, Conflict when what contains it is in the trash and when its time there is over, NameTaken when its name
    has been given to another, QuotaExceeded when more runs would come back than the organisation may have.
    """
    if Run in _everything_in(table):
        await quotas.prepare(ctx, Quota.RUNS, None)
    async with writing(ctx) as writer:
        return await bring_back(writer, table, key, name=name)


async def bring_back(writer: Writer, table: type[Base], key: UUID, *, name: str | None = None) -> Row:
    """Do what `restore` does in a transaction that does more than that; who restores runs prepares their quota."""
    lying = await writer.row(table, key)
    for column, container in CONTAINERS.get(table, {}).items():
        if lying[column] is not None:
            await writer.container(container, lying[column])
    current = await writer.row(table, key, lock=Lock.CHANGE)
    if current.deleted_at is None:
        return current
    if current.purge_at is not None and current.purge_at <= now():
        # It may have lost some of what it holds.
        raise Conflict("Its time in the trash is over: it is being removed for good.")
    renamed = {} if name is None else {"name": validation.name(name)}
    if name is not None and "slug" in current:
        renamed["slug"] = validation.slug_from(name, otherwise=current.slug)
    c = table.__table__.c
    with names_unique(table, {**current, **renamed}):
        row = (await writer.tx.fetch(_unmark(table, c.id == key, **renamed).returning(*c)))[0]
    writer.changed(table, key, before={"deleted_at": current.deleted_at}, after={"deleted_at": None, **renamed})
    come_back = {table: 1}
    for contained in _everything_in(table):
        come_back[contained] = await _bring_along(writer, contained, key)
    if Run in come_back:
        quotas.take(writer.ctx, Quota.RUNS, come_back[Run])
    return row


async def _bring_along(writer: Writer, table: type[Base], root: UUID) -> int:
    """Bring back what the deletion of an object took along, and return how many rows that were."""
    c = table.__table__.c
    taken_along = c.trashed_with_id == root, c.organization_id == writer.ctx.organization_id
    back = _unmark(table, _in_order(table, *taken_along)).returning(c.id).cte("back")
    with names_unique(table, {}):
        (counted,) = await writer.tx.fetch(select(func.count().label("n")).select_from(back))
    rows: int = counted.n
    return rows


async def _take_along(writer: Writer, table: type[Base], root: UUID) -> None:
    """Move to the trash what lies in an object, at any depth."""
    for holder in (table, *_everything_in(table)):
        for contained, column in CONTENTS.get(holder, {}).items():
            place = contained.__table__.c[column]
            held = select(holder.__table__.c.id).where(holder.__table__.c.trashed_with_id == root)
            inside = place == root if holder is table else place.in_(held)
            await _mark(writer, contained, inside, root=root)


async def _mark(writer: Writer, table: type[Base], which: ColumnElement[bool], *, root: UUID | None) -> list[Row]:
    c = table.__table__.c
    present = which, c.deleted_at.is_(None), c.organization_id == writer.ctx.organization_id
    query = update(table).where(*present if root is None else (_in_order(table, *present),))
    query = query.values(
        deleted_at=func.now(),
        deleted_by_id=writer.ctx.viewer.actor_id,
        trashed_with_id=root,
        purge_at=func.now() + writer.ctx.runtime.settings.trash_ttl,
        version=c.version + 1,
    )
    return await writer.tx.fetch(query.returning(*c) if root is None else query)


def _unmark(table: type[Base], which: ColumnElement[bool], **values: Any) -> Any:
    c = table.__table__.c
    return (
        update(table)
        .where(which, c.deleted_at.is_not(None))
        .values(
            deleted_at=None, deleted_by_id=None, trashed_with_id=None, purge_at=None, version=c.version + 1, **values
        )
    )


def _in_order(table: type[Base], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of rows that are locked by their ids first: whoever logs to several runs does so too."""
    c = table.__table__.c
    return c.id.in_(Lock.CHANGE.added(select(c.id).where(*conditions).order_by(c.id)))


def _everything_in(table: type[Base]) -> list[type[Base]]:
    """Return the tables of what can lie in an object, nearest first."""
    found: list[type[Base]] = []
    for contained in CONTENTS.get(table, {}):
        found += [one for one in (contained, *_everything_in(contained)) if one not in found]
    return found
