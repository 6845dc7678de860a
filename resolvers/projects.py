"""Use cases of projects."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from maestro.db.rows import Row
from maestro.db.tables import Project
from resolvers import validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer, writing


async def create(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create a project from `name` and, if given, `slug` and `description`; NameTaken for a used name or slug."""
    title = validation.name(given["name"])
    slug = given.get("slug") or validation.slug_from(title, otherwise=f"project-{uuid4().hex[:8]}")
    values = {
        "name": title,
        "slug": validation.slug(slug),
        "description": validation.text(given.get("description"), field="description"),
    }

    async def write(writer: Writer) -> Row:
        return await writer.create(Project, **values)

    return await write_once(ctx, Project, Once("createProject", idempotency_key, given), write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `slug` or `description`; NotFound, Conflict, StaleVersion, NameTaken."""
    validation.not_null(changes)
    checks = {
        "name": validation.name,
        "slug": validation.slug,
        "description": lambda value: validation.text(value, field="description"),
    }
    values = {field: checks[field](value) for field, value in changes.items()}
    async with writing(ctx) as writer:
        return await writer.change(Project, key, expected_version=expected_version, **values)
