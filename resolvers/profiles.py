"""Use cases of profiles: a process is asked to look at itself, by a job; and what it has found is taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import update
from uuid_utils.compat import uuid7

from maestro.access import Permission
from maestro.clock import now
from maestro.db.engine import Scope
from maestro.db.rows import Row
from maestro.db.tables import Profile
from maestro.db.tables.enums import JobState, ProfileKind
from maestro.errors import Forbidden, InvalidInput, NotFound
from maestro.job_inputs import ProfileInput
from maestro.profiles import LONGEST_S, SHORTEST_S, ProcessRole, Question, process_name
from maestro.runtime import Runtime
from ops.profiling.asking import Present, roll_call
from resolvers import auditing, installation, jobs, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.transfers import lifetime_of, server_of
from resolvers.writing import Writer

LONGEST_NAME: Final = 300
_CONTENT: Final = "SELECT name, media_type, content FROM profile_file WHERE id = $1"
_CONTENTS: Final = "SELECT name, media_type, content FROM profile_file WHERE profile_id = $1 ORDER BY name"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be looked at: for how long, of whom, and how."""

    kind: ProfileKind
    seconds: float = 0.0
    target: str = ProcessRole.SERVER.value
    options: Mapping[str, Any] | None = None
    question: Question | None = None
    """The operation whose statements are asked for; it is run by this very process, for whoever asks."""


async def start(ctx: Context, order: Order, *, idempotency_key: str | None = None) -> Row:
    """Start a profile and return its row, which waits.

    Forbidden outside of the first organisation; InvalidInput for how long or of whom.
    """
    await _require_operator(ctx)
    _require_possible(order)
    asked = ProfileInput(profile_id=uuid7())
    if order.question is not None:
        ctx.runtime.questions.hold(asked.profile_id, order.question)

    async def write(writer: Writer) -> Row:
        auditing.concerned(ctx, Profile.__name__, asked.profile_id)
        await writer.create(
            Profile,
            id=asked.profile_id,
            kind=order.kind,
            state=JobState.QUEUED,
            seconds=order.seconds,
            target=process_name() if order.question is not None else order.target,
            options=dict(order.options or {}),
        )
        job = await jobs.start(writer, asked, idempotency_key=idempotency_key)
        c = Profile.__table__.c
        query = update(Profile).where(c.id == asked.profile_id).values(job_id=job.id)
        (row,) = await writer.tx.fetch(query.returning(*c))
        return row

    return await write_once(ctx, Profile, Once("startProfile", idempotency_key, _given(order)), write=write)


async def processes(ctx: Context) -> list[Present]:
    """Return the processes of the installation that can be profiled; Forbidden outside of the first organisation."""
    await _require_operator(ctx)
    return await roll_call(ctx.runtime.db, ctx.runtime.events)


def download_address(runtime: Runtime, file: Row, *, ttl_s: int | None = None) -> str:
    """Return where a file of a profile can be fetched by anybody for some seconds, as of files of artifacts."""
    content = [file.organization_id.hex, file.id.hex, now().timestamp() + lifetime_of(runtime, ttl_s)]
    return f"{server_of(runtime)}/download/profile/{_serializer(runtime).dumps(content)}"


async def file_of(runtime: Runtime, token: str) -> Row:
    """Return the name, the media type and the bytes that a token permits; Forbidden, NotFound once they are gone."""
    try:
        organization, file_id, good_until = _serializer(runtime).loads(token)
    except BadData:
        raise Forbidden("This is no link that the server has made.", hint="Ask for downloadUrl again.") from None
    if now().timestamp() >= good_until:
        raise Forbidden("This link is too old.", hint="Ask for downloadUrl again.")
    rows = await runtime.db.within(Scope(UUID(hex=organization))).fetch_sql(_CONTENT, UUID(hex=file_id))
    if not rows:
        raise NotFound("There is no such file any more.")
    return rows[0]


async def contents(ctx: Context, profile_id: UUID) -> list[Row]:
    """Return the files of a profile with their bytes, for whoever may see it; NotFound when there are none."""
    await _require_operator(ctx)
    rows = await ctx.db.fetch_sql(_CONTENTS, profile_id)
    if not rows:
        raise NotFound("This profile has no files.", hint="It has some once it has succeeded, until they are too old.")
    return rows


async def _require_operator(ctx: Context) -> None:
    ctx.require(Permission.MAINTENANCE_RUN)
    installation.require(is_here=await installation.is_here(ctx))


def _require_possible(order: Order) -> None:
    if order.kind is not ProfileKind.STATEMENTS and not SHORTEST_S <= order.seconds <= LONGEST_S:
        raise InvalidInput(
            f"A profile lasts {SHORTEST_S:g} to {LONGEST_S:g} seconds.", field="input.seconds", limit=LONGEST_S
        )
    validation.text(order.target, field="input.process", limit=LONGEST_NAME)


def _given(order: Order) -> dict[str, Any]:
    asked = order.question
    about = None if asked is None else [asked.document, dict(asked.variables), asked.operation_name]
    return {
        "kind": order.kind,
        "seconds": order.seconds,
        "target": order.target,
        "options": order.options,
        "question": about,
    }


def _serializer(runtime: Runtime) -> URLSafeSerializer:
    return URLSafeSerializer(runtime.secret, salt="maestro.profile")
