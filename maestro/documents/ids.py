"""Ids of documents: the SHA-256 of the text, or what a generator made in its place."""

import hashlib
import re
from typing import Final

from maestro.storable import UNSTORABLE

PREFIX: Final = "sha256:"
"""What the specification's appendix on persisted documents, and some generators, put in front of a hash."""
LONGEST: Final = 256
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def sha256_of(text: str) -> str:
    """Return the hash by which a document is known."""
    # What UTF-8 cannot hold, a lone surrogate, is no GraphQL either; it must not break the hashing.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def plain(id_: str) -> str:
    """Return an id without the prefix: it is found with and without."""
    return id_.removeprefix(PREFIX)


def is_sha256(id_: str) -> bool:
    """Say whether an id has the form of a SHA-256 in hex."""
    return _SHA256.fullmatch(id_) is not None


def is_possible(id_: str) -> bool:
    """Say whether a document can be stored under an id at all."""
    return 0 < len(id_) <= LONGEST and UNSTORABLE.search(id_) is None
