"""Root fields that are written by hand: each names the permission that it needs, and is refused without it.

Root fields that are edges need what their loader needs.
"""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import isawaitable
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import strawberry
from graphql import FieldNode
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

import resolvers.auditing
from dataloaders.base import Loader
from execution.declare import Relation
from execution.policies import CACHED, STRAWBERRY
from execution.policy import Cached
from execution.prepared import Prepared
from maestro.access import Permission
from maestro.errors import Forbidden, InvalidInput
from maestro.ids import decode
from resolvers.actions import Action
from resolvers.context import Context
from schema import receipts

F = TypeVar("F", bound=Callable[..., Any])
TELLS_STATE: Final = "maestro.tells_state"
"""The metadata key of subscriptions each of whose events is the present state."""


class Guard(FieldExtension):
    """Refuses a viewer who holds the permission nowhere; `needs` None is for everybody who is signed in.

    In which project it is held is looked at where the project is known: by the writer, or by the database.
    """

    def __init__(self, needs: Permission | None, *, appends: bool = False) -> None:
        self.needs = needs
        self.appends = appends

    def check(self, info: Any) -> None:
        """Raise Forbidden unless the viewer may use the field and read what its answer is to hold."""
        ctx: Context = info.context
        if self.needs is not None:
            ctx.require_somewhere(self.needs)
        if ctx.viewer.grants.is_append_only and not self.appends:
            raise Forbidden("This API key may log and do nothing else.", hint="Use another key.")
        receipts.check(info._raw_info, ctx.viewer)  # noqa: SLF001 -- Strawberry's own list of fields spreads fragments again and again

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Guard a field that answers at once, or by an iterator."""
        self.check(info)
        return next_(source, info, **arguments)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Guard a field that is awaited, or answers by an asynchronous iterator."""
        self.check(info)
        answer = next_(source, info, **arguments)
        return await answer if isawaitable(answer) else answer


class AuditedGuard(Guard):
    """Guards a mutation, and records it, carried out or refused."""

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Guard and record."""
        ctx: Context = info.context
        action = Action(info.field_name, self.needs, _aim(arguments))
        async with resolvers.auditing.audited(ctx, action):
            # A document may hold many of them, and its sender may have been turned out while the first ones ran.
            await ctx.still_permitted_here()
            self.check(info)
            return await next_(source, info, **arguments)


def query(
    needs: Permission | None, *, description: str, appends: bool = False, cached: Cached | None = None
) -> Callable[[F], Any]:
    """Declare a root field of queries; `appends` opens it to keys that only log.

    `cached` lets whole answers be kept that have it; its own answer is not kept by itself.
    """
    metadata = {} if cached is None else {CACHED: cached}
    return _declared(partial(strawberry.field, metadata=metadata), Guard(needs, appends=appends), description)


def mutation(needs: Permission | None, *, description: str, appends: bool = False) -> Callable[[F], Any]:
    """Declare a mutation; `appends` opens it to keys that only log."""
    return _declared(strawberry.mutation, AuditedGuard(needs, appends=appends), description)


def subscription(needs: Permission | None, *, description: str, tells_state: bool = False) -> Callable[[F], Any]:
    """Declare a subscription; with `tells_state`, each event is the present state, whatever was told before."""
    metadata = {TELLS_STATE: tells_state}
    return _declared(partial(strawberry.subscription, metadata=metadata), Guard(needs), description)


def does_tell_state(prepared: Prepared, operation_name: str | None) -> bool:
    """Say whether each event of an operation is the present state of one thing."""
    operation, root = prepared.operation(operation_name), prepared.schema.subscription_type
    if operation is None or root is None or len(operation.selection_set.selections) != 1:
        return False
    (node,) = operation.selection_set.selections
    field = root.fields.get(node.name.value) if isinstance(node, FieldNode) else None
    declared = None if field is None else field.extensions.get(STRAWBERRY)
    return isinstance(declared, StrawberryField) and bool(declared.metadata.get(TELLS_STATE))


def _aim(arguments: Mapping[str, Any]) -> tuple[str, UUID] | None:
    """Return the object whose id the mutation is given, if it is given one."""
    try:
        kind, key = decode(str(arguments.get("id", "")))
    except InvalidInput:
        return None
    return kind.name, key


def guard_of(field: StrawberryField) -> Guard:
    """Return the guard of a root field, for an edge one that needs what its loader needs; LookupError without any."""
    if isinstance(field, Relation):
        return Guard(cast("type[Loader[Any, Any]]", field.edge.loader).needs)
    for extension in field.extensions:
        if isinstance(extension, Guard):
            return extension
    raise LookupError(f"{field.python_name} does not say which permission it needs")


def _declared(kind: Callable[..., Any], guard: Guard, description: str) -> Callable[[F], Any]:
    made: Callable[[F], Any] = kind(description=description, extensions=[guard])
    return made
