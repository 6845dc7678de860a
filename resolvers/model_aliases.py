"""Use cases of aliases: names that move between the versions of a model, with the history of their moves."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, func, insert, select, update
from uuid_utils.compat import uuid7

from dataloaders.base import KEYS
from maestro.db.rows import Row
from maestro.db.tables import ModelAlias, ModelAliasMove, ModelVersion, RegisteredModel
from maestro.errors import Conflict, InvalidInput, StaleVersion
from resolvers import trash
from resolvers.context import Context
from resolvers.writing import Lock, Writer, writing

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


async def assign(ctx: Context, given: Mapping[str, Any]) -> Row:
    """Make `name` point at `version_id` in `model_id`, creating the alias where there is none.

    `is_protected` sets or lifts its protection, `force` moves it in spite of that. `expected_version_id` is where the
    alias must point until now, None for nowhere. InvalidInput, NotFound, Conflict when something is in the trash or
    the alias is protected, StaleVersion when it points elsewhere.
    """
    name = _checked(given["name"])
    async with writing(ctx) as writer:
        model = await writer.in_use(RegisteredModel, given["model_id"], lock=Lock.CHANGE)
        version = await writer.in_use(ModelVersion, given["version_id"])
        if version.model_id != model.id:
            raise InvalidInput("This ModelVersion belongs to another model.", field="versionId")
        current = await _in_use(writer, model.id, name)
        if "expected_version_id" in given:
            _check_expected(name, current, given["expected_version_id"])
        if current is not None:
            return await _change(writer, current, given)
        protected = bool(given.get("is_protected"))
        values = {"model_id": model.id, "name": name, "is_protected": protected, **_set_now(writer)}
        alias = await writer.create(ModelAlias, version_id=version.id, **values)
        await _record(writer, [alias])
        return alias


async def delete(ctx: Context, key: UUID, *, force: bool = False, expected_version: int | None = None) -> Row:
    """Move an alias to the trash; NotFound, StaleVersion, Conflict when it is protected and `force` is not given."""
    async with writing(ctx) as writer:
        alias = await _locked_with_model(writer, key)
        if alias.deleted_at is not None:
            return alias
        _check_protection(alias, force=force)
        deleted = await trash.discard(writer, ModelAlias, key, expected_version=expected_version)
        await record_removal(writer, [alias])
        return deleted


async def restore(ctx: Context, key: UUID) -> Row:
    """Bring an alias back to where it pointed; NotFound, Conflict when that is in the trash, NameTaken."""
    async with writing(ctx) as writer:
        alias = await _locked_with_model(writer, key)
        if alias.deleted_at is None:
            return alias
        await trash.bring_back(writer, ModelAlias, key)
        (restored,) = await record_return(writer, [alias])
        return restored


async def record_removal(writer: Writer, aliases: Sequence[Row]) -> None:
    """Write into the history that aliases point nowhere any more."""
    await _record(writer, aliases, is_removed=True)


async def record_return(writer: Writer, aliases: Sequence[Row]) -> list[Row]:
    """Write into the history that aliases point again where they pointed before, and return them."""
    query = update(ModelAlias).where(ModelAlias.id == any_(KEYS)).values(**_set_now(writer))
    returned = await writer.tx.fetch(query.returning(*ModelAlias.__table__.c), keys=[alias.id for alias in aliases])
    await _record(writer, returned)
    return returned


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name.isdigit():
        raise InvalidInput(
            f"{name[:80]!r} cannot be an alias.",
            field="name",
            hint="Use 1 to 100 letters A-Z and a-z, digits, dots, dashes and underscores, and not digits alone: "
            "those would read like a version's number.",
        )
    return name


async def _locked_with_model(writer: Writer, key: UUID) -> Row:
    alias = await writer.row(ModelAlias, key)
    await writer.row(RegisteredModel, alias.model_id, lock=Lock.CHANGE)
    return await writer.row(ModelAlias, key, lock=Lock.CHANGE)


async def _in_use(writer: Writer, model_id: UUID, name: str) -> Row | None:
    c = ModelAlias.__table__.c
    query = select(*c).where(c.model_id == model_id, c.name == name, c.deleted_at.is_(None))
    return await writer.tx.fetch_one(query)


def _check_expected(name: str, current: Row | None, expected: UUID | None) -> None:
    if current is None and expected is not None:
        raise Conflict(
            f"There is no alias {name!r} to move.",
            field="expectedVersionId",
            hint="Pass null to create it only where there is none.",
        )
    if current is not None and current.version_id != expected:
        raise StaleVersion(
            f"The alias {name!r} does not point where it was expected to: somebody has moved it.",
            noun="ModelAlias",
            current=current,
            hint="Look at where it points, then decide whether to move it.",
        )


def _check_protection(alias: Row, *, force: bool) -> None:
    if alias.is_protected and not force:
        raise Conflict(f"The alias {alias.name!r} is protected.", hint="Pass force: true if you mean it.")


async def _change(writer: Writer, current: Row, given: Mapping[str, Any]) -> Row:
    """Move an alias or change its protection, as far as it is not like that already."""
    changes: dict[str, Any] = {}
    if is_moved := current.version_id != given["version_id"]:
        _check_protection(current, force=bool(given.get("force")))
        changes = {"version_id": given["version_id"], **_set_now(writer)}
    if given.get("is_protected") not in (None, current.is_protected):
        changes["is_protected"] = given["is_protected"]
    if not changes:
        return current
    changed = await writer.change(ModelAlias, current.id, **changes)
    if is_moved:
        await _record(writer, [changed])
    return changed


def _set_now(writer: Writer) -> dict[str, Any]:
    # The clock, not the beginning of the transaction: one that waited for another comes after it in the history.
    return {"set_at": func.clock_timestamp(), "set_by_id": writer.ctx.viewer.actor_id}


async def _record(writer: Writer, aliases: Sequence[Row], *, is_removed: bool = False) -> None:
    moves = [
        {
            "id": uuid7(),
            "organization_id": writer.ctx.organization_id,
            "model_id": alias.model_id,
            "name": alias.name,
            "version_id": None if is_removed else alias.version_id,
            "at": func.clock_timestamp() if is_removed else alias.set_at,
            "by_id": writer.ctx.viewer.actor_id,
        }
        for alias in aliases
    ]
    if moves:
        await writer.tx.fetch(insert(ModelAliasMove).values(moves))
