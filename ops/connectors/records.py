"""The rows of statements that were run by connectors: how they ended, and what was left by processes that are gone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.tables.enums import JobState
from maestro.errors import MaestroError
from maestro.vendor_errors import Cancelled

_SUCCEEDED: Final = """
    UPDATE connector_query SET state = 'SUCCEEDED', ended_at = now(), row_count = $2, size_bytes = $3,
        is_truncated = $4, vendor_id = $5
    WHERE id = $1 AND ended_at IS NULL
"""
_FAILED: Final = """
    UPDATE connector_query SET state = $2, ended_at = now(), error_code = $3, error_message = $4
    WHERE id = $1 AND ended_at IS NULL
"""
_ABANDONED: Final = """
    UPDATE connector_query SET state = 'FAILED', ended_at = now(), error_code = 'ERRAND_LOST',
        error_message = 'The process that asked the connector has ended.'
    WHERE ended_at IS NULL AND started_at < now() - $1::interval RETURNING id
"""
LONGEST_MESSAGE: Final = 2_000


async def succeeded(db: Database, query_id: UUID, made: Mapping[str, Any]) -> None:
    """Write down that a query has ended well: `row_count`, `size_bytes`, `is_truncated` and `vendor_id`."""
    figures = [made[name] for name in ("row_count", "size_bytes", "is_truncated", "vendor_id")]
    await db.fetch_sql(_SUCCEEDED, query_id, *figures)


async def failed(db: Database, query_id: UUID, error: MaestroError) -> None:
    """Write down that a query has ended by an error, or was stopped; nothing when it had ended before."""
    state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
    await db.fetch_sql(_FAILED, query_id, state.value, error.code, error.message[:LONGEST_MESSAGE])


async def abandon(db: Database, older_than: timedelta) -> int:
    """End the queries of processes that have ended without a word, and return how many those were."""
    return len(await db.fetch_sql(_ABANDONED, older_than))
