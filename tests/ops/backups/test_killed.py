"""A process that is killed while it makes a backup: no backup, no program left, and the next try makes a whole one."""

import asyncio
import signal
import sys
from pathlib import Path
from uuid import UUID

import psutil
from uuid_utils.compat import uuid7

from connectors.stores import LocalStore
from maestro.db.engine import Database
from ops.backups.making import Destination, Installation, Order, make_backup
from ops.backups.places import file_of, manifest_of
from tests.ops.backups import child
from tests.ops.backups.installations import add_blob, add_organization, everything_in
from tests.ops.backups.manifests import KEYS
from tests.rules.sources import ROOT

PHASES = ("Dumping the database", "Storing the dump", "Copying files of artifacts")


async def killed(url: str, folder: Path, phase: str) -> UUID:
    """Make a backup in a process of its own, which is killed in a phase."""
    backup_id = uuid7()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", child.__name__, url, str(folder), str(backup_id), phase), cwd=ROOT
    )
    assert await process.wait() == -signal.SIGKILL
    return backup_id


def programs_on(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


async def test_a_process_that_is_killed_leaves_no_backup_and_the_next_try_makes_a_whole_one(
    db: Database, installation: Installation, tmp_path: Path
) -> None:
    organization = await add_organization(db, "one")
    await add_blob(db, installation, organization, content=b"weights")
    # Each in a folder of its own, side by side, which saves time.
    folders = {phase: tmp_path / phase.replace(" ", "") for phase in PHASES}
    for folder in folders.values():
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "blobs").symlink_to(installation.blobs)
    ids = await asyncio.gather(*(killed(installation.url, folders[phase], phase) for phase in PHASES))
    async with asyncio.timeout(5):
        while await asyncio.to_thread(programs_on, tmp_path):
            pass
    for folder, backup_id in zip(folders.values(), ids, strict=True):
        store = folder / "store"
        assert not (store / manifest_of(backup_id)).exists()
        again = Destination(LocalStore(store), KEYS, folder / "drafts")
        made = await make_backup(Order(backup_id), installation=installation, destination=again)
        names = [file_of(backup_id, path) for path in ["manifest.json", *(file.path for file in made.manifest.files)]]
        assert everything_in(store) == sorted([*names, *(blob.key for blob in made.manifest.blobs)])
        assert everything_in(folder / "drafts") == []
