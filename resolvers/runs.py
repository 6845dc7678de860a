"""Use cases of runs: their creation and what people write on them; their life is in `run_life`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from dataloaders.quotas import Quota
from maestro.clock import now
from maestro.db.rows import Row
from maestro.db.tables import Experiment, Run
from maestro.db.tables.enums import RunStatus
from maestro.errors import InvalidInput
from maestro.events import Event, topic
from maestro.ids import Kind
from resolvers import params, quotas, trash, validation
from resolvers.context import Context
from resolvers.documents import document
from resolvers.idempotency import Once, write_once
from resolvers.writing import Writer, writing

LONGEST_EXTERNAL_ID: Final = 250
LONGEST_REASON: Final = 10_000

NEXT_NUMBER: Final = """
UPDATE project SET last_run_number = last_run_number + 1 FROM experiment
WHERE experiment.id = $1 AND experiment.organization_id = $2 AND project.id = experiment.project_id
RETURNING last_run_number AS number
"""


def _external_id(value: str) -> str:
    if not value.strip():
        raise InvalidInput("externalId is empty.", field="externalId", hint="Leave it out, or give a text to it.")
    return validation.text(value, field="externalId", limit=LONGEST_EXTERNAL_ID)


def status_reason(value: str) -> str:
    """Return a reason of at most 10,000 characters; InvalidInput."""
    return validation.text(value, field="statusReason", limit=LONGEST_REASON)


CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": validation.name,
    "external_id": _external_id,
    "kind": str,
    "notes": lambda value: validation.text(value, field="notes"),
    "tags": validation.tags,
    "status_reason": status_reason,
    "config": lambda value: document(value, field="config"),
    "environment": lambda value: document(value, field="environment"),
    "source": lambda value: document(value, field="source"),
}


async def create(
    ctx: Context, experiment_id: UUID, given: Mapping[str, Any], *, idempotency_key: str | None = None
) -> Row:
    """Create a run in an experiment, numbered in its project and named after its number unless a name is given.

    `given` may hold the fields of CHECKS and `status`, `started_at`, `parent_id` and `params`, a mapping of typed
    values. NotFound, InvalidInput, Conflict when the experiment or the parent is in the trash, NameTaken for a used
    `external_id`, QuotaExceeded.
    """
    values = _checked(given)
    values["status"], values["started_at"] = _start(given)
    logged = params.checked(given.get("params") or {})
    parent_id: UUID | None = given.get("parent_id")
    await quotas.prepare(ctx, Quota.RUNS)

    async def write(writer: Writer) -> Row:
        # Numbering locks the project, so it comes before the experiment is locked; a refusal takes the number back.
        counted = await writer.tx.fetch_sql(NEXT_NUMBER, experiment_id, ctx.organization_id)
        project_id = (await writer.container(Experiment, experiment_id)).project_id
        if parent_id is not None:
            await _check_parent(writer, parent_id, project_id)
        quotas.take(ctx, Quota.RUNS)
        number = counted[0].number
        numbered = {"name": f"run-{number}", "number": number, **values}
        run = await writer.create(
            Run, project_id=project_id, experiment_id=experiment_id, parent_id=parent_id, **numbered
        )
        await params.store(writer, run, logged)
        tell(writer, run, "created")
        return run

    once = Once("createRun", idempotency_key, {**given, "experiment": experiment_id})
    return await write_once(ctx, Run, once, write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change fields of CHECKS; `tags` take the place of all tags, null takes `external_id` and `status_reason` away.

    NotFound, InvalidInput, Conflict, StaleVersion, NameTaken.
    """
    validation.not_null(changes, "external_id", "status_reason")
    values = {**{field: None for field, value in changes.items() if value is None}, **_checked(changes)}
    async with writing(ctx) as writer:
        run = await writer.change(Run, key, expected_version=expected_version, **values)
        tell(writer, run, "fields")
        return run


async def delete(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Move a run to the trash; NotFound, StaleVersion."""
    async with writing(ctx) as writer:
        run = await trash.discard(writer, Run, key, expected_version=expected_version)
        tell(writer, run, "deleted")
        return run


async def restore(ctx: Context, key: UUID) -> Row:
    """Bring a run back.

    NotFound, Conflict when its experiment is in the trash, NameTaken for its `external_id`, QuotaExceeded.
    """
    await quotas.prepare(ctx, Quota.RUNS)
    async with writing(ctx) as writer:
        run = await trash.bring_back(writer, Run, key)
        tell(writer, run, "restored")
        return run


def tell(writer: Writer, run: Row, change: str) -> None:
    """Tell who is subscribed to a run what kind of change it went through."""
    writer.tell(Event(topic(Kind.Run, run.id), {"change": change}))


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    return {field: CHECKS[field](value) for field, value in given.items() if field in CHECKS and value is not None}


def _start(given: Mapping[str, Any]) -> tuple[RunStatus, datetime | None]:
    status, started_at = given.get("status") or RunStatus.RUNNING, given.get("started_at")
    if status.is_terminal:
        raise InvalidInput(
            f"A run cannot begin as {status}.", field="status", hint="Create it, log to it, then finish it."
        )
    if status is RunStatus.RUNNING:
        return status, started_at or now()
    if started_at is not None:
        raise InvalidInput("A scheduled run has not started.", field="startedAt", hint="Leave startedAt out.")
    return status, None


async def _check_parent(writer: Writer, parent_id: UUID, project_id: UUID) -> None:
    parent = await writer.in_use(Run, parent_id)
    if parent.project_id != project_id:
        raise InvalidInput(
            "The parent belongs to another project.",
            field="parentId",
            hint="A run and its parent are in the same project.",
        )
