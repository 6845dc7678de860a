"""Files in the format of age (age-encryption.org/v1), streamed through threads, and the keys for it."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final

import pyrage

from connectors.stores import CHUNK
from maestro.errors import MaestroError, StartupError
from maestro.threads import GivenUpError, Told
from ops.backups.refusals import Refusal, refused

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
TOLD: Final = (OSError, MaestroError, GivenUpError)
"""What goes wrong with the bytes on their way; age may make an OSError of it, and of what it finds itself."""
_NO_KEY: Final = "No matching keys found"
"""What pyrage says when a file is for others."""


class Source:
    """What age reads from: pieces of `pull` up to an empty one; counts and digests them, and tells of them."""

    def __init__(self, pull: Callable[[], bytes], told: Told) -> None:
        self._pull = pull
        self._told = told
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has been read so far."""
        return self._hash.hexdigest()

    def read(self, most: int) -> bytes:
        """Return up to so many bytes, none at the end."""
        if not self._rest:
            self._rest = memoryview(self._next())
        part, self._rest = self._rest[:most], self._rest[most:]
        return bytes(part)

    def finish(self) -> None:
        """Read what age has left over."""
        while self._next():
            pass

    def _next(self) -> bytes:
        try:
            content = self._pull()
            self._told(len(content))
        except TOLD as error:
            self.error = error
            raise
        self._hash.update(content)
        self.size += len(content)
        return content


class Sink:
    """What age writes to: larger pieces for `put`, counted and digested."""

    def __init__(self, put: Callable[[bytes], object]) -> None:
        self._put = put
        self._pending = bytearray()
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of what has been written, once it is flushed."""
        return self._hash.hexdigest()

    def write(self, content: bytes) -> int:
        """Take some bytes."""
        self._pending += content
        if len(self._pending) >= CHUNK:
            self.flush()
        return len(content)

    def flush(self) -> None:
        """Hand on what is pending."""
        content = bytes(self._pending)
        self._pending.clear()
        self._hash.update(content)
        self.size += len(content)
        try:
            self._put(content)
        except TOLD as error:
            self.error = error
            raise


def identity_of(secret: bytes) -> str:
    """Return a secret of 32 bytes as an identity of age, `AGE-SECRET-KEY-1…`: Bech32 (BIP 173) without a length."""
    return _bech32("age-secret-key-", secret).upper()


def recipient_of(identity: str) -> str:
    """Return the public key, `age1…`, for which what is encrypted is opened by an identity."""
    return str(pyrage.x25519.Identity.from_str(identity).to_public())


def checked_recipient(text: str) -> str:
    """Return a public key of age; StartupError for what is none."""
    try:
        return str(pyrage.x25519.Recipient.from_str(text))
    except pyrage.RecipientError:
        raise StartupError(
            f"{text[:80]!r} is no recipient of backups.",
            hint="MAESTRO_BACKUP_RECIPIENTS lists public keys of age, which look like age1… and have 62 characters.",
        ) from None


def encrypt(source: Source, sink: Sink, recipients: Sequence[str]) -> None:
    """Encrypt for some recipients; what goes wrong with the bytes is raised as it is."""
    keys = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    try:
        pyrage.encrypt_io(source, sink, keys)
        sink.flush()
    except (pyrage.EncryptError, *TOLD):
        _raise_told(source, sink)
        raise


def decrypt(source: Source, sink: Sink, identities: Sequence[str]) -> None:
    """Decrypt by any of some identities; BackupRefused: WRONG_KEY when none of them opens it, CORRUPT.

    What was decrypted before the fault was met has been given to the sink.
    """
    keys = [pyrage.x25519.Identity.from_str(one) for one in identities]
    try:
        pyrage.decrypt_io(source, sink, keys)
        sink.flush()
        source.finish()
    except (pyrage.DecryptError, *TOLD) as error:
        _raise_told(source, sink)
        if _NO_KEY in str(error):
            raise refused(Refusal.WRONG_KEY, "The backup is encrypted for keys that are not there.") from None
        raise refused(Refusal.CORRUPT, "An encrypted file of the backup is damaged, or not whole.") from None


def sealed_size(beginning: bytes, plain_size: int) -> int | None:
    """Return the size of an encrypted file by its beginning and its plain size; None when that is no header of age.

    A header of the same recipients differs in length. After it come a nonce of 16 bytes, and 16 for each 64 KiB.
    """
    header = re.match(rb"age-encryption\.org/v1\n(?:(?!--- ).*\n)+--- [A-Za-z0-9+/]{43}\n", beginning)
    return None if header is None else header.end() + 16 + plain_size + 16 * max(1, -(-plain_size // 65_536))


def _raise_told(source: Source, sink: Sink) -> None:
    error = source.error or sink.error
    if error is not None:
        raise error from None


def _bech32(name: str, content: bytes) -> str:
    bits = int.from_bytes(content) << (-8 * len(content) % 5)
    groups = -(-8 * len(content) // 5)
    values = [bits >> (5 * place) & 31 for place in reversed(range(groups))]
    spread = [ord(one) >> 5 for one in name] + [0] + [ord(one) & 31 for one in name]
    check = _polymod([*spread, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [check >> (5 * place) & 31 for place in reversed(range(6))]
    return f"{name}1{''.join(_ALPHABET[value] for value in values)}"


def _polymod(values: Sequence[int]) -> int:
    found = 1
    for value in values:
        top, found = found >> 25, (found & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            found ^= term if top >> place & 1 else 0
    return found
