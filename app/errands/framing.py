"""What the server and the process that runs its errands send each other: JSON behind its length, on a socket.

The server begins with `{url, settings}`, then sends `{id, kind, arguments, timeout_s}` for each errand, and `{id}`
alone to have one stopped. What comes back is `{id, answer}` or `{id, failure}`; nothing for one that was stopped.
"""

import asyncio
import struct
from typing import Any, Final

import orjson

LARGEST: Final = 64 * 1024**2
"""Most bytes of a message."""
_LENGTH: Final = struct.Struct(">I")


class TooLargeError(ValueError):
    """A message is longer than one may be."""


def frame(message: Any) -> bytes:
    """Return a message as it is sent; TooLargeError."""
    content = orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS)
    if len(content) > LARGEST:
        raise TooLargeError(f"a message of {len(content):,} bytes")
    return _LENGTH.pack(len(content)) + content


async def received(reader: asyncio.StreamReader) -> Any:
    """Return the next message, None when there is none because the other process has ended."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return orjson.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
