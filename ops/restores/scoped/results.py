"""What is asked of a scoped restore, and what it answers."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from connectors.local import LocalBlobs
from maestro.errors import MaestroError

Fetch: TypeAlias = Callable[[str], AsyncIterator[bytes]]
"""Reads the bytes with a SHA-256 from where backups are stored; NotFound."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where is copied from and to: URLs of the tables' owner, the files that live, and those of the backup."""

    source_url: str = field(repr=False)
    target_url: str = field(repr=False)
    blobs: LocalBlobs
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class OrganizationCopy:
    """An organisation of a backup, what the new one is called, and who is going to own it.

    `copy_id` names the copy, like the id of its job: the same one is never made twice. `origin` is told to the log.
    """

    organization_id: UUID
    new_slug: str
    new_name: str
    restorer_id: UUID
    copy_id: UUID = field(default_factory=uuid7)
    origin: Mapping[str, Any] = field(default_factory=dict)
    allow_missing_files: bool = False


@dataclass(frozen=True, slots=True)
class ProjectCopy:
    """A project of a backup, the organisation that it goes into, and what the new one is called there.

    Without `new_slug` the first that is free is taken: that of the original, or the same with a number.
    """

    project_id: UUID
    into_organization_id: UUID
    new_name: str
    restorer_id: UUID
    new_slug: str | None = None
    copy_id: UUID = field(default_factory=uuid7)
    origin: Mapping[str, Any] = field(default_factory=dict)
    allow_missing_files: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that were not copied, and why."""

    table: str
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Files:
    """The bytes of a copy: how many, which of them were there, were linked, came from the backup, or are nowhere."""

    files: int = 0
    bytes: int = 0
    present: int = 0
    linked: int = 0
    fetched: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy is, or would be.

    `rows` and `checksums` are by table; `cut` counts, by table and column, references to what the copy does not have,
    which are empty in it. `conflicts` are the reasons for which it was not made; a real copy raises the first of them.
    `was_there` says that this very copy had been made before.
    """

    organization_id: UUID
    project_id: UUID | None
    name: str
    slug: str
    is_dry_run: bool
    rows: Mapping[str, int]
    checksums: Mapping[str, str]
    cut: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    files: Files
    renamed: tuple[str, ...] = ()
    """Connectors that have another name in the copy, with its slug behind: the organisation has one of that name."""
    conflicts: tuple[MaestroError, ...] = ()
    was_there: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The same as plain JSON, for the result of a job."""
        return {
            "organizationId": str(self.organization_id),
            "projectId": None if self.project_id is None else str(self.project_id),
            "name": self.name,
            "slug": self.slug,
            "isDryRun": self.is_dry_run,
            "rows": dict(self.rows),
            "checksums": dict(self.checksums),
            "cut": dict(self.cut),
            "leftOut": [{"table": one.table, "rows": one.rows, "reason": one.reason} for one in self.left_out],
            "files": {
                "files": self.files.files,
                "bytes": self.files.bytes,
                "present": self.files.present,
                "linked": self.files.linked,
                "fetched": self.files.fetched,
                "missing": list(self.files.missing),
            },
            "renamed": list(self.renamed),
            "conflicts": [{"message": one.message, **one.extensions} for one in self.conflicts],
            "wasThere": self.was_there,
        }
