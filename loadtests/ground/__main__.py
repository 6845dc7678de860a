"""`python -m loadtests.ground FILE`: make organisations on the database of the settings, each under its own mark."""

import asyncio
from pathlib import Path

import click

from app.database import bring_up_to_date, database
from app.server import opened
from loadtests.ground.founding import founded
from loadtests.ground.places import Ground
from maestro.db.engine import OWNER_ROLE
from maestro.settings import Settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--organizations", default=2, show_default=True, help="How many organisations to make.")
@click.option("--runs", default=1000, show_default=True, help="Runs to generate in each of them; 0 for none.")
def main(file: Path, organizations: int, runs: int) -> None:
    """Make organisations with generated runs and a key each, and write what a generator has to know into FILE."""
    settings = Settings()
    with database(settings) as url:
        if settings.database_url is None:
            bring_up_to_date(settings, url)
        asyncio.run(_made(settings, url, organizations=organizations, runs=runs)).write(file)


async def _made(settings: Settings, url: str, *, organizations: int, runs: int) -> Ground:
    async with opened(settings, url, system_role=OWNER_ROLE) as runtime:
        return Ground(tuple([await founded(runtime, runs=runs) for _ in range(organizations)]))


main()
