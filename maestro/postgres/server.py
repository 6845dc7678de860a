"""The embedded PostgreSQL server: started, found and stopped."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import binaries, cluster
from maestro.postgres.account import Account, account_for
from maestro.postgres.address import Address
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock, disown, living_owner
from maestro.postgres.postmaster import Postmaster
from maestro.postgres.process import POLL_S, GuardedProcess, Manner

PATIENCE_S = 120.0
"""For an earlier server to stop, or one that is starting to be ready."""


class EmbeddedPostgres:
    """A PostgreSQL server in the folder `postgres` of a data folder, running for as long as its owner does.

    Stopped by `stop`, at the end of a `with` block, and whenever the owning process ends, be it by `kill -9`.
    `settings` are PostgreSQL's own, over the usual ones.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._files = Files(folder.resolve() / "postgres")
        self._manner = Manner(settings or {})
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Address:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Address:
        """Start PostgreSQL, making its folder the first time, and wait until it accepts connections.

        Waits for one that is stopping. Raises EmbeddedDatabaseError when another process owns the folder, and when
        PostgreSQL cannot run on it.
        """
        account = self._enter_folder()
        deadline = time.monotonic() + PATIENCE_S
        while (lock := FolderLock.try_acquire(self._files.lock)) is None:
            self._refuse_if_owned()
            self._pause_until(deadline)
        return self._start(account, lock)

    def attach_or_start(self) -> Address:
        """The server that runs on the folder already, whoever owns it; without one, the same as `start`."""
        account = self._enter_folder()
        deadline = time.monotonic() + PATIENCE_S
        while (address := self._running()) is None:
            if lock := FolderLock.try_acquire(self._files.lock):
                return self._start(account, lock)
            self._pause_until(deadline)
        return address

    def stop(self) -> None:
        """Shut PostgreSQL down and wait for it; does nothing when this object has not started it."""
        if self._process is not None:
            disown(self._files.lock)
            self._process.stop()
            self._process = None

    def _enter_folder(self) -> Account:
        try:
            account = account_for(self._files.data)
            account.require_way_to(binaries.folder())
            account.require_way_to(self._files.root)
            self._files.make(account)
        except OSError as error:
            raise EmbeddedDatabaseError(
                f"The data folder cannot be used: {error}.",
                hint="Set MAESTRO_DATA_DIR to a folder that this account may write to.",
            ) from error
        return account

    def _refuse_if_owned(self) -> None:
        if (owner := living_owner(self._files.lock)) is not None:
            raise EmbeddedDatabaseError(
                f"The data folder {self._files.root.parent} is in use by another Maestro, process {owner}.",
                hint=f"Stop that one (`kill {owner}`), or set MAESTRO_DATA_DIR to another folder.",
                pid=owner,
            )

    def _pause_until(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(
                f"A PostgreSQL on {self._files.root} has been starting or stopping for {PATIENCE_S:.0f} seconds.",
                hint=f"Its log is in {self._files.data / 'log'}.",
            )
        time.sleep(POLL_S)

    def _running(self) -> Address | None:
        postmaster = Postmaster.read(self._files.data)
        if postmaster is None or not postmaster.accepts_connections():
            return None
        return Address(postmaster.socket_folder, postmaster.port, self._files.read_password())

    def _start(self, account: Account, lock: FolderLock) -> Address:
        try:
            cluster.prepare(self._files, account, lock)
            self._process = GuardedProcess.start(self._files, account, lock, manner=self._manner)
        finally:
            # From here on PostgreSQL and its guardian have it. Kept, a process that we fork would inherit it.
            lock.close()
        return Address(self._process.socket_folder, self._process.port, self._files.read_password())


@contextmanager
def attached(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Address]:
    """The server on `folder` for the length of a `with` block: the running one, left running, or one for the block.

    A server started here has `settings` over the usual ones, and ends with the block, also for others that have
    attached to it meanwhile.
    """
    server = EmbeddedPostgres(folder, settings)
    try:
        yield server.attach_or_start()
    finally:
        server.stop()
