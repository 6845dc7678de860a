"""The data folder, made before anything is put into it."""

import errno
import os

from maestro.errors import StartupError
from maestro.settings import Settings


def require_folder(settings: Settings) -> None:
    """Make the data folder; StartupError unless it can be written to."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if not os.access(settings.data_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StartupError(
            f"The data folder {settings.data_dir} cannot be used: {error.strerror}.",
            hint="Set MAESTRO_DATA_DIR to a folder that this account may write to.",
        ) from error
