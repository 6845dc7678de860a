"""Filling the shadow of a restore from a database that runs, such as the server as it was at an earlier moment."""

import shutil
from pathlib import Path
from typing import Any, Final

from maestro.progress import Progress, untold
from maestro.threads import in_thread
from ops.backups import making
from ops.backups.dumping import dump
from ops.backups.making import described
from ops.backups.opening import DUMP, OpenedBackup
from ops.restores.restoring import Order, fill_with

NOBODY: Final = ""
"""What would sign the manifest of a dump that nobody keeps."""


async def fill_from(url: str, order: Order, *, progress: Progress = untold) -> dict[str, Any]:
    """Fill the shadow from the database of a URL, compare every row, and return what was compared; anew each time.

    What is written to that database meanwhile is not in the shadow. VerificationFailed with `tables`, PreflightFailed,
    ProgramFailed, Transient.
    """
    folder = order.drafts
    await in_thread(lambda _: _made_anew(folder))
    try:
        programs = order.installation.programs
        dumped = await dump(url, folder / DUMP, programs=programs, jobs=order.jobs, progress=progress)
        told = making.Order(order.backup_id)
        manifest = described(dumped, told, key_id=NOBODY, app_version=order.installation.version)
        return await fill_with(OpenedBackup(manifest, folder / DUMP), order, progress=progress)
    finally:
        await in_thread(lambda _: shutil.rmtree(folder, ignore_errors=True))


def _made_anew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
