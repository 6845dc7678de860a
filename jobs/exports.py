"""EXPORT: what was tracked here is written elsewhere."""

from collections.abc import Mapping
from typing import Any

from jobs.bundles import store_bundle
from jobs.connecting import bytes_of, connected, scoped
from jobs.registry import job
from maestro import job_inputs
from maestro.bundle_inputs import ToBundle
from maestro.db.tables.enums import JobKind
from maestro.job_inputs import ExportInput
from maestro.queue.work import JobRun, Partial, Work
from ops.exports.mlflow import export_mlflow
from ops.exports.origin import Origin


@job(JobKind.EXPORT)
async def write_out(run: JobRun, given: Mapping[str, Any]) -> Mapping[str, Any] | Partial:
    """Write runs and models elsewhere; the result counts them, and lists in `failures` what could not be written.

    What is there already is filled up, so that a job that is resumed, or run again, doubles nothing.
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
    async with bytes_of(work) as blobs, connected(work, asked.connector_id) as target:
        origin = Origin(
            db=scoped(work),
            organization_id=work.organization_id,
            project_id=asked.project_id,
            experiment_id=asked.experiment_id,
            blobs=blobs,
            with_files=asked.with_artifacts,
            with_models=asked.with_models,
            model_ids=asked.models,
        )
        report = await export_mlflow(origin, target, progress=work.progress)
    return report.document
