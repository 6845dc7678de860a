"""PostgreSQL's own programs: those of a server's major version, run so that they end with this process."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from maestro.errors import EmbeddedDatabaseError, PreflightFailed, Transient
from maestro.postgres import binaries, guardian
from maestro.postgres.account import Account
from maestro.postgres.lock import FolderLock

PLACES: Final = (
    "/usr/lib/postgresql/{major}/bin",
    "/usr/pgsql-{major}/bin",
    "/usr/local/opt/postgresql@{major}/bin",
)
WORDS: Final = 10
"""Lines of what a program has said that go into an error."""


def find(major: int) -> Path:
    """Return the folder of the programs of a major version; PreflightFailed when they are not here."""
    with suppress(EmbeddedDatabaseError):
        if binaries.major_version() == str(major):
            return binaries.folder()
    on_path = shutil.which("pg_receivewal")
    for folder in (
        *(Path(place.format(major=major)) for place in PLACES),
        *([Path(on_path).parent] if on_path else []),
    ):
        if (folder / "pg_receivewal").exists() and _major(folder / "pg_receivewal") == major:
            return folder.resolve()
    raise PreflightFailed(
        f"The programs of PostgreSQL {major} are not on this machine.",
        hint=f"Install the client and server programs of PostgreSQL {major}, such as postgresql-{major}, and put them "
        "on the PATH.",
        checks=[{"name": "programs", "message": f"no pg_receivewal of version {major}"}],
    )


def _major(program: Path) -> int:
    printed = subprocess.check_output([program, "--version"], env=binaries.environment(), text=True)
    found = re.search(r"\) (\d+)", printed)
    return int(found[1]) if found else 0


def connection_environment(url: str) -> dict[str, str]:
    """Return what PostgreSQL's programs are started with to reach a database; the password is on no command line."""
    parts = make_url(url)
    query = {name: value if isinstance(value, str) else value[0] for name, value in parts.query.items()}
    known = {
        "PGHOST": parts.host or query.get("host"),
        "PGPORT": str(parts.port) if parts.port else query.get("port"),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
    }
    return {**binaries.environment(), **{name: str(value) for name, value in known.items() if value}}


@dataclass(frozen=True)
class Finished:
    """How a program has ended, and what it has said."""

    code: int
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        """Return the end of what it has complained of."""
        return "\n".join(self.errors.strip().splitlines()[-WORDS:])


async def ask(
    command: Sequence[object], *, account: Account | None = None, environment: dict[str, str] | None = None
) -> Finished:
    """Run a short program, one that looks at files or copies them, to its end; killed with its task."""
    words = [str(word) for word in command]
    process = await asyncio.create_subprocess_exec(
        *(account.command(words) if account else words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env={**(environment or binaries.environment()), "TZ": "UTC"},
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return Finished(process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace"))


async def require(command: Sequence[object], *, account: Account | None = None) -> str:
    """Return what such a program printed; Transient with its last words when it fails."""
    finished = await ask(command, account=account)
    if finished.code != 0:
        raise Transient(f"`{Path(str(command[0])).name}` failed: {finished.last_words or finished.code}")
    return finished.output


class Guarded:
    """A long running program under a guardian, which ends it when this process dies, be it by `kill -9`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(
        cls, command: Sequence[object], *, account: Account, lock: FolderLock, environment: dict[str, str]
    ) -> "Guarded":
        """Start a program that keeps `lock` for as long as it lives."""
        orders = {
            "command": [str(word) for word in command],
            "account": account.process_options(),
            "lock": lock.fd,
            "server": os.getpid(),
            "patience_s": (1.0, 0.5),
        }
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", guardian.__file__, json.dumps(orders)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
                pass_fds=(lock.fd,),
                start_new_session=True,
            )
        )

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def follow(self, told: Callable[[str], None]) -> None:
        """Read what it says, line by line, to its end."""
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        async for line in self._process.stderr:
            told(line.decode(errors="replace").strip())

    async def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it, and wait for that, which is forced after a second and a half."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.shield(self._process.wait())


async def run(
    command: Sequence[object],
    *,
    account: Account,
    lock: FolderLock,
    environment: dict[str, str],
    told: Callable[[str], None],
) -> Finished:
    """Run a program under a guardian to its end, and stop it when this task is cancelled."""
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        told(line)

    guarded = await Guarded.start(command, account=account, lock=lock, environment=environment)
    try:
        await guarded.follow(hear)
        return Finished(await guarded.wait(), "", "\n".join(lines))
    finally:
        await guarded.stop()
