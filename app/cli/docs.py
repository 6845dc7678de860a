"""`python -m app docs`: the documentation's pages that are written from the code."""

import sys
from pathlib import Path

import click

from app.reference import pages
from maestro.invocation import command

FOLDER = Path(__file__).parents[2] / "docs"


@click.command()
@click.option("--write/--check", default=False, help="Write the pages, or only compare them, which is the default.")
def docs(*, write: bool) -> None:
    """Write the pages of settings and error codes from the code; exit with 1 when one compared is out of date."""
    outdated = [name for name, text in pages().items() if _committed(name) != text]
    if write:
        for name in outdated:
            (FOLDER / name).write_text(pages()[name], encoding="utf-8")
            click.echo(f"Wrote docs/{name}.")
        return
    for name in outdated:
        click.echo(f"docs/{name} is out of date; run `{command('docs --write')}`.", err=True)
    sys.exit(1 if outdated else 0)


def _committed(name: str) -> str | None:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else None
