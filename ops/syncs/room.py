"""Whether what a sync still has to copy finds room in its target, looked at before it is begun."""

from uuid import UUID

from maestro.db.engine import Database
from maestro.errors import StoreFailed
from ops.syncs import records
from ops.syncs.ends import Ends


async def require_room(db: Database, plan_id: UUID, ends: Ends) -> None:
    """Raise StoreFailed when the target has less room than it takes; where nobody knows how much there is, never.

    What is replaced gives its room to what replaces it, and uploads that are under way are left out: part of each is
    there already. So nothing is refused that could end well.
    """
    if _are_on_one_disk(ends):
        # Copies share their bytes with the first one where the file system can do that.
        return
    free = await ends.target.store.free_bytes()
    if free is None:
        return
    needed = await records.growth(db, plan_id)
    if needed > free:
        raise StoreFailed(
            f"The target has {free:,} bytes free, and what is to be copied needs {needed:,}. Nothing was copied.",
            hint="Make room, choose another target, or leave some of it out by patterns; then try again.",
            freeBytes=free,
            neededBytes=needed,
        )


def _are_on_one_disk(ends: Ends) -> bool:
    folders = (ends.source.store.folder, ends.target.store.folder)
    disks = {
        next(one for one in (folder, *folder.parents) if one.exists()).stat().st_dev
        for folder in folders
        if folder is not None
    }
    return None not in folders and len(disks) == 1
