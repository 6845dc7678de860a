"""Loaders of background jobs and their events."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Select, any_, cast, literal_column, select

from dataloaders.base import UUIDS, ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.job_places import shown_to
from dataloaders.lists import Listing, ListLoader
from maestro.access import Permission
from maestro.cache.tags import tags_of
from maestro.db.rows import Row
from maestro.db.tables import Job, JobEvent
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
        "schedule": Listed(
            ValueType.ID, "The schedule that began it.", Job.schedule_id, is_nullable=True, kind=Kind.JobSchedule
        ),
        "errorCode": Listed(ValueType.STRING, "The code of the error.", Job.error_code, is_nullable=True),
        "priority": Listed(ValueType.INTEGER, "Its place before others.", cast(Job.priority, BigInteger)),
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


MOST_EVENTS: Final = 500
"""So many events of a job are told at once."""
BEFORE_ALL: Final = UUID(int=0)
"""An id that comes before that of any event."""
_EVENTS_AFTER: Final = f"""
    SELECT e.*, wanted.place FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS wanted (job_id, after, place)
    CROSS JOIN LATERAL (
        SELECT * FROM job_event WHERE job_id = wanted.job_id AND id > wanted.after AND organization_id = $1
        ORDER BY id LIMIT {MOST_EVENTS}
    ) e ORDER BY wanted.place, e.id
"""  # noqa: S608 -- our own SQL, put together


class JobById(ById):
    """Jobs by their id, for members of projects without what is hidden from them."""

    needs = Permission.JOB_READ
    table = Job

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each id."""
        if self.viewer.grants.allow(Permission.JOB_READ):
            return await super().fetch(keys)
        query = select(*shown_to(self.viewer)).where(
            Job.id == any_(cast(list(keys), UUIDS)), Job.organization_id == self.organization_id
        )
        found = {row.id: row for row in await self.db.fetch(query)}
        return [found.get(key) or self.missing() for key in keys]


class Jobs(ListLoader):
    """The organisation's jobs, for members of projects those of their connectors."""

    needs = Permission.JOB_READ
    catalogue = JOBS

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Return the SELECT of a listing's rows, without what is hidden from the viewer."""
        shown = dict(zip(self.catalogue.columns, shown_to(self.viewer), strict=True))
        return super().base(conditions, listing, *(shown.get(column, column) for column in columns))


class JobsBySchedule(Jobs):
    """The jobs that a schedule began."""

    scope = "schedule_id"


class EventsByJob(ListLoader):
    """What happened to a job."""

    needs = Permission.JOB_READ
    catalogue = EVENTS
    scope = "job_id"


class EventsAfter(Loader[tuple[UUID, UUID], list[Row]]):
    """What happened to a job after an event of it, by their ids, in the order in which it happened; at most 500."""

    needs = Permission.JOB_READ
    reads = tags_of(JobEvent)

    async def fetch(self, keys: Sequence[tuple[UUID, UUID]]) -> list[list[Row] | Exception]:
        """Return the events after each."""
        jobs, after = [job for job, _ in keys], [event for _, event in keys]
        rows = await self.db.fetch_sql(_EVENTS_AFTER, self.organization_id, jobs, after)
        return [[row for row in rows if row.place == place] for place in range(1, len(keys) + 1)]
