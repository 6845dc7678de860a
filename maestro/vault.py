"""The vault: secrets at rest, each under a key of its own, which a master key wraps (envelope encryption)."""

import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from maestro.errors import DamagedSecret, MasterKeyMissing

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_FINGERPRINT: Final = b"maestro vault: master key"
_WRAPPING: Final = b"maestro vault: data key of "
_SEALING: Final = b"maestro vault: secret of "


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted secret as it is stored: `key_id` names the master key that wraps the key of the ciphertext."""

    key_id: str
    wrapped_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


class MasterKeys:
    """Master keys by their ids: the first one wraps, the others only open what was wrapped by them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def __repr__(self) -> str:
        return f"<MasterKeys {', '.join(self._keys)}>"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, that of the current one first."""
        return tuple(self._keys)

    @property
    def current(self) -> str:
        """The id of the key that wraps."""
        return self.ids[0]

    def cipher(self, key_id: str) -> AESGCM:
        """Return the cipher of a key; MasterKeyMissing."""
        return AESGCM(self._known(key_id))

    def derived(self, key_id: str, purpose: bytes) -> bytes:
        """Return the key of 32 bytes that a master key gives for a purpose (HKDF-SHA256, RFC 5869); MasterKeyMissing.

        It is always the same, and tells nothing of the master key, nor of the keys for other purposes.
        """
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(self._known(key_id))

    def _known(self, key_id: str) -> bytes:
        if key_id not in self._keys:
            raise MasterKeyMissing(
                f"The master key {key_id}, which opens this secret, is not there.",
                hint="Add it to MAESTRO_MASTER_KEY or to the file master.key, after the current one; "
                "`python -m app secrets status` lists the keys that are in use.",
            )
        return self._keys[key_id]


class Vault:
    """Seals and opens secrets with the master keys that `load` returns.

    They are loaded for every use: a server that runs while they are changed never wraps by a key that is to be dropped.
    What a secret belongs to is part of what is sealed, so one that was moved to another place does not open there.
    """

    def __init__(self, load: Callable[[], MasterKeys]) -> None:
        self._load = load

    def __repr__(self) -> str:
        return "<Vault>"

    @property
    def keys(self) -> MasterKeys:
        """The master keys as they are now."""
        return self._load()

    def seal(self, plain: bytes, *, belongs_to: str) -> Sealed:
        """Encrypt a secret under a fresh key, wrapped by the current master key."""
        data_key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        ciphertext = _encrypt(AESGCM(data_key), plain, _SEALING + belongs_to.encode())
        return self._wrap(data_key, ciphertext, belongs_to)

    def open(self, sealed: Sealed, *, belongs_to: str) -> bytes:
        """Decrypt a secret; MasterKeyMissing, DamagedSecret when it was changed or belongs to something else."""
        data_key = AESGCM(self._unwrap(sealed, belongs_to))
        return _decrypt(data_key, sealed.ciphertext, _SEALING + belongs_to.encode())

    def rewrap(self, sealed: Sealed, *, belongs_to: str) -> Sealed:
        """Wrap the key of a secret by the current master key; the ciphertext stays what it is. Errors as of `open`."""
        return self._wrap(self._unwrap(sealed, belongs_to), sealed.ciphertext, belongs_to)

    def _wrap(self, data_key: bytes, ciphertext: bytes, belongs_to: str) -> Sealed:
        keys = self.keys
        wrapped = _encrypt(keys.cipher(keys.current), data_key, _WRAPPING + belongs_to.encode())
        return Sealed(keys.current, wrapped, ciphertext)

    def _unwrap(self, sealed: Sealed, belongs_to: str) -> bytes:
        return _decrypt(self.keys.cipher(sealed.key_id), sealed.wrapped_key, _WRAPPING + belongs_to.encode())


def new_master_key() -> bytes:
    """Make a master key."""
    return AESGCM.generate_key(bit_length=8 * KEY_BYTES)


def key_id(key: bytes) -> str:
    """Return the name of a master key: a fingerprint that tells nothing of the key."""
    return hmac.digest(key, _FINGERPRINT, "sha256")[:8].hex()


def _encrypt(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    # A random nonce repeats by chance after some 2^32 uses of a key: a data key has one, a master key one a secret.
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def _decrypt(cipher: AESGCM, stored: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise DamagedSecret(
            "This secret does not open: it was changed, or it was written for something else.",
            hint="Set it again, or bring its row back from a backup.",
        ) from None
