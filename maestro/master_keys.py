"""The master keys of the vault: from the settings, or made once and kept in the data folder."""

import base64
import binascii
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from maestro import private_files
from maestro.errors import MasterKeyMissing, StartupError
from maestro.settings import Settings
from maestro.vault import KEY_BYTES, MasterKeys, Vault, new_master_key

logger = logging.getLogger(__name__)

FILE: Final = "master.key"
SETTING: Final = "MAESTRO_MASTER_KEY"


def vault_of(settings: Settings) -> Vault:
    """Return the vault of a server, its first key made when no setting gives one; StartupError for keys that are none.

    Keys of a file are read at every use, those of the settings once.
    """
    if settings.master_key is not None:
        given = MasterKeys(_decoded(settings.master_key.get_secret_value().split(","), SETTING))
        return Vault(lambda: given)
    path = settings.data_dir / FILE
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            private_files.create(path, written(new_master_key()))
    except FileExistsError:
        pass
    except OSError as error:
        raise StartupError(
            f"The master key cannot be written to {path}: {error.strerror}.",
            hint=f"Make the folder writable, or set {SETTING}.",
        ) from error
    _read(path)
    return Vault(lambda: _read_again(path))


def add_to_file(settings: Settings) -> None:
    """Make a new key and put it in front of the others in the file: from now on it is the current one."""
    path = settings.data_dir / FILE
    with private_files.locked(settings.data_dir):
        private_files.replace(path, written(new_master_key()) + private_files.read(path))


def written(key: bytes) -> bytes:
    """Return a key as a line of the file; without its end it may stand in the setting."""
    return base64.b64encode(key) + b"\n"


def _read(path: Path) -> MasterKeys:
    try:
        content = private_files.read(path)
    except OSError as error:
        raise StartupError(
            f"The master key in {path} cannot be read: {error.strerror}.",
            hint="Bring the file back from a backup: without it no stored secret can be opened.",
        ) from error
    return MasterKeys(_decoded(content.decode(errors="replace").splitlines(), str(path)))


def _read_again(path: Path) -> MasterKeys:
    try:
        return _read(path)
    except StartupError as error:
        # Whoever sent the request is not told about the files of the server.
        logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 -- the message tells it all
        raise MasterKeyMissing(
            "The master keys cannot be read now.", hint="Whoever runs the server finds the reason in its log."
        ) from None


def _decoded(texts: Iterable[str], source: str) -> list[bytes]:
    # The value is never shown: most of it may be a key.
    written_out = [text.strip() for text in texts if text.strip()]
    try:
        keys = [base64.b64decode(text, validate=True) for text in written_out]
    except (binascii.Error, ValueError):
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise StartupError(
            f"{source} is no list of master keys: each is {KEY_BYTES} bytes in base64.",
            hint="Make one with `openssl rand -base64 32`. The first is the current one.",
        )
    return keys
