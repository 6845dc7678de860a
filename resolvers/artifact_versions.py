"""Use cases of artifact versions: open, sealed by a digest, given up, deleted, read by runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete as delete_from
from sqlalchemy import exists, func, select, update

from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Artifact, ArtifactAlias, ArtifactEntry, ArtifactVersion, ModelVersion, Run
from maestro.db.tables.enums import ArtifactState, LineageKind
from maestro.digests import digest_of
from maestro.errors import Conflict, DigestMismatch, InvalidInput
from maestro.events import Event, topic
from maestro.ids import Kind
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.lineage import link
from resolvers.writing import Lock, Writer, refuse_change, writing

MOST_FILES: Final = 10_000
MOST_SHOWN: Final = 10
"""How many differing paths an error names."""


async def create(
    ctx: Context, artifact_id: UUID, *, run_id: UUID | None = None, idempotency_key: str | None = None
) -> Row:
    """Open the artifact's next version, produced by a run if one is given; NotFound, Conflict for the trash."""

    async def write(writer: Writer) -> Row:
        artifact = await writer.in_use(Artifact, artifact_id, lock=Lock.CHANGE)
        if run_id is not None:
            await writer.in_use(Run, run_id, needs=Permission.RUN_WRITE)
        number = artifact.last_version_number + 1
        # Counting is no change of the artifact that anybody's update has to know of: its own version stays.
        await writer.tx.fetch(update(Artifact).where(Artifact.id == artifact_id).values(last_version_number=number))
        return await writer.create(ArtifactVersion, artifact_id=artifact_id, number=number, run_id=run_id)

    once = Once("createArtifactVersion", idempotency_key, {"artifactId": artifact_id, "runId": run_id})
    return await write_once(ctx, ArtifactVersion, once, write=write)


async def commit(
    ctx: Context,
    key: UUID,
    *,
    expected_digest: str | None = None,
    expected_files: Sequence[Mapping[str, str]] | None = None,
) -> Row:
    """Seal a version, recording what its run produced; sealing it again changes nothing.

    `expected_files` are all files with `path` and `sha256`. DigestMismatch when the files are others than expected,
    Conflict when the version is empty, given up or deleted, or was sealed with other files than expected.
    """
    expected = _Expected(expected_digest, expected_files)
    async with writing(ctx) as writer:
        version = await writer.row(ArtifactVersion, key, lock=Lock.CHANGE)
        if version.state == ArtifactState.COMMITTED:
            files = await _files(writer, key)
            if expected.difference(files):
                told = _told(ctx, {"digest": version.digest})
                raise Conflict("This version was committed with other files.", **told)
            return version
        await require_pending(writer, version)
        files = await _files(writer, key)
        if not files:
            raise Conflict("This version has no files.", hint="Upload at least one, or give the version up.")
        difference = expected.difference(files)
        if difference:
            raise DigestMismatch(
                "The files of this version are not the expected ones.",
                hint="Upload what is missing or differs, then commit again.",
                **_told(ctx, difference),
            )
        if version.run_id is not None:
            await _tie(writer, version.run_id, key, kind=LineageKind.PRODUCED)
        return await writer.change(
            ArtifactVersion,
            key,
            state=ArtifactState.COMMITTED,
            digest=digest_of(files),
            committed_at=func.now(),
        )


async def fail(ctx: Context, key: UUID) -> Row:
    """Give an open version up and let go of its files; again changes nothing. NotFound, Conflict once it is sealed."""
    async with writing(ctx) as writer:
        version = await writer.row(ArtifactVersion, key, lock=Lock.CHANGE)
        if version.state == ArtifactState.FAILED:
            return version
        await require_pending(writer, version)
        return await _emptied(writer, key, ArtifactState.FAILED)


async def delete(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Let go of a version's files for good; again changes nothing.

    NotFound, StaleVersion, Conflict while an alias or a model version points at it.
    """
    async with writing(ctx) as writer:
        version = await writer.row(ArtifactVersion, key, lock=Lock.CHANGE)
        if version.state == ArtifactState.DELETED:
            return version
        if expected_version is not None and version.version != expected_version:
            refuse_change(ArtifactVersion, version, expected_version)
        await _refuse_if_needed(writer, key)
        return await _emptied(writer, key, ArtifactState.DELETED)


async def use(ctx: Context, key: UUID, *, run_id: UUID) -> Row:
    """Record that a run reads a version, and return the version; NotFound, Conflict unless it is committed."""
    async with writing(ctx) as writer:
        await writer.in_use(Run, run_id, needs=Permission.RUN_WRITE)
        version = await require_committed(writer, key, needs=Permission.ARTIFACT_READ)
        await _tie(writer, run_id, key, kind=LineageKind.USED)
        return version


async def require_pending(writer: Writer, version: Row) -> Row:
    """Return the artifact of an open version; Conflict for one that is not open any more, or lies in the trash."""
    if version.state != ArtifactState.PENDING:
        raise Conflict(
            f"This version is {version.state}, not PENDING.", state=version.state, hint="Create another version."
        )
    return await writer.in_use(Artifact, version.artifact_id)


async def require_committed(writer: Writer, key: UUID, *, needs: Permission | None = None) -> Row:
    """Return a version that can be read, kept from being deleted meanwhile; NotFound, Conflict for another state."""
    version = await writer.row(ArtifactVersion, key, lock=Lock.CHANGE, needs=needs)
    if version.state != ArtifactState.COMMITTED:
        raise Conflict(
            f"This version is {version.state}, not COMMITTED.", state=version.state, hint="Choose one that can be read."
        )
    await writer.in_use(Artifact, version.artifact_id)
    return version


async def _tie(writer: Writer, run_id: UUID, key: UUID, *, kind: LineageKind) -> None:
    """Draw the arrow between a run and what it produced or used, and tell who is subscribed to the run."""
    run, version, is_output = (Kind.Run, run_id), (Kind.ArtifactVersion, key), kind is LineageKind.PRODUCED
    origin, target = (run, version) if is_output else (version, run)
    await link(writer, origin=origin, target=target, kind=kind, run_id=run_id)
    writer.tell(Event(topic(Kind.Run, run_id), {"change": "outputs" if is_output else "inputs"}))


async def _files(writer: Writer, key: UUID) -> list[Row]:
    c = ArtifactEntry.__table__.c
    return await writer.tx.fetch(select(c.path, c.sha256, c.size_bytes).where(c.version_id == key))


class _Expected:
    """What the caller of a commit says that the version holds; InvalidInput for too many files or one path twice."""

    def __init__(self, digest: str | None, files: Sequence[Mapping[str, str]] | None) -> None:
        if files is not None and len(files) > MOST_FILES:
            raise InvalidInput(f"At most {MOST_FILES:,} entries are allowed.", field="entries", limit=MOST_FILES)
        self._digest = None if digest is None else digest.lower()
        self._files = None if files is None else {file["path"]: file["sha256"].lower() for file in files}
        if files is not None and self._files is not None and len(self._files) < len(files):
            raise InvalidInput("entries has a path twice.", field="entries", hint="Name each file once.")

    def difference(self, files: list[Row]) -> dict[str, Any]:
        """Return what an error tells about files that are not the expected ones, nothing when they are."""
        actual = digest_of(files)
        wrong: dict[str, Any] = {}
        if self._digest is not None and self._digest != actual:
            wrong = {"expected": self._digest, "actual": actual}
        if self._files is not None:
            held = {file.path: file.sha256 for file in files}
            both = self._files.keys() & held.keys()
            paths = {
                "missing": self._files.keys() - held.keys(),
                "unexpected": held.keys() - self._files.keys(),
                "different": {path for path in both if self._files[path] != held[path]},
            }
            wrong |= {name: sorted(found)[:MOST_SHOWN] for name, found in paths.items() if found}
        return wrong


def _told(ctx: Context, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an error may tell of a version's files: to who may not read them, nothing that they did not name."""
    may_read = ctx.viewer.grants.allow_somewhere(Permission.ARTIFACT_READ)
    return {name: value for name, value in details.items() if may_read or name in ("expected", "missing", "different")}


async def _refuse_if_needed(writer: Writer, key: UUID) -> None:
    alias, model = ArtifactAlias.__table__.c, ModelVersion.__table__.c
    used = await writer.tx.fetch_one(
        select(
            exists().where(alias.version_id == key).label("by_alias"),
            exists().where(model.artifact_version_id == key, model.deleted_at.is_(None)).label("by_model"),
        )
    )
    if used is not None and used.by_alias:
        raise Conflict("An alias points at this version.", hint="Move or delete the alias first.")
    if used is not None and used.by_model:
        raise Conflict("A model version has its files here.", hint="Delete the model version first.")


async def _emptied(writer: Writer, key: UUID, state: ArtifactState) -> Row:
    await writer.tx.fetch(delete_from(ArtifactEntry).where(ArtifactEntry.version_id == key))
    return await writer.change(ArtifactVersion, key, state=state, size_bytes=0, file_count=0)
