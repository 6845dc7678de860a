"""IMPORT: what was tracked elsewhere is brought into a project."""

from collections.abc import Mapping
from typing import Any

from connectors.local import LocalBlobs
from jobs.bundles import fetch_bundle
from jobs.connecting import connected, scoped, starter_of
from jobs.means import DRAFTS
from jobs.registry import job
from maestro import job_inputs
from maestro.bundle_inputs import FromBundle
from maestro.db.tables.enums import JobKind
from maestro.job_inputs import ImportInput
from maestro.queue.work import JobRun, Partial, Work
from ops.imports.mlflow import import_mlflow
from ops.imports.target import Target, Wanted


@job(JobKind.IMPORT)
async def bring_in(run: JobRun, given: Mapping[str, Any]) -> Mapping[str, Any] | Partial:
    """Bring in what is wanted; the result counts what has come, and lists what has not in `failures`.

    A job that is resumed, or run again, goes on where it was: the rows themselves say how far it had come. Its result
    then counts as unchanged what had come before.
    """
    asked = job_inputs.read(ImportInput, given)
    done: dict[str, Any] = await run.step("import", bring, asked.stored())
    if not done.get("failed"):
        return done
    first = done["failures"][0]
    message = f"{done['failed']:,} could not be brought in; the first: {first['noun']} {first['name']}."
    await run.event("WARNING", message, code=first["code"], reason=first["message"])
    return Partial(done, message)


async def bring(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Import from an MLflow server, or a bundle."""
    asked = ImportInput.model_validate(stored).source
    if isinstance(asked, FromBundle):
        return await fetch_bundle(work, asked)
    settings = work.settings
    target = Target(
        db=scoped(work),
        organization_id=work.organization_id,
        project_id=asked.project_id,
        actor_id=await starter_of(work),
        blobs=LocalBlobs(settings.data_dir / "blobs"),
        drafts=settings.data_dir / DRAFTS,
        largest_file=settings.max_upload_bytes,
    )
    wanted = Wanted(
        experiments=asked.experiments,
        with_files=asked.with_artifacts,
        with_models=asked.with_models,
        since=asked.since,
    )
    async with connected(work, asked.connector_id) as source:
        return (await import_mlflow(source, target, wanted, progress=work.progress)).document
