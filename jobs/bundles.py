"""Bundles on their way between projects and object stores, for the jobs of imports and exports."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors.local import LocalBlobs
from connectors.stores.transfers import download
from jobs.connecting import bytes_of, connected, scoped, starter_of
from jobs.means import DRAFTS
from maestro.bundle_inputs import FromBundle, ToBundle
from maestro.ids import Kind, encode
from maestro.progress import counted
from maestro.queue.work import Work
from ops.bundles.exporting import Origin, export_project
from ops.bundles.importing import Place, import_project


async def store_bundle(work: Work, asked: ToBundle) -> dict[str, Any]:
    """Write a project into a bundle, and store it under its key: whole, or what was there before."""
    async with _draft(work) as path, bytes_of(work) as blobs, connected(work, asked.connector_id) as store:
        origin = Origin(scoped(work), work.organization_id, asked.project_id, blobs)
        done = await export_project(origin, path, progress=work.progress)
        told = counted(work.progress, "Storing the bundle", path.stat().st_size)
        stored = await store.put_file(asked.key, path, consume=True, told=told)
    return {**done.plain, "key": asked.key, "sizeBytes": stored.size, "sha256": stored.sha256}


async def fetch_bundle(work: Work, asked: FromBundle) -> dict[str, Any]:
    """Fetch a bundle, and make a new project of it; done again by the same job, it is the same project."""
    place = Place(scoped(work), work.organization_id, await starter_of(work), _blobs(work))
    async with _draft(work) as path, connected(work, asked.connector_id) as store:
        size = (await store.head(asked.key)).size
        await download(store, asked.key, path, told=counted(work.progress, "Fetching the bundle", size))
        made = await import_project(place, path, copy_id=work.job_id, name=asked.name, progress=work.progress)
    return {**made.plain, "projectId": encode(Kind.Project, made.project_id)}


def _blobs(work: Work) -> LocalBlobs:
    return LocalBlobs(work.settings.data_dir / "blobs")


@asynccontextmanager
async def _draft(work: Work) -> AsyncIterator[Path]:
    """Give the place of a file for the length of a block; what a killed step has left goes first."""
    folder = work.settings.data_dir / DRAFTS / f"bundle-{work.job_id.hex}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder / uuid4().hex
    finally:
        shutil.rmtree(folder, ignore_errors=True)
