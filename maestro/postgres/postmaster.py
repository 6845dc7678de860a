"""What a running PostgreSQL tells about itself in `postmaster.pid`."""

import socket
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import EmbeddedDatabaseError


@dataclass(frozen=True)
class Postmaster:
    """PostgreSQL's first process; the lines of the file are described in its `utils/pidfile.h`."""

    pid: int
    port: int
    socket_folder: Path
    is_ready: bool

    @classmethod
    def read(cls, data: Path) -> "Postmaster | None":
        """The server of the folder `data`, alive or not; None without one, or before it has written all it knows."""
        try:
            pid, runs_on, _, port, socket_folder, _, _, status = (data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return None
        # A folder copied from under a running server must not lead to the data of the original.
        if Path(runs_on) != data:
            return None
        return cls(int(pid), int(port), Path(socket_folder), status.strip() == "ready")

    def accepts_connections(self) -> bool:
        """Whether somebody listens on the socket: a file that a crash left behind says `ready`, too."""
        if not self.is_ready:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"{self.socket_folder}/.s.PGSQL.{self.port}") == 0


def clear_stale_pid_file(data: Path) -> None:
    """Remove what a crash left in `data`; only for the holder of the folder's lock.

    PostgreSQL removes the file itself unless a process of its own account has the old number by now, as happens in
    containers. Left alone when nothing can be known: without /proc, or where root may not look into other accounts.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split(maxsplit=1)[0])
        working_folder = Path(f"/proc/{pid}/cwd").readlink()
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        if Path("/proc/self").exists():
            pid_file.unlink(missing_ok=True)
        return
    except PermissionError:
        return
    # Every process of PostgreSQL works in its data folder. This one was started by hand, without the lock.
    if working_folder == data:
        raise EmbeddedDatabaseError(
            f"A PostgreSQL server that Maestro did not start (process {pid}) runs on {data}.",
            hint=f"Stop it (`kill -INT {pid}`) and start again.",
        )
    pid_file.unlink()
