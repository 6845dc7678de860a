"""`python -m app migrate` and `psql`."""

import os
import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import unquote

import click
import orjson

from app.database import bring_up_to_date, database, without_password
from maestro.db import migrate as migrations
from maestro.errors import StartupError
from maestro.postgres import attached, psql_command
from maestro.queue.preparing import prepare
from maestro.settings import Settings


@click.command()
@click.option("--down-to", metavar="REVISION", help="Undo what came after a revision; `base` undoes everything.")
@click.option("--dry-run", is_flag=True, help="Only list what the database lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrate(down_to: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Bring the tables of the database and of its jobs up to date."""
    settings = Settings()
    with database(settings) as url:
        if dry_run:
            done = migrations.pending(url)
        else:
            done = brought_up_to_date(settings, url) if down_to is None else migrations.downgrade(url, down_to)
        current = migrations.current(url)
    if as_json:
        listed = [{"id": revision.id, "title": revision.title} for revision in done]
        click.echo(orjson.dumps({"current": current, "isDryRun": dry_run, "revisions": listed}))
        return
    verb = "Would apply" if dry_run else "Applied" if down_to is None else "Undid"
    for revision in done:
        click.echo(f"{verb} {revision.id}: {revision.title}")
    click.echo(f"The database is at {current}." if current else "The database is empty.")


def brought_up_to_date(settings: Settings, url: str) -> list[migrations.Revision]:
    """Bring the application's database up to date, and that of its jobs, which is made beside it."""
    done = bring_up_to_date(settings, url)
    prepare(url)
    return done


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open a SQL shell on the database; ARGUMENTS go to psql."""
    settings = Settings()
    if settings.database_url is not None:
        url, password = without_password(settings.database_url.get_secret_value())
        secret = {} if password is None else {"PGPASSWORD": unquote(password)}
        sys.exit(_call(["psql", url, *arguments], {**os.environ, **secret}))
    with attached(settings.data_dir) as address:
        command, environment = psql_command(address)
        sys.exit(_call([*command, *arguments], environment))


def _call(command: list[str], environment: Mapping[str, str]) -> int:
    try:
        return subprocess.call(command, env=environment)
    except FileNotFoundError:
        raise StartupError("There is no psql on this machine.", hint="Install PostgreSQL's client.") from None
