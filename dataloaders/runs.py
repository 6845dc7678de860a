"""Loaders of runs."""

from typing import Final

from sqlalchemy import Double, cast, extract, literal_column

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.tables import Experiment, Run
from maestro.db.tables.enums import RunKind, RunStatus
from maestro.filters import KeySpace, Space, ValueType
from maestro.ids import ACTORS, Kind

DURATION_MS: Final = cast(extract("epoch", Run.ended_at - Run.started_at) * 1000, Double)

RUNS = Catalogue(
    table=Run,
    document=literal_column("to_tsvector('simple', run.name || ' ' || run.notes)"),
    fields={
        "id": Listed(ValueType.ID, "The run's id.", Run.id, kind=Kind.Run),
        "number": Listed(ValueType.INTEGER, "Counts the runs of the project.", Run.number),
        "name": Listed(ValueType.STRING, "The run's name.", Run.name),
        "externalId": Listed(
            ValueType.STRING, "Its id in the system that started it.", Run.external_id, is_nullable=True
        ),
        "status": Listed(ValueType.ENUM, "Where it is in its life.", Run.status, values=tuple(RunStatus)),
        "statusReason": Listed(
            ValueType.STRING, "Why it has its status, if somebody said.", Run.status_reason, is_nullable=True
        ),
        "kind": Listed(ValueType.ENUM, "What it does.", Run.kind, values=tuple(RunKind)),
        "notes": Listed(ValueType.STRING, "What people wrote about it.", Run.notes),
        "project": Listed(ValueType.ID, "The project that it belongs to.", Run.project_id, kind=Kind.Project),
        "experiment": Listed(
            ValueType.ID, "The experiment that it belongs to.", Run.experiment_id, kind=Kind.Experiment
        ),
        "parent": Listed(ValueType.ID, "The run that it is a part of.", Run.parent_id, kind=Kind.Run),
        "createdBy": Listed(ValueType.ID, "Who created it.", Run.created_by_id, kind=ACTORS),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", Run.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", Run.updated_at),
        "startedAt": Listed(ValueType.DATETIME, "When it started.", Run.started_at, is_nullable=True),
        "endedAt": Listed(ValueType.DATETIME, "When it ended.", Run.ended_at, is_nullable=True),
        "durationMs": Listed(
            ValueType.DURATION, "From its start to its end, in milliseconds.", DURATION_MS, is_nullable=True
        ),
        "heartbeatAt": Listed(
            ValueType.DATETIME, "When its process last told that it lives.", Run.heartbeat_at, is_nullable=True
        ),
        "stopRequestedAt": Listed(
            ValueType.DATETIME, "When somebody asked it to stop.", Run.stop_requested_at, is_nullable=True
        ),
    },
    spaces=(
        KeySpace(Space.METRICS, ValueType.NUMBER, "The last, least or greatest value of a metric."),
        KeySpace(Space.PARAMS, ValueType.ANY, "The run's params."),
        KeySpace(Space.TAGS, ValueType.STRING, "The run's tags."),
    ),
)


class RunById(ById):
    """Runs by their id."""

    needs = Permission.EXPERIMENT_READ
    table = Run


class LoggedRunById(RunById):
    """Runs that were just logged to, for whoever may; how much of them is answered is decided before they log."""

    needs = Permission.RUN_WRITE


class Runs(ListLoader):
    """The organisation's runs."""

    needs = Permission.EXPERIMENT_READ
    catalogue = RUNS


class RunsByProject(ListLoader):
    """The runs of a project."""

    needs = Permission.EXPERIMENT_READ
    catalogue = RUNS
    scope = "project_id"
    projects = "SELECT unnest($3::uuid[])"


class RunsByExperiment(ListLoader):
    """The runs of an experiment."""

    needs = Permission.EXPERIMENT_READ
    catalogue = RUNS
    scope = "experiment_id"
    reads_also = (Experiment,)
    projects = "SELECT project_id FROM experiment WHERE id = ANY($3)"


class RunsByParent(ListLoader):
    """The runs that are parts of a run."""

    needs = Permission.EXPERIMENT_READ
    catalogue = RUNS
    scope = "parent_id"
    projects = "SELECT project_id FROM run WHERE id = ANY($3)"
