"""Where jobs belong to: the projects of the connectors that they work with, and what members of these are shown."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, case, null, text
from sqlalchemy.sql.elements import TextClause

from dataloaders.base import UUIDS
from maestro.access import Permission, Viewer
from maestro.db.tables import Job

HIDDEN: Final = ("input", "result", "idempotency_key", "worker")
"""What members of a project are shown only where they could have started the job: it names keys, folders, machines."""
_ALL_WITHIN: Final = """(
    SELECT coalesce(bool_and(coalesce(c.project_id = ANY(:projects), false)), false)
    FROM (
        SELECT (job.input ->> 'source_id')::uuid AS id
        UNION ALL SELECT (job.input ->> 'target_id')::uuid
        UNION ALL SELECT (job.input #>> '{source,connector_id}')::uuid
        UNION ALL SELECT (job.input #>> '{target,connector_id}')::uuid
        UNION ALL SELECT unnest(ARRAY[p.source_id, p.target_id])
            FROM sync_plan p WHERE p.id = (job.input ->> 'plan_id')::uuid
        UNION ALL SELECT unnest(ARRAY[r.connector_id, r.target_id])
            FROM sync_run r WHERE r.id = (job.input ->> 'sync_run_id')::uuid
    ) AS used LEFT JOIN connector c ON c.id = used.id WHERE used.id IS NOT NULL
)"""


def lies_within(projects: Iterable[UUID]) -> TextClause:
    """Return the condition of the jobs all whose connectors serve one of some projects; it reads the table `job`.

    A connector that is not seen, or serves the whole organisation, is in none; nor is a job without connectors.
    """
    return text(_ALL_WITHIN).bindparams(bindparam("projects", sorted(projects), type_=UUIDS))


def shown_to(viewer: Viewer) -> Sequence[ColumnElement[Any]]:
    """Return the columns of jobs for a viewer: for whoever may read all of them as they are.

    For members of projects HIDDEN is null but in the jobs that they could have started.
    """
    columns: Sequence[ColumnElement[Any]] = tuple(Job.__table__.c)
    if viewer.grants.allow(Permission.JOB_READ):
        return columns
    is_own = lies_within(viewer.grants.where(Permission.CONNECTOR_SYNC))
    return [
        case((is_own, column), else_=null()).label(column.name) if column.name in HIDDEN else column
        for column in columns
    ]
