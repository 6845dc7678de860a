"""What a sync removes: last of all, and only what is still as it was when somebody has looked at the plan."""

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from connectors.stores.capability import StoredObject
from maestro.crowd import for_each_coming
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.db.tables.enums import SyncAction, SyncItemState
from maestro.errors import Conflict, MaestroError
from maestro.progress import Progress
from ops.syncs import records
from ops.syncs.ends import Ends
from ops.syncs.ledger import COPIED, Ledger
from ops.syncs.running import Order, items, object_of
from ops.syncs.sending import is_another

AT_ONCE: Final = 16
BATCH: Final = 500


@dataclass(slots=True)
class _Batch:
    """Items whose objects go by one request; those that had gone already are among them."""

    items: list[Row] = field(default_factory=list)


async def remove_all(db: Database, order: Order, *, progress: Progress) -> int:
    """Remove the objects of the target that the plan names, and return how many could not be.

    None is removed when anything was not copied: the source may have an object under another name by now, and that of
    the target would be the last one. An object that was changed since, or has come back in the source, stays.
    """
    if await is_anything_left(db, order):
        return 0
    async with Ledger.opened(db, order.plan_id, order.run_id, progress=progress, phase="Removing") as ledger:
        batch = _Batch()

        async def look(item: Row) -> None:
            try:
                await _require_as_planned(order.ends, item)
            except Conflict as error:
                await ledger.failed(item, error, state=SyncItemState.SKIPPED)
            except MaestroError as error:
                await ledger.failed(item, error)
            else:
                batch.items.append(item)
                if len(batch.items) >= BATCH:
                    await _remove(order.ends, batch, ledger)

        async with aclosing(items(db, order.plan_id, SyncAction.REMOVE)) as coming:
            await for_each_coming(coming, look, at_once=AT_ONCE)
        await _remove(order.ends, batch, ledger)
        return ledger.failures


async def is_anything_left(db: Database, order: Order) -> bool:
    """Say whether an object of the plan is not copied."""
    return bool(await records.to_do(db, order.plan_id, after=0, actions=COPIED))


async def _require_as_planned(ends: Ends, item: Row) -> None:
    """Raise Conflict when an object has come back in the source, or is another one in the target."""
    if await ends.source.head(item.key) is not None:
        raise Conflict(f"{item.key} is in the source again.", hint="Plan anew.")
    there: StoredObject | None = await ends.target.head(item.key)
    if there is not None and is_another(object_of(item.key, item.target), there):
        raise Conflict(f"{item.key} was changed in the target since the plan was made.", hint="Plan anew.")


async def _remove(ends: Ends, batch: _Batch, ledger: Ledger) -> None:
    taken, batch.items = batch.items, []
    if not taken:
        return
    try:
        await ends.target.store.delete([ends.target.at(item.key) for item in taken])
    except MaestroError:
        for item in taken:
            await _remove_one(ends, item, ledger)
        return
    for item in taken:
        await ledger.succeeded(item, {})


async def _remove_one(ends: Ends, item: Row, ledger: Ledger) -> None:
    try:
        await ends.target.store.delete([ends.target.at(item.key)])
    except MaestroError as error:
        await ledger.failed(item, error)
    else:
        await ledger.succeeded(item, {})
