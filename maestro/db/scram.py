"""What PostgreSQL keeps of a password, made here so that the password itself is in no statement and no log."""

import hashlib
import hmac
import secrets
from base64 import b64encode
from typing import Final

ITERATIONS: Final = 4096
"""PostgreSQL's own number."""


def verifier(password: str) -> str:
    """Return the SCRAM-SHA-256 verifier (RFC 5803, RFC 7677) of a password in ASCII, under a new salt."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    parts = (_text(salt), f"{_text(stored)}:{_text(_keyed(salted, b'Server Key'))}")
    return f"SCRAM-SHA-256${ITERATIONS}:{'$'.join(parts)}"


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(value: bytes) -> str:
    return b64encode(value).decode()
