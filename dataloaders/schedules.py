"""Loaders of the schedules of jobs."""

from sqlalchemy import literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import JobSchedule
from maestro.db.tables.enums import JobKind
from maestro.filters import ValueType
from maestro.ids import Kind

SCHEDULES = Catalogue(
    table=JobSchedule,
    document=literal_column("to_tsvector('simple', job_schedule.name)"),
    fields={
        "id": Listed(ValueType.ID, "The schedule's id.", JobSchedule.id, kind=Kind.JobSchedule),
        "name": Listed(ValueType.STRING, "Its name.", JobSchedule.name),
        "kind": Listed(ValueType.ENUM, "What its jobs do.", JobSchedule.kind, values=tuple(JobKind)),
        "isPaused": Listed(ValueType.BOOLEAN, "Whether it is paused.", JobSchedule.is_paused),
        "nextRunAt": Listed(ValueType.DATETIME, "When it begins next.", JobSchedule.next_run_at, is_nullable=True),
        "lastRunAt": Listed(ValueType.DATETIME, "When it began last.", JobSchedule.last_run_at, is_nullable=True),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", JobSchedule.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", JobSchedule.updated_at),
    },
)


class JobScheduleById(ById):
    """Schedules by their id."""

    needs = Permission.JOB_READ
    table = JobSchedule


class JobSchedules(ListLoader):
    """The organisation's schedules."""

    needs = Permission.JOB_READ
    catalogue = SCHEDULES
