"""Loaders of the aliases of model versions."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from dataloaders.base import ById, Grouped, Loader
from maestro.access import Permission
from maestro.cache import tags_of
from maestro.db.rows import Row
from maestro.db.tables import ModelAlias, ModelAliasMove


class ModelAliasById(ById):
    """Aliases by their id."""

    needs = Permission.MODEL_READ
    table = ModelAlias


class AliasesByVersion(Grouped):
    """The aliases that point at a version."""

    needs = Permission.MODEL_READ
    table = ModelAlias
    key = "version_id"
    order = ("name",)


class AliasesByModel(Loader[tuple[UUID, datetime | None], list[Row]]):
    """The aliases of a model, by name: as they are, or as they stood at a moment.

    In the past an alias points where its last move up to then put it. Its row is then the one that had the name.
    """

    needs = Permission.MODEL_READ
    reads = tags_of(ModelAlias, ModelAliasMove)

    _NOW = (
        "SELECT * FROM model_alias WHERE model_id = ANY($1) AND organization_id = $2 AND deleted_at IS NULL "
        "ORDER BY name"
    )
    _THEN = """
        SELECT alias.id, alias.organization_id, alias.model_id, alias.name, alias.is_protected, alias.created_at,
               alias.created_by_id, alias.updated_at, alias.version, alias.deleted_at, alias.purge_at,
               move.version_id, move.at AS set_at, move.by_id AS set_by_id
        FROM (SELECT DISTINCT ON (model_id, name) * FROM model_alias_move
              WHERE model_id = ANY($1) AND organization_id = $2 AND at <= $3
              ORDER BY model_id, name, at DESC, id DESC) AS move
        CROSS JOIN LATERAL (SELECT * FROM model_alias
              WHERE model_id = move.model_id AND name = move.name AND created_at <= $3
              ORDER BY (deleted_at IS NULL OR deleted_at > $3) DESC, id DESC LIMIT 1) AS alias
        WHERE move.version_id IS NOT NULL
        ORDER BY move.name"""

    async def fetch(self, keys: Sequence[tuple[UUID, datetime | None]]) -> list[list[Row] | Exception]:
        """Return the aliases of each (model, moment), one statement a moment."""
        models: dict[datetime | None, list[UUID]] = defaultdict(list)
        for model_id, moment in keys:
            models[moment].append(model_id)
        groups: dict[tuple[UUID, datetime | None], list[Row]] = {key: [] for key in keys}
        for moment, members in models.items():
            for row in await self._aliases(members, moment):
                groups[row.model_id, moment].append(row)
        return [groups[key] for key in keys]

    async def _aliases(self, models: list[UUID], moment: datetime | None) -> list[Row]:
        if moment is None:
            return await self.db.fetch_sql(self._NOW, models, self.organization_id)
        return await self.db.fetch_sql(self._THEN, models, self.organization_id, moment)


class MovesByAlias(Loader[tuple[UUID, int], list[Row]]):
    """The last moves of an alias's name in its model, newest first; the key is the alias and how many moves."""

    needs = Permission.MODEL_READ
    reads = tags_of(ModelAlias, ModelAliasMove)

    async def fetch(self, keys: Sequence[tuple[UUID, int]]) -> list[list[Row] | Exception]:
        """Return the moves of each alias, one statement for all."""
        rows = await self.db.fetch_sql(
            "SELECT wanted.id AS alias_id, wanted.most, move.* FROM unnest($1::uuid[], $2::int[]) AS wanted(id, most) "
            "JOIN model_alias AS alias ON alias.id = wanted.id AND alias.organization_id = $3 CROSS JOIN LATERAL ("
            "SELECT id, version_id, at, by_id FROM model_alias_move "
            "WHERE model_id = alias.model_id AND name = alias.name ORDER BY at DESC, id DESC LIMIT wanted.most"
            ") AS move ORDER BY move.at DESC, move.id DESC",
            [key for key, _ in keys],
            [most for _, most in keys],
            self.organization_id,
        )
        groups: dict[tuple[UUID, int], list[Row]] = {key: [] for key in keys}
        for row in rows:
            groups[row.alias_id, row.most].append(row)
        return [groups[key] for key in keys]
