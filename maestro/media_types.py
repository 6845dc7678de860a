"""What files are, by their names."""

import mimetypes
from typing import Final

ANY_BYTES: Final = "application/octet-stream"
_KNOWN: Final = mimetypes.MimeTypes()
"""Python's own table: what an operating system adds to it would differ from server to server."""


def guessed(path: str) -> str:
    """Return the media type that a path's ending tells; that of any bytes where it tells none, or a packed file."""
    media_type, encoding = _KNOWN.guess_type(f"file:{path}")
    return ANY_BYTES if media_type is None or encoding is not None else media_type
