"""CHECK_CONNECTORS: tests connectors, so that it is known that one fails before somebody needs it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from jobs.registry import job
from maestro import job_inputs
from maestro.db.tables.enums import JobKind
from maestro.ids import Kind, encode
from maestro.job_inputs import CheckConnectorsInput
from maestro.queue.work import JobRun, Partial, Work
from ops.connectors.checking import check_all, failing
from ops.connectors.opening import Openings


@job(JobKind.CHECK_CONNECTORS)
async def check_connectors(run: JobRun, given: Mapping[str, Any]) -> Mapping[str, Any] | Partial:
    """Test connectors; PARTIAL, with their names, when some are not as they should be.

    The result has `checked`, each with its id, name, kind and status, or the code of why it could not be tested.
    """
    asked = job_inputs.read(CheckConnectorsInput, given)
    checked = await run.step("check", check_step, asked.stored())
    result = {"checked": checked}
    if names := failing(checked):
        return Partial(result, f"{len(names)} of {len(checked)} connectors are not healthy: {', '.join(names)}.")
    return result


async def check_step(work: Work, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Test them, and keep what was found."""
    stored = CheckConnectorsInput.model_validate(asked)
    openings = Openings(work.db, work.vault, work.settings)
    try:
        checked = await check_all(
            openings,
            work.organization_id,
            named=stored.connector_ids,
            writes=stored.writes,
            progress=work.progress,
        )
    finally:
        await openings.close()
    return [{**one, "id": encode(Kind.Connector, UUID(one["id"]))} for one in checked]
