"""A project for one's first steps: a run that is still going, to log into and to watch."""

from typing import Final

from maestro.db.tables import Experiment, Project, Run
from maestro.db.tables.enums import RunKind, RunStatus
from ops.seeding.draft import Draft
from ops.seeding.rows import moment

LABEL: Final = "playground"
_NOTES: Final = """
This run is yours to play with: log points into it with `logBatch` and watch them come with `runUpdated`.
Unlike the others it was not recorded; nothing was trained.
"""


def add_playground(draft: Draft, now_ms: int) -> None:
    """Add the project with its experiment and its run, begun just now."""
    project_id = draft.add(
        Project,
        LABEL,
        now_ms,
        name="Playground",
        slug=LABEL,
        description="Empty but for one run that is still going. Try things here.",
        last_run_number=1,
    )
    experiment_id = draft.add(
        Experiment,
        LABEL,
        now_ms,
        project_id=project_id,
        name="First steps",
        path="/",
        description="For trying out what a training script would do.",
        tags={},
    )
    draft.add(
        Run,
        LABEL,
        now_ms,
        project_id=project_id,
        experiment_id=experiment_id,
        parent_id=None,
        number=1,
        name="my first run",
        status=RunStatus.RUNNING,
        status_reason=None,
        kind=RunKind.OTHER,
        tags={},
        config={},
        source={},
        environment={},
        notes=_NOTES.strip(),
        started_at=moment(now_ms),
        ended_at=None,
        heartbeat_at=moment(now_ms),
        stop_requested_at=None,
    )
