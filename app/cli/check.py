"""`python -m app check`: would the server start, and on what."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import click
import orjson
from pydantic.alias_generators import to_camel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.data_folder import require_folder
from app.database import database, operations_url
from app.listening import listen
from app.sign_on import configured, names_provider
from connectors.oidc import Provider
from maestro.db import migrate
from maestro.db.roles import LOGIN, Standing, standing
from maestro.errors import MaestroError, StartupError
from maestro.invocation import command
from maestro.master_keys import SETTING, vault_of
from maestro.queue.address import is_prepared
from maestro.secret import secret_of
from maestro.settings import Settings
from maestro.version import VERSION


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; a good one with a hint could be better."""

    check: str
    is_good: bool
    message: str
    hint: str | None = None


Look = Callable[[Settings], str | tuple[str, str | None]]
"""A check: what it found, and perhaps how it could be better."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(*, as_json: bool) -> None:
    """Check settings, folder, keys, databases, port and identity provider; exit with 1 when one is wrong."""
    settings = Settings()
    checks: dict[str, Look] = {
        "Data folder": _folder,
        "Secret": _secret,
        "Master key": _master_key,
        "Database": _database,
        "Port": _port,
    }
    if names_provider(settings):
        checks["Identity provider"] = _provider
    findings = [_found(name, look, settings) for name, look in checks.items()]
    if as_json:
        shown = [{to_camel(name): told for name, told in asdict(finding).items()} for finding in findings]
        click.echo(orjson.dumps({"version": VERSION, "checks": shown}))
    else:
        _print(findings)
    sys.exit(0 if all(finding.is_good for finding in findings) else 1)


def _found(name: str, look: Look, settings: Settings) -> Finding:
    try:
        found = look(settings)
        message, hint = (found, None) if isinstance(found, str) else found
        return Finding(name, is_good=True, message=message, hint=hint)
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


def _master_key(settings: Settings) -> str:
    known = len(vault_of(settings).keys.ids)
    where = f"from {SETTING}" if settings.master_key is not None else "in the data folder"
    return where if known == 1 else f"{where}, {known - 1} earlier ones beside it"


def _database(settings: Settings) -> tuple[str, str | None]:
    with database(settings) as url:
        behind = migrate.pending(url)
        if settings.database_url is not None:
            migrate.require_current(url)
        where = "embedded PostgreSQL" if settings.database_url is None else "PostgreSQL"
        state = f"{len(behind)} migrations to apply at start" if behind else "migrations up to date"
        advice = None if settings.database_url is None else _advice(standing(url)) or _nobody_backs_up(settings, url)
        return f"{where}, {state}, {_jobs(settings, url)}", advice


def _nobody_backs_up(settings: Settings, url: str) -> str | None:
    if operations_url(settings, url) is not None:
        return None
    return "Set MAESTRO_OPERATIONS_URL for the workers: without an account that owns the tables nothing is backed up."


def _jobs(settings: Settings, url: str) -> str:
    if is_prepared(url):
        return "jobs database there"
    if settings.database_url is None:
        return "jobs database to be made by the first worker"
    if settings.workers:
        raise StartupError("There is no jobs database.", hint=f"Run `{command('migrate')}`, which makes it.")
    return "no jobs database"


def _advice(account: Standing) -> str | None:
    """Return what would make it harder for the server to reach rows that are not for it; StartupError without roles."""
    if account.missing or account.denied:
        raise StartupError(
            f"The account {account.account} lacks roles of the database.",
            hint=f"Let a superuser run this once: {account.remedy}",
        )
    if not (account.owns_tables or account.bypasses):
        return None
    why = "may bypass row-level security" if account.bypasses else "owns the tables"
    return (
        f"The account {account.account} {why}. Let a superuser give {LOGIN} a password, serve with its URL, and keep "
        "this account for migrations."
    )


def _port(settings: Settings) -> str:
    listen(settings).close()
    return f"{settings.host}:{settings.port} is free"


def _provider(settings: Settings) -> str:
    return asyncio.run(_discovered(configured(settings).provider))


async def _discovered(provider: Provider) -> str:
    try:
        found = await provider.metadata()
    finally:
        await provider.close()
    return f"people sign in at {found.authorization_endpoint}"


def _print(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark = "[bold red]no[/]" if not finding.is_good else "[yellow]ok[/]" if finding.hint else "[green]ok[/]"
        table.add_row(
            mark, finding.check, escape(finding.message) + (f"\n[dim]{escape(finding.hint)}[/]" if finding.hint else "")
        )
    Console(highlight=False).print(table)
