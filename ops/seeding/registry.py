"""Artifacts and registered models of the demo, with the lineage between them and the runs that made them."""

from uuid import UUID

from maestro.db.tables import (
    Artifact,
    ArtifactEntry,
    ArtifactVersion,
    Blob,
    ModelAlias,
    ModelAliasMove,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
)
from maestro.db.tables.enums import ArtifactState, LineageKind
from maestro.digests import digest_of
from maestro.ids import Kind
from maestro.media_types import guessed
from ops.demo import recording
from ops.seeding.draft import Draft
from ops.seeding.rows import key_at, moment


def add_artifacts(draft: Draft) -> None:
    """Add artifacts with their versions, files and blobs; each version was produced by a run."""
    stored: dict[str, int] = {}
    for artifact in draft.recording.artifacts:
        first = artifact.versions[0]
        key = draft.add(
            Artifact,
            artifact.id,
            draft.of_run(first.produced_by, first.created_ms),
            project_id=draft.key(Project, artifact.project),
            name=artifact.name,
            type=artifact.type,
            last_version_number=artifact.versions[-1].number,
        )
        for version in artifact.versions:
            _add_files(draft, version, key)
            at_ms = draft.of_run(version.produced_by, version.created_ms)
            stored = {entry.sha256: at_ms for entry in version.entries} | stored
    for sha256, at_ms in stored.items():
        size = len(draft.recording.blob(sha256))
        draft.rows.add(Blob, sha256=sha256, size_bytes=size, created_at=moment(at_ms))


def add_models(draft: Draft) -> None:
    """Add registered models with their versions, aliases and the history of these."""
    for model in draft.recording.models:
        begun = draft.of_run(model.versions[0].source_run, model.created_ms)
        key = draft.add(
            RegisteredModel,
            model.id,
            begun,
            project_id=draft.key(Project, model.project),
            name=model.name,
            description=model.description,
            task=model.task,
            framework=model.framework,
            tags=model.tags,
            last_version_number=model.versions[-1].number,
        )
        for version in model.versions:
            _add_model_version(draft, version, key)
        for alias in model.aliases:
            _add_alias(draft, alias, key)


def _add_files(draft: Draft, version: recording.ArtifactVersion, artifact_id: UUID) -> None:
    at_ms = draft.of_run(version.produced_by, version.created_ms)
    run_id = draft.key(Run, version.produced_by)
    key = draft.add(
        ArtifactVersion,
        version.id,
        at_ms,
        artifact_id=artifact_id,
        number=version.number,
        state=ArtifactState.COMMITTED,
        digest=digest_of(version.entries),
        size_bytes=sum(entry.size_bytes for entry in version.entries),
        file_count=len(version.entries),
        run_id=run_id,
        committed_at=moment(at_ms),
    )
    for entry in version.entries:
        draft.rows.add(
            ArtifactEntry,
            version_id=key,
            path=entry.path,
            sha256=entry.sha256,
            size_bytes=entry.size_bytes,
            media_type=guessed(entry.path),
        )
    made_by, made = (Kind.Run, run_id), (Kind.ArtifactVersion, key)
    draft.link(LineageKind.PRODUCED, made_by, made, run_id=run_id, at_ms=at_ms)


def _add_model_version(draft: Draft, version: recording.ModelVersion, model_id: UUID) -> None:
    at_ms = draft.of_run(version.source_run, version.created_ms)
    run_id = draft.key(Run, version.source_run)
    files = draft.key(ArtifactVersion, version.artifact_version)
    key = draft.add(
        ModelVersion,
        f"{model_id}/{version.number}",
        at_ms,
        model_id=model_id,
        number=version.number,
        description=version.description,
        lifecycle=version.lifecycle,
        signature=version.signature,
        card=version.card,
        metrics=version.metrics,
        source_run_id=run_id,
        artifact_version_id=files,
    )
    made = Kind.ModelVersion, key
    draft.link(LineageKind.PRODUCED, (Kind.Run, run_id), made, run_id=run_id, at_ms=at_ms)
    draft.link(LineageKind.DERIVED_FROM, (Kind.ArtifactVersion, files), made, run_id=run_id, at_ms=at_ms)
    for used in draft.runs[version.source_run].inputs:
        read = Kind.ArtifactVersion, draft.key(ArtifactVersion, used)
        draft.link(LineageKind.TRAINED_ON, read, made, run_id=run_id, at_ms=at_ms)


def _add_alias(draft: Draft, alias: recording.ModelAlias, model_id: UUID) -> None:
    moves = [
        (draft.timeline.when(move.set_ms), draft.key(ModelVersion, f"{model_id}/{move.version}"))
        for move in alias.history
    ]
    set_ms, version_id = moves[-1]
    draft.add(
        ModelAlias,
        f"{model_id}/{alias.name}",
        moves[0][0],
        changed_ms=set_ms,
        model_id=model_id,
        version_id=version_id,
        name=alias.name,
        is_protected=alias.protected,
        set_at=moment(set_ms),
        set_by_id=draft.user_id,
    )
    for at_ms, moved_to in moves:
        draft.rows.add(
            ModelAliasMove,
            id=key_at(at_ms),
            model_id=model_id,
            name=alias.name,
            version_id=moved_to,
            at=moment(at_ms),
            by_id=draft.user_id,
        )
