"""Use cases of artifacts."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from maestro.db.rows import Row
from maestro.db.tables import Artifact, Project
from resolvers import trash, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer, writing

DEFAULT_TYPE: Final = "file"
_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": validation.name,
    "type": lambda value: validation.name(value, field="type"),
    "description": lambda value: validation.text(value, field="description"),
    "tags": validation.tags,
}


async def create(
    ctx: Context, project_id: UUID, given: Mapping[str, Any], *, idempotency_key: str | None = None
) -> Row:
    """Create an artifact from `name` and, if given, `type`, `description` and `tags`.

    NotFound for the project, Conflict when it is in the trash, NameTaken.
    """
    known = {field: value for field, value in given.items() if value is not None}
    values = _checked({"name": given["name"], "type": DEFAULT_TYPE, **known})

    async def write(writer: Writer) -> Row:
        await writer.container(Project, project_id)
        return await writer.create(Artifact, project_id=project_id, **values)

    once = Once("createArtifact", idempotency_key, {"projectId": project_id, **given})
    return await write_once(ctx, Artifact, once, write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `type`, `description` or `tags`; NotFound, Conflict, StaleVersion, NameTaken."""
    validation.not_null(changes)
    values = _checked(changes)
    async with writing(ctx) as writer:
        return await writer.change(Artifact, key, expected_version=expected_version, **values)


async def restore(ctx: Context, key: UUID, *, name: str | None = None) -> Row:
    """Bring an artifact back from the trash, under another name if one is given; NotFound, Conflict, NameTaken."""
    return await trash.restore(ctx, Artifact, key, name=None if name is None else validation.name(name))


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    return {field: _CHECKS[field](value) for field, value in values.items()}
