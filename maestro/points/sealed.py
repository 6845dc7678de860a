"""Bytes at rest: a checksum in front of what a codec wrote, checked before anything is read."""

import zlib
from enum import IntEnum
from typing import Final

from maestro.points.errors import DamagedBlock, UnknownCodec

CODEC: Final = 1
"""The format written today; it is stored beside the bytes, so that a later one can be told apart."""

_CRC_BYTES: Final = 4


class Content(IntEnum):
    """What is sealed; it seeds the checksum, so that one can never be read as the other."""

    POINTS = 1
    BINS = 2


def seal(content: Content, payload: bytes) -> bytes:
    """Put a checksum before a payload, started with what kind of content it is."""
    return zlib.crc32(payload, content).to_bytes(_CRC_BYTES, "little") + payload


def unseal(content: Content, codec: int, data: bytes) -> memoryview:
    """Raise UnknownCodec for a format of another version, DamagedBlock when these bytes are not what was sealed."""
    if codec != CODEC:
        raise UnknownCodec(f"blocks of codec {codec} cannot be read, only of codec {CODEC}", codec=codec)
    payload = memoryview(data)[_CRC_BYTES:]
    if not payload or zlib.crc32(payload, content) != int.from_bytes(data[:_CRC_BYTES], "little"):
        raise DamagedBlock(f"a block of {len(data)} bytes does not have the checksum it was written with")
    return payload
