"""Loaders of backups and restores."""

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Backup, Restore
from maestro.db.tables.enums import BackupKind, JobState
from maestro.filters import ValueType
from maestro.ids import Kind

BACKUPS = Catalogue(
    table=Backup,
    document=literal_column(
        "to_tsvector('simple', backup.label || ' ' || backup.kind || ' ' || coalesce(backup.location, ''))"
    ),
    fields={
        "id": Listed(ValueType.ID, "The backup's id.", Backup.id, kind=Kind.Backup),
        "kind": Listed(ValueType.ENUM, "How it was made.", Backup.kind, values=tuple(BackupKind)),
        "label": Listed(ValueType.STRING, "What somebody calls it.", Backup.label),
        "state": Listed(ValueType.ENUM, "How its making went.", Backup.state, values=tuple(JobState)),
        "isVerified": Listed(ValueType.BOOLEAN, "Whether it was proved good.", Backup.verified_at.is_not(None)),
        "isEncrypted": Listed(ValueType.BOOLEAN, "Whether it is encrypted.", Backup.is_encrypted),
        "isProtected": Listed(ValueType.BOOLEAN, "Whether no rule removes it.", Backup.is_protected),
        "isRemoved": Listed(ValueType.BOOLEAN, "Whether its files are gone.", Backup.removed_at.is_not(None)),
        "sizeBytes": Listed(ValueType.INTEGER, "Its size in bytes.", Backup.size_bytes, is_nullable=True),
        "createdAt": Listed(ValueType.DATETIME, "When it was asked for.", Backup.created_at),
        "endedAt": Listed(ValueType.DATETIME, "When its making ended.", Backup.ended_at, is_nullable=True),
        "verifiedAt": Listed(ValueType.DATETIME, "When it was proved good.", Backup.verified_at, is_nullable=True),
        "expiresAt": Listed(ValueType.DATETIME, "When it may be removed.", Backup.expires_at, is_nullable=True),
        "removedAt": Listed(ValueType.DATETIME, "When its files were removed.", Backup.removed_at, is_nullable=True),
    },
)

RESTORES = Catalogue(
    table=Restore,
    document=literal_column("to_tsvector('simple', coalesce(restore.kept_database, ''))"),
    fields={
        "id": Listed(ValueType.ID, "The restore's id.", Restore.id, kind=Kind.Restore),
        "backup": Listed(
            ValueType.ID, "The backup that it returns to.", Restore.backup_id, is_nullable=True, kind=Kind.Backup
        ),
        "state": Listed(ValueType.ENUM, "How it went.", Restore.state, values=tuple(JobState)),
        "isDryRun": Listed(ValueType.BOOLEAN, "Whether it changed nothing.", Restore.is_dry_run),
        "targetTime": Listed(
            ValueType.DATETIME, "The moment that it returns to.", Restore.target_time, is_nullable=True
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was asked for.", Restore.created_at),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", Restore.ended_at, is_nullable=True),
        "keptUntil": Listed(
            ValueType.DATETIME, "How long the replaced data is kept.", Restore.kept_until, is_nullable=True
        ),
        "rolledBackAt": Listed(ValueType.DATETIME, "When it was undone.", Restore.rolled_back_at, is_nullable=True),
    },
)


class BackupById(ById):
    """Backups by their id."""

    needs = Permission.JOB_READ
    table = Backup


class Backups(ListLoader):
    """The organisation's backups."""

    needs = Permission.JOB_READ
    catalogue = BACKUPS


class RestoreById(ById):
    """Restores by their id."""

    needs = Permission.JOB_READ
    table = Restore


class Restores(ListLoader):
    """The organisation's restores."""

    needs = Permission.JOB_READ
    catalogue = RESTORES


class RestoresByBackup(ListLoader):
    """The restores of a backup."""

    needs = Permission.JOB_READ
    catalogue = RESTORES
    scope = "backup_id"
