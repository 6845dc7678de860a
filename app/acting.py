"""Operations of the schema that commands carry out as the owner of the first organisation, audited like all others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar

from strawberry.types import ExecutionResult

from app.archiving import archives
from app.database import database
from app.server import opened
from maestro.access import SignInMethod, Viewer, grants_of
from maestro.db.migrate import require_current
from maestro.db.rows import CONNECTION_LOST
from maestro.db.tables.enums import Role
from maestro.errors import MaestroError
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.context import Context
from resolvers.setup import ensure_owner
from schema import schema

T = TypeVar("T")
KNOWN: Final = (MaestroError, *CONNECTION_LOST)
"""What commands are told as it is; anything else with the place in the operation."""


def as_owner(settings: Settings, work: Callable[[Context], Awaitable[T]]) -> T:
    """Run some work on the database of the settings as the first owner: who commands the machine owns what is on it."""

    async def run(url: str) -> T:
        async with opened(settings, url) as runtime:
            return await work(await owner_in(runtime))

    with database(settings) as url:
        require_current(url)
        return asyncio.run(run(url))


async def owner_in(runtime: Runtime) -> Context:
    """Return what the first owner acts with; somebody else, once a restore has brought another installation here."""
    owner = await ensure_owner(runtime.db, archives=archives(runtime.settings))
    (person,) = await runtime.db.fetch_sql('SELECT name, email FROM "user" WHERE id = $1', owner.user_id)
    grants = grants_of([(Role.OWNER, None)])
    viewer = Viewer(owner.user_id, owner.organization_id, person.name, person.email, SignInMethod.SESSION, grants)
    return Context(runtime, viewer)


async def carried_out(ctx: Context, operation: str, **variables: Any) -> Any:
    """Carry out an operation and return its data; raises the error by which it was refused."""
    result = await schema.execute(operation, variable_values=variables, context_value=ctx)
    return _data_of(result)


async def followed(ctx: Context, operation: str, **variables: Any) -> AsyncIterator[Any]:
    """Subscribe, and yield the data of each event; raises the error by which it was refused or has ended."""
    events: Any = await schema.subscribe(operation, variable_values=variables, context_value=ctx)
    if isinstance(events, ExecutionResult):
        _data_of(events)
        return
    async with aclosing(events):
        async for event in events:
            yield _data_of(event)


def _data_of(result: Any) -> Any:
    for error in result.errors or ():
        raise error.original_error if isinstance(error.original_error, KNOWN) else error
    return result.data
