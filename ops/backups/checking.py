"""Whether all that a manifest names is in the store, and still what it was."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connectors.stores import ObjectStore, digest_of
from maestro.crowd import for_each
from maestro.errors import BackupRefused, NotFound
from maestro.progress import Progress, counted, untold
from maestro.threads import Told
from maestro.vault import MasterKeys
from ops.backups.age import sealed_size
from ops.backups.manifest import BlobEntry, FileEntry, Manifest
from ops.backups.places import BLOBS, file_of, folder_of
from ops.backups.refusals import Refusal, refused
from ops.backups.sealing import open_stream

AT_ONCE: Final = 4
"""So many objects are read at a time."""
HEADER: Final = 16 * 1024
"""The header of an encrypted file ends within so many bytes, were it for a hundred recipients."""
NAMED: Final = 20
"""So many of the objects that are not in order are named."""


class Depth(StrEnum):
    """How closely is looked."""

    SIZES = "SIZES"
    DIGESTS = "DIGESTS"


class Fault(StrEnum):
    """What is wrong with an object."""

    MISSING = "MISSING"
    SHORT = "SHORT"
    LONG = "LONG"
    CHANGED = "CHANGED"
    WRONG_KEY = "WRONG_KEY"


REASONS: Final = {
    Fault.MISSING: Refusal.TRUNCATED,
    Fault.SHORT: Refusal.TRUNCATED,
    Fault.LONG: Refusal.CORRUPT,
    Fault.CHANGED: Refusal.CORRUPT,
    Fault.WRONG_KEY: Refusal.WRONG_KEY,
}
MESSAGES: Final = {
    Refusal.TRUNCATED: "Of {total} objects of the backup {count} are gone or cut off.",
    Refusal.CORRUPT: "Of {total} objects of the backup {count} are not what they were.",
    Refusal.WRONG_KEY: "Of {total} objects of the backup {count} are encrypted for keys that are not there.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in order: how many objects, and the bytes that they have in the store."""

    objects: int
    size_bytes: int


Entries = dict[str, FileEntry | BlobEntry]


async def check_files(
    manifest: Manifest, store: ObjectStore, *, keys: MasterKeys, depth: Depth = Depth.SIZES, progress: Progress = untold
) -> Checked:
    """Look whether every file and blob of a backup is there in its size, and with DIGESTS read each of them to its end.

    Blobs that are encrypted are then opened: their plain bytes are known by a digest. BackupRefused: TRUNCATED for what
    is missing or short, CORRUPT for what is long or changed, WRONG_KEY; `objects` in its details names the first ones.
    """
    entries: Entries = {file_of(manifest.backup_id, file.path): file for file in manifest.files}
    entries |= {blob.key: blob for blob in manifest.blobs}
    progress("Looking for the files of the backup", 0, len(entries), unit="files")
    faults = await _misfits(manifest, store, entries)
    if depth is Depth.DIGESTS and not faults:
        faults = await _changed(store, entries, keys=keys, progress=progress)
    if faults:
        _refuse(faults, len(entries))
    progress("Looking for the files of the backup", len(entries), len(entries), unit="files")
    return Checked(len(entries), sum(map(_stored_size, entries.values())))


def _refuse(faults: dict[str, Fault], total: int) -> None:
    reason = next(one for one in MESSAGES if any(REASONS[fault] is one for fault in faults.values()))
    named = [{"key": key, "fault": fault.value} for key, fault in sorted(faults.items())[:NAMED]]
    raise refused(reason, MESSAGES[reason].format(total=total, count=len(faults)), objects=named)


async def _misfits(manifest: Manifest, store: ObjectStore, entries: Entries) -> dict[str, Fault]:
    faults = dict.fromkeys(entries, Fault.MISSING)
    for prefix in [folder_of(manifest.backup_id)] + [BLOBS] * bool(manifest.blobs):
        async for page in store.list(prefix):
            for found in page:
                if found.key not in faults:
                    continue
                wanted = await _wanted_size(store, entries[found.key], found.size)
                if found.size == wanted:
                    del faults[found.key]
                else:
                    faults[found.key] = Fault.SHORT if found.size < wanted else Fault.LONG
    return faults


async def _wanted_size(store: ObjectStore, entry: FileEntry | BlobEntry, found: int) -> int:
    """Return how many bytes an object has to have; an encrypted blob that was stored anew may differ by its header."""
    wanted = _stored_size(entry)
    if found == wanted or isinstance(entry, FileEntry) or not entry.is_encrypted:
        return wanted
    beginning = b"".join([part async for part in store.get(entry.key, end=HEADER)])
    return sealed_size(beginning, entry.size) or wanted


async def _changed(store: ObjectStore, entries: Entries, *, keys: MasterKeys, progress: Progress) -> dict[str, Fault]:
    faults: dict[str, Fault] = {}
    told = counted(progress, "Reading the files of the backup", sum(map(_stored_size, entries.values())))

    async def look(key: str) -> None:
        if (fault := await _fault(store, key, entries[key], keys=keys, told=told)) is not None:
            faults[key] = fault

    await for_each(entries, look, at_once=AT_ONCE)
    return faults


async def _fault(
    store: ObjectStore, key: str, entry: FileEntry | BlobEntry, *, keys: MasterKeys, told: Told
) -> Fault | None:
    try:
        if isinstance(entry, BlobEntry) and entry.is_encrypted:
            opened = await open_stream(store.get(key), keys, told=told)
            found = opened.plain_sha256, opened.plain_size
            return None if found == (entry.sha256, entry.size) else Fault.CHANGED
        found = await digest_of(store, key, told=told)
    except NotFound:
        return Fault.MISSING
    except BackupRefused as error:
        return Fault.WRONG_KEY if error.details["reason"] == Refusal.WRONG_KEY else Fault.CHANGED
    return None if found == (entry.sha256, _stored_size(entry)) else Fault.CHANGED


def _stored_size(entry: FileEntry | BlobEntry) -> int:
    return entry.stored_size if isinstance(entry, BlobEntry) else entry.size
