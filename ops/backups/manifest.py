"""What a backup is: its manifest, signed under the master key, and read again without believing it."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from connectors.stores import checked_key
from maestro.db.tables.enums import BackupKind
from maestro.errors import InvalidInput
from maestro.vault import MasterKeys
from ops.backups.refusals import Refusal, refused

FORMAT: Final = "maestro backup"
VERSION: Final = 1
"""Of the format of manifests; it counts up when an older server could not read, or would misread, what is written."""
SIGNATURE_PURPOSE: Final = b"maestro backup signature"
LARGEST: Final = 256 * 1024 * 1024
"""Most bytes of a manifest."""


def _key(value: str) -> str:
    """Refuse what would lead out of the store, or of the folder into which it is taken."""
    try:
        return checked_key(value)
    except InvalidInput as error:
        raise ValueError(error.message) from None


Key = Annotated[str, AfterValidator(_key)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
_SHAPE: Final = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """The database that was backed up, by what has to be the same in a database for it."""

    name: str
    encoding: str
    collation: str
    ctype: str
    locale_provider: str
    size_bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """A table's number of rows, and the checksum of their content, whatever their order."""

    rows: Count
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A file of the backup, by its path in it: the size and digest of the stored bytes, and of the plain ones.

    The plain ones are None where nothing is encrypted: they are the same.
    """

    path: Key
    size: Count
    sha256: Sha256
    plain_size: Count | None = None
    plain_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobEntry:
    """A file of artifacts: its key in the store, digest and size of its plain bytes, and whose it is.

    `stored_size` differs from `size` when it is encrypted; `organizations` are ids in hexadecimal.
    """

    key: Key
    sha256: Sha256
    size: Count
    stored_size: Count
    organizations: tuple[str, ...]

    @property
    def is_encrypted(self) -> bool:
        """Whether the stored bytes are not the plain ones."""
        return self.key.endswith(".age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """For whom the files are encrypted, in the format of age; `key_id` names the master key of the first recipient."""

    key_id: str
    recipients: tuple[str, ...]
    method: str = "age"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is to be known of a backup before any of it is used.

    `created_at` is the moment whose data it holds, `key_id` the master key under which it is signed. `tools` are the
    versions of the programs that made it, `details` what else they want to find again: plain JSON without fractions.
    """

    backup_id: UUID
    kind: BackupKind
    created_at: datetime
    label: str
    key_id: str
    app_version: str
    server_version: str
    tools: Mapping[str, str]
    schema_revision: str
    database: DatabaseState
    tables: Mapping[str, TableState]
    sequences: Mapping[str, int]
    files: tuple[FileEntry, ...]
    blobs: tuple[BlobEntry, ...] = ()
    encryption: Encryption | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The bytes of its own files; blobs are shared with other backups."""
        return sum(file.size for file in self.files)

    @property
    def blob_bytes(self) -> int:
        """The stored bytes of the blobs that it needs."""
        return sum(blob.stored_size for blob in self.blobs)


_MANIFEST: Final = TypeAdapter(Manifest)


def written(manifest: Manifest, keys: MasterKeys) -> bytes:
    """Return a manifest as it is stored: JSON in one form only, with its signature; MasterKeyMissing."""
    content = plain(manifest)
    return _encoded({**content, "signature": _signature(content, keys, manifest.key_id)})


def plain(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as JSON values, without its signature."""
    content: dict[str, Any] = _MANIFEST.dump_python(manifest, mode="json")
    return {"format": FORMAT, "version": VERSION, **content}


def read_manifest(content: bytes, keys: MasterKeys, *, accept_foreign: bool = False) -> Manifest:
    """Return the manifest that is stored as `content`, when nobody but this installation can have written it.

    BackupRefused with the reason CORRUPT for what was changed or is none, INCOMPLETE for what is cut off,
    FUTURE_VERSION for what a later version wrote, FOREIGN for what is signed under a master key that is not there.
    With `accept_foreign` such a one is read nevertheless: for somebody who has lost the key, and knows where the backup
    comes from. It must be in the right form, but nothing shows then who wrote it.
    """
    found = _decoded(content)
    if found.get("format") != FORMAT:
        raise refused(Refusal.CORRUPT, "This is no manifest of a backup.")
    version = found.get("version")
    if isinstance(version, int) and version > VERSION:
        raise refused(
            Refusal.FUTURE_VERSION,
            f"The backup was made by a later version: its format is {version}, this server knows up to {VERSION}.",
            version=version,
        )
    signature, key_id = found.pop("signature", None), found.get("key_id")
    if not isinstance(key_id, str) or not isinstance(signature, str):
        raise refused(Refusal.CORRUPT, "The manifest of the backup is not signed.")
    if key_id in keys.ids:
        if not hmac.compare_digest(signature.encode(), _signature(found, keys, key_id).encode()):
            raise refused(Refusal.CORRUPT, "The manifest of the backup was changed: its signature does not fit.")
    elif not accept_foreign:
        raise refused(
            Refusal.FOREIGN,
            "The backup was made by another installation, or under a master key that is not there.",
            keyId=key_id[:64],
        )
    return _manifest(found, content, signature)


def _manifest(found: dict[str, Any], content: bytes, signature: str) -> Manifest:
    """Check the form of what is signed, or of a stranger's: nothing is left out, and there is no more than we know."""
    try:
        given = {name: value for name, value in found.items() if name not in ("format", "version")}
        manifest = _MANIFEST.validate_json(orjson.dumps(given), strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise refused(Refusal.CORRUPT, f"The manifest of the backup is not in order: {where[:200]}.") from None
    named = [file.path for file in manifest.files] + [blob.key for blob in manifest.blobs]
    if len(set(named)) != len(named):
        raise refused(Refusal.CORRUPT, "The manifest of the backup names a file twice.")
    if _encoded({**plain(manifest), "signature": signature}) != content:
        raise refused(Refusal.CORRUPT, "The manifest of the backup was changed: it is not in its form.")
    return manifest


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        if content.startswith(b"{") and not content.endswith(b"\n}\n"):
            raise refused(Refusal.INCOMPLETE, "The manifest of the backup is cut off.") from None
        raise refused(Refusal.CORRUPT, "The manifest of the backup was changed: it is no JSON.") from None
    if not isinstance(found, dict):
        raise refused(Refusal.CORRUPT, "This is no manifest of a backup.")
    return found


def _encoded(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=_SHAPE)


def _signature(content: dict[str, Any], keys: MasterKeys, key_id: str) -> str:
    return hmac.digest(keys.derived(key_id, SIGNATURE_PURPOSE), _encoded(content), "sha256").hex()
