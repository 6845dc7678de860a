"""Loaders of experiments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, literal_column, select, true

from dataloaders.base import KEYS, ORGANIZATION, ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Experiment, MetricKey, MetricSeries, Run
from maestro.filters import KeySpace, Space, ValueType
from maestro.ids import ACTORS, Kind

EXPERIMENTS = Catalogue(
    table=Experiment,
    document=literal_column("to_tsvector('simple', experiment.name || ' ' || experiment.description)"),
    fields={
        "id": Listed(ValueType.ID, "The experiment's id.", Experiment.id, kind=Kind.Experiment),
        "name": Listed(ValueType.STRING, "The experiment's name.", Experiment.name),
        "path": Listed(ValueType.STRING, "The folder that it is in.", Experiment.path),
        "description": Listed(ValueType.STRING, "What it is about.", Experiment.description),
        "project": Listed(ValueType.ID, "The project that it belongs to.", Experiment.project_id, kind=Kind.Project),
        "createdBy": Listed(ValueType.ID, "Who created it.", Experiment.created_by_id, kind=ACTORS),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", Experiment.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", Experiment.updated_at),
    },
    spaces=(KeySpace(Space.TAGS, ValueType.STRING, "The experiment's tags."),),
)


class ExperimentById(ById):
    """Experiments by their id."""

    needs = Permission.EXPERIMENT_READ
    table = Experiment


class Experiments(ListLoader):
    """The organisation's experiments."""

    needs = Permission.EXPERIMENT_READ
    catalogue = EXPERIMENTS


class ExperimentsByProject(ListLoader):
    """The experiments of a project."""

    needs = Permission.EXPERIMENT_READ
    catalogue = EXPERIMENTS
    scope = "project_id"


def _keys_in_use() -> Select[Any]:
    key, series, run, experiment = (table.__table__.c for table in (MetricKey, MetricSeries, Run, Experiment))
    # OFFSET 0 has the series looked up run by run: joined freely, those of all runs there are would be read.
    logged = select(series.key_id).where(series.run_id == run.id).offset(0).lateral("logged")
    used = (
        select(logged.c.key_id)
        .distinct()
        .select_from(Run.__table__.join(logged, true()))
        .where(run.experiment_id == experiment.id, run.deleted_at.is_(None))
        .lateral("used")
    )
    return (
        select(experiment.id.label("_experiment_id"), *key)
        .select_from(Experiment.__table__.join(used, true()).join(MetricKey.__table__, key.id == used.c.key_id))
        .where(experiment.id == any_(KEYS), experiment.organization_id == ORGANIZATION)
        .order_by(experiment.id, key.name)
    )


class MetricKeysByExperiment(Loader[UUID, list[Row]]):
    """The metric keys that the runs of an experiment have logged, sorted by name."""

    needs = Permission.EXPERIMENT_READ
    statement = Statement(_keys_in_use())

    async def fetch(self, keys: Sequence[UUID]) -> list[list[Row] | Exception]:
        """Return the keys of each experiment."""
        found: dict[UUID, list[Row]] = {key: [] for key in keys}
        for row in await self.rows(self.statement, keys=list(found)):
            found[row["_experiment_id"]].append(row)
        return [found[key] for key in keys]
