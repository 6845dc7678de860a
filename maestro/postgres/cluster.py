"""Making the data folder of a PostgreSQL server, and making sure that an old one can be used."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres import binaries
from maestro.postgres.account import Account
from maestro.postgres.files import Files
from maestro.postgres.lock import FolderLock
from maestro.postgres.postmaster import clear_stale_pid_file


def prepare(files: Files, account: Account, lock: FolderLock) -> None:
    """Bring the folder into a state to start PostgreSQL from, whatever an earlier process left half done."""
    if files.data.exists():
        require_same_version(files.data)
        clear_stale_pid_file(files.data)
    else:
        require_nothing_aside(files)
        _initialise(files, account, lock)
    if not files.password.exists():
        password = secrets.token_hex(24)
        _single_user(files.data, f"ALTER ROLE maestro PASSWORD '{password}'", account=account, lock=lock)
        # Stored last: when we are killed in between, the next start sets another one.
        files.write_password(account, password)


def require_same_version(data: Path) -> None:
    """Refuse a folder of another major version, whose files this PostgreSQL cannot read."""
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise EmbeddedDatabaseError(
            f"{data} holds no PostgreSQL data: it has no PG_VERSION.",
            hint="Bring back its files from a backup, or move it away to start with an empty database.",
        ) from error
    ours = binaries.major_version()
    if made_by == ours:
        return
    raise EmbeddedDatabaseError(
        f"{data} was made by PostgreSQL {made_by}, and this Maestro brings PostgreSQL {ours}.",
        hint=f"Nothing was changed. To migrate: 1. with the Maestro release that made it running, or PostgreSQL "
        f"{made_by}'s own `pg_ctl`, dump it by PostgreSQL {made_by}'s `pg_dump --format=custom maestro`; "
        f"2. stop that server and move {data.parent} away; 3. start this Maestro once, which makes a new one; "
        f"4. load the dump by PostgreSQL {ours}'s `pg_restore --clean --if-exists --dbname=maestro`.",
    )


def require_nothing_aside(files: Files) -> None:
    """Refuse to begin with an empty database where a damaged one was moved aside and none has taken its place."""
    if aside := next(files.root.glob(f"{files.damaged('').name}*"), None):
        raise EmbeddedDatabaseError(
            f"{files.data} is gone, and {aside} was moved aside for a new one that was never finished.",
            hint="Build the data folder anew once more; to begin with an empty database, move that one away.",
        )


def _initialise(files: Files, account: Account, lock: FolderLock) -> None:
    # An earlier initdb may have been killed half-way. It is gone for certain: it held the lock as well.
    if files.unfinished.exists():
        shutil.rmtree(files.unfinished)
    account.own_folder(files.unfinished)
    files.write_password(account)
    _run(
        [
            str(binaries.program("initdb")),
            f"--pgdata={files.unfinished}",
            "--username=maestro",
            f"--pwfile={files.password}",
            # `peer` cannot be had over the socket: under root PostgreSQL and its clients are different accounts.
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Not the system's collation: an index would be wrong after an upgrade of libc, or on another machine.
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ],
        account,
        lock,
    )
    _single_user(files.unfinished, "CREATE DATABASE maestro", account=account, lock=lock)
    files.unfinished.rename(files.data)
    # The name has to be on the disk before the first row is.
    fd = os.open(files.root, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def _single_user(data: Path, statement: str, *, account: Account, lock: FolderLock) -> None:
    """Run a statement without a server; nothing listens meanwhile, and a password is on no command line."""
    command = [str(binaries.program("postgres")), "--single", "-D", str(data), "-c", "exit_on_error=on", "postgres"]
    _run(command, account, lock, stdin=statement + "\n")


def _run(command: list[str], account: Account, lock: FolderLock, *, stdin: str = "") -> None:
    finished = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        # As another account we may not be allowed in the current folder.
        cwd="/",
        env=binaries.environment(),
        # When we are killed it goes on for a while, and whoever starts next has to wait for it.
        pass_fds=(lock.fd,),
        start_new_session=True,
        **account.process_options(),
    )
    if finished.returncode != 0:
        raise EmbeddedDatabaseError(
            f"`{Path(command[0]).name}` failed: {finished.stderr.strip() or finished.returncode}"
        )
