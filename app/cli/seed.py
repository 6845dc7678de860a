"""`python -m app seed`: fill an empty database with the recorded demo, or with a large generated organisation."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final, TypeAlias

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.archiving import archives
from app.database import bring_up_to_date, database, require_owner
from app.server import opened
from connectors.local import LocalBlobs
from maestro.clock import now
from maestro.db import migrate
from maestro.db.engine import OWNER_ROLE
from maestro.invocation import command
from maestro.runtime import Runtime
from maestro.settings import Settings
from ops.demo.recording import load_recording
from ops.seeding.demo import Demo, DemoStats, load_demo
from ops.seeding.emptiness import is_empty
from ops.seeding.rows import Progress as Report
from ops.seeding.scale import ScaleStats, generate
from resolvers.setup import Owner, ensure_owner

LARGEST: Final = 1_000_000
LINES: Final = 10
"""How many lines tell of the progress where there is no terminal."""

Stats: TypeAlias = DemoStats | ScaleStats


@click.command()
@click.option("--if-empty", is_flag=True, help="Do nothing, without an error, when the database has projects.")
@click.option(
    "--scale",
    type=click.IntRange(1, LARGEST),
    metavar="RUNS",
    help=f"Generate so many runs for benchmarks, at most {LARGEST:,}, instead of loading the demo.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def seed(scale: int | None, *, if_empty: bool, as_json: bool) -> None:
    """Load the demo into an empty database: a few hundred training runs that were really made.

    With --scale, generate a large organisation instead; the same command completes it when it was interrupted.
    """
    settings = Settings()
    started = time.perf_counter()

    async def work(url: str) -> Stats | None:
        async with opened(settings, url, system_role=OWNER_ROLE) as runtime:
            owner = await ensure_owner(runtime.db, archives=archives(runtime.settings))
            if if_empty and not await is_empty(runtime.db, owner.organization_id):
                return None
            with _shown() as report:
                return await _fill(runtime, owner, report, scale=scale)

    with database(settings) as url:
        if settings.database_url is None:
            bring_up_to_date(settings, url)
        else:
            migrate.require_current(url)
            require_owner(url)
        stats = asyncio.run(work(url))
    _tell(stats, time.perf_counter() - started, as_json=as_json)
    if stats is not None and not (if_empty or as_json):
        click.echo(f"Run  {command('serve')},  then open the printed link and go to /graphiql.")


async def _fill(runtime: Runtime, owner: Owner, report: Report, *, scale: int | None) -> Stats:
    if scale is not None:
        return await generate(runtime.db, owner, scale, now=now(), progress=report)
    blobs = LocalBlobs(runtime.settings.data_dir / "blobs")
    demo = Demo(recording=load_recording(), owner=owner, blobs=blobs, now=now())
    return await load_demo(runtime.db, demo, report)


@contextmanager
def _shown() -> Iterator[Report]:
    """Show progress as a bar on a terminal, as a few lines elsewhere; on standard error, as standard output is data."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=total, description=what)


class _Lines:
    """Writes a line whenever another tenth is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = -1

    def __call__(self, done: int, total: int, what: str) -> None:
        tenth = done * LINES // total
        if tenth > self._told:
            self._told = tenth
            self._console.print(f"{what}: {done:,} of {total:,}")


def _tell(stats: Stats | None, seconds: float, *, as_json: bool) -> None:
    if as_json:
        counts = {} if stats is None else asdict(stats)
        click.echo(orjson.dumps({"seeded": stats is not None, "seconds": round(seconds, 3), **counts}))
    elif stats is not None:
        click.echo(f"Seeded in {seconds:.1f} s:")
        for name, count in asdict(stats).items():
            click.echo(f"  {count:>11,} {name.replace('_', ' ')}")
