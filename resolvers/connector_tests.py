"""Use cases of tests of connectors."""

from uuid import UUID

from sqlalchemy import select

from maestro.db.rows import Row
from maestro.db.tables import Connector, ConnectorCheck
from maestro.errands import ErrandKind
from resolvers.context import Context
from resolvers.writing import Lock, writing

TRIGGER = "MANUAL"


async def test(ctx: Context, key: UUID, *, writes: bool) -> Row:
    """Test a connector, and return what was found; what is wrong with it is no error of this.

    NotFound, Conflict when it is in the trash, NotSupported for a kind that nobody opens yet; errors of errands.
    """
    async with writing(ctx) as writer:
        # Kept locked no longer than it takes to look: the test takes seconds.
        await writer.in_use(Connector, key, lock=Lock.KEEP)
        writer.changed(Connector, key, after={"tested": True, "writes": writes})
    timeout_s = ctx.runtime.settings.test_timeout.total_seconds()
    ctx.allow(2 * timeout_s)
    asked = {
        "connector_id": str(key),
        "organization_id": str(ctx.organization_id),
        "trigger": TRIGGER,
        "writes": writes,
    }
    found = await ctx.runtime.errands.run(ErrandKind.TEST, asked, timeout_s=timeout_s + 5)
    ctx.loaders.clear()
    c = ConnectorCheck.__table__.c
    (check,) = await ctx.db.fetch(select(*c).where(c.id == UUID(found["id"]), c.organization_id == ctx.organization_id))
    return check
