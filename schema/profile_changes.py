"""Profiles that are started, in the schema."""

from typing import Annotated, Any

import strawberry
from graphql import OperationType
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.profiles
from maestro.access import Permission
from maestro.db.tables.enums import ProfileKind
from maestro.errors import InvalidInput
from maestro.profiles import CpuMode, ProcessRole, Question
from resolvers.context import Context
from resolvers.profiles import Order
from schema.arguments import IdempotencyKey
from schema.connections import given
from schema.enums import described
from schema.guarding import OPERATIONS
from schema.guards import mutation
from schema.profiles import Profile

described(
    CpuMode,
    "How the processor's time is looked at.",
    {
        "SAMPLED": "By samples of the stack, from which flame graphs are made.",
        "EACH_CALL": "By counting each call, as `cProfile` does: exact counts, for more overhead.",
    },
)
_PROCESS = strawberry.field(
    default=UNSET, description="The name of one process, of those in `processes`; the first that comes unless given."
)


@strawberry.input(description="A look at what the thread of an event loop spends its time on.")
class CpuProfileInput:
    """A profile of the processor."""

    seconds: float = strawberry.field(default=10.0, description="For how long, 0.1 to 300 seconds.")
    mode: CpuMode = strawberry.field(default=CpuMode.SAMPLED, description="How.")
    role: ProcessRole = strawberry.field(default=ProcessRole.SERVER, description="Of which processes one is meant.")
    process: str | None = _PROCESS


@strawberry.input(description="A look at what a process allocates and keeps.")
class MemoryProfileInput:
    """A profile of the memory."""

    seconds: float = strawberry.field(default=10.0, description="For how long, 0.1 to 300 seconds.")
    role: ProcessRole = strawberry.field(default=ProcessRole.SERVER, description="Of which processes one is meant.")
    process: str | None = _PROCESS


@strawberry.input(description="A look at the operations that a server answers.")
class OperationsProfileInput:
    """A profile of operations."""

    seconds: float = strawberry.field(default=10.0, description="For how long, 0.1 to 300 seconds.")
    process: str | None = _PROCESS


@strawberry.input(
    description="A look at the statements of one query, which is run once more as whoever asks. Neither the query nor "
    "its variables are stored, and no value gets into the profile."
)
class StatementsProfileInput:
    """A profile of statements."""

    document: str = strawberry.field(description="The document, as it would be sent.")
    variables: JSON | None = strawberry.field(default=UNSET, description="Its variables, a JSON object.")
    operation_name: str | None = strawberry.field(
        default=UNSET, description="The operation that is meant, of several in the document."
    )


@strawberry.input(one_of=True, description="What to look at; exactly one.")
class StartProfileInput:
    """A profile."""

    cpu: CpuProfileInput | None = strawberry.field(default=UNSET, description="The processor.")
    memory: MemoryProfileInput | None = strawberry.field(default=UNSET, description="The memory.")
    statements: StatementsProfileInput | None = strawberry.field(default=UNSET, description="The database.")
    operations: OperationsProfileInput | None = strawberry.field(default=UNSET, description="The operations.")


@strawberry.type
class ProfileMutations:
    """Root fields."""

    @mutation(
        Permission.MAINTENANCE_RUN,
        description="Have a running process of the installation profiled, in its first organisation. The job ends with "
        "files to take away: flame graphs, tables, plans. A process is profiled by one job at a time.",
    )
    async def start_profile(
        self,
        info: Info[Any, Any],
        input: Annotated[StartProfileInput, strawberry.argument(description="What to look at.")],
        idempotency_key: IdempotencyKey = None,
    ) -> Profile:
        """Start."""
        ((name, wanted),) = given(input).items()
        order = _order(info.context, ProfileKind(name.upper()), wanted)
        return Profile(row=await resolvers.profiles.start(info.context, order, idempotency_key=idempotency_key))


def _order(ctx: Context, kind: ProfileKind, wanted: dict[str, Any]) -> Order:
    if kind is ProfileKind.STATEMENTS:
        return Order(kind, question=_question(ctx, wanted))
    mode = wanted.get("mode")
    return Order(
        kind,
        seconds=wanted["seconds"],
        target=wanted.get("process") or wanted.get("role", ProcessRole.SERVER).value,
        options={} if mode is None else {"mode": mode.value},
    )


def _question(ctx: Context, wanted: dict[str, Any]) -> Question:
    document, name = wanted["document"], wanted.get("operation_name")
    variables = wanted.get("variables") or {}
    if not isinstance(variables, dict):
        raise InvalidInput("Variables are a JSON object.", field="input.statements.variables")
    if OPERATIONS.prepare(document).kind(name) is not OperationType.QUERY:
        raise InvalidInput(
            "The document holds no single query, of this name if one is given.",
            field="input.statements.document",
            hint="Only queries are run once more. `explainOperation` tells what is wrong with a document.",
        )
    return Question(document, variables, name, asker=ctx)
