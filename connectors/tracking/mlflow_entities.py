"""What an MLflow server tells, as what was tracked."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.tracking.capability import TrackedExperiment, TrackedModel, TrackedRun, TrackedVersion
from connectors.tracking.mlflow_library import tracking

DELETED: Final = "deleted"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_STAGE: Final = "None"


def moment(ms: int) -> datetime | None:
    """Return milliseconds since 1970 as a moment; None for 0, which stands for none, and for what is out of range."""
    try:
        return _EPOCH + timedelta(milliseconds=ms) if ms > 0 else None
    except OverflowError:
        return None


def milliseconds(at: datetime) -> int:
    """Return a moment as whole milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def texts(pairs: Iterable[Any]) -> dict[str, str]:
    """Return tags or params."""
    return {pair.key: pair.value for pair in pairs}


def experiment_of(told: Any) -> TrackedExperiment:
    """Return an experiment."""
    return TrackedExperiment(
        id=told.experiment_id,
        name=told.name,
        tags=texts(told.tags),
        created_at=moment(told.creation_time),
        is_deleted=told.lifecycle_stage == DELETED,
        artifact_location=told.artifact_location or None,
    )


def run_of(told: Any) -> TrackedRun:
    """Return a run."""
    info, data = told.info, told.data
    return TrackedRun(
        id=info.run_id or info.run_uuid,
        experiment_id=info.experiment_id,
        name=info.run_name,
        status=tracking.RunStatus.Name(info.status),
        started_at=moment(info.start_time),
        ended_at=moment(info.end_time),
        params=texts(data.params),
        tags=texts(data.tags),
        metrics={one.key: one.value for one in data.metrics},
        user=info.user_id or None,
        is_deleted=info.lifecycle_stage == DELETED,
        artifact_uri=info.artifact_uri or None,
    )


def model_of(told: Any, versions: Sequence[Any]) -> TrackedModel:
    """Return a registered model with its versions."""
    aliases = [(one.alias, int(one.version)) for one in told.aliases]
    made = [_version_of(one, aliases) for one in versions]
    return TrackedModel(
        name=told.name,
        description=told.description,
        tags=texts(told.tags),
        versions=tuple(sorted(made, key=lambda one: one.number)),
    )


def version_named(model: TrackedModel, tag: str, value: str) -> TrackedVersion | None:
    """Return the version of a model that has a tag."""
    return next((one for one in model.versions if one.tags.get(tag) == value), None)


def _version_of(told: Any, aliases: Iterable[tuple[str, int]]) -> TrackedVersion:
    number, stage = int(told.version), told.current_stage
    return TrackedVersion(
        number=number,
        run_id=told.run_id or None,
        source=told.source or None,
        description=told.description,
        tags=texts(told.tags),
        aliases=tuple(sorted(alias for alias, pointed in aliases if pointed == number)),
        created_at=moment(told.creation_timestamp),
        stage=None if stage in ("", _NO_STAGE) else stage,
    )
