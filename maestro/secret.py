"""The secret that signs download links and sign-ins: from the settings, or made once and kept in the data folder."""

import secrets

from maestro import private_files
from maestro.errors import StartupError
from maestro.settings import Settings

FILE = "secret"


def secret_of(settings: Settings) -> bytes:
    """Return the secret; made at the first call when no setting gives it, in a file that only its owner reads.

    StartupError when it cannot be written, and when others than its owner may read or change it.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / FILE
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            private_files.create(path, secrets.token_urlsafe(48).encode())
    except FileExistsError:
        pass
    except OSError as error:
        raise StartupError(
            f"The secret cannot be written to {path}: {error.strerror}.",
            hint="Make the folder writable, or set MAESTRO_SECRET_KEY.",
        ) from error
    return private_files.read(path).strip()
