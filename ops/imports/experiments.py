"""Experiments of a source as experiments of a project."""

from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from connectors.tracking.capability import TrackedExperiment
from maestro.clock import now
from ops.imports.target import Target
from ops.imports.texts import place_of, storable, tags_of

ORIGIN: Final = "mlflow.experiment"
"""The tag by which an experiment is known when it comes again, whatever it is called then."""
SYSTEM: Final = "mlflow."
_NOTE: Final = "mlflow.note.content"
# One that somebody made by hand with the same name is taken; one in the trash is left there.
_FIND: Final = """
    SELECT id, tags FROM experiment
    WHERE organization_id = $1 AND project_id = $2 AND deleted_at IS NULL
        AND (tags ->> 'mlflow.experiment' = $3 OR (path = $4 AND name = $5))
    ORDER BY (tags ->> 'mlflow.experiment' = $3) IS TRUE DESC LIMIT 1
"""
_MAKE: Final = """
    INSERT INTO experiment (id, organization_id, project_id, name, path, description, tags, created_at, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_CHANGE: Final = """
    UPDATE experiment SET tags = tags || $3::jsonb, description = CASE description WHEN '' THEN $4 ELSE description END,
        version = version + 1, updated_at = now()
    WHERE id = $1 AND organization_id = $2 AND NOT tags @> $3::jsonb
"""


async def place_experiment(target: Target, source: str, experiment: TrackedExperiment) -> UUID:
    """Return the experiment that stands for one of a source, which is made where there is none; NotFound, Conflict."""
    path, name = place_of(experiment.name)
    fitting, _ = tags_of(experiment.tags, besides=SYSTEM)
    origin = f"{source}#{experiment.id}"
    tags: dict[str, Any] = {**fitting, ORIGIN: origin}
    note = storable(experiment.tags.get(_NOTE, ""))
    async with target.db.transaction() as tx:
        await target.hold(tx)
        found = await tx.fetch_sql(_FIND, target.organization_id, target.project_id, origin, path, name)
        if found:
            await tx.fetch_sql(_CHANGE, found[0].id, target.organization_id, tags, note)
            known: UUID = found[0].id
            return known
        made = uuid7()
        created_at = experiment.created_at or now()
        place = target.organization_id, target.project_id
        await tx.fetch_sql(_MAKE, made, *place, name, path, note, tags, created_at, target.actor_id)
        return made
