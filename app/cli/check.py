"""`python -m app check`: would the server start, and on what."""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.serve import listen, require_folder
from app.database import database
from app.version import VERSION
from maestro.db import migrate
from maestro.errors import MaestroError
from maestro.secret import secret_of
from maestro.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    is_good: bool
    message: str
    hint: str | None = None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(*, as_json: bool) -> None:
    """Check settings, folder, database, migrations and port; exit with 1 when something is wrong."""
    settings = Settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "Data folder": _folder,
        "Secret": _secret,
        "Database": _database,
        "Port": _port,
    }
    findings = [_found(name, look, settings) for name, look in checks.items()]
    if as_json:
        click.echo(orjson.dumps({"version": VERSION, "checks": [asdict(finding) for finding in findings]}))
    else:
        _print(findings)
    sys.exit(0 if all(finding.is_good for finding in findings) else 1)


def _found(name: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(name, is_good=True, message=look(settings))
    except MaestroError as error:
        return Finding(name, is_good=False, message=error.message, hint=error.hint)
    except OSError as error:
        return Finding(name, is_good=False, message=str(error))


def _folder(settings: Settings) -> str:
    require_folder(settings)
    return str(settings.data_dir)


def _secret(settings: Settings) -> str:
    secret_of(settings)
    return "from MAESTRO_SECRET_KEY" if settings.secret_key is not None else "generated, in the data folder"


def _database(settings: Settings) -> str:
    with database(settings) as url:
        behind = migrate.pending(url)
        if settings.database_url is not None:
            migrate.require_current(url)
        where = "embedded PostgreSQL" if settings.database_url is None else "PostgreSQL"
        return f"{where}, {len(behind)} migrations to apply at start" if behind else f"{where}, migrations up to date"


def _port(settings: Settings) -> str:
    listen(settings).close()
    return f"{settings.host}:{settings.port} is free"


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.is_good else "[bold red]no[/]"
        table.add_row(
            mark, finding.check, escape(finding.message) + (f"\n[dim]{escape(finding.hint)}[/]" if finding.hint else "")
        )
    Console(highlight=False).print(table)
