"""Encryption of backups: for whom they are encrypted, by which keys they open, and files and streams on their way."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.stores import CHUNK, Draft
from maestro.settings import Settings
from maestro.threads import Told, in_thread, untold
from maestro.vault import MasterKeys
from ops.backups import age
from ops.backups.manifest import Encryption

PURPOSE: Final = b"maestro backup encryption"
ENDING: Final = ".age"


@dataclass(frozen=True, slots=True)
class Seal:
    """For whom backups are encrypted: first for the key that the master key `key_id` gives, then for the others."""

    key_id: str
    recipients: tuple[str, ...]

    @property
    def blob_ending(self) -> str:
        """What the key of a blob ends with: it differs where somebody else may open it, so that all of them can."""
        return f".{hashlib.sha256(' '.join(sorted(self.recipients)).encode()).hexdigest()[:16]}{ENDING}"

    @property
    def entry(self) -> Encryption:
        """What the manifest tells of it."""
        return Encryption(key_id=self.key_id, recipients=self.recipients)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The keys of age that a master key gives: `recipient` is public, `identity` opens backups without a server."""

    key_id: str
    recipient: str
    identity: str

    def __repr__(self) -> str:
        return f"<KeyPair {self.key_id} {self.recipient}>"


@dataclass(frozen=True, slots=True)
class Passed:
    """A file that was encrypted or decrypted: sizes in bytes and SHA-256s of what is stored and of what is plain."""

    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


def key_pairs(keys: MasterKeys) -> tuple[KeyPair, ...]:
    """Return the keys of age for each master key, those of the current one first. The identities are secret."""
    return tuple(_pair(keys, key_id) for key_id in keys.ids)


def seal_of(settings: Settings, keys: MasterKeys, *, encrypted: bool | None = None) -> Seal | None:
    """Return for whom a new backup is encrypted; None for nobody, when neither the caller nor a setting wants it.

    StartupError when the settings name a recipient that is none.
    """
    if not (settings.backup_encryption if encrypted is None else encrypted):
        return None
    others = [age.checked_recipient(text) for text in settings.backup_recipients]
    return Seal(keys.current, tuple(dict.fromkeys([_pair(keys, keys.current).recipient, *others])))


async def seal_file(source: Path, target: Path, seal: Seal, *, told: Told = untold) -> Passed:
    """Encrypt a file into another, whole or not at all, with little memory; `told` of the plain bytes."""

    def work(going_on: Told) -> Passed:
        with source.open("rb") as file, Draft.within(target.parent) as draft:
            plain, stored = age.Source(lambda: file.read(CHUNK), going_on), age.Sink(draft.append)
            age.encrypt(plain, stored, seal.recipients)
            draft.keep(target, target.parent)
            return Passed(stored.size, stored.sha256, plain.size, plain.sha256)

    return await in_thread(work, told)


async def open_file(
    source: Path, target: Path, keys: MasterKeys, *, identities: Iterable[str] = (), told: Told = untold
) -> Passed:
    """Decrypt a file into another, whole or not at all; `told` of the encrypted bytes.

    Opened by what any master key gives, or by further identities. BackupRefused: WRONG_KEY, CORRUPT.
    """

    def work(going_on: Told) -> Passed:
        with source.open("rb") as file, Draft.within(target.parent) as draft:
            stored, plain = age.Source(lambda: file.read(CHUNK), going_on), age.Sink(draft.append)
            age.decrypt(stored, plain, _identities(keys, identities))
            draft.keep(target, target.parent)
            return Passed(stored.size, stored.sha256, plain.size, plain.sha256)

    return await in_thread(work, told)


async def open_stream(
    stream: AsyncGenerator[bytes, None],
    keys: MasterKeys,
    *,
    target: Path | None = None,
    identities: Iterable[str] = (),
    told: Told = untold,
) -> Passed:
    """Decrypt what a store yields, into a file or only to look whether it is what it should be; as `open_file`."""
    loop = asyncio.get_running_loop()

    async def following() -> bytes:
        async for content in stream:
            if content:
                return content
        return b""

    def pull() -> bytes:
        return asyncio.run_coroutine_threadsafe(following(), loop).result()

    def work(going_on: Told) -> Passed:
        stored = age.Source(pull, going_on)
        if target is None:
            plain = age.Sink(len)
            age.decrypt(stored, plain, _identities(keys, identities))
        else:
            with Draft.within(target.parent) as draft:
                plain = age.Sink(draft.append)
                age.decrypt(stored, plain, _identities(keys, identities))
                draft.keep(target, target.parent)
        return Passed(stored.size, stored.sha256, plain.size, plain.sha256)

    async with aclosing(stream):
        return await in_thread(work, told)


def _pair(keys: MasterKeys, key_id: str) -> KeyPair:
    identity = age.identity_of(keys.derived(key_id, PURPOSE))
    return KeyPair(key_id, age.recipient_of(identity), identity)


def _identities(keys: MasterKeys, others: Iterable[str]) -> list[str]:
    return [*(pair.identity for pair in key_pairs(keys)), *others]
