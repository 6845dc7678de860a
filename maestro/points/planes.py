"""Compresses a column of 64-bit words whose differences are small or look alike.

The residuals of a transform (differences for integers, XOR with the value before for bit patterns) are turned into byte
planes: all the lowest bytes, then all the second lowest, and so on up to the highest that is used. A plane is deflated
unless that makes it no smaller, which is how the noise of a mantissa stays raw and costs nothing to read.
All functions that read take the bytes from where the column starts and give back what follows it.
"""

import struct
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_INTEGERS: Final = struct.Struct("<qq")
_BITS: Final = struct.Struct("<Q")
_WORD_BYTES: Final = 8
_NO_PLANES: Final = b"\0"
"""What a column without residuals packs to; series of one point are common enough to be worth a short cut."""
_LEVEL: Final = 1
_CHANCE: Final = 1.05 / 256


def pack_integers(integers: npt.NDArray[np.int64]) -> bytes:
    """Differences above the smallest one: an evenly spaced column takes 17 bytes whatever its length."""
    if len(integers) == 1:
        return _INTEGERS.pack(int(integers[0]), 0) + _NO_PLANES
    gaps = np.diff(integers)
    base = int(gaps.min())
    return _INTEGERS.pack(int(integers[0]), base) + _pack_planes((gaps - base).view(np.uint64))


def unpack_integers(data: memoryview, n: int) -> tuple[npt.NDArray[np.int64], memoryview]:
    """Read `n` integers back, and return what comes after them."""
    first, base = _INTEGERS.unpack_from(data)
    residuals, rest = _unpack_planes(data[_INTEGERS.size :], n - 1)
    integers = np.empty(n, np.int64)
    integers[0] = first
    integers[1:] = residuals.view(np.int64)
    integers[1:] += base
    # Sums wrap round exactly where the differences did.
    return np.cumsum(integers, out=integers), rest


def pack_bits(words: Words) -> bytes:
    """Every word XOR the one before."""
    return _BITS.pack(int(words[0])) + _pack_planes(words[1:] ^ words[:-1])


def unpack_bits(data: memoryview, n: int) -> tuple[Words, memoryview]:
    """Read `n` words back, and return what comes after them."""
    residuals, rest = _unpack_planes(data[_BITS.size :], n - 1)
    words = np.empty(n, np.uint64)
    words[0] = _BITS.unpack_from(data)[0]
    words[1:] = residuals
    return np.bitwise_xor.accumulate(words, out=words), rest


def _pack_planes(words: Words) -> bytes:
    highest = int(np.bitwise_or.reduce(words))
    width = (highest.bit_length() + 7) // 8
    planes = words.astype("<u8", copy=False).view(np.uint8).reshape(-1, _WORD_BYTES)[:, :width].T
    packed = [_deflated(plane) for plane in planes]
    return bytes([width]) + struct.pack(f"<{width}H", *map(len, packed)) + b"".join(packed)


def _unpack_planes(data: memoryview, n: int) -> tuple[Words, memoryview]:
    width = data[0]
    lengths = struct.unpack_from(f"<{width}H", data, 1)
    data = data[1 + 2 * width :]
    words = np.zeros((n, _WORD_BYTES), np.uint8)
    for place, length in enumerate(lengths):
        plane = data[:length] if length == n else zlib.decompress(data[:length], -zlib.MAX_WBITS, n)
        words[:, place] = np.frombuffer(plane, np.uint8)
        data = data[length:]
    return words.reshape(-1).view("<u8"), data


def _deflated(plane: npt.NDArray[np.uint8]) -> bytes:
    raw = plane.tobytes()
    if _is_noise(plane):
        return raw
    squeezed = zlib.compress(raw, _LEVEL, -zlib.MAX_WBITS)
    return squeezed if len(squeezed) < len(raw) else raw


def _is_noise(plane: npt.NDArray[np.uint8]) -> bool:
    """Whether equal bytes meet hardly more often than by chance: deflating takes most of the time, and here in vain."""
    counts = np.bincount(plane)
    pairs = int((counts * counts).sum()) - len(plane)
    return pairs < _CHANCE * len(plane) ** 2
