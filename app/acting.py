"""Operations of the schema that commands carry out as the owner of the first organisation, audited like all others."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.database import database
from app.server import opened
from maestro.access import SignInMethod, Viewer, grants_of
from maestro.db.migrate import require_current
from maestro.db.tables.enums import Role
from maestro.errors import MaestroError
from maestro.settings import Settings
from resolvers.context import Context
from resolvers.setup import ensure_owner
from schema import schema

T = TypeVar("T")


def as_owner(settings: Settings, work: Callable[[Context], Awaitable[T]]) -> T:
    """Run some work on the database of the settings as the first owner: who commands the machine owns what is on it."""

    async def run(url: str) -> T:
        async with opened(settings, url) as runtime:
            owner = await ensure_owner(runtime.db)
            (person,) = await runtime.db.fetch_sql('SELECT name, email FROM "user" WHERE id = $1', owner.user_id)
            grants = grants_of([(Role.OWNER, None)])
            viewer = Viewer(
                owner.user_id, owner.organization_id, person.name, person.email, SignInMethod.SESSION, grants
            )
            return await work(Context(runtime, viewer))

    with database(settings) as url:
        require_current(url)
        return asyncio.run(run(url))


async def carried_out(ctx: Context, operation: str, **variables: Any) -> Any:
    """Carry out an operation and return its data; raises the error by which it was refused."""
    result = await schema.execute(operation, variable_values=variables, context_value=ctx)
    for error in result.errors or ():
        raise error.original_error if isinstance(error.original_error, MaestroError) else error
    return result.data
