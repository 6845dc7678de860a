"""How much a project holds, in the schema: counted ahead, and told as of when."""

from datetime import datetime
from typing import Any

import strawberry

from dataloaders.usage import STATUSES
from execution.declare import column, computed
from maestro.db.tables.enums import RunStatus
from schema.nodes import RowBacked
from schema.scalars import BigInt


@strawberry.type(description="How many runs have a status.")
class RunStatusCount:
    """One column of a project's counts."""

    status: RunStatus = strawberry.field(description="The status.")
    count: BigInt = strawberry.field(description="How many runs have it.")


@strawberry.type(description="How much a project holds; of what is in the trash only files and points count.")
class ProjectUsage(RowBacked):
    """The counts as a row."""

    row: strawberry.Private[Any]

    experiments: BigInt = column("Experiments in use.")
    runs: BigInt = column("Runs in use.")
    series: BigInt = column("Series of metric points: one a metric, a run and a context.")
    points: BigInt = column("Metric points.")
    files: BigInt = column("Stored files; the same bytes count once.")
    storage_bytes: BigInt = column("Bytes of the stored files; the same bytes count once.")
    as_of: datetime = column("When this was counted: what was written since then is not in it.")

    @computed(*STATUSES.values(), description="Runs in use by their status; those that no run has are left out.")
    def runs_by_status(self) -> list[RunStatusCount]:
        """Return the counts that are not zero."""
        counts = {status: self.row[name] for status, name in STATUSES.items()}
        return [RunStatusCount(status=status, count=BigInt(n)) for status, n in counts.items() if n]
