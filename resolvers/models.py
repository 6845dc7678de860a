"""Use cases of registered models."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from maestro.db.rows import Row
from maestro.db.tables import Project, RegisteredModel
from resolvers import validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer, writing

LONGEST_LABEL: Final = 100


async def create(
    ctx: Context, project_id: UUID, given: Mapping[str, Any], *, idempotency_key: str | None = None
) -> Row:
    """Create a model from `name` and, if given, `description`, `task`, `framework` and `tags`.

    NotFound, Conflict when the project is in the trash, NameTaken.
    """
    values = _checked({field: value for field, value in given.items() if value is not None})

    async def write(writer: Writer) -> Row:
        await writer.container(Project, project_id)
        return await writer.create(RegisteredModel, project_id=project_id, **values)

    once = Once("createModel", idempotency_key, {**given, "project_id": project_id})
    return await write_once(ctx, RegisteredModel, once, write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change what `create` sets, but for the project; NotFound, Conflict, StaleVersion, NameTaken."""
    validation.not_null(changes, "task", "framework")
    values = _checked(changes)
    async with writing(ctx) as writer:
        return await writer.change(RegisteredModel, key, expected_version=expected_version, **values)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "name": validation.name,
        "description": lambda value: validation.text(value, field="description"),
        "task": lambda value: _label(value, "task"),
        "framework": lambda value: _label(value, "framework"),
        "tags": validation.tags,
    }
    return {field: checks[field](value) for field, value in given.items()}


def _label(value: str | None, field: str) -> str | None:
    return validation.text(value, field=field, limit=LONGEST_LABEL).strip() or None
