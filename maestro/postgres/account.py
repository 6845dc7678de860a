"""The system account that PostgreSQL runs as, because it refuses to run as root."""

import os
import pwd
import shutil
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from maestro.errors import EmbeddedDatabaseError

BECOME: Final = (
    "import os, sys; os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1])); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
# The best first: `nobody` may be shared with other daemons, the two before it are not.
UNPRIVILEGED = ("maestro", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user and a group by number; a container's user often has no name."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether PostgreSQL runs as somebody else than this process, which is so for root alone."""
        return self.uid != os.geteuid()

    def process_options(self) -> dict[str, Any]:
        """The arguments of `subprocess.Popen` that start a program as this account, without root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_another else {}

    def command(self, command: Sequence[str]) -> list[str]:
        """The command that starts a program as this account: uvloop knows no such arguments."""
        started_as = (sys.executable, "-I", "-S", "-c", BECOME, str(self.uid), str(self.gid))
        # It may not be able to read Python's modules, so that the path is looked for before.
        program = shutil.which(command[0]) or command[0]
        return [*started_as, program, *command[1:]] if self.is_another else list(command)

    def require_way_to(self, path: Path) -> None:
        """Refuse, naming the folder in the way, when this account cannot reach `path` (which need not exist yet)."""
        if (folder := self._blocking(path)) is not None:
            raise EmbeddedDatabaseError(
                f"PostgreSQL refuses to run as root, and the account it runs as instead (uid {self.uid}) "
                f"cannot enter {folder}, on the way to {path}.",
                hint="Set MAESTRO_DATA_DIR to a folder that every account may enter (and install Maestro in one), "
                "or set MAESTRO_DATABASE_URL to use a server of your own.",
            )

    def can_reach(self, path: Path) -> bool:
        """Whether the permissions of every folder on the way let this account in."""
        return self._blocking(path) is None

    def _blocking(self, path: Path) -> Path | None:
        if not self.is_another:
            return None
        way = (folder for folder in reversed((path, *path.parents)) if folder.is_dir())
        return next((folder for folder in way if not self._may_enter(folder)), None)

    def _may_enter(self, folder: Path) -> bool:
        info = folder.stat()
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        return bool(info.st_mode & (stat.S_IXGRP if info.st_gid == self.gid else stat.S_IXOTH))

    def own_folder(self, folder: Path) -> None:
        """Make `folder` if it is missing, private to this account."""
        folder.mkdir(exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def account_for(data: Path) -> Account:
    """This process's own account; for root the owner of `data`, or else the best unprivileged one there is."""
    own = Account(os.geteuid(), os.getegid())
    owner = Account(data.stat().st_uid, data.stat().st_gid) if data.exists() else None
    if own.uid != 0:
        if owner and owner.uid != own.uid:
            raise EmbeddedDatabaseError(
                f"{data} belongs to uid {owner.uid}, and this process runs as uid {own.uid}.",
                hint="Start Maestro as the account that made the folder, or set MAESTRO_DATA_DIR to another folder.",
            )
        return own
    if owner and owner.uid != 0:
        return owner
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedDatabaseError(
        f"PostgreSQL refuses to run as root, and there is no account to run it as: none of {', '.join(UNPRIVILEGED)}.",
        hint="Add a system account named `maestro`, start Maestro as another account than root, "
        "or set MAESTRO_DATABASE_URL to use a server of your own.",
    )
