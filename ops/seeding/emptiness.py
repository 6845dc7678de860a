"""Whether an organisation may be filled: only one that holds nothing yet, so that no work is ever mixed with it."""

from typing import Final
from uuid import UUID

from maestro.db.engine import Database, Transaction
from maestro.errors import Conflict

GENERATING: Final = "generating"
"""The organisation's setting that stands as long as a generation is not complete."""

_STATE: Final = """
    SELECT EXISTS (SELECT FROM project WHERE organization_id = o.id) AS has_projects, settings -> $2 AS generating
    FROM organization o WHERE id = $1
"""


async def is_empty(db: Database | Transaction, organization_id: UUID) -> bool:
    """Say whether an organisation has never had a project, and none is being generated."""
    state = (await db.fetch_sql(_STATE, organization_id, GENERATING))[0]
    return not state.has_projects and state.generating is None


async def hold_projects(tx: Transaction) -> None:
    """Let nobody else make or change a project until the transaction ends; reading goes on."""
    await tx.fetch_sql("LOCK TABLE project IN SHARE ROW EXCLUSIVE MODE")


def not_empty() -> Conflict:
    """Return the refusal to fill an organisation that is in use."""
    return Conflict(
        "This database already has projects.",
        hint="Seed an empty one: another MAESTRO_DATA_DIR or MAESTRO_DATABASE_URL. With --if-empty this is no error.",
    )
