"""Use cases of experiments."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from maestro.db.rows import Row
from maestro.db.tables import Experiment, Project
from resolvers import validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer, writing

CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": validation.name,
    "path": validation.path,
    "description": lambda value: validation.text(value, field="description"),
    "tags": validation.tags,
}


async def create(
    ctx: Context, project_id: UUID, given: Mapping[str, Any], *, idempotency_key: str | None = None
) -> Row:
    """Create an experiment from `name` and, if given, `path`, `description` and `tags`.

    NotFound, Conflict when the project is in the trash, NameTaken for a name that is used in the folder.
    """
    values = {"name": validation.name(given.get("name")), **_checked(given)}

    async def write(writer: Writer) -> Row:
        await writer.container(Project, project_id)
        return await writer.create(Experiment, project_id=project_id, **values)

    once = Once("createExperiment", idempotency_key, {**given, "project": project_id})
    return await write_once(ctx, Experiment, once, write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `path`, `description` or `tags`, which take the place of all tags there are.

    NotFound, Conflict, StaleVersion, NameTaken.
    """
    validation.not_null(changes)
    values = _checked(changes)
    async with writing(ctx) as writer:
        return await writer.change(Experiment, key, expected_version=expected_version, **values)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns for what is given, without nulls; InvalidInput."""
    return {field: CHECKS[field](value) for field, value in given.items() if value is not None}
