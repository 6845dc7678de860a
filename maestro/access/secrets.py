"""Random secrets that are shown once: what is stored of each is a hash."""

import hashlib
import secrets
from typing import Final

KEY_PREFIX: Final = "mst_"
SHOWN: Final = 12
"""So many characters of a key are kept, so that people can tell their keys apart."""


def new_key() -> str:
    """Make an API key."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_token() -> str:
    """Make the token of a link or a session."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret, and looked up by an index: the time that takes tells nothing of it.

    A random secret of 256 bits needs no slow hash: there is nothing to guess.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
