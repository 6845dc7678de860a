"""Where the embedded PostgreSQL listens: a folder for its Unix socket and a free TCP port."""

import errno
import os
import socket
import tempfile
from pathlib import Path

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres.account import Account

PATH_LIMIT = 103
"""Bytes in the path of a Unix socket that every system allows: Linux has 107, macOS 103."""
LOOPBACK = "127.0.0.1"


def folder_for_socket(preferred: Path, account: Account) -> Path:
    """`preferred`, or else a new private folder in the temporary one, which somebody has to remove."""
    if _can_be_addressed(preferred):
        # Every crash leaves a socket behind, since each start has another port.
        account.own_folder(preferred)
        for stale in preferred.iterdir():
            stale.unlink()
        return preferred
    for temporary in (Path(tempfile.gettempdir()).resolve(), Path("/tmp")):  # noqa: S108 - mkdtemp makes it private
        if _can_be_addressed(temporary / "maestro-12345678") and account.can_reach(temporary):
            folder = Path(tempfile.mkdtemp(prefix="maestro-", dir=temporary))
            account.own_folder(folder)
            return folder
    raise EmbeddedDatabaseError(
        f"{preferred} is too long a path for a Unix socket, and so is the temporary folder.",
        hint="Set MAESTRO_DATA_DIR or TMPDIR to a folder with a shorter path.",
    )


def _can_be_addressed(folder: Path) -> bool:
    # Drivers read a comma and a colon in a host as the end of its name.
    path = f"{folder}/.s.PGSQL.65535"
    return len(os.fsencode(path)) <= PATH_LIMIT and not set(path) & set(",:")


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether somebody else has the loopback port."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return True
    return False
