"""What concerns the whole installation is done in its first organisation: whoever runs the server is in it."""

from maestro.access import organizations
from maestro.errors import Forbidden
from resolvers.context import Context


async def is_here(ctx: Context) -> bool:
    """Say whether the request acts in the first organisation; asked before a transaction is opened."""
    return await organizations.is_first(ctx.runtime.db, ctx.organization_id)


def require(*, is_here: bool) -> None:
    """Raise Forbidden outside of the first organisation."""
    if not is_here:
        raise Forbidden(
            "This concerns the whole installation, and is done in its first organisation alone.",
            hint="Switch to it, or ask whoever runs the server.",
        )
