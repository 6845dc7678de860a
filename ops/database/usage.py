"""What projects hold, counted ahead: a materialised view that is brought up to date when something has changed."""

import time
from dataclasses import dataclass, field
from typing import Final

from maestro.db.engine import Database

LEAST_PAUSE_S: Final = 60.0
REST: Final = 100
"""Counting rests for so many times as long as it took: it never takes more than a hundredth of a processor."""


async def refresh(db: Database) -> bool:
    """Count anew when something has changed since the last time; say whether it was done.

    By the server's system role; readers go on to see the counts of before meanwhile. When another one is at it, nothing
    is done.
    """
    return bool((await db.fetch_sql("SELECT maestro_refresh_usage() AS done"))[0].done)


@dataclass(slots=True)
class Refreshing:
    """Counts anew as often as that costs little, for who asks again and again."""

    due: float = field(default=0.0)

    async def refresh(self, db: Database) -> bool:
        """Count anew unless that was done a short time ago; say whether it was done."""
        began = time.monotonic()
        if began < self.due:
            return False
        is_done = await refresh(db)
        took = time.monotonic() - began
        self.due = began + (max(LEAST_PAUSE_S, REST * took) if is_done else 0.0)
        return is_done
