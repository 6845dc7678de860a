"""A process that makes a backup and kills itself when it hears of a phase: `child.py URL FOLDER BACKUP_ID PHASE`."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from connectors.stores import LocalStore
from ops.backups.making import Destination, Installation, Order, make_backup
from tests.ops.backups.manifests import KEYS


def main(url: str, folder: Path, backup_id: UUID, *, last: str) -> None:
    def progress(phase: str, *_: object, **__: object) -> None:
        if phase == last:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(
        make_backup(
            Order(backup_id),
            installation=Installation(url, folder / "data" / "blobs", "0.1.0"),
            destination=Destination(LocalStore(folder / "store"), KEYS, folder / "drafts"),
            progress=progress,
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), UUID(sys.argv[3]), last=sys.argv[4])
