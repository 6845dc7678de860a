"""The health of the database: what is found out about its tables, its indexes and what goes on in it."""

from dataclasses import dataclass

from maestro.db.engine import Database
from ops.database import activity, indexes, tables
from ops.database.activity import Activity
from ops.database.findings import SEVERITIES, Finding, IndexHealth, Severity, TableHealth


@dataclass(frozen=True, slots=True)
class Health:
    """What is found out, the worst first, with the tables and the indexes, the largest first."""

    activity: Activity
    findings: tuple[Finding, ...]
    tables: tuple[TableHealth, ...]
    indexes: tuple[IndexHealth, ...]

    @property
    def worst(self) -> Severity | None:
        """How bad the worst of it is; None when nothing is."""
        return self.findings[0].severity if self.findings else None


async def examine(db: Database) -> Health:
    """Look at everything; reads statistics and no table, so that it takes milliseconds whatever the size.

    Seen by the tables' owner, or by the server's system role; what others do is seen with `pg_read_all_stats`.
    """
    going_on = await activity.read(db)
    all_tables, all_indexes = await tables.read(db), await indexes.read(db)
    found = [
        *going_on.findings,
        *tables.findings(all_tables, frozen_at=going_on.frozen_at, multixact_frozen_at=going_on.multixact_frozen_at),
        *indexes.findings(all_indexes, days=going_on.days),
        *await indexes.unindexed(db),
    ]
    found.sort(key=lambda one: (-SEVERITIES.index(one.severity), one.kind, one.subject))
    return Health(going_on, tuple(found), tuple(all_tables), tuple(all_indexes))
