"""Where browsers reach the server of a data folder: an address that the server keeps in a file while it runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from maestro.settings import Settings

FILE: Final = "server.url"
_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- what people write, not what we bind
"""Addresses that one can listen on but not go to, with one that leads there."""


def address_of(settings: Settings, port: int) -> str:
    """Return the address of a server that listens on a port; MAESTRO_PUBLIC_URL where it is set."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = _EVERYWHERE.get(settings.host, settings.host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def published(folder: Path, address: str) -> Iterator[None]:
    """Keep an address in the data folder for the length of a block."""
    path = folder / FILE
    # Never truncated before it is ours: another server on another database may share the folder.
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield
            return
        file.truncate(0)
        file.write(address)
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def current_address(settings: Settings) -> str:
    """Return the address of the server that runs on the data folder; without one, where the settings would put it."""
    try:
        with (settings.data_dir / FILE).open() as file:
            return file.read() if _is_held(file.fileno()) else address_of(settings, settings.port)
    except OSError:
        return address_of(settings, settings.port)


def _is_held(descriptor: int) -> bool:
    """Say whether the writer lives: a server that was killed leaves its file behind, but not its lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
