"""Digests that tell whether two sets of files are the same."""

import hashlib
from collections.abc import Iterable
from typing import Protocol


class File(Protocol):
    """A file by its path, the SHA-256 of its bytes and their number."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


def digest_of(files: Iterable[File]) -> str:
    """Return the SHA-256 over a line `<sha256> <size in bytes> <path>` a file, each ended by LF, sorted by path."""
    lines = (f"{file.sha256} {file.size_bytes} {file.path}\n" for file in sorted(files, key=lambda file: file.path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
