"""Objects of S3 as the library is told of them: their names, their parts, and the checksums of what is sent."""

import base64
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

from connectors.stores.s3.errors import Advice, translated
from maestro.errors import Transient

MEBIBYTE: Final = 1024 * 1024
PART: Final = 8 * MEBIBYTE
"""Least bytes of a part, and most of a file that is sent at once."""
MOST_PARTS: Final = 10_000
AT_ONCE: Final = 4
"""So many parts of one object are on their way at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An object, or one version of it: the client of the library, the bucket, and the key within it."""

    client: Any
    bucket: str
    key: str
    advice: Advice
    version_id: str | None = None
    direct: Any = None
    """The quicker way to the bytes of the object, where there is one."""

    @property
    def names(self) -> dict[str, str]:
        """The object as arguments of the library, and as the source of a copy."""
        version = {} if self.version_id is None else {"VersionId": self.version_id}
        return {"Bucket": self.bucket, "Key": self.key, **version}

    def asking(self) -> AbstractContextManager[None]:
        """Turn what the library raises during a block into errors of ours, which name the object."""
        return translated(self.key, self.advice)


def part_size(size: int) -> int:
    """Return the bytes of a part, so that no file has too many of them."""
    return max(PART, -(-size // MOST_PARTS // MEBIBYTE) * MEBIBYTE)


def checksum(digest: bytes) -> str:
    """Return a digest as the headers of S3 have it."""
    return base64.b64encode(digest).decode()


def verify(made: dict[str, Any], expected: str, key: str) -> None:
    """Compare the checksum that the server has computed with ours; some servers compute none. Transient."""
    if made.get("ChecksumSHA256") not in (None, expected):
        raise Transient(f"What has arrived in the store for {key} is not what was sent.")
