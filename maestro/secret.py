"""The secret that signs sessions and links: from the settings, or made once and kept in the data folder."""

import os
import secrets
from pathlib import Path

from maestro.errors import StartupError
from maestro.settings import Settings

FILE = "secret"


def secret_of(settings: Settings) -> bytes:
    """Return the secret; made at the first call when no setting gives it, in a file that only its owner reads."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / FILE
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _create(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise StartupError(
            f"The secret cannot be written to {path}: {error.strerror}.",
            hint="Make the folder writable, or set MAESTRO_SECRET_KEY.",
        ) from error
    return path.read_bytes().strip()


def _create(path: Path) -> None:
    # Written whole under another name and linked into place: a second server never reads half a secret.
    draft = path.with_name(f"{FILE}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_urlsafe(48).encode())
        os.link(draft, path)
    finally:
        draft.unlink()
