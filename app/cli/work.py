"""`python -m app work`: run background jobs. Loaded when it is called for: nothing else needs the queue's library."""

import logging
import os
import sys

import click
from rich.console import Console

from app.data_folder import require_folder
from app.database import database
from app.worker import means_of
from app.worker import work as run
from maestro import logs
from maestro.db import migrate
from maestro.settings import Settings

logger = logging.getLogger(__name__)
console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    help="Most jobs at a time; MAESTRO_JOB_CONCURRENCY unless given.",
)
@click.option("--child", "is_child", is_flag=True, hidden=True, help="End when standard input does.")
def work(concurrency: int | None, *, is_child: bool) -> None:
    """Run background jobs, on as many machines as share the database, until it is stopped.

    Jobs that run then are left to other workers, or to the next start, which go on where they were.
    """
    settings = Settings() if concurrency is None else Settings(job_concurrency=concurrency)
    logs.follow(settings, "worker")
    require_folder(settings)
    with database(settings) as url:
        migrate.require_current(url)
        code = run(means_of(settings, url), is_child=is_child, ready=lambda worker: announce(worker, is_child=is_child))
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the queue may wait for a database that is gone.
    os._exit(code)


def announce(worker: str, *, is_child: bool) -> None:
    """Say that the worker takes jobs: in the log of its server, whose terminal is not its own, or on the terminal."""
    if is_child:
        logger.info("The worker %s takes jobs", worker)
    else:
        console.print(f"  [dim]The worker {worker} takes jobs. Ctrl-C stops it.[/]")
