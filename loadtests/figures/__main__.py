"""`python -m loadtests.figures`: measure and print every figure; exit with 1 when a goal is missed."""

import shutil
import sys
import tempfile
from pathlib import Path

import click

from loadtests.figures import access, database, ingest, startup
from loadtests.figures.results import Figure, show


@click.command()
@click.argument("what", nargs=-1, type=click.Choice(["startup", "ingest", "access", "database"]))
@click.option("--runs", default=database.RUNS, show_default=True, help="Runs of the generated organisation.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Data folder of the generated organisation, kept and used again; a temporary one unless given.",
)
def main(what: tuple[str, ...], runs: int, folder: Path | None) -> None:
    """Measure WHAT, everything unless named, and print the figures beside their goals."""
    wanted = what or ("startup", "ingest", "access", "database")
    figures: list[Figure] = []
    if "startup" in wanted:
        figures += _shown("Start and memory, with the demo", startup.measure())
    if "ingest" in wanted:
        figures += _shown("Logging over HTTP", ingest.measure())
    if "access" in wanted:
        figures += _shown("Who is asking, and what they may do", access.measure())
    if "database" in wanted:
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
