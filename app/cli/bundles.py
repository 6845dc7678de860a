"""`python -m app bundle`: a project as a file of this machine, and a new project of such a file."""

import contextlib
import errno
import hashlib
import sys
import uuid
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import resolvers.auditing
from app.acting import as_owner
from app.cli.carrying_out import INTERRUPTED
from app.cli.job_cards import counted, share
from connectors.local import LocalBlobs
from dataloaders.projects import ProjectById
from jobs.means import DRAFTS
from maestro.access import Permission
from maestro.errors import Conflict, StoreFailed
from maestro.ids import Kind, encode, uuid_of
from maestro.progress import Progress as Report
from maestro.settings import Settings
from ops.bundles.exporting import Exported, Origin, export_project
from ops.bundles.importing import Imported, Place, import_project
from ops.stored_bytes import StoredBytes, stored_bytes
from resolvers import by_name, validation
from resolvers.actions import Action
from resolvers.context import Context

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
STEP: Final = 0.1
"""Where there is no terminal, progress is told each tenth of the way."""
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def bundle() -> None:
    """Write a project into one file, and make a project of such a file.

    It works on the database and the data folder of this installation, whether a server runs or not. By a connector,
    exportProject and importProject do the same with an object store.
    """


@bundle.command("export")
@click.argument("project")
@click.option("--to", "file", type=click.Path(path_type=Path), help="The file; SLUG.zip in this folder unless given.")
@click.option("--replace", is_flag=True, help="Take the place of a file that is there.")
@AS_JSON
def export_bundle(project: str, *, file: Path | None, replace: bool, as_json: bool) -> None:
    """Write PROJECT, by its slug or its id, into a file: experiments, runs, points, models, artifacts, files.

    The file is there when it is whole, and not before. Ctrl-C ends the export and leaves nothing behind.
    """

    async def work(ctx: Context) -> tuple[Path, Exported]:
        key = await by_name.project_id(ctx, project)
        found = await ctx.loaders[ProjectById].load(uuid_of(Kind.Project, key))
        path = file or Path(f"{found.slug}.zip")
        if path.exists() and not replace:
            raise Conflict(f"There is {path} already.", hint="Give another name by --to, or --replace it.")
        async with resolvers.auditing.audited(ctx, Action("exportProject", Permission.EXPERIMENT_READ)):
            resolvers.auditing.concerned(ctx, "Project", found.id)
            async with _bytes(ctx) as blobs:
                origin = Origin(ctx.db, ctx.organization_id, found.id, blobs)
                with _written(path) as draft, _told() as report:
                    return path, await export_project(origin, draft, progress=report)

    path, done = _interruptible(work, "The export was ended; no file was written.")
    size, digest = path.stat().st_size, _sha256(path)
    if as_json:
        click.echo(orjson.dumps({"file": str(path), "sizeBytes": size, "sha256": digest, **done.plain}))
        return
    click.echo(f"Wrote {path}: {decimal(size)}, {_counts(done)}.")
    click.echo(f"SHA-256 {digest}")


@bundle.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What the new project is called; what it was called unless given.")
@AS_JSON
def import_bundle(file: Path, *, name: str | None, as_json: bool) -> None:
    """Make a new project of FILE, which `bundle export` or exportProject has written: all of it, or nothing.

    Ctrl-C ends the import, and there is no new project.
    """
    wanted = None if name is None else validation.name(name)

    async def work(ctx: Context) -> Imported:
        place = Place(ctx.db, ctx.organization_id, ctx.viewer.actor_id, _blobs(ctx))
        async with resolvers.auditing.audited(ctx, Action("importProject", Permission.PROJECT_CREATE)):
            with _told() as report:
                made = await import_project(place, file, copy_id=uuid.uuid4(), name=wanted, progress=report)
            resolvers.auditing.concerned(ctx, "Project", made.project_id)
            return made

    made = _interruptible(work, "The import was ended; no project was made.")
    project_id = encode(Kind.Project, made.project_id)
    if as_json:
        click.echo(orjson.dumps({"projectId": project_id, **made.plain}))
        return
    click.echo(f"Made the project {made.name!r}, {project_id}: {_counts(made)}.")


def _interruptible(work: Any, told: str) -> Any:
    """Run some work as the owner and return what it does; end the command by Ctrl-C, when nothing is left of it."""
    try:
        return as_owner(Settings(), work)
    except KeyboardInterrupt:
        click.echo(told, err=True)
        sys.exit(INTERRUPTED)


def _blobs(ctx: Context) -> LocalBlobs:
    return LocalBlobs(ctx.runtime.settings.data_dir / "blobs")


def _bytes(ctx: Context) -> AbstractAsyncContextManager[StoredBytes]:
    settings = ctx.runtime.settings
    drafts = settings.data_dir / DRAFTS / f"fetched-{uuid.uuid4().hex}"
    return stored_bytes(ctx.db, drafts, vault=ctx.runtime.vault, settings=settings)


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    """Give a draft beside a file, which takes its place at the end of the block and is gone when that fails.

    StoreFailed where the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        if error.filename != str(draft) and error.errno not in FULL:
            raise
        raise StoreFailed(
            f"{path} cannot be written: {error.strerror}.", hint="Choose another place by --to."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counts(done: Exported | Imported) -> str:
    runs = done.rows.get("run", 0)
    return f"{runs:,} runs, {done.points:,} points, {done.files:,} files"


@contextmanager
def _told() -> Iterator[Report]:
    """Show progress as a bar on a terminal, as a few lines elsewhere; on standard error, as standard output is data."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = TextColumn("{task.description:<20}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, told="")

        def report(
            phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None
        ) -> None:
            told = counted({"completed": completed, "total": total, "unit": unit})
            bar.update(task, description=phase, completed=completed or 0, total=total, told=told)

        yield report


class _Lines:
    """Writes a line for each phase, and each tenth of the way."""

    def __init__(self) -> None:
        self._phase = ""
        self._part = 0.0

    def __call__(
        self, phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None
    ) -> None:
        progress = {"completed": completed, "total": total, "unit": unit}
        part = share(progress) or 0.0
        if phase != self._phase or part - self._part >= STEP:
            told = counted(progress)
            click.echo(f"{phase}: {told}" if told else phase, err=True)
            self._phase, self._part = phase, part
