"""Loaders of params."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, bindparam, func, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Param

_COLUMNS = Param.__table__.c


class ParamsByRun(Loader[tuple[UUID, str], list[Row]]):
    """The params of a run whose keys begin with a prefix, sorted by key; the key is (run id, prefix)."""

    needs = Permission.EXPERIMENT_READ
    statement = Statement(
        select(*_COLUMNS)
        .where(
            _COLUMNS.run_id == any_(KEYS),
            _COLUMNS.organization_id == ORGANIZATION,
            func.starts_with(_COLUMNS.key, bindparam("prefix", type_=_COLUMNS.key.type)),
        )
        .order_by(_COLUMNS.run_id, _COLUMNS.key.collate("C"))
    )

    async def fetch(self, keys: Sequence[tuple[UUID, str]]) -> list[list[Row] | Exception]:
        """Return the params of each run, one statement for all runs that share a prefix."""
        runs: dict[str, set[UUID]] = defaultdict(set)
        for run_id, prefix in keys:
            runs[prefix].add(run_id)
        found: dict[tuple[UUID, str], list[Row]] = defaultdict(list)
        for prefix, run_ids in runs.items():
            for row in await self.rows(self.statement, keys=list(run_ids), prefix=prefix):
                found[row.run_id, prefix].append(row)
        return [found[key] for key in keys]
