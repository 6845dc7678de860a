"""Loaders of background jobs, their events, and backups."""

from sqlalchemy import BigInteger, cast, literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Backup, Job, JobEvent
from maestro.db.tables.enums import JobKind, JobState
from maestro.filters import ValueType
from maestro.ids import Kind

JOBS = Catalogue(
    table=Job,
    document=literal_column("to_tsvector('simple', coalesce(job.phase, '') || ' ' || coalesce(job.error_message, ''))"),
    fields={
        "id": Listed(ValueType.ID, "The job's id.", Job.id, kind=Kind.Job),
        "kind": Listed(ValueType.ENUM, "What it does.", Job.kind, values=tuple(JobKind)),
        "state": Listed(ValueType.ENUM, "Where it is in its life.", Job.state, values=tuple(JobState)),
        "attempt": Listed(ValueType.INTEGER, "How often it has been started.", cast(Job.attempt, BigInteger)),
        "createdAt": Listed(ValueType.DATETIME, "When it was asked for.", Job.created_at),
        "startedAt": Listed(ValueType.DATETIME, "When it was started.", Job.started_at, is_nullable=True),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", Job.ended_at, is_nullable=True),
    },
)

EVENTS = Catalogue(
    table=JobEvent,
    document=literal_column("to_tsvector('simple', job_event.message)"),
    fields={
        "level": Listed(ValueType.STRING, "How serious it is.", JobEvent.level),
        "message": Listed(ValueType.STRING, "What happened.", JobEvent.message),
        "at": Listed(ValueType.DATETIME, "When it happened.", JobEvent.at),
    },
)

BACKUPS = Catalogue(
    table=Backup,
    document=literal_column("to_tsvector('simple', backup.kind || ' ' || coalesce(backup.location, ''))"),
    fields={
        "id": Listed(ValueType.ID, "The backup's id.", Backup.id, kind=Kind.Backup),
        "kind": Listed(ValueType.STRING, "How it was made.", Backup.kind),
        "state": Listed(ValueType.ENUM, "How its making went.", Backup.state, values=tuple(JobState)),
        "sizeBytes": Listed(ValueType.INTEGER, "Its size in bytes.", Backup.size_bytes, is_nullable=True),
        "createdAt": Listed(ValueType.DATETIME, "When it was made.", Backup.created_at),
        "verifiedAt": Listed(ValueType.DATETIME, "When it was proved good.", Backup.verified_at, is_nullable=True),
        "expiresAt": Listed(ValueType.DATETIME, "When it may be removed.", Backup.expires_at, is_nullable=True),
    },
)


class JobById(ById):
    """Jobs by their id."""

    needs = Permission.JOB_READ
    table = Job


class Jobs(ListLoader):
    """The organisation's jobs."""

    needs = Permission.JOB_READ
    catalogue = JOBS


class EventsByJob(ListLoader):
    """What happened to a job."""

    needs = Permission.JOB_READ
    catalogue = EVENTS
    scope = "job_id"


class BackupById(ById):
    """Backups by their id."""

    needs = Permission.JOB_READ
    table = Backup


class Backups(ListLoader):
    """The organisation's backups."""

    needs = Permission.JOB_READ
    catalogue = BACKUPS
