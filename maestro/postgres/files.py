"""Which files the embedded PostgreSQL keeps beneath the data folder."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import EmbeddedDatabaseError
from maestro.postgres.account import Account


@dataclass(frozen=True)
class Files:
    """The folder `postgres` of the data folder.

    `data` and `socket` belong to the account that PostgreSQL runs as, the rest to ours: as root we never write where
    another account could have put a symbolic link.
    """

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def unfinished(self) -> Path:
        """The data folder while it is being made; renamed when it is whole."""
        return self.root / "data.unfinished"

    def damaged(self, when: str) -> Path:
        """Where a data folder is moved to when another one takes its place."""
        return self.root / f"data.damaged_{when}"

    @property
    def socket(self) -> Path:
        return self.root / "socket"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def password(self) -> Path:
        """Removing this file makes the next start set a new password."""
        return self.root / "password"

    @property
    def configuration(self) -> Path:
        return self.root / "postgresql.conf"

    @property
    def startup_log(self) -> Path:
        """What PostgreSQL says before it opens its own log, `data/log/`."""
        return self.root / "startup.log"

    def make(self, account: Account) -> None:
        """Make the folder so that `account` can enter it, but only its owner can list it."""
        mode = 0o711 if account.is_another else 0o700
        missing = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            folder.chmod(mode)  # by a second call, since mkdir obeys the umask

    def read_password(self) -> str:
        """The password of the server on this folder."""
        try:
            return self.password.read_text()
        except FileNotFoundError as error:
            raise EmbeddedDatabaseError(
                f"The password of the running server is gone: {self.password}.",
                hint="Restart the server; it sets a new one.",
            ) from error

    def write_password(self, account: Account, password: str | None = None) -> str:
        """Store a password, a new random one if none is given, readable by `account` and root alone."""
        password = password or secrets.token_hex(24)
        draft = self.password.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - a descriptor
            file.write(password)
            file.flush()
            os.fchown(file.fileno(), account.uid, account.gid)
            os.fsync(file.fileno())
        draft.rename(self.password)
        return password
