"""`python -m loadtests.figures`: measure and print every figure; exit with 1 when a goal is missed."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from loadtests.figures import (
    access,
    backups,
    caching,
    client,
    crashes,
    database,
    frames,
    freshness,
    hostile,
    imports,
    ingest,
    instrumentation,
    point_in_time,
    processes,
    startup,
    syncs,
)
from loadtests.figures.results import Figure, show

PARTS: Final[dict[str, tuple[str, Callable[[], list[Figure]]]]] = {
    "startup": ("Start and memory, with the demo", startup.measure),
    "ingest": ("Logging over HTTP", ingest.measure),
    "access": ("Who is asking, and what they may do", access.measure),
    "hostile": ("Operations that nobody means well", hostile.measure),
    "caching": ("Answers that were kept", caching.measure),
    "backups": ("Backups and restores of a gigabyte", backups.measure),
    "crashes": ("Workers that are killed", crashes.measure),
    "syncs": ("Syncs between two servers of S3", syncs.measure),
    "point-in-time": ("Disasters, and the way back", point_in_time.measure),
    "client": ("What logging costs a training", client.measure),
    "imports": ("An MLflow server that comes in", imports.measure),
    "instrumentation": ("What counting costs a request", instrumentation.measure),
    "frames": ("A million rows as a DataFrame", frames.measure),
    "processes": ("Two server processes instead of one", processes.measure),
    "freshness": ("Two servers on one database, for a minute", freshness.measure),
}
DATABASE: Final = "database"


@click.command()
@click.argument("what", nargs=-1, type=click.Choice([*PARTS, DATABASE]))
@click.option("--runs", default=database.RUNS, show_default=True, help="Runs of the generated organisation.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Data folder of the generated organisation, kept and used again; a temporary one unless given.",
)
def main(what: tuple[str, ...], runs: int, folder: Path | None) -> None:
    """Measure WHAT, everything unless named, and print the figures beside their goals."""
    wanted = what or (*PARTS, DATABASE)
    figures: list[Figure] = []
    for name, (title, measure) in PARTS.items():
        if name in wanted:
            figures += _shown(title, measure())
    if DATABASE in wanted:
        figures += _shown(f"Reading, with {runs:,} runs", _database(folder, runs))
    sys.exit(0 if all(figure.is_reached for figure in figures) else 1)


def _shown(title: str, figures: list[Figure]) -> list[Figure]:
    show(title, figures)
    return figures


def _database(folder: Path | None, runs: int) -> list[Figure]:
    if folder is not None:
        return database.measure(folder, runs)
    made = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    made.chmod(0o711)
    try:
        return database.measure(made, runs)
    finally:
        shutil.rmtree(made)


main()
