"""EXPORT: what was tracked here is written elsewhere."""

from collections.abc import Mapping
from typing import Any

from connectors.local import LocalBlobs
from jobs.bundles import store_bundle
from jobs.connecting import connected, scoped
from jobs.registry import job
from maestro import job_inputs
from maestro.bundle_inputs import ToBundle
from maestro.db.tables.enums import JobKind
from maestro.job_inputs import ExportInput
from maestro.queue.work import JobRun, Partial, Work
from ops.exports.mlflow import Origin, export_mlflow


@job(JobKind.EXPORT)
async def write_out(run: JobRun, given: Mapping[str, Any]) -> Mapping[str, Any] | Partial:
    """Write runs elsewhere; the result counts them, and lists in `failures` those that could not be written.

    A run that is there already is filled up, so that a job that is resumed, or run again, doubles nothing.
    """
    asked = job_inputs.read(ExportInput, given)
    done: dict[str, Any] = await run.step("export", write, asked.stored())
    if not done.get("failed"):
        return done
    first = done["failures"][0]
    message = f"{done['failed']:,} could not be written; the first: {first['noun']} {first['name']}."
    await run.event("WARNING", message, code=first["code"], reason=first["message"])
    return Partial(done, message)


async def write(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Export to an MLflow server, or as a bundle."""
    asked = ExportInput.model_validate(stored).target
    if isinstance(asked, ToBundle):
        return await store_bundle(work, asked)
    origin = Origin(
        db=scoped(work),
        organization_id=work.organization_id,
        project_id=asked.project_id,
        experiment_id=asked.experiment_id,
        blobs=LocalBlobs(work.settings.data_dir / "blobs"),
    )
    async with connected(work, asked.connector_id) as target:
        report = await export_mlflow(origin, target, with_files=asked.with_artifacts, progress=work.progress)
    return report.document
