"""Use cases of artifact aliases: names that point at one version and can be moved."""

from typing import Final
from uuid import UUID

from sqlalchemy import delete as delete_from
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from maestro.db.rows import Row
from maestro.db.tables import Artifact, ArtifactAlias
from maestro.errors import InvalidInput, NotFound, PayloadTooLarge
from resolvers import validation
from resolvers.artifact_versions import require_committed
from resolvers.context import Context
from resolvers.writing import Lock, writing

MOST_ALIASES: Final = 100


async def move(ctx: Context, artifact_id: UUID, *, name: str, version_id: UUID) -> Row:
    """Point an alias at a committed version, making the alias if need be; to where it points already changes nothing.

    NotFound, Conflict for another state, InvalidInput for another artifact's version, PayloadTooLarge beyond 100.
    """
    checked = validation.name(name)
    async with writing(ctx) as writer:
        await writer.in_use(Artifact, artifact_id, lock=Lock.CHANGE)
        version = await require_committed(writer, version_id)
        if version.artifact_id != artifact_id:
            raise InvalidInput("This version belongs to another artifact.", field="versionId")
        c = ArtifactAlias.__table__.c
        aliases = await writer.tx.fetch(select(*c).where(c.artifact_id == artifact_id))
        earlier = next((alias for alias in aliases if alias.name == checked), None)
        if earlier is not None and earlier.version_id == version_id:
            return earlier
        if earlier is None and len(aliases) >= MOST_ALIASES:
            raise PayloadTooLarge(f"An artifact has at most {MOST_ALIASES} aliases.", limit=MOST_ALIASES)
        pointing = {"version_id": version_id, "set_by_id": ctx.viewer.actor_id}
        query = insert(ArtifactAlias).values(
            organization_id=ctx.organization_id, artifact_id=artifact_id, name=checked, **pointing
        )
        moved = query.on_conflict_do_update(
            index_elements=[c.artifact_id, c.name], set_={**pointing, "set_at": func.now()}
        )
        return (await writer.tx.fetch(moved.returning(*c)))[0]


async def delete(ctx: Context, artifact_id: UUID, *, name: str) -> Row:
    """Remove an alias and return its artifact; NotFound, Conflict when the artifact is in the trash."""
    alias = validation.name(name)
    async with writing(ctx) as writer:
        artifact = await writer.in_use(Artifact, artifact_id, lock=Lock.CHANGE)
        c = ArtifactAlias.__table__.c
        gone = delete_from(ArtifactAlias).where(c.artifact_id == artifact_id, c.name == alias)
        if not await writer.tx.fetch(gone.returning(c.name)):
            raise NotFound("The artifact has no such alias.", field="name")
        return artifact
